/*
 * Reads, prints and applies the range of PARTIAL.
 */
#include "imap/partial.h"

bool partial_parse(struct parse *parse, struct partial *ret_partial)
{
	struct partial partial = { .from_end = parse_skip(parse, '-') };
	if (!parse_nz_number(parse, &partial.first) || !parse_char(parse, ':'))
		return false;
	if (partial.from_end && !parse_char(parse, '-'))
		return false;
	if (!parse_nz_number(parse, &partial.last))
		return false;
	if (partial.first > partial.last) {
		uint32_t swap = partial.first;
		partial.first = partial.last;
		partial.last = swap;
	}
	*ret_partial = partial;
	return true;
}

void partial_print(struct buf *out, const struct partial *partial)
{
	const char *sign = partial->from_end ? "-" : "";
	buf_printf(out, "%s%u:%s%u", sign, partial->first, sign, partial->last);
}

void partial_cut(const struct partial *partial, uint64_t count, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from = partial->first - 1;
	uint64_t to = partial->last;
	if (to > count)
		to = count;
	if (from > to)
		from = to;
	*ret_from = partial->from_end ? count - to : from;
	*ret_to = partial->from_end ? count - from : to;
}

uint64_t partial_enough(const struct partial *partial)
{
	return partial->from_end ? 0 : partial->last;
}
