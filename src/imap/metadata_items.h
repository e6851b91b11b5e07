/*
 * Entries, options and values of METADATA on the wire (RFC 5464), for GETMETADATA, SETMETADATA and for
 * LIST ... RETURN (METADATA (...)) (RFC 9590). Pure. What is parsed lives in the parser's line and arena.
 */
#ifndef COID_IMAP_METADATA_ITEMS_H
#define COID_IMAP_METADATA_ITEMS_H

#include "imap/parse.h"
#include "metadata/metadata.h"

/* One entry name, checked. */
bool metadata_items_entry(struct parse *parse, struct strv *ret_name);
/* "(entry entry)"; with `bare` also one entry without parentheses. Zero the request before.
 * METADATA_NAMES_MAX at most. */
bool metadata_items_names(struct parse *parse, bool bare, struct metadata_request *request);
/* "(DEPTH 1 MAXSIZE 1024)" */
bool metadata_items_options(struct parse *parse, struct metadata_request *request);
/* Whether a list of options comes next, and not one of entries. Consumes nothing. */
bool metadata_items_options_follow(const struct parse *parse);
/* A string, or NIL: then p is NULL. An empty string has p set. */
bool metadata_items_value(struct parse *parse, struct strv *ret_value);
/* A copy of the request whose names live in `arena`, for a job. */
void metadata_items_copy(
	const struct metadata_request *request, struct arena *arena, struct metadata_request *ret_request);

/* "* METADATA <mailbox> (entry value ...)" CRLF; nothing if the answer has no entries. */
void metadata_items_print(
	struct buf *out, struct strv mailbox, bool utf8, const struct metadata_answer *answer);

#endif
