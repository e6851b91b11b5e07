/*
 * The mailboxes that an ESEARCH searches (RFC 7377 section 2.2): the filters of RFC 5465 section 6 without
 * "selected-delayed", and "subtree-one". Pure except for the parser; names have the store's form.
 */
#ifndef COID_IMAP_MAILBOX_SOURCE_H
#define COID_IMAP_MAILBOX_SOURCE_H

#include "imap/mailbox_filter.h"

struct mailbox_source {
	struct mailbox_filter filter;
	struct mailbox_source *next;
};

struct mailbox_sources {
	bool selected; /* the selected mailbox is among them */
	struct mailbox_source *first; /* the others */
};

/* Parses "IN (mailboxes INBOX subtree (a b)) ". Without IN the source is the selected mailbox. Names that
 * no mailbox can have match nothing. */
bool mailbox_sources_parse(struct parse *parse, struct store *store, struct mailbox_sources *ret_sources);
/* Copies the other sources into another arena. */
struct mailbox_source *mailbox_source_copy(const struct mailbox_source *source, struct arena *arena);
/* Tells whether one of the sources, from `source` on, matches that mailbox. */
bool mailbox_source_match(const struct mailbox_source *source, struct strv name, bool subscribed);

#endif
