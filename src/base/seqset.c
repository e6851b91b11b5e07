#include "base/seqset.h"

#include "base/arena.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SEQSET_FIRST 4

struct seqiter seqset_iter(const struct seqset *set)
{
	return (struct seqiter){ set, 0, set->n > 0 ? set->v[0].lo : 0 };
}

bool seqset_next(struct seqiter *it, uint32_t *ret_number)
{
	if (it->i < it->set->n && it->next > it->set->v[it->i].hi) {
		it->i++;
		if (it->i < it->set->n)
			it->next = it->set->v[it->i].lo;
	}
	if (it->i >= it->set->n)
		return false;
	*ret_number = (uint32_t)it->next++;
	return true;
}

void seqset_init(struct seqset *set)
{
	*set = SEQSET_EMPTY;
}

void seqset_fini(struct seqset *set)
{
	free(set->v);
	*set = SEQSET_EMPTY;
}

void seqset_clear(struct seqset *set)
{
	set->n = 0;
	set->star = 0;
}

static void grow_to(struct seqset *set, size_t n)
{
	if (n <= set->cap)
		return;
	size_t cap = set->cap > SEQSET_FIRST ? set->cap : SEQSET_FIRST;
	while (cap < n)
		cap *= 2;
	set->v = mem_realloc(set->v, cap, sizeof(*set->v));
	set->cap = cap;
}

/* Appends a range that does not begin below the last one; merges them if they touch. */
static void seqset_push(struct seqset *set, struct seqrange r)
{
	if (set->n > 0) {
		struct seqrange *last = &set->v[set->n - 1];
		if (r.lo <= (uint64_t)last->hi + 1) {
			if (r.hi > last->hi)
				last->hi = r.hi;
			return;
		}
	}
	grow_to(set, set->n + 1);
	set->v[set->n++] = r;
}

