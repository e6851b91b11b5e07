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

struct seqrange {
	uint32_t lo; /* 1.. */
	uint32_t hi; /* inclusive */
};

struct seqset {
	struct seqrange *v; /* own */
	size_t n;
	size_t cap;
};

#define SEQSET_EMPTY ((struct seqset){ NULL, 0, 0 })
/* What '*' parses to until seqset_resolve. Never a real UID here: UIDs end at UINT32_MAX - 1. */
#define SEQSET_STAR UINT32_MAX

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
void seqset_add(struct seqset *set, uint32_t number);
void seqset_add_range(struct seqset *set, uint32_t lo, uint32_t hi);
void seqset_add_set(struct seqset *set, const struct seqset *other);
void seqset_remove(struct seqset *set, uint32_t number);
void seqset_remove_range(struct seqset *set, uint32_t lo, uint32_t hi);
void seqset_remove_set(struct seqset *set, const struct seqset *other);
/* set := set AND other. */
void seqset_intersect(struct seqset *set, const struct seqset *other);
void seqset_copy(struct seqset *to, const struct seqset *from);
bool seqset_contains(const struct seqset *set, uint32_t number);
bool seqset_equal(const struct seqset *a, const struct seqset *b);
/* How many numbers. */
uint64_t seqset_count(const struct seqset *set);
static inline bool seqset_empty(const struct seqset *set)
{
	return set->n == 0;
}

/*
 * Parses a sequence-set ("1,3:5,*:7") of at most max_ranges written ranges; numbers are 1..2^32-2 and '*' is
 * kept as SEQSET_STAR. Order and overlap do not matter. RC_INVALID for syntax (0 included), RC_LIMIT for too many.
 * Ranges with '*' are kept apart in a form that seqset_resolve understands: "n:*" is {n, SEQSET_STAR}.
 */
enum rc seqset_parse(struct seqset *set, struct strv text, size_t max_ranges) MUST_CHECK;
/* Replaces '*' by `last`, the highest number in use (0: none; then a lone '*' vanishes and "n:*" with it);
 * "n:*" with n > last becomes last:n as RFC 3501 says. */
void seqset_resolve(struct seqset *set, uint32_t last);
/* "1:5,7" appended to out; nothing for the empty set. */
void seqset_print(struct buf *out, const struct seqset *set);

#endif
