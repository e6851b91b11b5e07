/*
 * Sorts by keys of octets in slices of time: blocks by qsort, then merges of pairs. Memory only; one owner.
 * The work of a slice counts from sorter_accept on, so that a slice may run again (as a reading job may).
 *
 * Two arrays of items take turns; a slice writes to only one of them and ends with a pass. 100,000 items with
 * keys of 40 octets take 30 to 50 ms, but a slice has 10 ms: so they are not sorted at once.
 */
#ifndef COID_QUERY_SORTER_H
#define COID_QUERY_SORTER_H

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key consists of `head`, its first eight octets as a number (filled with zeros), and `rest`, the other
 * octets. */
struct sort_item {
	uint64_t head;
	const char *rest; /* borrowed */
	uint32_t rest_n;
	uint32_t uid; /* decides between equal keys */
	uint64_t modseq;
};

struct sort_pass {
	size_t width; /* of the sorted runs; 0: nothing is sorted */
	unsigned from; /* the array that is read */
	size_t lo; /* start of the present pair of runs */
	size_t i; /* next of the first run */
	size_t j; /* next of the second */
};

struct sorter {
	struct sort_item *v[2]; /* own; the second one is made when it is needed */
	size_t count;
	size_t cap;
	struct sort_pass place;
	struct sort_pass next;
};

void sorter_init(struct sorter *sorter);
void sorter_fini(struct sorter *sorter);
/* Makes the item of a key, whose rest is borrowed. */
struct sort_item sorter_item_make(struct strv key, uint32_t uid, uint64_t modseq);
/* Compares two items: below 0, above 0; 0 only for equal UIDs. */
int sorter_item_compare(const struct sort_item *a, const struct sort_item *b);

/* Adds an item. Call it before the first step. */
void sorter_add(struct sorter *sorter, struct sort_item item);
/* Drops the items after the first `count`: those of a slice that did not count. */
void sorter_cut(struct sorter *sorter, size_t count);
/* Goes on from the accepted place to the end of a pass or until the time has come (clock_mono_us). True:
 * everything is sorted. */
bool sorter_step(struct sorter *sorter, uint64_t until_us);
void sorter_accept(struct sorter *sorter);
/* The `count` items in order, after a step has returned true and was accepted. */
const struct sort_item *sorter_items(const struct sorter *sorter);

#endif
