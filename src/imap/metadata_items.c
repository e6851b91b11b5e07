/*
 * Reads the arguments of GETMETADATA and SETMETADATA, prints the METADATA response.
 */
#include "imap/metadata_items.h"

#include "imap/print.h"

/* Arguments. */

bool metadata_items_entry(struct parse *parse, struct strv *ret_name)
{
	if (!parse_astring(parse, ret_name))
		return false;
	return entry_name_valid(*ret_name) || parse_fail(parse, "Invalid entry name");
}

bool metadata_items_names(struct parse *parse, bool bare, struct metadata_request *request)
{
	struct strv *names = arena_alloc(parse->arena, METADATA_NAMES_MAX * sizeof(*names));
	bool list = parse_skip(parse, '(');

	request->names = names;
	if (!list && !bare)
		return parse_char(parse, '(');
	do {
		if (request->count == METADATA_NAMES_MAX)
			return parse_fail(parse, "Too many entries");
		if (!metadata_items_entry(parse, &names[request->count++]))
			return false;
	} while (parse_more(parse));
	return !list || parse_char(parse, ')');
}

static bool parse_depth(struct parse *parse, struct metadata_request *request)
{
	if (parse_keyword(parse, "0"))
		request->depth = ENTRY_DEPTH_0;
	else if (parse_keyword(parse, "1"))
		request->depth = ENTRY_DEPTH_1;
	else if (parse_keyword(parse, "infinity"))
		request->depth = ENTRY_DEPTH_INFINITY;
	else
		return parse_fail(parse, "DEPTH is 0, 1 or infinity");
	return true;
}

/* "(DEPTH 1 MAXSIZE 1024)" */
bool metadata_items_options(struct parse *parse, struct metadata_request *request)
{
	if (!parse_char(parse, '('))
		return false;
	do {
		if (parse_keyword(parse, "DEPTH")) {
			if (!parse_sp(parse) || !parse_depth(parse, request))
				return false;
		} else if (parse_keyword(parse, "MAXSIZE")) {
			request->sized = true;
			if (!parse_sp(parse) || !parse_number64(parse, &request->maxsize))
				return false;
		} else {
			return parse_fail(parse, "Unknown option");
		}
	} while (parse_more(parse));
	return parse_char(parse, ')');
}

/* Tells whether an option's name comes next, not an entry. */
bool metadata_items_options_follow(const struct parse *parse)
{
	struct parse ahead = *parse;
	if (!parse_skip(&ahead, '('))
		return false;
	return !parse_peek(&ahead, '/') && !parse_peek(&ahead, '"') && !parse_peek(&ahead, '{');
}

bool metadata_items_value(struct parse *parse, struct strv *ret_value)
{
	if (parse_keyword(parse, "NIL")) {
		*ret_value = STRV_NULL;
		return true;
	}
	if (!parse_data(parse, ret_value))
		return false;
	if (!ret_value->p)
		ret_value->p = "";
	return true;
}

void metadata_items_copy(
	const struct metadata_request *request, struct arena *arena, struct metadata_request *ret_request)
{
	*ret_request = *request;
	ret_request->names = arena_strvs(arena, request->names, request->count);
}

/* Answers. */

static void print_value(struct buf *out, struct strv value)
{
	/* Some chat clients keep the backslashes of quoted strings, which breaks JSON; so such a value is
	 * sent as a literal. */
	bool escapes = value.p && (strv_index(value, '"') < value.n || strv_index(value, '\\') < value.n);
	/* NUL may occur in a literal8 only. */
	if (value.p && strv_index(value, '\0') < value.n)
		buf_addc(out, '~');
	if (escapes)
		print_literal(out, value);
	else
		print_nstring(out, value);
}

void metadata_items_print(
	struct buf *out, struct strv mailbox, bool utf8, const struct metadata_answer *answer)
{
	if (answer->count == 0)
		return;
	buf_adds(out, "* METADATA ");
	print_mailbox(out, mailbox, utf8);
	for (size_t i = 0; i < answer->count; i++) {
		buf_adds(out, i == 0 ? " (" : " ");
		buf_addv(out, answer->entries[i].name);
		buf_addc(out, ' ');
		print_value(out, answer->entries[i].value);
	}
	buf_adds(out, ")\r\n");
}
