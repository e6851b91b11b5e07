/*
 * Sorts messages that are given by their UIDs, on the worker, slice by slice (at most SEARCH_SLICE_US): first
 * it makes a key for each message, from the index and the cache, then it sorts. struct sort has one owner at
 * a time, the command or its job; a slice counts when the reactor has taken it (sort_accept), so that it may
 * run again.
 *
 * Use: sort_new with the UIDs, then slices until `finished`; then sort_items are in order. To place one more
 * message among them, make its key by sort_key_make and its item by sorter_item_make, and compare by
 * sorter_item_compare. The items and what they point to live as long as the struct.
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
	uint32_t uid; /* the next UID */
	size_t count; /* items made */
	size_t bytes; /* of their keys */
	uint64_t seen; /* messages that still exist */
	bool gathered; /* all have their item */
	/* RC_CORRUPT: a message could not be read and is sorted like one without fields. Another error: a
	 * message is left out */
	enum rc rc;
};

struct sort {
	int64_t mailbox;
	struct sort_program program;
	size_t memory_max; /* SORT_MEMORY_MAX */
	struct seqset uids; /* own */
	struct search_hit *hits; /* own, by UID: only if the scores are needed */
	size_t hit_count;
	struct arena **keys; /* own, the arenas too: one a slice */
	size_t key_count;
	struct arena *slice_keys; /* own: of the present slice */
	struct sorter sorter;
	struct sort_place place;
	struct sort_place next;
	bool finished;
};

/* Makes a sort of these messages; the set is copied. */
struct sort *sort_new(int64_t mailbox, const struct sort_program *program, const struct seqset *uids);
/* Copies the hits of a search with keep_hits, by UID, for a program with `relevancy`. */
void sort_set_hits(struct sort *sort, const struct search *search);
/* The score of a message (RFC 6203) among the hits; 100 if it has none. */
uint8_t sort_score(const struct search_hit *hits, size_t count, uint32_t uid);
void sort_free(struct sort **sort);
/* [strand] */
enum rc sort_slice(struct account *account, struct sort *sort) MUST_CHECK;
/* On the reactor. */
void sort_accept(struct sort *sort);
/* The messages in order. Call this when `finished` is true. */
const struct sort_item *sort_items(const struct sort *sort, size_t *ret_count);
/* The number of UIDs that no longer exist. */
uint64_t sort_gone(const struct sort *sort);

/* The first row from `pos` on whose UID is in the set; `count`: there is none. *range: the range of the
 * set to begin with, 0 at first. */
size_t sort_next_row(
	const struct msg_row *rows, size_t count, size_t pos, const struct seqset *set, size_t *range);

#endif
