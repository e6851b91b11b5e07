#include "mime/summary.h"

#include "base/str.h"
#include "mime/mime_priv.h"
#include "mime/summary_priv.h"

/* The fields that a message part shows even if it has no embedded message. */
#define EMPTY_TEXT "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0"
#define EMPTY_ENVELOPE "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

static bool attr_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '!' || c == '#' || c == '$' || c == '&' || c == '+' || c == '^' ||
	       c == '`' || c == '{' || c == '}' || c == '|' || c == '~';
}

static void add_percent_encoded(struct buf *out, struct strv v)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (attr_char(v.p[i])) {
			buf_addc(out, v.p[i]);
		} else {
			buf_addc(out, '%');
			buf_addc(out, hex[c >> 4]);
			buf_addc(out, hex[c & 15]);
		}
	}
}

/* RFC 2231 section 6: pieces are joined; charset and percent encoding stay for the client. */
static void print_extended(struct buf *out, const struct mime_param *param)
{
	struct buf text;
	buf_init(&text, param->name.n + 1);
	buf_addv(&text, param->name);
	buf_addc(&text, '*');
	mime_nstring_print(out, buf_strv(&text));
	buf_fini(&text);
	buf_init(&text, 3 * (param->charset.n + param->language.n + param->value.n) + 2);
	add_percent_encoded(&text, param->charset);
	buf_addc(&text, '\'');
	add_percent_encoded(&text, param->language);
	buf_addc(&text, '\'');
	add_percent_encoded(&text, param->value);
	buf_addc(out, ' ');
	mime_nstring_print(out, buf_strv(&text));
	buf_fini(&text);
}

static void print_param(struct buf *out, const struct mime_param *param)
{
	if (param->extended) {
		print_extended(out, param);
		return;
	}
	mime_nstring_print(out, param->name);
	buf_addc(out, ' ');
	mime_nstring_print(out, param->value.p ? param->value : STRV(""));
}

static void print_params(struct buf *out, const struct mime_param *params, size_t count, bool text)
{
	bool charset = false;
	for (size_t i = 0; i < count; i++) {
		buf_addc(out, i == 0 ? '(' : ' ');
		print_param(out, &params[i]);
		charset |= strv_ieq(params[i].name, STRV("charset"));
	}
	if (text && !charset) {
		buf_addc(out, count == 0 ? '(' : ' ');
		buf_adds(out, "\"charset\" \"us-ascii\"");
		count++;
	}
	buf_adds(out, count == 0 ? "NIL" : ")");
}

static void print_disposition(struct buf *out, struct arena *arena, const struct mime_part *part)
{
	const struct mime_field *field = mime_part_field(part, STRV("Content-Disposition"), 0);
	struct mime_lex lex;
	mime_lex_init(&lex, field ? field->value : STRV_NULL);
	mime_lex_cfws(&lex);
	struct strv type = mime_lex_word(arena, &lex);
	if (type.n == 0) {
		buf_adds(out, "NIL");
		return;
	}
	struct mime_param *params = NULL;
	size_t count = mime_params_parse(arena, &lex, &params);
	buf_addc(out, '(');
	mime_nstring_print(out, type);
	buf_addc(out, ' ');
	print_params(out, params, count, false);
	buf_addc(out, ')');
}

static void print_languages(struct buf *out, const struct mime_part *part)
{
	const struct mime_field *field = mime_part_field(part, STRV("Content-Language"), 0);
	struct mime_lex lex;
	unsigned count = 0;
	mime_lex_init(&lex, field ? field->value : STRV_NULL);
	while (lex.p < lex.end && count < MIME_LANGUAGES_MAX) {
		mime_lex_cfws(&lex);
		struct strv token = mime_lex_token(&lex);
		if (token.n > 0) {
			buf_addc(out, count++ == 0 ? '(' : ' ');
			mime_nstring_print(out, token);
		} else if (lex.p < lex.end) {
			lex.p++;
		}
	}
	buf_adds(out, count == 0 ? "NIL" : ")");
}

/* Prints the fields that multiparts and leaves have in common after their own extension data. */
static void print_extension(struct buf *out, const struct mime_part *part)
{
	struct arena *arena = arena_new(0);
	buf_addc(out, ' ');
	print_disposition(out, arena, part);
	buf_addc(out, ' ');
	print_languages(out, part);
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("Content-Location"), STRV_NULL);
	arena_free(&arena);
}

