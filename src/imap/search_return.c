/*
 * Reads RETURN options and prints the ESEARCH response.
 */
#include "imap/search_return.h"

#include "imap/print.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool search_return_parse_item(struct parse *parse, struct search_return *options)
{
	static const struct {
		const char *name;
		enum search_item item;
	} names[] = {
		{ "MIN", SEARCH_MIN },
		{ "MAX", SEARCH_MAX },
		{ "ALL", SEARCH_ALL },
		{ "COUNT", SEARCH_COUNT },
		{ "SAVE", SEARCH_SAVE },
		{ "PARTIAL", SEARCH_PARTIAL },
		{ "RELEVANCY", SEARCH_RELEVANCY },
		{ "UPDATE", SEARCH_UPDATE },
		{ "CONTEXT", SEARCH_CONTEXT },
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!parse_keyword(parse, names[i].name))
			continue;
		bool again = options->items & names[i].item;
		options->items |= names[i].item;
		if (names[i].item != SEARCH_PARTIAL)
			return true;
		if (again)
			return parse_fail(parse, "PARTIAL may be there once only");
		return parse_sp(parse) && partial_parse(parse, &options->partial);
	}
	return parse_fail(parse, "Unknown RETURN option");
}

static bool search_return_fit(struct parse *parse, const struct search_return *options)
{
	if (options->items & SEARCH_PARTIAL && options->items & SEARCH_ALL)
		return parse_fail(parse, "PARTIAL and ALL exclude each other");
	return true;
}

bool search_return_parse(struct parse *parse, struct search_return *ret_options)
{
	struct search_return options = { 0 };
	if (!parse_keyword(parse, "RETURN")) {
		*ret_options = options;
		return true;
	}
	options.extended = true;
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	if (parse_peek(parse, ')')) {
		options.items = SEARCH_ALL;
	} else {
		do {
			if (!search_return_parse_item(parse, &options))
				return false;
		} while (parse_more(parse));
	}
	if (!parse_char(parse, ')') || !search_return_fit(parse, &options) || !parse_sp(parse))
		return false;
	*ret_options = options;
	return true;
}

bool search_return_fits(struct parse *parse, const struct search_return *options, bool fuzzy)
{
	if (options->items & SEARCH_RELEVANCY && !fuzzy)
		return parse_fail(parse, "RELEVANCY needs FUZZY");
	return true;
}

bool search_return_whole(unsigned items)
{
	return items & (SEARCH_ALL | SEARCH_COUNT) || !(items & (SEARCH_MIN | SEARCH_MAX | SEARCH_PARTIAL));
}

uint64_t search_return_enough(const struct search_return *options)
{
	if (search_return_whole(options->items) || options->items & (SEARCH_MAX | SEARCH_UPDATE))
		return 0;
	if ((options->items & (SEARCH_RELEVANCY | SEARCH_PARTIAL)) == SEARCH_RELEVANCY)
		return 0;
	return options->items & SEARCH_PARTIAL ? partial_enough(&options->partial) : 1;
}

static uint64_t search_return_count_of(const struct search_result *result)
{
	return result->set ? seqset_count(result->set) : result->count;
}

/* The first number of a result that is not empty. */
static uint32_t first_of(const struct search_result *result)
{
	return result->set ? result->set->v[0].lo : result->list[0];
}

static uint32_t last_of(const struct search_result *result)
{
	return result->set ? result->set->v[result->set->n - 1].hi : result->list[result->count - 1];
}

static void print_item(struct buf *out, const char *name, uint64_t number)
{
	buf_adds(out, name);
	buf_addu(out, number);
}

void search_list_print(struct buf *out, const uint32_t *list, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t end = i + 1;
		while (end < count && list[end] == list[end - 1] + 1)
			end++;
		print_item(out, i > 0 ? "," : "", list[i]);
		if (end - i > 1)
			print_item(out, ":", list[end - 1]);
		i = end;
	}
}

/* Prints the results at the places from..to-1. */
static void print_part(struct buf *out, const struct search_result *result, uint64_t from, uint64_t to)
{
	struct seqset part = SEQSET_EMPTY;
	if (!result->set) {
		search_list_print(out, result->list + from, (size_t)(to - from));
		return;
	}
	seqset_slice(result->set, from, to, &part);
	seqset_print(out, &part);
	seqset_fini(&part);
}

