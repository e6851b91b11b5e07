/*
 * LIST patterns: '*' stands for any characters, '%' for any but the hierarchy separator. Pure. All ways of
 * matching are followed side by side, so that no pattern costs more than its length times the name's.
 */
#ifndef COID_IMAP_LIST_MATCH_H
#define COID_IMAP_LIST_MATCH_H

#include "base/arena.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

struct list_pattern {
	struct strv text; /* in the arena; runs of wildcards are one */
	size_t literals; /* characters that are no wildcards: a shorter name can't match */
	bool *now; /* places of the pattern that are reached; both arrays are in the arena */
	bool *next;
};

/* Makes a pattern. The reference name is put before the text. */
void list_pattern_init(
	struct list_pattern *pattern, struct strv reference, struct strv text, struct arena *arena);
/* Tells whether the name matches. INBOX, also as the first level, matches in any case. */
bool list_match(struct list_pattern *pattern, struct strv name);
/*
 * Calls fn for the levels above `name` that match, without the name itself: "a" and "a/b" for "a/b/c". For
 * LSUB with '%' (RFC 3501 section 6.3.9).
 */
void list_match_parents(
	struct list_pattern *pattern, struct strv name, void (*fn)(void *arg, struct strv parent), void *arg);

#endif
