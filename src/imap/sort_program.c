/*
 * Reads the criteria of SORT.
 */
#include "imap/sort_program.h"

static const struct {
	const char *name;
	enum sort_criterion what;
} criteria[SORT_CRITERIA_MAX] = {
	{ "ARRIVAL", SORT_ARRIVAL },
	{ "CC", SORT_CC },
	{ "DATE", SORT_DATE },
	{ "DISPLAYFROM", SORT_DISPLAYFROM },
	{ "DISPLAYTO", SORT_DISPLAYTO },
	{ "FROM", SORT_FROM },
	{ "RELEVANCY", SORT_RELEVANCY },
	{ "SIZE", SORT_SIZE },
	{ "SUBJECT", SORT_SUBJECT },
	{ "TO", SORT_TO },
};

static bool parse_criterion(struct parse *parse, enum sort_criterion *ret_what)
{
	for (size_t i = 0; i < SORT_CRITERIA_MAX; i++) {
		if (parse_keyword(parse, criteria[i].name)) {
			*ret_what = criteria[i].what;
			return true;
		}
	}
	return parse_fail(parse, "Unknown sort criterion");
}

static void add_criterion(struct sort_program *program, enum sort_criterion what, bool reverse)
{
	for (size_t i = 0; i < program->n; i++)
		if (program->v[i].what == what)
			return;
	program->v[program->n].what = what;
	program->v[program->n++].reverse = reverse;
	if (what == SORT_DATE)
		program->sent = true;
	else if (what == SORT_RELEVANCY)
		program->relevancy = true;
	else if (what != SORT_ARRIVAL && what != SORT_SIZE)
		program->envelope = true;
}

bool sort_program_parse(struct parse *parse, struct sort_program *ret_program)
{
	struct sort_program program = { .n = 0 };
	if (!parse_char(parse, '('))
		return false;
	do {
		enum sort_criterion what = SORT_ARRIVAL;
		bool reverse = parse_keyword(parse, "REVERSE");
		if (reverse && !parse_sp(parse))
			return false;
		if (!parse_criterion(parse, &what))
			return false;
		add_criterion(&program, what, reverse);
	} while (parse_more(parse));
	*ret_program = program;
	return parse_char(parse, ')');
}

bool sort_program_is_memory(const struct sort_program *program)
{
	return !program->envelope && !program->sent;
}
