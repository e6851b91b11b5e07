/* link: base */
/*
 * A sequence-set as a client writes it. The first byte chooses `last`. Whatever is accepted is a valid set,
 * is printed and parsed back to itself, and resolves to numbers that a second look at the text agrees with.
 */
#include "base/seqset.h"

#include <stdint.h>
#include <stdlib.h>

#define RANGES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_shape(const struct seqset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		check(set->v[i].lo >= 1 && set->v[i].lo <= set->v[i].hi);
		check(i == 0 || (uint64_t)set->v[i - 1].hi + 1 < set->v[i].lo);
	}
}

/* The value of a number or '*' at text[*at], which is known to be good. */
static uint32_t value_at(struct strv text, size_t *at, uint32_t last)
{
	uint64_t number = 0;
	if (text.p[*at] == '*') {
		++*at;
		return last;
	}
	for (; *at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9'; ++*at)
		number = number * 10 + (uint64_t)(text.p[*at] - '0');
	return (uint32_t)number;
}

/* Tells whether the text means message m of 1..last, by a plain walk over the text, range by range. */
static bool means(struct strv text, uint32_t m, uint32_t last)
{
	size_t at = 0;
	while (at < text.n) {
		uint32_t a = value_at(text, &at, last);
		uint32_t b = a;
		if (at < text.n && text.p[at] == ':') {
			at++;
			b = value_at(text, &at, last);
		}
		if ((m >= a && m <= b) || (m >= b && m <= a))
			return true;
		at++;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seqset set = SEQSET_EMPTY;
	struct seqset again = SEQSET_EMPTY;
	struct buf out;

	if (size == 0)
		return 0;
	uint32_t last = data[0];
	struct strv text = strv_make(data + 1, size - 1);
	if (seqset_parse(&set, text, RANGES_MAX) != RC_OK) {
		check(seqset_empty(&set));
		seqset_fini(&set);
		return 0;
	}
	check(!seqset_empty(&set));
	check_shape(&set);
	buf_init(&out, size * 2 + 16);
	seqset_print(&out, &set);
	check(buf_ok(&out));
	check(seqset_parse(&again, buf_strv(&out), RANGES_MAX) == RC_OK);
	check(seqset_equal(&set, &again));
	buf_fini(&out);

	seqset_resolve(&set, last);
	check_shape(&set);
	check(!seqset_has_star(&set));
	for (uint32_t m = 1; m <= last; m++)
		check(seqset_contains(&set, m) == means(text, m, last));

	seqset_resolve(&again, UINT32_MAX);
	seqset_add_set(&again, &set);
	check_shape(&again);
	seqset_intersect(&again, &set);
	check(seqset_equal(&again, &set));
	seqset_remove_set(&again, &set);
	check(seqset_empty(&again));
	seqset_fini(&again);
	seqset_fini(&set);
	return 0;
}
