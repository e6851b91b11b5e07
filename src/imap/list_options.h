/*
 * The arguments of LIST, basic and extended (RFC 3501, 5258, 5819, 6154, 8440, 9590): selection options,
 * names, return options.
 */
#ifndef COID_IMAP_LIST_OPTIONS_H
#define COID_IMAP_LIST_OPTIONS_H

#include "imap/parse.h"
#include "imap/status_items.h"
#include "metadata/metadata.h"

#define LIST_PATTERNS_MAX 100

enum list_select {
	LIST_SELECT_SUBSCRIBED = 1 << 0,
	LIST_SELECT_REMOTE = 1 << 1, /* there are no remote mailboxes, so this has no effect */
	LIST_SELECT_RECURSIVEMATCH = 1 << 2,
	LIST_SELECT_SPECIAL_USE = 1 << 3
};

enum list_return {
	LIST_RETURN_SUBSCRIBED = 1 << 0,
	LIST_RETURN_CHILDREN = 1 << 1,
	LIST_RETURN_SPECIAL_USE = 1 << 2,
	LIST_RETURN_STATUS = 1 << 3,
	LIST_RETURN_METADATA = 1 << 4, /* RFC 9590 */
	LIST_RETURN_MYRIGHTS = 1 << 5 /* RFC 8440 */
};

struct list_options {
	bool extended; /* the command uses syntax of RFC 5258 */
	unsigned select;
	unsigned ret;
	struct strv reference;
	struct strv *patterns;
	size_t pattern_count;
	struct status_items status;
	struct metadata_request metadata;
	const struct metadata *annotations; /* borrowed: the source of METADATA; set by the command */
};

/* Parses the arguments after "LIST ". Everything is in the parser's arena. */
bool list_options_parse(struct parse *parse, struct list_options *ret_options);

#endif
