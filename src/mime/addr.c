/*
 * Parses a field in one pass. Text between top-level delimiters is a range of the field. The delimiter that
 * ends a range decides its meaning (display name, local part), and only then it is copied.
 */
#include "mime/addr.h"

#include "mime/mime_priv.h"

#include <string.h>

struct addr_parser {
	struct arena *arena;
	struct mime_lex lex;
	struct strv comment; /* the text of the last comment since the address began; p NULL: none */
	struct addr *first;
	struct addr **tail;
	size_t left;
	bool in_group;
};

static struct addr *addr_add(struct addr_parser *parser, enum addr_kind kind)
{
	struct addr *addr = arena_zalloc(parser->arena, sizeof(*addr));
	addr->kind = kind;
	addr->mailbox = STRV("");
	*parser->tail = addr;
	parser->tail = &addr->next;
	parser->left--;
	return addr;
}

/* Copies words without quotes, comments and line ends. Runs of white space become one space, or none if
 * !spaces. */
static struct strv words_text(struct arena *arena, struct strv range, bool spaces)
{
	struct mime_lex lex;
	mime_lex_init(&lex, range);
	char *text = arena_alloc(arena, range.n + 1);
	size_t n = 0;
	while (lex.p < lex.end) {
		const char *before = lex.p;
		mime_lex_cfws(&lex);
		if (lex.p == lex.end)
			break;
		if (lex.p > before && spaces && n > 0)
			text[n++] = ' ';
		const char *end = *lex.p == '"' ? mime_lex_quoted_end(&lex, lex.p) : NULL;
		if (end) {
			struct strv word = mime_lex_unquote(arena, strv_make(lex.p, (size_t)(end - lex.p)));
			memcpy(text + n, word.p, word.n);
			n += word.n;
			lex.p = end;
		} else {
			text[n++] = *lex.p++;
		}
	}
	return strv_make(text, n);
}

static struct strv range_to(const char *start, const char *end)
{
	return strv_make(start, (size_t)(end - start));
}

/* Skips words, quoted strings and comments up to one of the delimiters. */
static struct strv addr_take_range(struct addr_parser *parser, const char *delimiters)
{
	struct mime_lex *lex = &parser->lex;
	const char *start = lex->p;
	while (lex->p < lex->end && (*lex->p == '\0' || !strchr(delimiters, *lex->p))) {
		const char *end = NULL;
		if (*lex->p == '"') {
			end = mime_lex_quoted_end(lex, lex->p);
		} else if (*lex->p == '(') {
			end = mime_lex_comment_end(lex, lex->p);
			if (end)
				parser->comment = range_to(lex->p, end);
		}
		lex->p = end ? end : lex->p + 1;
	}
	return range_to(start, lex->p);
}

static struct strv take_domain(struct addr_parser *parser)
{
	struct mime_lex *lex = &parser->lex;
	mime_lex_cfws(lex);
	const char *start = lex->p;
	if (lex->p < lex->end && *lex->p == '[') {
		const char *close = memchr(lex->p, ']', (size_t)(lex->end - lex->p));
		lex->p = close ? close + 1 : lex->end;
		return words_text(parser->arena, range_to(start, lex->p), false);
	}
	/* White space and comments belong to the domain only next to dots. */
	const char *end = start;
	bool dot = true;
	while (lex->p < lex->end && (*lex->p == '\0' || !strchr("<>,;:@()[]\"", *lex->p)) &&
		!mime_is_space(*lex->p)) {
		dot = *lex->p++ == '.';
		end = lex->p;
		if (lex->p == lex->end || !(mime_is_space(*lex->p) || *lex->p == '('))
			continue;
		mime_lex_cfws(lex);
		if (!dot && (lex->p == lex->end || *lex->p != '.')) {
			lex->p = end;
			break;
		}
	}
	return words_text(parser->arena, range_to(start, end), false);
}

/* The start of the last run of words joined by dots: "John Smith joe . x" gives "joe . x". */
static const char *last_local(struct strv range)
{
	struct mime_lex lex;
	mime_lex_init(&lex, range);
	const char *local = lex.p;
	bool dot = true;
	while (lex.p < lex.end) {
		const char *before = lex.p;
		mime_lex_cfws(&lex);
		if (lex.p == lex.end)
			break;
		if (lex.p > before && !dot && *lex.p != '.')
			local = lex.p;
		dot = *lex.p == '.';
		const char *end = *lex.p == '"' ? mime_lex_quoted_end(&lex, lex.p) : NULL;
		lex.p = end ? end : lex.p + 1;
	}
	return local;
}

static struct strv name_or_null(struct addr_parser *parser, struct strv range)
{
	struct strv name = words_text(parser->arena, range, true);
	return name.n > 0 ? name : STRV_NULL;
}

