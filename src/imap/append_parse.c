/*
 * Reads the messages of APPEND and REPLACE: flags, date, then a literal or the parts of CATENATE. It is
 * called again for each announced literal, so it stops where the input stops.
 */
#include "imap/append_parse.h"

struct reading {
	struct parse *parse;
	const struct lex_literal *literal; /* NULL: the command is whole */
	enum append_place place; /* where the literal stands */
	struct append_list list;
	size_t messages_max;
	size_t parts_max;
};

/* True: the announced literal stands here. Then the callers return false, which is not an error. */
static bool ends_here(struct reading *r, enum append_place place)
{
	if (!r->literal || r->parse->failed || !parse_at_end(r->parse))
		return false;
	r->place = place;
	return true;
}

static struct append_part *append_parse_add_part(struct reading *r)
{
	struct append_list *list = &r->list;
	if (list->part_count == r->parts_max) {
		parse_fail(r->parse, "Too many parts");
		return NULL;
	}
	list->specs[list->count - 1].part_count++;
	struct append_part *part = &list->parts[list->part_count++];
	*part = (struct append_part){ .url = STRV_NULL };
	return part;
}

static bool read_literal(struct reading *r)
{
	size_t index;
	if (ends_here(r, APPEND_AT_MESSAGE) || !parse_streamed(r->parse, &index))
		return false;
	struct append_part *part = append_parse_add_part(r);
	if (part)
		part->binary = r->parse->streamed[index].binary;
	return part != NULL;
}

/* Reads " (~{n}...)", after "UTF8". */
static bool read_utf8(struct reading *r)
{
	struct parse *parse = r->parse;
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	if (r->literal && parse_at_end(parse) && !r->literal->binary)
		return parse_fail(parse, "UTF8 needs a literal8");
	if (!read_literal(r))
		return false;
	if (!r->list.parts[r->list.part_count - 1].binary)
		return parse_fail(parse, "UTF8 needs a literal8");
	return parse_char(parse, ')');
}

static bool read_url(struct reading *r)
{
	struct strv url;
	if (!parse_sp(r->parse) || ends_here(r, APPEND_AT_URL) || !parse_astring(r->parse, &url))
		return false;
	struct append_part *part = append_parse_add_part(r);
	if (part)
		part->url = url.p ? url : STRV("");
	return part != NULL;
}

/* Reads " (TEXT {n}... URL \"/INBOX/;UID=20\")", after "CATENATE". */
static bool read_catenate(struct reading *r)
{
	struct parse *parse = r->parse;
	r->list.specs[r->list.count - 1].catenate = true;
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	do {
		bool ok;
		if (parse_keyword(parse, "TEXT"))
			ok = parse_sp(parse) && read_literal(r);
		else if (parse_keyword(parse, "URL"))
			ok = read_url(r);
		else if (parse_keyword(parse, "UTF8"))
			ok = read_utf8(r);
		else
			ok = parse_fail(parse, "TEXT or URL expected");
		if (!ok)
			return false;
	} while (parse_more(parse));
	return parse_char(parse, ')');
}

/* Reads "(\Seen) \"date\" " before a message; both may be missing. */
static bool read_options(struct parse *parse, struct append_spec *spec)
{
	if (parse_peek(parse, '(')) {
		if (!parse_flag_list(parse, false, &spec->flags, &spec->keywords, &spec->keyword_count) ||
			!parse_sp(parse))
			return false;
	}
	if (parse_peek(parse, '"')) {
		if (!parse_date_time(parse, &spec->internaldate, &spec->zone) || !parse_sp(parse))
			return false;
		spec->dated = true;
	}
	return true;
}

/* Reads one message. `from`: the place where the text before it ends. */
static bool append_parse_read_message(struct reading *r, size_t from)
{
	struct append_list *list = &r->list;
	struct append_spec *spec = &list->specs[list->count++];
	*spec = (struct append_spec){ .part_from = list->part_count, .from = from };
	if (!read_options(r->parse, spec))
		return false;
	if (parse_keyword(r->parse, "CATENATE"))
		return read_catenate(r);
	if (parse_keyword(r->parse, "UTF8"))
		return read_utf8(r);
	if (r->literal && !parse_at_end(r->parse) && !parse_peek_streamed(r->parse))
		return parse_fail(r->parse, "Message literal expected");
	return read_literal(r);
}

static bool append_parse_read_all(struct reading *r, bool several)
{
	struct parse *parse = r->parse;
	if (ends_here(r, APPEND_AT_NAME) || !parse_mailbox_sent(parse, &r->list.mailbox, &r->list.sent))
		return false;
	size_t from = parse->at;
	if (!parse_sp(parse))
		return false;
	do {
		if (r->list.count == r->messages_max)
			return parse_fail(parse, "Too many messages");
		if (!append_parse_read_message(r, from))
			return false;
		from = r->list.specs[r->list.count - 1].to = parse->at;
	} while (several && parse_more(parse));
	if (!r->literal)
		return parse_end(parse);
	return parse_fail(parse, "Message literal expected");
}

enum append_place append_parse_list(
	struct parse *parse, const struct lex_literal *literal, bool several, struct append_list *ret_list)
{
	struct arena *arena = parse->arena;
	struct reading r = { .parse = parse, .literal = literal, .place = APPEND_WHOLE };
	parse->literal_follows = literal != NULL;
	/* A message or a part takes at least four octets. */
	size_t most = parse->in.n / 4 + 1;
	r.messages_max = most;
	r.parts_max = most < APPEND_PARTS_MAX ? most : APPEND_PARTS_MAX;
	r.list.specs = arena_alloc(arena, r.messages_max * sizeof(*r.list.specs));
	r.list.parts = arena_alloc(arena, r.parts_max * sizeof(*r.list.parts));
	bool whole = append_parse_read_all(&r, several);
	if (parse->failed || (!whole && r.place == APPEND_WHOLE))
		return APPEND_BAD;
	*ret_list = r.list;
	return r.place;
}
