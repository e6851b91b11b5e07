/*
 * The pull parser of command arguments: atoms, strings, literals, numbers, sequence sets, mailbox names,
 * flags. It accepts deviations from the grammar that clients are known to send, above all superfluous blanks.
 */
#include "imap/parse.h"

#include "base/mem.h"
#include "base/str.h"
#include "imap/lex.h"
#include "store/message.h"

#include <string.h>

void parse_init(struct parse *parse, struct strv in, struct arena *arena)
{
	*parse = (struct parse){ .in = in, .arena = arena };
}

bool parse_fail_code(struct parse *parse, const char *code, const char *error)
{
	if (!parse->failed) {
		parse->failed = true;
		parse->error = error;
		parse->code = code;
	}
	return false;
}

bool parse_fail(struct parse *parse, const char *error)
{
	return parse_fail_code(parse, NULL, error);
}

bool parse_refuse(struct parse *parse, const char *code, const char *error)
{
	parse->refused |= !parse->failed;
	return parse_fail_code(parse, code, error);
}

bool parse_numbers_allowed(struct parse *parse)
{
	return !parse->uidonly || parse_fail_code(parse, PARSE_UIDREQUIRED, PARSE_UIDREQUIRED_TEXT);
}

bool parse_at_end(const struct parse *parse)
{
	return parse->at >= parse->in.n;
}

/* Takes the blanks that come next, which count as one argument. False: there is none, or the parser has
 * failed. */
static bool parse_blanks(struct parse *parse)
{
	size_t from = parse->at;
	while (parse_peek(parse, ' '))
		parse->at++;
	if (parse->at == from)
		return false;
	if (parse->words_max > 0 && ++parse->words > parse->words_max)
		return parse_fail(parse, "Too many arguments");
	return true;
}

bool parse_end(struct parse *parse)
{
	parse_blanks(parse);
	if (parse->failed)
		return false;
	return parse_at_end(parse) || parse_fail(parse, "Unexpected arguments");
}

struct strv parse_rest(const struct parse *parse)
{
	return strv_sub(parse->in, parse->at, parse->in.n);
}

void parse_advance(struct parse *parse, size_t n)
{
	size_t left = parse->in.n - parse->at;
	parse->at += n < left ? n : left;
}

bool parse_peek(const struct parse *parse, char c)
{
	return !parse->failed && parse->at < parse->in.n && parse->in.p[parse->at] == c;
}

bool parse_skip(struct parse *parse, char c)
{
	if (!parse_peek(parse, c))
		return false;
	parse->at++;
	if (c == '(')
		parse_blanks(parse);
	return !parse->failed;
}

bool parse_sp(struct parse *parse)
{
	if (parse->failed)
		return false;
	if (parse_at_end(parse))
		return parse_fail(parse, "Missing argument");
	if (!parse_blanks(parse))
		return parse_fail(parse, "Space expected");
	return true;
}

bool parse_more(struct parse *parse)
{
	if (!parse_blanks(parse))
		return false;
	return parse_at_end(parse) ? parse->literal_follows : !parse_peek(parse, ')');
}

bool parse_char(struct parse *parse, char c)
{
	if (c == ')')
		parse_blanks(parse);
	if (parse->failed)
		return false;
	if (parse_skip(parse, c))
		return true;
	switch (c) {
	case '(':
		return parse_fail(parse, "'(' expected");
	case ')':
		return parse_fail(parse, "')' expected");
	default:
		return parse_fail(parse, "Syntax error");
	}
}

/* RFC 3501: any CHAR except "(", ")", "{", SP, CTL, "%", "*", DQUOTE, "\", "]". */
static bool is_atom_char(unsigned char c)
{
	if (c <= ' ' || c >= 0x7f)
		return false;
	return !strchr("(){%*\"\\]", c);
}

static bool is_astring_char(unsigned char c)
{
	return is_atom_char(c) || c == ']';
}

static bool is_tag_char(unsigned char c)
{
	return is_astring_char(c) && c != '+';
}

