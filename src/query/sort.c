/*
 * Sorts messages: makes a key for each, a slice at a time, then lets sorter.c order them.
 */
#include "query/sort.h"

#include "base/clock.h"
#include "base/mem.h"
#include "imap/sort_program.h"
#include "store/message.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX ((size_t)16 * 1024) /* nine criteria, with room */
#define CLOCK_EVERY 8 /* messages between looks at the clock */
#define SMALL 1000 /* up to this number, the slice that gathers the messages also sorts them */

struct sort *sort_new(int64_t mailbox, const struct sort_program *program, const struct seqset *uids)
{
	struct sort *sort = mem_zalloc(sizeof(*sort));
	sort->mailbox = mailbox;
	sort->program = *program;
	sort->memory_max = SORT_MEMORY_MAX;
	seqset_copy(&sort->uids, uids);
	sorter_init(&sort->sorter);
	return sort;
}

void sort_set_hits(struct sort *sort, const struct search *search)
{
	size_t size = search->hit_kept * sizeof(*search->hits);
	if (size == 0)
		return;
	sort->hits = mem_alloc(size);
	memcpy(sort->hits, search->hits, size);
	sort->hit_count = search->hit_kept;
}

uint8_t sort_score(const struct search_hit *hits, size_t count, uint32_t uid)
{
	size_t lo = 0;
	size_t hi = count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (hits[mid].number < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < count && hits[lo].number == uid ? hits[lo].score : 100;
}

void sort_free(struct sort **sort)
{
	struct sort *s = *sort;
	if (!s)
		return;
	seqset_fini(&s->uids);
	free(s->hits);
	for (size_t i = 0; i < s->key_count; i++)
		arena_free(&s->keys[i]);
	free(s->keys);
	arena_free(&s->slice_keys);
	sorter_fini(&s->sorter);
	free(s);
	*sort = NULL;
}

/* Only complete items count against the limit, and the second array of the sorter counts, too. */
static bool too_much(const struct sort *sort)
{
	return sort->next.bytes + sort->next.count * 2 * sizeof(struct sort_item) > sort->memory_max;
}

static enum rc sort_add_message(struct account *account, struct sort *sort, const struct msg_row *row,
	struct sort_scratch *scratch, struct buf *key)
{
	struct sort_place *at = &sort->next;
	scratch->score = sort_score(sort->hits, sort->hit_count, row->uid);
	enum rc rc = sort_key_make(account, row, &sort->program, scratch, key);
	at->seen++;
	if (rc == RC_OK && scratch->spoilt && at->rc == RC_OK)
		at->rc = RC_CORRUPT;
	if (rc != RC_OK) {
		if (at->rc == RC_OK)
			at->rc = rc;
		return rc == RC_UNAVAILABLE ? rc : RC_OK;
	}
	struct strv kept = buf_strv(key);
	/* A key without a rest is completely in its item. */
	if (kept.n > sizeof(uint64_t))
		kept = arena_strv(sort->slice_keys, kept);
	sorter_add(&sort->sorter, sorter_item_make(kept, row->uid, row->modseq));
	at->count++;
	at->bytes += kept.n > sizeof(uint64_t) ? kept.n + 16 : 0;
	return too_much(sort) ? RC_LIMIT : RC_OK;
}

size_t sort_next_row(
	const struct msg_row *rows, size_t count, size_t pos, const struct seqset *set, size_t *range)
{
	while (pos < count) {
		while (*range < set->n && set->v[*range].hi < rows[pos].uid)
			(*range)++;
		if (*range == set->n)
			return count;
		if (rows[pos].uid >= set->v[*range].lo)
			return pos;
		pos = msg_lower_bound(rows, count, set->v[*range].lo);
	}
	return count;
}

/* RC_AGAIN: the time is over. */
static enum rc sort_gather(struct account *account, struct sort *sort, uint64_t until_us)
{
	const struct msg_row *rows;
	struct sort_scratch scratch;
	struct buf key;
	size_t count;
	size_t range = 0;
	enum rc rc = msg_index(account, sort->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	sort_scratch_init(&scratch);
	buf_init(&key, KEY_MAX);
	size_t pos =
		sort_next_row(rows, count, msg_lower_bound(rows, count, sort->next.uid), &sort->uids, &range);
	for (unsigned ticks = 1; rc == RC_OK && pos < count; ticks++) {
		sort->next.uid = rows[pos].uid + 1;
		rc = sort_add_message(account, sort, &rows[pos], &scratch, &key);
		pos = sort_next_row(rows, count, pos + 1, &sort->uids, &range);
		if (rc == RC_OK && pos < count && ticks % CLOCK_EVERY == 0 && clock_mono_us() >= until_us)
			rc = RC_AGAIN;
	}
	buf_fini(&key);
	sort_scratch_fini(&scratch);
	return rc;
}

/* Drops the results of a slice that did not count. */
static void sort_slice_begin(struct sort *sort)
{
	sort->next = sort->place;
	sort->finished = false;
	if (sort->next.gathered)
		return;
	sorter_cut(&sort->sorter, sort->next.count);
	if (sort->slice_keys)
		arena_reset(sort->slice_keys);
	else
		sort->slice_keys = arena_new(4096);
}

enum rc sort_slice(struct account *account, struct sort *sort)
{
	uint64_t until_us = clock_mono_us() + SEARCH_SLICE_US;
	sort_slice_begin(sort);
	if (!sort->next.gathered) {
		enum rc rc = sort_gather(account, sort, until_us);
		if (rc != RC_OK)
			return rc == RC_AGAIN ? RC_OK : rc;
		sort->next.gathered = true;
		if (sort->next.count > SMALL)
			return RC_OK;
	}
	sort->finished = sorter_step(&sort->sorter, until_us);
	return RC_OK;
}

static void keep_keys(struct sort *sort)
{
	if (!sort->slice_keys)
		return;
	sort->keys = mem_realloc(sort->keys, sort->key_count + 1, sizeof(struct arena *));
	sort->keys[sort->key_count++] = sort->slice_keys;
	sort->slice_keys = NULL;
}

void sort_accept(struct sort *sort)
{
	keep_keys(sort);
	sort->place = sort->next;
	sorter_accept(&sort->sorter);
}

const struct sort_item *sort_items(const struct sort *sort, size_t *ret_count)
{
	*ret_count = sort->sorter.count;
	return sorter_items(&sort->sorter);
}

uint64_t sort_gone(const struct sort *sort)
{
	return seqset_count(&sort->uids) - sort->place.seen;
}