/* Index of the first range whose end is at or above number; set->n if there is none. */
static size_t first_reaching(const struct seqset *set, uint64_t number)
{
	size_t lo = 0;
	size_t hi = set->n;
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		if (set->v[middle].hi < number)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

/* Index of the first range from `from` on that begins above number. */
static size_t first_above(const struct seqset *set, size_t from, uint64_t number)
{
	size_t lo = from;
	size_t hi = set->n;
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		if (set->v[middle].lo <= number)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

/* Replaces the ranges from <= i < to by the `count` ranges of `r`. */
static void seqset_replace(struct seqset *set, size_t from, size_t to, const struct seqrange *r, size_t count)
{
	grow_to(set, set->n - (to - from) + count);
	if (set->n > to && from + count != to)
		memmove(set->v + from + count, set->v + to, (set->n - to) * sizeof(*set->v));
	if (count > 0)
		memcpy(set->v + from, r, count * sizeof(*r));
	set->n = set->n - (to - from) + count;
}

void seqset_add(struct seqset *set, uint32_t number)
{
	seqset_add_range(set, number, number);
}

void seqset_add_range(struct seqset *set, uint32_t lo, uint32_t hi)
{
	struct seqrange r = lo <= hi ? (struct seqrange){ lo, hi } : (struct seqrange){ hi, lo };

	if (r.lo == 0)
		r.lo = 1;
	if (r.hi == 0)
		return;
	if (set->n == 0 || r.lo >= set->v[set->n - 1].lo) {
		seqset_push(set, r);
		return;
	}
	size_t from = first_reaching(set, r.lo - 1);
	size_t to = first_above(set, from, (uint64_t)r.hi + 1);
	if (from < to) {
		if (set->v[from].lo < r.lo)
			r.lo = set->v[from].lo;
		if (set->v[to - 1].hi > r.hi)
			r.hi = set->v[to - 1].hi;
	}
	seqset_replace(set, from, to, &r, 1);
}

void seqset_add_set(struct seqset *set, const struct seqset *other)
{
	struct seqset merged = SEQSET_EMPTY;
	size_t i = 0;
	size_t j = 0;

	if (set == other || other->n == 0)
		return;
	if (set->n == 0 || other->v[0].lo >= set->v[set->n - 1].lo) {
		for (; j < other->n; j++)
			seqset_push(set, other->v[j]);
		return;
	}
	grow_to(&merged, set->n + other->n);
	while (i < set->n || j < other->n) {
		if (j >= other->n || (i < set->n && set->v[i].lo <= other->v[j].lo))
			seqset_push(&merged, set->v[i++]);
		else
			seqset_push(&merged, other->v[j++]);
	}
	seqset_fini(set);
	*set = merged;
}

void seqset_remove(struct seqset *set, uint32_t number)
{
	seqset_remove_range(set, number, number);
}

void seqset_remove_range(struct seqset *set, uint32_t lo, uint32_t hi)
{
	struct seqrange left[2];
	size_t count = 0;

	if (lo > hi) {
		uint32_t swap = lo;
		lo = hi;
		hi = swap;
	}
	size_t from = first_reaching(set, lo);
	size_t to = first_above(set, from, hi);
	if (from >= to)
		return;
	if (set->v[from].lo < lo)
		left[count++] = (struct seqrange){ set->v[from].lo, lo - 1 };
	if (set->v[to - 1].hi > hi)
		left[count++] = (struct seqrange){ hi + 1, set->v[to - 1].hi };
	seqset_replace(set, from, to, left, count);
}

void seqset_remove_set(struct seqset *set, const struct seqset *other)
{
	struct seqset left = SEQSET_EMPTY;
	size_t j = 0;

	if (set == other) {
		seqset_clear(set);
		return;
	}
	if (set->n == 0 || other->n == 0)
		return;
	for (size_t i = 0; i < set->n; i++) {
		uint64_t lo = set->v[i].lo;
		uint64_t hi = set->v[i].hi;
		while (j < other->n && other->v[j].hi < lo)
			j++;
		/* The range of `other` that reaches beyond hi may cut our next range, too, so k runs ahead
		 * and j stays. */
		for (size_t k = j; k < other->n && other->v[k].lo <= hi && lo <= hi; k++) {
			if (other->v[k].lo > lo)
				seqset_push(&left, (struct seqrange){ (uint32_t)lo, other->v[k].lo - 1 });
			lo = (uint64_t)other->v[k].hi + 1;
			j = k;
		}
		if (lo <= hi)
			seqset_push(&left, (struct seqrange){ (uint32_t)lo, (uint32_t)hi });
	}
	seqset_fini(set);
	*set = left;
}

void seqset_intersect(struct seqset *set, const struct seqset *other)
{
	struct seqset both = SEQSET_EMPTY;
	size_t i = 0;
	size_t j = 0;

	if (set == other)
		return;
	while (i < set->n && j < other->n) {
		struct seqrange a = set->v[i];
		struct seqrange b = other->v[j];
		struct seqrange r = { a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi };
		if (r.lo <= r.hi)
			seqset_push(&both, r);
		if (a.hi <= b.hi)
			i++;
		if (b.hi <= a.hi)
			j++;
	}
	seqset_fini(set);
	*set = both;
}

void seqset_copy(struct seqset *to, const struct seqset *from)
{
	if (to == from)
		return;
	to->n = 0;
	grow_to(to, from->n);
	if (from->n > 0)
		memcpy(to->v, from->v, from->n * sizeof(*from->v));
	to->n = from->n;
	to->star = from->star;
}

struct seqset seqset_in_arena(const struct seqset *set, struct arena *arena)
{
	struct seqset copy = {
		.v = arena_alloc(arena, set->n * sizeof(*set->v)), .n = set->n, .cap = set->n
	};

	if (set->n > 0)
		memcpy(copy.v, set->v, set->n * sizeof(*set->v));
	copy.star = set->star;
	return copy;
}

bool seqset_contains(const struct seqset *set, uint32_t number)
{
	size_t i = first_reaching(set, number);
	return i < set->n && set->v[i].lo <= number;
}

bool seqset_equal(const struct seqset *a, const struct seqset *b)
{
	if (a->n != b->n || a->star != b->star)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].lo != b->v[i].lo || a->v[i].hi != b->v[i].hi)
			return false;
	}
	return true;
}

void seqset_slice(const struct seqset *set, uint64_t from, uint64_t to, struct seqset *ret_part)
{
	uint64_t place = 0; /* of the range's first number */
	seqset_clear(ret_part);
	for (size_t i = 0; i < set->n && place < to; i++) {
		struct seqrange range = set->v[i];
		uint64_t end = place + range.hi - range.lo + 1;
		uint64_t lo = from > place ? from - place : 0;
		uint64_t hi = (to < end ? to : end) - place;
		if (lo < hi)
			seqset_push(ret_part,
				(struct seqrange){ range.lo + (uint32_t)lo, range.lo + (uint32_t)(hi - 1) });
		place = end;
	}
}

uint64_t seqset_count(const struct seqset *set)
{
	uint64_t count = 0;
	for (size_t i = 0; i < set->n; i++)
		count += (uint64_t)set->v[i].hi - set->v[i].lo + 1;
	return count;
}

