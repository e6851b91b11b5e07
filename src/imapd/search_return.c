#include "imapd/search_return.h"

static bool parse_item(struct parse *parse, unsigned *items)
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
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (parse_keyword(parse, names[i].name)) {
			*items |= names[i].item;
			return true;
		}
	}
	return parse_fail(parse, "Unknown RETURN option");
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
			if (!parse_item(parse, &options.items))
				return false;
		} while (parse_skip(parse, ' '));
	}
	*ret_options = options;
	return parse_char(parse, ')') && parse_sp(parse);
}

bool search_return_ends(unsigned items)
{
	return (items & (SEARCH_MIN | SEARCH_MAX)) && !(items & (SEARCH_ALL | SEARCH_COUNT));
}

static uint64_t count_of(const struct search_result *result)
{
	return result->set ? seqset_count(result->set) : result->count;
}

/* Of a result that is not empty. */
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

/* "5,1:3,9": rising runs as ranges, the order as it is. */
static void print_list(struct buf *out, const uint32_t *list, size_t count)
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

void search_return_print(const struct search_return *options, const struct search_result *result,
	struct strv tag, struct buf *out)
{
	unsigned items = options->items;
	uint64_t count = count_of(result);
	buf_adds(out, "* ESEARCH (TAG \"");
	buf_addv(out, tag);
	buf_adds(out, result->by_uid ? "\") UID" : "\")");
	if (count > 0 && items & SEARCH_MIN)
		print_item(out, " MIN ", first_of(result));
	if (count > 0 && items & SEARCH_MAX)
		print_item(out, " MAX ", last_of(result));
	if (count > 0 && items & SEARCH_ALL) {
		buf_adds(out, " ALL ");
		if (result->set)
			seqset_print(out, result->set);
		else
			print_list(out, result->list, result->count);
	}
	if (items & SEARCH_COUNT)
		print_item(out, " COUNT ", count);
	if (count > 0 && result->modseq > 0)
		print_item(out, " MODSEQ ", result->modseq);
	buf_adds(out, "\r\n");
}

void search_return_saved(
	const struct search_return *options, const struct search_result *result, struct seqset *ret_numbers)
{
	bool ends = search_return_ends(options->items);
	seqset_clear(ret_numbers);
	if (!ends && result->set)
		seqset_copy(ret_numbers, result->set);
	for (size_t i = 0; !ends && !result->set && i < result->count; i++)
		seqset_add(ret_numbers, result->list[i]);
	if (!ends || count_of(result) == 0)
		return;
	if (options->items & SEARCH_MIN)
		seqset_add(ret_numbers, first_of(result));
	if (options->items & SEARCH_MAX)
		seqset_add(ret_numbers, last_of(result));
}
