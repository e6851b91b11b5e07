/*
 * Mailbox filters: sets of mailboxes for NOTIFY (RFC 5465 section 6) and ESEARCH ("subtree-one", RFC 7377
 * section 2.2). They are parsed on the reactor and do not change afterwards. Names have the store's form and
 * are in the reader's arena.
 */
#ifndef COID_IMAP_MAILBOX_FILTER_H
#define COID_IMAP_MAILBOX_FILTER_H

#include "imap/parse.h"
#include "store/mailbox.h"

#define MAILBOX_FILTER_NAMES_MAX 1024 /* mailbox names of one command */

enum mailbox_filter_kind {
	FILTER_SELECTED,
	FILTER_SELECTED_DELAYED,
	FILTER_PERSONAL, /* also for "inboxes": mail may be delivered into any mailbox */
	FILTER_SUBSCRIBED,
	FILTER_SUBTREE,
	FILTER_SUBTREE_ONE, /* with direct children only */
	FILTER_MAILBOXES
};

struct mailbox_filter {
	enum mailbox_filter_kind kind;
	const struct strv *names; /* sorted */
	size_t name_count;
};

/* Reads the filters of one command. */
struct mailbox_filter_reader {
	struct parse *parse; /* borrowed */
	struct store *store; /* borrowed */
	struct arena *arena; /* borrowed: of the names */
	enum mailbox_filter_kind unknown; /* the filter that this command does not allow */
	struct strv *names; /* of the present filter */
	/* The number of names in all filters. Names beyond MAILBOX_FILTER_NAMES_MAX are left out; the
	 * caller refuses them. */
	size_t name_count;
	size_t name_bytes;
};

void mailbox_filter_reader_init(struct mailbox_filter_reader *reader, struct parse *parse,
	struct store *store, struct arena *arena, enum mailbox_filter_kind unknown);
/* Parses "mailboxes (INBOX x)". Names that no mailbox can have are left out: like names of missing
 * mailboxes they match nothing. */
bool mailbox_filter_parse(struct mailbox_filter_reader *reader, struct mailbox_filter *ret_filter);
/* Tells whether the filter matches that mailbox. Filters for the selected mailbox match no name. Any
 * thread. */
bool mailbox_filter_match(const struct mailbox_filter *filter, struct strv name, bool subscribed);

#endif
