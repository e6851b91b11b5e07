/* Structured fields: comments, quoted strings, type/subtype, parameters with RFC 2231 continuations. */
#include "mime/mime_priv.h"

#include "base/str.h"
#include "mime/decode.h"
#include "mime/header.h"

#include <string.h>

void mime_lex_init(struct mime_lex *lex, struct strv value)
{
	static const char empty[1];
	*lex = (struct mime_lex){ .p = value.p ? value.p : empty };
	lex->end = lex->p + value.n;
}

const char *mime_lex_comment_end(struct mime_lex *lex, const char *p)
{
	size_t depth = 0;
	if (lex->no_comment)
		return NULL;
	for (const char *q = p; q < lex->end; q++) {
		if (*q == '\\' && lex->end - q > 1) {
			q++;
		} else if (*q == '(') {
			depth++;
		} else if (*q == ')' && --depth == 0) {
			return q + 1;
		}
	}
	lex->no_comment = true;
	return NULL;
}

const char *mime_lex_quoted_end(struct mime_lex *lex, const char *p)
{
	if (lex->no_quote)
		return NULL;
	for (const char *q = p + 1; q < lex->end; q++) {
		if (*q == '\\' && lex->end - q > 1)
			q++;
		else if (*q == '"')
			return q + 1;
	}
	lex->no_quote = true;
	return NULL;
}

void mime_lex_cfws(struct mime_lex *lex)
{
	while (lex->p < lex->end) {
		if (mime_is_space(*lex->p)) {
			lex->p++;
			continue;
		}
		const char *end = *lex->p == '(' ? mime_lex_comment_end(lex, lex->p) : NULL;
		if (!end)
			break;
		lex->p = end;
	}
}

struct strv mime_lex_unquote(struct arena *arena, struct strv raw)
{
	/* This removes the delimiters. */
	raw = raw.n >= 2 ? strv_sub(raw, 1, raw.n - 2) : strv_sub(raw, raw.n, 0);
	char *text = arena_alloc(arena, raw.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];
		if (c == '\r' || c == '\n')
			continue;
		if (c == '\\' && i + 1 < raw.n)
			c = raw.p[++i];
		text[n++] = c;
	}
	text[n] = '\0';
	return strv_make(text, n);
}

struct strv mime_lex_token(struct mime_lex *lex)
{
	const char *start = lex->p;
	while (lex->p < lex->end && !mime_is_space(*lex->p) && *lex->p != '\0' &&
		!strchr(";=,/\"()", *lex->p))
		lex->p++;
	return strv_make(start, (size_t)(lex->p - start));
}

struct strv mime_lex_word(struct arena *arena, struct mime_lex *lex)
{
	const char *start = lex->p;
	const char *end = start < lex->end && *start == '"' ? mime_lex_quoted_end(lex, start) : NULL;
	if (!end)
		return mime_lex_token(lex);
	lex->p = end;
	return strv_trim(mime_lex_unquote(arena, strv_make(start, (size_t)(end - start))));
}

/* A parameter as written; it may be one piece of an RFC 2231 value. */
struct raw_param {
	struct strv name; /* without "*0*" */
	struct strv value;
	uint32_t section;
	bool sectioned;
	bool extended;
};

/* Skips the next ';' outside of quotes and comments, and everything before it. */
static bool next_semicolon(struct mime_lex *lex)
{
	while (lex->p < lex->end && *lex->p != ';') {
		const char *end = NULL;
		if (*lex->p == '"')
			end = mime_lex_quoted_end(lex, lex->p);
		else if (*lex->p == '(')
			end = mime_lex_comment_end(lex, lex->p);
		lex->p = end ? end : lex->p + 1;
	}
	if (lex->p == lex->end)
		return false;
	lex->p++;
	return true;
}

