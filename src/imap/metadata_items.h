/*
 * Entries, options and values of METADATA on the wire (RFC 5464), for GETMETADATA, SETMETADATA and for LIST
 * ... RETURN (METADATA (...)) (RFC 9590). Pure. Parsed strings are in the parser's line and arena.
 */
#ifndef COID_IMAP_METADATA_ITEMS_H
#define COID_IMAP_METADATA_ITEMS_H

#include "imap/parse.h"
#include "metadata/metadata.h"

/* Parses one entry name and checks it. */
bool metadata_items_entry(struct parse *parse, struct strv *ret_name);
/* Parses "(entry entry)"; with `bare` one entry without parentheses is allowed, too. At most
 * METADATA_NAMES_MAX. Zero the request before. */
bool metadata_items_names(struct parse *parse, bool bare, struct metadata_request *request);
/* "(DEPTH 1 MAXSIZE 1024)" */
bool metadata_items_options(struct parse *parse, struct metadata_request *request);
/* Tells whether a list of options comes next, not one of entries. Takes nothing. */
bool metadata_items_options_follow(const struct parse *parse);
/* Parses a string or NIL; for NIL p is NULL, for an empty string it is set. */
bool metadata_items_value(struct parse *parse, struct strv *ret_value);
/* Copies the request for a job; its names are in `arena`. */
void metadata_items_copy(
	const struct metadata_request *request, struct arena *arena, struct metadata_request *ret_request);

/* Prints "* METADATA <mailbox> (entry value ...)" CRLF; nothing if the answer has no entries. */
void metadata_items_print(
	struct buf *out, struct strv mailbox, bool utf8, const struct metadata_answer *answer);

#endif