/* Takes an nz-number or "*" (SEQSET_STAR) off the front of *text. */
static enum rc seqset_take_number(struct strv *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t i = 0;

	if (text->n > 0 && text->p[0] == '*') {
		*text = strv_sub(*text, 1, text->n);
		*ret_number = SEQSET_STAR;
		return RC_OK;
	}
	if (text->n == 0 || text->p[0] == '0')
		return RC_INVALID;
	for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++) {
		number = number * 10 + (uint64_t)(text->p[i] - '0');
		if (number > UINT32_MAX)
			return RC_INVALID;
	}
	if (i == 0)
		return RC_INVALID;
	*text = strv_sub(*text, i, text->n);
	*ret_number = number;
	return RC_OK;
}

/* Takes both ends of a range, the lower one first; SEQSET_STAR is above all numbers. */
static enum rc seqset_take_range(struct strv *text, uint64_t *ret_lo, uint64_t *ret_hi)
{
	uint64_t a = 0;
	uint64_t b = 0;

	enum rc rc = seqset_take_number(text, &a);
	if (rc != RC_OK)
		return rc;
	b = a;
	if (text->n > 0 && text->p[0] == ':') {
		*text = strv_sub(*text, 1, text->n);
		rc = seqset_take_number(text, &b);
		if (rc != RC_OK)
			return rc;
	}
	*ret_lo = a <= b ? a : b;
	*ret_hi = a <= b ? b : a;
	return RC_OK;
}

static int by_lo(const void *a, const void *b)
{
	uint32_t x = ((const struct seqrange *)a)->lo;
	uint32_t y = ((const struct seqrange *)b)->lo;
	return x < y ? -1 : x > y;
}

/* Makes a valid set of ranges in any order. One sort keeps hostile orders from taking quadratic time. */
static void seqset_normalise(struct seqset *set)
{
	bool sorted = true;
	for (size_t i = 1; i < set->n && sorted; i++)
		sorted = set->v[i - 1].lo <= set->v[i].lo;
	if (!sorted)
		qsort(set->v, set->n, sizeof(*set->v), by_lo);
	size_t n = set->n;
	set->n = 0;
	/* seqset_push writes at or before the place that was just read. */
	for (size_t i = 0; i < n; i++)
		seqset_push(set, set->v[i]);
}

/* Adds a range; the ranges are not in order yet. */
static void add_parsed(struct seqset *set, uint64_t lo, uint64_t hi)
{
	if (hi == SEQSET_STAR) {
		if (set->star == 0 || lo < set->star)
			set->star = lo;
		return;
	}
	grow_to(set, set->n + 1);
	set->v[set->n++] = (struct seqrange){ (uint32_t)lo, (uint32_t)hi };
}

enum rc seqset_parse(struct seqset *set, struct strv text, size_t max_ranges)
{
	struct seqset parsed = SEQSET_EMPTY;
	enum rc rc = RC_OK;

	for (size_t count = 0;; count++) {
		uint64_t lo;
		uint64_t hi;
		rc = seqset_take_range(&text, &lo, &hi);
		if (rc != RC_OK)
			break;
		if (count >= max_ranges) {
			rc = RC_LIMIT;
			break;
		}
		add_parsed(&parsed, lo, hi);
		if (text.n == 0)
			break;
		if (text.p[0] != ',') {
			rc = RC_INVALID;
			break;
		}
		text = strv_sub(text, 1, text.n);
	}
	if (rc != RC_OK) {
		seqset_fini(&parsed);
		return rc;
	}
	seqset_normalise(&parsed);
	seqset_fini(set);
	*set = parsed;
	return RC_OK;
}

void seqset_resolve(struct seqset *set, uint32_t last)
{
	uint64_t star = set->star;
	set->star = 0;
	if (star == 0 || last == 0)
		return;
	seqset_add_range(set, star < last ? (uint32_t)star : last, last);
}

void seqset_print(struct buf *out, const struct seqset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		buf_addu(out, set->v[i].lo);
		if (set->v[i].hi != set->v[i].lo) {
			buf_addc(out, ':');
			buf_addu(out, set->v[i].hi);
		}
	}
	if (set->star == 0)
		return;
	if (set->n > 0)
		buf_addc(out, ',');
	if (set->star != SEQSET_STAR) {
		buf_addu(out, set->star);
		buf_addc(out, ':');
	}
	buf_addc(out, '*');
}