static bool is_list_char(unsigned char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

/* Takes the longest run of such bytes. False without an error: it is empty. */
static bool take_run(struct parse *parse, bool (*is)(unsigned char c), struct strv *ret_run)
{
	size_t end = parse->at;
	while (end < parse->in.n && is((unsigned char)parse->in.p[end]))
		end++;
	if (end == parse->at)
		return false;
	*ret_run = strv_sub(parse->in, parse->at, end - parse->at);
	parse->at = end;
	return true;
}

bool parse_tag(struct parse *parse, struct strv *ret_tag)
{
	return !parse->failed && (take_run(parse, is_tag_char, ret_tag) || parse_fail(parse, "Invalid tag"));
}

bool parse_atom(struct parse *parse, struct strv *ret_atom)
{
	if (parse->failed)
		return false;
	if (parse_at_end(parse))
		return parse_fail(parse, "Missing argument");
	return take_run(parse, is_atom_char, ret_atom) || parse_fail(parse, "Atom expected");
}

bool parse_keyword(struct parse *parse, const char *keyword)
{
	if (parse->failed)
		return false;
	size_t before = parse->at;
	struct strv atom;
	if (take_run(parse, is_atom_char, &atom) && strv_ieq(atom, strv_cstr(keyword)))
		return true;
	parse->at = before;
	return false;
}

/* Reads a literal's "{n}" CRLF at the present place. */
static bool parse_literal_head(const struct parse *parse, uint64_t *ret_size, size_t *ret_length)
{
	struct strv rest = parse_rest(parse);
	size_t i = rest.n > 0 && rest.p[0] == '~' ? 1 : 0;
	if (i >= rest.n || rest.p[i] != '{')
		return false;
	size_t from = ++i;
	while (i < rest.n && rest.p[i] >= '0' && rest.p[i] <= '9')
		i++;
	if (str_u64(strv_sub(rest, from, i - from), ret_size) != RC_OK)
		return false;
	if (i < rest.n && rest.p[i] == '+')
		i++;
	if (rest.n - i < 3 || memcmp(rest.p + i, "}\r\n", 3) != 0)
		return false;
	*ret_length = i + 3;
	return true;
}

/* The index of the streamed literal that begins here, or streamed_count. */
static size_t streamed_here(const struct parse *parse)
{
	size_t i = 0;
	while (i < parse->streamed_count && parse->streamed[i].offset != parse->at)
		i++;
	return i;
}

bool parse_peek_streamed(const struct parse *parse)
{
	return !parse->failed && streamed_here(parse) < parse->streamed_count;
}

bool parse_streamed(struct parse *parse, size_t *ret_index)
{
	if (parse->failed)
		return false;
	size_t index = streamed_here(parse);
	uint64_t size;
	size_t length;
	if (index == parse->streamed_count || !parse_literal_head(parse, &size, &length))
		return parse_fail(parse, "Literal expected");
	parse->at += length;
	*ret_index = index;
	return true;
}

static bool parse_take_literal(struct parse *parse, struct strv *ret_string)
{
	uint64_t size;
	size_t length;
	if (parse_peek_streamed(parse))
		return parse_fail(parse, "Literal in the wrong place");
	if (!parse_literal_head(parse, &size, &length) || size > parse->in.n - parse->at - length)
		return parse_fail(parse, "Invalid literal");
	struct strv bytes = strv_sub(parse->in, parse->at + length, (size_t)size);
	/* RFC 3501: a literal has any octet but NUL; a literal8 (RFC 3516) may also have NUL. */
	if (!parse_peek(parse, '~') && bytes.n > 0 && memchr(bytes.p, '\0', bytes.n))
		return parse_fail(parse, "NUL in a literal");
	*ret_string = bytes;
	parse->at += length + (size_t)size;
	return true;
}

/* Takes a quoted string, at the opening quote. any_octets: octets that are not UTF-8 are allowed. */
static bool parse_take_quoted(struct parse *parse, bool any_octets, struct strv *ret_string)
{
	size_t start = ++parse->at;
	size_t escapes = 0;
	size_t i = start;

	for (;; i++) {
		if (i >= parse->in.n)
			return parse_fail(parse, "Missing '\"'");
		char c = parse->in.p[i];
		if (c == '"')
			break;
		if (c == '\r' || c == '\n' || c == '\0')
			return parse_fail(parse, "Invalid quoted string");
		if (c != '\\')
			continue;
		i++;
		if (i >= parse->in.n || (parse->in.p[i] != '"' && parse->in.p[i] != '\\'))
			return parse_fail(parse, "Invalid escape in quoted string");
		escapes++;
	}
	struct strv raw = strv_sub(parse->in, start, i - start);
	/* RFC 6855 section 3: 8-bit octets must be UTF-8. */
	if (!any_octets && !str_utf8_valid(raw))
		return parse_fail(parse, "Quoted string is not valid UTF-8");
	parse->at = i + 1;
	if (escapes == 0) {
		*ret_string = raw;
		return true;
	}
	char *copy = arena_alloc(parse->arena, raw.n);
	size_t n = 0;
	for (size_t k = 0; k < raw.n; k++) {
		if (raw.p[k] == '\\')
			k++;
		copy[n++] = raw.p[k];
	}
	*ret_string = strv_make(copy, n);
	return true;
}

bool parse_string(struct parse *parse, struct strv *ret_string)
{
	if (parse->failed)
		return false;
	if (parse_at_end(parse))
		return parse_fail(parse, "Missing argument");
	if (parse_peek(parse, '"'))
		return parse_take_quoted(parse, false, ret_string);
	if (parse_peek(parse, '{') || parse_peek(parse, '~'))
		return parse_take_literal(parse, ret_string);
	return parse_fail(parse, "String expected");
}

bool parse_astring(struct parse *parse, struct strv *ret_string)
{
	if (parse->failed)
		return false;
	/* '~' may begin an atom or a literal8. */
	bool string = parse_peek(parse, '"') || parse_peek(parse, '{') ||
		      strv_starts(parse_rest(parse), STRV("~{"));
	if (!string && take_run(parse, is_astring_char, ret_string))
		return true;
	return parse_string(parse, ret_string);
}

bool parse_data(struct parse *parse, struct strv *ret_string)
{
	if (parse_peek(parse, '"'))
		return parse_take_quoted(parse, true, ret_string);
	return parse_astring(parse, ret_string);
}

bool parse_nstring(struct parse *parse, struct strv *ret_string)
{
	if (parse_keyword(parse, "NIL")) {
		*ret_string = STRV_NULL;
		return true;
	}
	if (!parse_string(parse, ret_string))
		return false;
	if (!ret_string->p)
		ret_string->p = "";
	return true;
}

static bool parse_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

bool parse_number64(struct parse *parse, uint64_t *ret_number)
{
	if (parse->failed)
		return false;
	struct strv digits;
	uint64_t number;
	if (!take_run(parse, parse_is_digit, &digits) || str_u64(digits, &number) != RC_OK ||
		number > INT64_MAX)
		return parse_fail(parse, "Invalid number");
	*ret_number = number;
	return true;
}

bool parse_number(struct parse *parse, uint32_t *ret_number)
{
	uint64_t number;
	if (!parse_number64(parse, &number))
		return false;
	if (number > UINT32_MAX)
		return parse_fail(parse, "Invalid number");
	*ret_number = (uint32_t)number;
	return true;
}

bool parse_nz_number(struct parse *parse, uint32_t *ret_number)
{
	uint32_t number;
	if (!parse_number(parse, &number))
		return false;
	if (number == 0)
		return parse_fail(parse, "Invalid number");
	*ret_number = number;
	return true;
}

static bool is_seqset_char(unsigned char c)
{
	return parse_is_digit(c) || c == ':' || c == ',' || c == '*';
}

/* Copies the set into the arena, with room for the range that '*' becomes. */
static struct seqset parse_arena_set(struct parse *parse, const struct seqset *set)
{
	size_t cap = set->n + 1;
	struct seqrange *ranges = arena_alloc(parse->arena, cap * sizeof(*ranges));
	if (set->n > 0)
		memcpy(ranges, set->v, set->n * sizeof(*ranges));
	return (struct seqset){ .v = ranges, .n = set->n, .cap = cap, .star = set->star };
}

bool parse_seqset(struct parse *parse, struct seqset *ret_set)
{
	if (parse->failed)
		return false;
	if (parse_at_end(parse))
		return parse_fail(parse, "Missing argument");
	struct strv text;
	if (!take_run(parse, is_seqset_char, &text))
		return parse_fail(parse, "Invalid sequence set");

	struct seqset set = SEQSET_EMPTY;
	enum rc rc = seqset_parse(&set, text, PARSE_RANGES_MAX);
	if (rc != RC_OK) {
		seqset_fini(&set);
		return parse_fail(parse, rc == RC_LIMIT ? "Too many ranges" : "Invalid sequence set");
	}
	*ret_set = parse_arena_set(parse, &set);
	seqset_fini(&set);
	return true;
}

bool parse_seqset_or_saved(struct parse *parse, struct seqset *ret_set, bool *ret_uids)
{
	if (!parse->saved || !parse_peek(parse, '$')) {
		*ret_uids = false;
		return parse_seqset(parse, ret_set);
	}
	parse_advance(parse, 1);
	*ret_set = parse_arena_set(parse, parse->saved);
	*ret_uids = true;
	return true;
}

static bool has_8bit(struct strv v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] >= 0x80)
			return true;
	return false;
}