static struct strv comment_name(struct addr_parser *parser)
{
	if (!parser->comment.p)
		return STRV_NULL;
	struct strv name = strv_trim(mime_lex_unquote(parser->arena, parser->comment));
	return name.n > 0 ? name : STRV_NULL;
}

/* Reads what follows '<': an optional route, local part, domain, '>'. */
static void take_angle(struct addr_parser *parser, struct addr *addr)
{
	struct mime_lex *lex = &parser->lex;
	mime_lex_cfws(lex);
	if (lex->p < lex->end && *lex->p == '@') {
		struct strv route = addr_take_range(parser, ":>");
		if (lex->p < lex->end && *lex->p == ':') {
			addr->route = words_text(parser->arena, route, false);
			lex->p++;
		} else {
			lex->p = route.p;
		}
	}
	struct strv local = addr_take_range(parser, "@>,");
	addr->mailbox = words_text(parser->arena, local, false);
	if (lex->p < lex->end && *lex->p == '@') {
		lex->p++;
		addr->domain = take_domain(parser);
		addr_take_range(parser, ">,;");
	}
	if (lex->p < lex->end && *lex->p == '>')
		lex->p++;
}

static void take_mailbox_with_angle(struct addr_parser *parser, struct strv phrase)
{
	struct addr *addr = addr_add(parser, ADDR_MAILBOX);
	parser->lex.p++;
	addr->name = name_or_null(parser, phrase);
	take_angle(parser, addr);
	addr_take_range(parser, ",;");
	if (!addr->name.p)
		addr->name = comment_name(parser);
}

/* Reads an address whose `range` ends at an '@' outside of angle brackets: an address without brackets, or
 * a display name with an '@'. */
static void take_bare_mailbox(struct addr_parser *parser, struct strv range)
{
	struct mime_lex *lex = &parser->lex;
	lex->p++;
	struct strv domain = take_domain(parser);
	addr_take_range(parser, "<,;");
	if (lex->p < lex->end && *lex->p == '<') {
		take_mailbox_with_angle(parser, range_to(range.p, lex->p));
		return;
	}
	struct addr *addr = addr_add(parser, ADDR_MAILBOX);
	const char *local = last_local(range);
	addr->name = name_or_null(parser, range_to(range.p, local));
	addr->mailbox = words_text(parser->arena, range_to(local, range.p + range.n), false);
	addr->domain = domain;
	if (!addr->name.p)
		addr->name = comment_name(parser);
}

/* Handles a range of words: one word is a local mailbox, several are a name without an address. */
static void take_words(struct addr_parser *parser, struct strv range)
{
	struct strv text = words_text(parser->arena, range, true);
	if (text.n == 0)
		return;
	struct addr *addr = addr_add(parser, ADDR_MAILBOX);
	if (last_local(range) == range.p) {
		addr->mailbox = text;
		addr->name = comment_name(parser);
	} else {
		addr->name = text;
	}
}

static void end_group(struct addr_parser *parser)
{
	if (parser->in_group)
		addr_add(parser, ADDR_GROUP_END);
	parser->in_group = false;
}

static void take_group(struct addr_parser *parser, struct strv phrase)
{
	struct strv name = words_text(parser->arena, phrase, true);
	parser->lex.p++;
	/* A colon without a name, or inside a group, is ignored. */
	if (parser->in_group || name.n == 0 || parser->left < 2)
		return;
	addr_add(parser, ADDR_GROUP_START)->mailbox = name;
	parser->in_group = true;
}

static void take_item(struct addr_parser *parser)
{
	struct mime_lex *lex = &parser->lex;
	parser->comment = STRV_NULL;
	struct strv range = addr_take_range(parser, "<,;:@");
	char delimiter = lex->p < lex->end ? *lex->p : ',';
	switch (delimiter) {
	case '<':
		take_mailbox_with_angle(parser, range);
		break;
	case '@':
		take_bare_mailbox(parser, range);
		break;
	case ':':
		take_group(parser, range);
		break;
	default:
		take_words(parser, range);
		break;
	}
	delimiter = lex->p < lex->end ? *lex->p : ',';
	if (delimiter == ';')
		end_group(parser);
	if (lex->p < lex->end && (delimiter == ';' || delimiter == ','))
		lex->p++;
}

struct addr *addr_parse(struct arena *arena, struct strv value, size_t max)
{
	struct addr_parser parser = { .arena = arena, .left = max ? max : ADDR_MAX };
	parser.tail = &parser.first;
	mime_lex_init(&parser.lex, value);
	/* One entry is reserved for the end of a group. */
	while (parser.lex.p < parser.lex.end && parser.left > (parser.in_group ? 1 : 0))
		take_item(&parser);
	if (parser.in_group)
		addr_add(&parser, ADDR_GROUP_END);
	return parser.first;
}