/* An unquoted value goes on to the ';' or a comment: file names with bare spaces are common. */
static struct strv bare_value(struct mime_lex *lex)
{
	const char *start = lex->p;
	while (lex->p < lex->end && *lex->p != ';') {
		if (*lex->p == '(' && lex->p > start && mime_is_space(lex->p[-1]) &&
			mime_lex_comment_end(lex, lex->p))
			break;
		lex->p++;
	}
	return strv_trim(strv_make(start, (size_t)(lex->p - start)));
}

static struct strv without_line_ends(struct arena *arena, struct strv v)
{
	if (strv_index(v, '\n') == v.n && strv_index(v, '\r') == v.n)
		return v;
	char *text = arena_alloc(arena, v.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != '\r' && v.p[i] != '\n')
			text[n++] = v.p[i];
	return strv_make(text, n);
}

static void split_name(struct raw_param *param)
{
	struct strv name = param->name;
	if (name.n > 1 && name.p[name.n - 1] == '*') {
		param->extended = true;
		name.n--;
	}
	size_t star = strv_index(name, '*');
	if (star > 0 && star < name.n) {
		struct strv digits = strv_sub(name, star + 1, name.n);
		if (str_u32(digits, &param->section) != RC_OK) {
			param->extended = false;
			return;
		}
		param->sectioned = true;
		name.n = star;
	}
	param->name = name;
}

static bool next_raw(struct arena *arena, struct mime_lex *lex, struct raw_param *param)
{
	while (next_semicolon(lex)) {
		*param = (struct raw_param){ .extended = false };
		mime_lex_cfws(lex);
		param->name = mime_lex_token(lex);
		mime_lex_cfws(lex);
		if (param->name.n == 0 || lex->p == lex->end || *lex->p != '=')
			continue;
		lex->p++;
		mime_lex_cfws(lex);
		const char *end =
			lex->p < lex->end && *lex->p == '"' ? mime_lex_quoted_end(lex, lex->p) : NULL;
		if (end) {
			param->value = mime_lex_unquote(arena, strv_make(lex->p, (size_t)(end - lex->p)));
			lex->p = end;
		} else {
			param->value = without_line_ends(arena, bare_value(lex));
		}
		split_name(param);
		return true;
	}
	return false;
}

static int params_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends to `text`, which has room for v.n bytes. */
static size_t percent_decode(char *text, struct strv v)
{
	size_t n = 0;
	for (size_t i = 0; i < v.n; i++) {
		int high = v.p[i] == '%' && v.n - i > 2 ? params_hex_digit(v.p[i + 1]) : -1;
		int low = high >= 0 ? params_hex_digit(v.p[i + 2]) : -1;
		if (low >= 0) {
			text[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			text[n++] = v.p[i];
		}
	}
	return n;
}

/* Takes "charset'language'" off an extended value. */
static void take_charset(struct strv *value, struct mime_param *param)
{
	size_t first = strv_index(*value, '\'');
	struct strv rest = strv_sub(*value, first + 1, value->n);
	size_t second = strv_index(rest, '\'');
	if (first == value->n || second == rest.n)
		return;
	param->charset = strv_sub(*value, 0, first);
	param->language = strv_sub(rest, 0, second);
	*value = strv_sub(rest, second + 1, rest.n);
}

static const struct raw_param *find_section(
	const struct raw_param *raw, size_t count, struct strv name, uint32_t section)
{
	for (size_t i = 0; i < count; i++)
		if (raw[i].sectioned && raw[i].section == section && strv_ieq(raw[i].name, name))
			return &raw[i];
	return NULL;
}

static void append_piece(struct mime_param *param, char *text, const struct raw_param *piece, bool first)
{
	struct strv value = piece->value;
	if (piece->extended && first)
		take_charset(&value, param);
	if (piece->extended) {
		param->value.n += percent_decode(text + param->value.n, value);
	} else if (value.n > 0) {
		memcpy(text + param->value.n, value.p, value.n);
		param->value.n += value.n;
	}
}

/* Makes one parameter of raw[i] and, if it is section 0, of the sections that follow it. */
static void params_join(
	struct arena *arena, const struct raw_param *raw, size_t count, size_t i, struct mime_param *param)
{
	*param = (struct mime_param){ .name = raw[i].name, .extended = raw[i].extended };
	if (!raw[i].extended && !raw[i].sectioned) {
		param->value = raw[i].value;
		return;
	}
	size_t total = raw[i].value.n;
	for (uint32_t s = 1; raw[i].sectioned; s++) {
		const struct raw_param *piece = find_section(raw, count, raw[i].name, s);
		if (!piece)
			break;
		total += piece->value.n;
	}
	char *text = arena_alloc(arena, total + 1);
	param->value = strv_make(text, 0);
	append_piece(param, text, &raw[i], true);
	for (uint32_t s = 1; raw[i].sectioned; s++) {
		const struct raw_param *piece = find_section(raw, count, raw[i].name, s);
		if (!piece)
			break;
		append_piece(param, text, piece, false);
	}
}

size_t mime_params_parse(struct arena *arena, struct mime_lex *lex, struct mime_param **ret_params)
{
	struct raw_param raw[MIME_PARAMS_MAX];
	size_t count = 0;
	while (count < MIME_PARAMS_MAX && next_raw(arena, lex, &raw[count]))
		count++;
	if (count == 0)
		return 0;
	struct mime_param *params = arena_alloc(arena, count * sizeof(*params));
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (raw[i].sectioned && (raw[i].section != 0 || find_section(raw, i, raw[i].name, 0)))
			continue;
		params_join(arena, raw, count, i, &params[n++]);
	}
	*ret_params = params;
	return n;
}