/* Converts a name to UTF-8, in the arena. A name that is not modified UTF-7 stays unchanged; *ret_decoded
 * is false then. */
static bool decode_mailbox(struct parse *parse, struct strv raw, struct strv *ret_name, bool *ret_decoded)
{
	if (raw.n > PARSE_MAILBOX_MAX)
		return parse_refuse(parse, "CANNOT", "Mailbox name is too long");
	*ret_decoded = true;
	*ret_name = arena_strv(parse->arena, raw);
	/* A name with 8-bit octets can't be modified UTF-7. RFC 6855 section 3 demands that it be taken as
	 * UTF-8 from every client. */
	if (parse->utf8 || has_8bit(raw))
		return str_utf8_valid(raw) || parse_fail(parse, "Mailbox name is not valid UTF-8");
	struct buf out;
	buf_init(&out, PARSE_MAILBOX_MAX);
	if (str_mutf7_decode(&out, raw) == RC_OK)
		*ret_name = arena_strv(parse->arena, buf_strv(&out));
	else
		*ret_decoded = false;
	buf_fini(&out);
	return true;
}

/* Takes a mailbox name. A name that can't exist is refused, although the command is well-formed. */
static bool take_mailbox(struct parse *parse, struct strv *ret_name)
{
	struct strv raw;
	bool decoded;
	if (!parse_astring(parse, &raw) || !decode_mailbox(parse, raw, ret_name, &decoded))
		return false;
	return decoded || parse_refuse(parse, NULL, "Mailbox name is not valid modified UTF-7");
}