/* " PARTIAL (1:500 3:7)" */
static void print_partial(struct buf *out, const struct partial *partial, const struct search_result *result)
{
	uint64_t from;
	uint64_t to;
	partial_cut(partial, search_return_count_of(result), &from, &to);
	buf_adds(out, " PARTIAL (");
	partial_print(out, partial);
	buf_addc(out, ' ');
	if (from < to)
		print_part(out, result, from, to);
	else
		buf_adds(out, "NIL");
	buf_addc(out, ')');
}

/*
 * Prints " RELEVANCY (4 99 42)": the scores of the results of PARTIAL if that is asked for, else of all
 * results.
 */
static void print_scores(struct buf *out, const struct search_return *options,
	const struct search_result *result, uint64_t count)
{
	uint64_t from = 0;
	uint64_t to = count;
	if (options->items & SEARCH_PARTIAL)
		partial_cut(&options->partial, count, &from, &to);
	buf_adds(out, " RELEVANCY (");
	for (uint64_t i = from; i < to; i++)
		print_item(out, i > from ? " " : "", result->scores[i]);
	buf_addc(out, ')');
}

void search_return_print(const struct search_return *options, const struct search_result *result,
	struct strv tag, struct buf *out)
{
	unsigned items = options->items;
	uint64_t count = search_return_count_of(result);
	buf_adds(out, "* ESEARCH (TAG \"");
	buf_addv(out, tag);
	buf_addc(out, '"');
	if (result->uidvalidity > 0) {
		buf_adds(out, " MAILBOX ");
		print_mailbox(out, result->mailbox, result->utf8);
		print_item(out, " UIDVALIDITY ", result->uidvalidity);
	}
	buf_adds(out, result->by_uid ? ") UID" : ")");
	if (count > 0 && items & SEARCH_MIN)
		print_item(out, " MIN ", first_of(result));
	if (count > 0 && items & SEARCH_MAX)
		print_item(out, " MAX ", last_of(result));
	if (count > 0 && items & SEARCH_ALL) {
		buf_adds(out, " ALL ");
		print_part(out, result, 0, count);
	}
	if (items & SEARCH_PARTIAL)
		print_partial(out, &options->partial, result);
	if (items & SEARCH_COUNT)
		print_item(out, " COUNT ", count);
	if (items & SEARCH_RELEVANCY)
		print_scores(out, options, result, count);
	if (count > 0 && result->modseq > 0)
		print_item(out, " MODSEQ ", result->modseq);
	buf_adds(out, "\r\n");
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void search_return_add_part(
	struct seqset *numbers, const struct search_result *result, uint64_t from, uint64_t to)
{
	if (result->set) {
		struct seqset part = SEQSET_EMPTY;
		seqset_slice(result->set, from, to, &part);
		seqset_add_set(numbers, &part);
		seqset_fini(&part);
		return;
	}
	/* The numbers are added in rising order, because an insertion before others would move them. */
	size_t n = (size_t)(to - from);
	uint32_t *list = mem_alloc((n + 1) * sizeof(*list));
	memcpy(list, result->list + from, n * sizeof(*list));
	qsort(list, n, sizeof(*list), compare_numbers);
	for (size_t i = 0; i < n; i++)
		seqset_add(numbers, list[i]);
	free(list);
}

void search_return_saved(
	const struct search_return *options, const struct search_result *result, struct seqset *ret_numbers)
{
	uint64_t count = search_return_count_of(result);
	uint64_t from;
	uint64_t to;
	seqset_clear(ret_numbers);
	if (count == 0)
		return;
	if (search_return_whole(options->items)) {
		search_return_add_part(ret_numbers, result, 0, count);
		return;
	}
	if (options->items & SEARCH_PARTIAL) {
		partial_cut(&options->partial, count, &from, &to);
		search_return_add_part(ret_numbers, result, from, to);
	}
	if (options->items & SEARCH_MIN)
		seqset_add(ret_numbers, first_of(result));
	if (options->items & SEARCH_MAX)
		seqset_add(ret_numbers, last_of(result));
}
