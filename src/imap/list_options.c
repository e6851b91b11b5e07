/*
 * Reads the arguments of LIST: selection options, reference, patterns, return options.
 */
#include "imap/list_options.h"

#include "base/mem.h"
#include "imap/metadata_items.h"
#include "imap/status_items.h"

static bool parse_select(struct parse *parse, struct list_options *options)
{
	static const struct {
		const char *name;
		enum list_select bit;
	} names[] = {
		{ "SUBSCRIBED", LIST_SELECT_SUBSCRIBED },
		{ "REMOTE", LIST_SELECT_REMOTE },
		{ "RECURSIVEMATCH", LIST_SELECT_RECURSIVEMATCH },
		{ "SPECIAL-USE", LIST_SELECT_SPECIAL_USE },
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (parse_keyword(parse, names[i].name)) {
			options->select |= names[i].bit;
			return true;
		}
	}
	return parse_fail(parse, "Unknown selection option");
}

static bool parse_selects(struct parse *parse, struct list_options *options)
{
	if (parse_skip(parse, ')'))
		return parse_sp(parse);
	do {
		if (!parse_select(parse, options))
			return false;
	} while (parse_more(parse));
	unsigned basis = options->select & ~(unsigned)(LIST_SELECT_RECURSIVEMATCH | LIST_SELECT_REMOTE);
	if (options->select & LIST_SELECT_RECURSIVEMATCH && basis == 0)
		return parse_fail(parse, "RECURSIVEMATCH needs another selection option");
	return parse_char(parse, ')') && parse_sp(parse);
}

static bool parse_patterns(struct parse *parse, struct list_options *options)
{
	bool several = parse_skip(parse, '(');
	size_t max = several ? LIST_PATTERNS_MAX : 1;

	options->extended |= several;
	options->patterns = arena_alloc(parse->arena, max * sizeof(*options->patterns));
	do {
		if (options->pattern_count == max)
			return parse_fail(parse, "Too many patterns");
		if (!parse_list_mailbox(parse, &options->patterns[options->pattern_count++]))
			return false;
	} while (several && parse_more(parse));
	return !several || parse_char(parse, ')');
}

static bool parse_return(struct parse *parse, struct list_options *options)
{
	if (parse_keyword(parse, "SUBSCRIBED")) {
		options->ret |= LIST_RETURN_SUBSCRIBED;
		return true;
	}
	if (parse_keyword(parse, "CHILDREN")) {
		options->ret |= LIST_RETURN_CHILDREN;
		return true;
	}
	if (parse_keyword(parse, "SPECIAL-USE")) {
		options->ret |= LIST_RETURN_SPECIAL_USE;
		return true;
	}
	if (parse_keyword(parse, "MYRIGHTS")) {
		options->ret |= LIST_RETURN_MYRIGHTS;
		return true;
	}
	if (parse_keyword(parse, "STATUS")) {
		options->ret |= LIST_RETURN_STATUS;
		return parse_sp(parse) && status_items_parse(parse, &options->status);
	}
	if (parse_keyword(parse, "METADATA")) {
		options->ret |= LIST_RETURN_METADATA;
		options->metadata = (struct metadata_request){ 0 };
		return parse_sp(parse) && metadata_items_names(parse, false, &options->metadata);
	}
	return parse_fail(parse, "Unknown return option");
}

static bool parse_returns(struct parse *parse, struct list_options *options)
{
	if (!parse_keyword(parse, "RETURN"))
		return parse_fail(parse, "Expected RETURN");
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	if (parse_skip(parse, ')'))
		return true;
	do {
		if (!parse_return(parse, options))
			return false;
	} while (parse_more(parse));
	return parse_char(parse, ')');
}

bool list_options_parse(struct parse *parse, struct list_options *ret_options)
{
	struct list_options options = { .extended = false };

	if (parse_skip(parse, '(')) {
		options.extended = true;
		if (!parse_selects(parse, &options))
			return false;
	}
	if (!parse_mailbox(parse, &options.reference) || !parse_sp(parse) || !parse_patterns(parse, &options))
		return false;
	if (parse_more(parse)) {
		options.extended = true;
		if (!parse_returns(parse, &options))
			return false;
	}
	if (!parse_end(parse))
		return false;
	*ret_options = options;
	return true;
}
