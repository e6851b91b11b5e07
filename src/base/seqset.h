/*
 * A set of UIDs or message sequence numbers as sorted, disjoint, non-adjacent ranges; also the wire form of
 * RFC 3501 sequence-set. Used for UID sets everywhere. Owner: whoever initialised it. Not thread-safe.
 */
#ifndef COID_BASE_SEQSET_H
#define COID_BASE_SEQSET_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct seqrange {
	uint32_t lo; /* 1.. */
	uint32_t hi; /* inclusive */
};

struct seqset {
	struct seqrange *v; /* own */
	size_t n;
	size_t cap;
	uint64_t star; /* "n:*" until seqset_resolve: n; SEQSET_STAR: "*" alone; 0: neither */
};

/* The largest UID: UIDNEXT is one above it and must be a number, too. */
#define UID_MAX (UINT32_MAX - 1)

#define SEQSET_EMPTY ((struct seqset){ NULL, 0, 0, 0 })
#define SEQSET_STAR ((uint64_t)UINT32_MAX + 1)

/* Iteration: for (struct seqiter it = seqset_iter(set); seqset_next(&it, &number);) */
struct seqiter {
	const struct seqset *set; /* borrowed; must not change meanwhile */
	size_t i;
	uint64_t next;
};

struct seqiter seqset_iter(const struct seqset *set);
bool seqset_next(struct seqiter *it, uint32_t *ret_number);

void seqset_init(struct seqset *set);
void seqset_fini(struct seqset *set);
void seqset_clear(struct seqset *set);
/* Amortised O(1) at the end of the set, else a binary search and a memmove. Number 0 is left out. */
void seqset_add(struct seqset *set, uint32_t number);
/* The ends may be given in either order. */
void seqset_add_range(struct seqset *set, uint32_t lo, uint32_t hi);
/* Set operations take linear time in the ranges of both sets. */
void seqset_add_set(struct seqset *set, const struct seqset *other);
void seqset_remove(struct seqset *set, uint32_t number);
void seqset_remove_range(struct seqset *set, uint32_t lo, uint32_t hi);
void seqset_remove_set(struct seqset *set, const struct seqset *other);
/* set := set AND other. */
void seqset_intersect(struct seqset *set, const struct seqset *other);
void seqset_copy(struct seqset *to, const struct seqset *from);
/* A copy whose ranges are in the arena. It may only be read: do not change it or give it to seqset_fini. */
struct seqset seqset_in_arena(const struct seqset *set, struct arena *arena);
/* Binary search. */
bool seqset_contains(const struct seqset *set, uint32_t number);
bool seqset_equal(const struct seqset *a, const struct seqset *b);
/*
 * Replaces the contents of *ret_part by the numbers at the places from..to-1 (the first is at 0). Linear in
 * the ranges.
 */
void seqset_slice(const struct seqset *set, uint64_t from, uint64_t to, struct seqset *ret_part);
/* The number of elements. */
uint64_t seqset_count(const struct seqset *set);
static inline bool seqset_empty(const struct seqset *set)
{
	return set->n == 0 && set->star == 0;
}

/*
 * Parses a sequence-set ("1,3:5,*:7") of at most max_ranges written ranges. Numbers are 1..2^32-1 without
 * leading zeros; order and overlap do not matter. RC_INVALID: syntax error. RC_LIMIT: too many ranges. The
 * set keeps its old content then, and is replaced otherwise.
 *
 * Ranges with '*' are not among the ranges: `star` is the lowest n of all "n:*" and "*:n". That is enough,
 * since each of them means the last message and everything above n. Until seqset_resolve only print, copy,
 * equal and empty use it.
 */
enum rc seqset_parse(struct seqset *set, struct strv text, size_t max_ranges) MUST_CHECK;
/* Tells whether the set still has '*'. */
static inline bool seqset_has_star(const struct seqset *set)
{
	return set->star != 0;
}
/*
 * Replaces '*' by `last`, the highest number in use: "n:*" becomes n:last, or just `last` if n is above it
 * (RFC 3501: "n:*" always includes the last message). If last is 0 (no messages), it is removed. Other
 * numbers stay, even those above last. The set grows by at most one range.
 */
void seqset_resolve(struct seqset *set, uint32_t last);
/* Appends "1:5,7" to out, '*' included; nothing for the empty set. */
void seqset_print(struct buf *out, const struct seqset *set);

#endif
