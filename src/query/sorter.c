/* A merge sort that can stop after any pass and go on from there. */
#include "query/sorter.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 1024 /* items sorted at once, in 0.1 ms */
#define CLOCK_EVERY 1024 /* items merged between looks at the clock */

void sorter_init(struct sorter *sorter)
{
	*sorter = (struct sorter){ .count = 0 };
}

void sorter_fini(struct sorter *sorter)
{
	free(sorter->v[0]);
	free(sorter->v[1]);
	*sorter = (struct sorter){ .count = 0 };
}

struct sort_item sorter_item_make(struct strv key, uint32_t uid, uint64_t modseq)
{
	struct sort_item item = { .uid = uid, .modseq = modseq };
	for (size_t i = 0; i < sizeof(item.head); i++)
		item.head = item.head << 8 | (i < key.n ? (unsigned char)key.p[i] : 0);
	if (key.n > sizeof(item.head)) {
		item.rest = key.p + sizeof(item.head);
		item.rest_n = (uint32_t)(key.n - sizeof(item.head));
	}
	return item;
}

static int compare_rest(const struct sort_item *a, const struct sort_item *b)
{
	uint32_t n = a->rest_n < b->rest_n ? a->rest_n : b->rest_n;
	int order = n > 0 ? memcmp(a->rest, b->rest, n) : 0;
	if (order != 0 || a->rest_n == b->rest_n)
		return order;
	return a->rest_n < b->rest_n ? -1 : 1;
}

int sorter_item_compare(const struct sort_item *a, const struct sort_item *b)
{
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	int order = compare_rest(a, b);
	if (order != 0 || a->uid == b->uid)
		return order;
	return a->uid < b->uid ? -1 : 1;
}

static int compare_items(const void *a, const void *b)
{
	return sorter_item_compare(a, b);
}

void sorter_add(struct sorter *sorter, struct sort_item item)
{
	if (sorter->count == sorter->cap) {
		sorter->v[0] = mem_grow(sorter->v[0], &sorter->cap, sizeof(item));
		free(sorter->v[1]);
		sorter->v[1] = NULL;
	}
	sorter->v[0][sorter->count++] = item;
}

void sorter_cut(struct sorter *sorter, size_t count)
{
	sorter->count = count;
}

static size_t sorter_least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* True: the pass has ended. */
static bool sort_blocks(struct sorter *sorter, uint64_t until_us)
{
	struct sort_pass *at = &sorter->next;
	while (at->lo < sorter->count) {
		size_t n = sorter_least(BLOCK, sorter->count - at->lo);
		struct sort_item *block = sorter->v[!at->from] + at->lo;
		memcpy(block, sorter->v[at->from] + at->lo, n * sizeof(*block));
		qsort(block, n, sizeof(*block), compare_items);
		at->lo += n;
		if (at->lo < sorter->count && clock_mono_us() >= until_us)
			return false;
	}
	return true;
}

static void begin_pair(struct sort_pass *at, size_t lo, size_t count)
{
	at->lo = lo;
	at->i = lo;
	at->j = sorter_least(lo + at->width, count);
}

/* Merges at most `max` items of the present pair. True: the pair is done. */
static bool merge_some(struct sorter *sorter, size_t max)
{
	struct sort_pass *at = &sorter->next;
	const struct sort_item *from = sorter->v[at->from];
	size_t mid = sorter_least(at->lo + at->width, sorter->count);
	size_t end = sorter_least(mid + at->width, sorter->count);
	size_t i = at->i;
	size_t j = at->j;
	struct sort_item *to = sorter->v[!at->from] + i + (j - mid);
	while (max-- > 0 && (i < mid || j < end)) {
		bool first = j == end || (i < mid && sorter_item_compare(&from[i], &from[j]) < 0);
		*to++ = from[first ? i++ : j++];
	}
	at->i = i;
	at->j = j;
	return i == mid && j == end;
}

static bool merge_pairs(struct sorter *sorter, uint64_t until_us)
{
	struct sort_pass *at = &sorter->next;
	while (at->lo < sorter->count) {
		if (merge_some(sorter, CLOCK_EVERY))
			begin_pair(at, at->lo + sorter_least(2 * at->width, sorter->count - at->lo),
				sorter->count);
		if (at->lo < sorter->count && clock_mono_us() >= until_us)
			return false;
	}
	return true;
}

bool sorter_step(struct sorter *sorter, uint64_t until_us)
{
	struct sort_pass *at = &sorter->next;
	*at = sorter->place;
	if (sorter->count < 2)
		return true;
	if (at->width >= sorter->count)
		return true;
	if (!sorter->v[1])
		sorter->v[1] = mem_realloc(NULL, sorter->cap, sizeof(*sorter->v[1]));
	if (!(at->width == 0 ? sort_blocks(sorter, until_us) : merge_pairs(sorter, until_us)))
		return false;
	at->width = at->width == 0 ? BLOCK : at->width * 2;
	at->from = !at->from;
	begin_pair(at, 0, sorter->count);
	return at->width >= sorter->count;
}

void sorter_accept(struct sorter *sorter)
{
	sorter->place = sorter->next;
}

const struct sort_item *sorter_items(const struct sorter *sorter)
{
	return sorter->v[sorter->place.from];
}
