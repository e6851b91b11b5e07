/*
 * Sorting messages that are known by their UIDs, on the worker, slice by slice (at most SEARCH_SLICE_US):
 * first a key of each message, from the index and the cache, then the order. struct sort has one owner at a
 * time, the command or its job; a slice counts when the reactor has taken it over (sort_accept), so that it
 * may be run again.
 *
 * To sort: sort_new with the UIDs, then slices until `finished`; sort_items are in order then. To place one
 * message more among them: its key by sort_key_make, its item by sorter_item_make, sorter_item_compare
 * against theirs. The items and what they point to live as long as the struct.
 */
#ifndef COID_QUERY_SORT_H
#define COID_QUERY_SORT_H

#include "base/arena.h"
#include "base/seqset.h"
#include "query/search.h"
#include "query/sort_key.h"
#include "imap/sort_program.h"
#include "query/sorter.h"
#include "store/message.h"

/* Octets of keys and items; beyond: RC_LIMIT. */
#define SORT_MEMORY_MAX ((size_t)512 * 1024 * 1024)

struct sort_place {
	uint32_t uid; /* next to be looked at */
	size_t count; /* items made */
	size_t bytes; /* of their keys */
	uint64_t seen; /* messages that are there still */
	bool gathered; /* all have their item */
	/* RC_CORRUPT: a message could not be read: it is sorted like one without fields; else it is left
	 * out */
	enum rc rc;
};

struct sort {
	int64_t mailbox;
	struct sort_program program;
	size_t memory_max; /* SORT_MEMORY_MAX */
	struct seqset uids; /* own */
	struct search_hit *hits; /* own, by UID: where the scores are needed */
	size_t hit_count;
	struct arena **keys; /* own, the arenas too: one a slice */
	size_t key_count;
	struct arena *slice_keys; /* own: of the slice in hand */
	struct sorter sorter;
	struct sort_place place;
	struct sort_place next;
	bool finished;
};

/* The set is copied. */
struct sort *sort_new(int64_t mailbox, const struct sort_program *program, const struct seqset *uids);
/* Copies the hits of a search with keep_hits, by UID: for a program with `relevancy`. */
void sort_set_hits(struct sort *sort, const struct search *search);
/* A message's score (RFC 6203) among them; 100 if it has none. */
uint8_t sort_score(const struct search_hit *hits, size_t count, uint32_t uid);
void sort_free(struct sort **sort);
/* [strand] */
enum rc sort_slice(struct account *account, struct sort *sort) MUST_CHECK;
/* On the reactor. */
void sort_accept(struct sort *sort);
/* Finished: the messages in order. */
const struct sort_item *sort_items(const struct sort *sort, size_t *ret_count);
/* How many of the UIDs are no longer there. */
uint64_t sort_gone(const struct sort *sort);

/* The first row from `pos` on whose UID is in the set; count: none. *range: the range of the set to begin
 * with, 0 at first. */
size_t sort_next_row(
	const struct msg_row *rows, size_t count, size_t pos, const struct seqset *set, size_t *range);

#endif