static bool bodystructure_is_text(const struct mime_part *part)
{
	return strv_ieq(part->type, STRV("text"));
}

/*
 * Tells whether the part is shown with envelope and structure: message/rfc822, and for RFC 9051
 * message/global.
 */
static bool is_message(const struct mime_part *part, bool global)
{
	if (!strv_ieq(part->type, STRV("message")))
		return false;
	return strv_ieq(part->subtype, STRV("rfc822")) || (global && strv_ieq(part->subtype, STRV("global")));
}

static void print_fields(struct buf *out, const struct mime_part *part)
{
	mime_nstring_print(out, part->type);
	buf_addc(out, ' ');
	mime_nstring_print(out, part->subtype);
	buf_addc(out, ' ');
	print_params(out, part->params, part->param_count, bodystructure_is_text(part));
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("Content-ID"), STRV_NULL);
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("Content-Description"), STRV_NULL);
	buf_addc(out, ' ');
	mime_nstring_print(out, part->encoding);
	buf_addc(out, ' ');
	buf_addu(out, part->body_size);
}

static void print_lines(struct buf *out, const struct mime_part *part)
{
	buf_addc(out, ' ');
	buf_addu(out, part->body_lines);
}

static void print_leaf_extension(struct buf *out, const struct mime_part *part, bool extended)
{
	if (!extended)
		return;
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("Content-MD5"), STRV_NULL);
	print_extension(out, part);
}

void mime_body_print_empty(struct buf *out, bool extended)
{
	buf_adds(out, extended ? EMPTY_TEXT " NIL NIL NIL NIL)" : EMPTY_TEXT ")");
}

static void print_multipart_end(struct buf *out, const struct mime_part *part, bool extended)
{
	buf_addc(out, ' ');
	mime_nstring_print(out, part->subtype);
	if (!extended)
		return;
	buf_addc(out, ' ');
	print_params(out, part->params, part->param_count, false);
	print_extension(out, part);
}

static void print_opaque(struct buf *out, const struct mime_part *part, bool extended, bool global)
{
	buf_addc(out, '(');
	if (part->kind == MIME_MULTIPART) {
		mime_body_print_empty(out, extended);
		print_multipart_end(out, part, extended);
		buf_addc(out, ')');
		return;
	}
	print_fields(out, part);
	/* The grammar demands these fields for every message. */
	if (is_message(part, global)) {
		buf_adds(out, " " EMPTY_ENVELOPE " ");
		mime_body_print_empty(out, extended);
	}
	if (bodystructure_is_text(part) || is_message(part, global))
		print_lines(out, part);
	print_leaf_extension(out, part, extended);
	buf_addc(out, ')');
}

void mime_body_print_opaque(struct buf *out, const struct mime_part *part, bool extended)
{
	print_opaque(out, part, extended, false);
}

/* The recursion is bounded by mime_limits.depth, at most MIME_DEPTH_MAX. */
static void print_body(struct buf *out, const struct mime_part *part, bool extended, bool global)
{
	if (part->kind == MIME_LEAF || (part->kind == MIME_MESSAGE && !is_message(part, global))) {
		print_opaque(out, part, extended, global);
		return;
	}
	buf_addc(out, '(');
	if (part->kind == MIME_MESSAGE) {
		print_fields(out, part);
		buf_addc(out, ' ');
		mime_envelope_print(out, part->child);
		buf_addc(out, ' ');
		print_body(out, part->child, extended, global);
		print_lines(out, part);
		print_leaf_extension(out, part, extended);
	} else {
		for (const struct mime_part *child = part->child; child; child = child->sibling)
			print_body(out, child, extended, global);
		if (!part->child)
			mime_body_print_empty(out, extended);
		print_multipart_end(out, part, extended);
	}
	buf_addc(out, ')');
}

void mime_body_print(struct buf *out, const struct mime_part *part, bool extended)
{
	print_body(out, part, extended, false);
}

void mime_body_print_global(struct buf *out, const struct mime_part *part, bool extended)
{
	print_body(out, part, extended, true);
}
