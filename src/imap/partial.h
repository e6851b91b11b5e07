/*
 * The range of PARTIAL (RFC 9394, RFC 5267 section 4.4): places in a list of results, counted from its
 * beginning or its end.
 */
#ifndef COID_IMAP_PARTIAL_H
#define COID_IMAP_PARTIAL_H

#include "base/buf.h"
#include "imap/parse.h"

#include <stdbool.h>
#include <stdint.h>

struct partial {
	uint32_t first; /* 1.. */
	uint32_t last; /* first.. */
	bool from_end; /* "-1:-100": 1 is the last result */
};

/* Parses "1:100" or "-1:-100". "100:1" is the same as "1:100". */
bool partial_parse(struct parse *parse, struct partial *ret_partial);
/* Prints the range, the smaller number first. */
void partial_print(struct buf *out, const struct partial *partial);
/* The places (from 0) of the range among `count` results: from *ret_from up to before *ret_to, which are
 * equal if there are none. */
void partial_cut(const struct partial *partial, uint64_t count, uint64_t *ret_from, uint64_t *ret_to);
/* The number of first results that decide the range; 0: all results are needed. */
uint64_t partial_enough(const struct partial *partial);

#endif