struct strv mime_token_parse(struct arena *arena, struct strv value)
{
	struct mime_lex lex;
	mime_lex_init(&lex, value);
	mime_lex_cfws(&lex);
	return mime_lex_word(arena, &lex);
}

bool mime_content_type_parse(struct arena *arena, struct strv value, struct mime_part *part)
{
	struct mime_lex lex;
	mime_lex_init(&lex, value);
	mime_lex_cfws(&lex);
	struct strv type = mime_lex_word(arena, &lex);
	size_t slash = strv_index(type, '/');
	struct strv subtype = strv_sub(type, slash + 1, type.n);
	if (slash < type.n) {
		/* The whole value "text/html" is in quotes. */
		type = strv_sub(type, 0, slash);
	} else {
		mime_lex_cfws(&lex);
		if (lex.p == lex.end || *lex.p != '/')
			return false;
		lex.p++;
		mime_lex_cfws(&lex);
		subtype = mime_lex_word(arena, &lex);
	}
	if (type.n == 0 || subtype.n == 0)
		return false;
	part->type = type;
	part->subtype = subtype;
	part->param_count = mime_params_parse(arena, &lex, &part->params);
	return true;
}

static void params_add_utf8(struct buf *out, const struct mime_param *param)
{
	struct charset *charset = NULL;
	if (param->charset.n == 0 || charset_open(param->charset, &charset) != RC_OK) {
		str_utf8_repair(out, param->value);
		return;
	}
	charset_feed(charset, param->value, out);
	charset_finish(charset, out);
	charset_close(&charset);
}

void mime_params_decode(struct buf *out, struct strv value)
{
	struct arena *arena = arena_new(0);
	struct mime_param *params = NULL;
	struct mime_lex lex;
	mime_lex_init(&lex, value);
	mime_lex_cfws(&lex);
	(void)mime_lex_word(arena, &lex);
	mime_lex_cfws(&lex);
	if (lex.p < lex.end && *lex.p == '/') {
		lex.p++;
		mime_lex_cfws(&lex);
		(void)mime_lex_word(arena, &lex);
	}
	size_t count = mime_params_parse(arena, &lex, &params);
	for (size_t i = 0; i < count; i++) {
		buf_addc(out, ' ');
		str_utf8_repair(out, params[i].name);
		buf_addc(out, '=');
		params_add_utf8(out, &params[i]);
	}
	arena_free(&arena);
}