bool parse_mailbox_sent(struct parse *parse, struct strv *ret_name, struct strv *ret_sent)
{
	struct strv name;
	if (!take_mailbox(parse, &name))
		return false;
	*ret_sent = name;
	if (strv_ieq(name, STRV("INBOX")))
		name = STRV("INBOX");
	else if (strv_istarts(name, STRV("INBOX/")) && !strv_starts(name, STRV("INBOX")))
		name = strv_cstr(arena_printf(parse->arena, "INBOX%.*s", (int)(name.n - 5), name.p + 5));
	*ret_name = name;
	return true;
}

bool parse_mailbox(struct parse *parse, struct strv *ret_name)
{
	struct strv sent;
	return parse_mailbox_sent(parse, ret_name, &sent);
}

bool parse_list_mailbox(struct parse *parse, struct strv *ret_pattern)
{
	struct strv raw;
	bool decoded;
	if (parse->failed)
		return false;
	if (!take_run(parse, is_list_char, &raw) && !parse_string(parse, &raw))
		return false;
	/* "*&*" is not modified UTF-7, but as a pattern it may match. */
	return decode_mailbox(parse, raw, ret_pattern, &decoded);
}

static bool flag_by_name(struct strv name, uint32_t *ret_flag)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} names[] = {
		{ "\\Seen", MSG_SEEN },
		{ "\\Answered", MSG_ANSWERED },
		{ "\\Flagged", MSG_FLAGGED },
		{ "\\Deleted", MSG_DELETED },
		{ "\\Draft", MSG_DRAFT },
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strv_ieq(name, strv_cstr(names[i].name))) {
			*ret_flag = names[i].flag;
			return true;
		}
	}
	return false;
}

struct flag_list {
	uint32_t flags;
	struct strv keywords[PARSE_FLAGS_MAX];
	size_t count;
	size_t seen; /* flags written, repeated ones too */
};

static bool take_flag(struct parse *parse, struct flag_list *list)
{
	size_t start = parse->at;
	bool system = parse_skip(parse, '\\');
	struct strv atom;
	if (!take_run(parse, is_atom_char, &atom))
		return parse_fail(parse, "Flag expected");
	if (++list->seen > PARSE_FLAGS_MAX)
		return parse_refuse(parse, "LIMIT", "Too many flags");
	if (atom.n > PARSE_KEYWORD_MAX)
		return parse_refuse(parse, "LIMIT", "Keyword is too long");

	struct strv name = strv_sub(parse->in, start, parse->at - start);
	if (system) {
		uint32_t flag;
		if (!flag_by_name(name, &flag))
			return parse_fail(parse, "Unknown or unsettable system flag");
		list->flags |= flag;
		return true;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (strv_ieq(list->keywords[i], name))
			return true;
	}
	list->keywords[list->count++] = name;
	return true;
}

bool parse_flag_list(struct parse *parse, bool parens_optional, uint32_t *ret_flags,
	struct strv **ret_keywords, size_t *ret_count)
{
	struct flag_list list = { 0 };
	if (parse->failed)
		return false;
	if (parse_at_end(parse))
		return parse_fail(parse, "Missing argument");
	bool parens = parse_skip(parse, '(');
	if (!parens && !parens_optional)
		return parse_fail(parse, "'(' expected");

	if (!parens || !parse_skip(parse, ')')) {
		do {
			if (!take_flag(parse, &list))
				return false;
		} while (parse_more(parse));
		if (parens && !parse_char(parse, ')'))
			return false;
	}
	*ret_flags = list.flags;
	*ret_count = list.count;
	*ret_keywords = NULL;
	if (list.count > 0) {
		*ret_keywords = arena_alloc(parse->arena, list.count * sizeof(struct strv));
		memcpy(*ret_keywords, list.keywords, list.count * sizeof(struct strv));
	}
	return true;
}
