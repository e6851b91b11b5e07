#include "mime/header.h"

#include "mime/mime_priv.h"

#include <string.h>

static enum mime_line line_classify(struct strv line, size_t *ret_name, size_t *ret_colon)
{
	if (line.n == 0 || line.p[0] == '\n' || (line.n >= 2 && line.p[0] == '\r' && line.p[1] == '\n'))
		return MIME_LINE_EMPTY;
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return MIME_LINE_FOLDED;
	size_t name = 0;
	while (name < line.n && line.p[name] > ' ' && line.p[name] < 0x7f && line.p[name] != ':')
		name++;
	size_t colon = name;
	while (colon < line.n && (line.p[colon] == ' ' || line.p[colon] == '\t'))
		colon++;
	if (colon == line.n || line.p[colon] != ':')
		return MIME_LINE_OTHER;
	if (name == 0)
		return MIME_LINE_SKIPPED;
	*ret_name = name;
	*ret_colon = colon;
	return MIME_LINE_FIELD;
}

/*
 * True for "name=", a parameter whose line should have been folded. Such a line never begins a field,
 * wherever it is; no field has such a name. Otherwise filtering could join it with a field that it did not
 * follow.
 */
static bool line_is_parameter(struct strv line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && !strchr("()<>@,;:\\\"/[]?=", line.p[n]))
		n++;
	return n > 0 && n < line.n && line.p[n] == '=';
}

/* Tells whether the field goes on after a ";"; a blank line in it changes nothing. */
static bool line_ends_open(struct strv line, bool before)
{
	while (line.n > 0 && mime_is_space(line.p[line.n - 1]))
		line.n--;
	return line.n > 0 ? line.p[line.n - 1] == ';' : before;
}

enum mime_line mime_block_line(
	struct mime_block *block, struct strv line, uint64_t length, size_t *ret_name, size_t *ret_colon)
{
	struct strv start = strv_sub(line, 0, MIME_LINE_MAX);
	enum mime_line what = line_classify(start, ret_name, ret_colon);
	bool semicolon = block->semicolon;
	if ((what == MIME_LINE_FIELD || what == MIME_LINE_OTHER) && line_is_parameter(start))
		what = semicolon                 ? MIME_LINE_FOLDED
		       : what == MIME_LINE_FIELD ? MIME_LINE_SKIPPED
						 : MIME_LINE_OTHER;
	block->any |= what == MIME_LINE_FIELD;
	bool goes_on = what == MIME_LINE_FIELD || (what == MIME_LINE_FOLDED && block->in_field);
	block->in_field = goes_on;
	block->semicolon = goes_on && length <= MIME_LINE_MAX && line_ends_open(start, semicolon);
	return what;
}

bool mime_line_is_mbox(struct strv line)
{
	return strv_starts(line, STRV("From ")) || strv_starts(line, STRV(">From "));
}

/* The octets of the first line with its line end. */
static size_t line_length(const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	return lf ? (size_t)(lf - p) + 1 : n;
}

static struct strv without_line_end(struct strv v)
{
	if (v.n > 0 && v.p[v.n - 1] == '\n')
		v.n--;
	if (v.n > 0 && v.p[v.n - 1] == '\r')
		v.n--;
	return v;
}

/* The octets of the field at the beginning of the block; `first`: those of its first line. */
static size_t field_length(struct strv block, size_t first, struct mime_block state)
{
	size_t name;
	size_t colon;
	size_t n = first;
	while (n < block.n) {
		/* Most lines that follow are fields, which differ from continuations in their first octet. */
		if (!state.semicolon && block.p[n] != ' ' && block.p[n] != '\t')
			break;
		size_t length = line_length(block.p + n, block.n - n);
		if (mime_block_line(&state, strv_sub(block, n, length), length, &name, &colon) !=
			MIME_LINE_FOLDED)
			break;
		n += length;
	}
	return n;
}

bool mime_header_next(struct strv *block, struct mime_field *ret_field, struct strv *ret_raw)
{
	while (block->n > 0) {
		struct mime_block state = { .any = false };
		size_t name = 0;
		size_t colon = 0;
		size_t n = line_length(block->p, block->n);
		enum mime_line line = mime_block_line(&state, strv_sub(*block, 0, n), n, &name, &colon);
		if (line == MIME_LINE_EMPTY)
			break;
		if (line != MIME_LINE_FIELD) {
			*block = strv_sub(*block, n, block->n);
			continue;
		}
		struct strv raw = strv_sub(*block, 0, field_length(*block, n, state));
		*block = strv_sub(*block, raw.n, block->n);
		ret_field->name = strv_sub(raw, 0, name);
		ret_field->value = without_line_end(strv_sub(raw, colon + 1, raw.n));
		if (ret_raw)
			*ret_raw = raw;
		return true;
	}
	*block = strv_sub(*block, block->n, 0);
	return false;
}

/* Skips to the next line that begins like the name: other fields need not be parsed. */
static struct strv skip_to_name(struct strv block, struct strv name)
{
	while (block.n > 0 && !strv_istarts(block, name))
		block = strv_sub(block, line_length(block.p, block.n), block.n);
	return block;
}

bool mime_header_find(struct strv block, struct strv name, struct mime_field *ret_field)
{
	struct mime_field field;
	for (block = skip_to_name(block, name); mime_header_next(&block, &field, NULL);
		block = skip_to_name(block, name)) {
		if (!strv_ieq(field.name, name))
			continue;
		*ret_field = field;
		return true;
	}
	return false;
}

bool mime_name_in(struct strv name, const struct strv *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strv_ieq(name, names[i]))
			return true;
	return false;
}

void mime_header_filter(
	struct buf *out, struct strv block, const struct strv *names, size_t count, bool negate)
{
	struct mime_field field;
	struct strv raw;
	while (mime_header_next(&block, &field, &raw)) {
		if (mime_name_in(field.name, names, count) == negate)
			continue;
		buf_addv(out, raw);
		/* The line end is missing only if the block ends inside a field. */
		if (raw.p[raw.n - 1] != '\n')
			buf_adds(out, "\r\n");
	}
	buf_adds(out, "\r\n");
}

bool mime_header_cached(struct strv name)
{
	static const struct strv bulky[] = {
		{ "Authentication-Results", 22 },
		{ "X-Authentication-Results", 24 },
		{ "Autocrypt", 9 },
		{ "Autocrypt-Gossip", 16 },
		{ "DKIM-Signature", 14 },
		{ "DomainKey-Signature", 19 },
		{ "X-Received", 10 },
		{ "X-Gm-Message-State", 18 },
		{ "X-Face", 6 },
		{ "Face", 4 },
	};
	static const struct strv prefixes[] = {
		{ "ARC-", 4 },
		{ "X-Google-", 9 },
		{ "X-MS-Exchange-", 14 },
		{ "X-Microsoft-Antispam", 20 },
		{ "X-Forefront-Antispam", 20 },
		{ "X-MS-Office365-", 15 },
		{ "X-Spam-", 7 },
	};
	if (mime_name_in(name, bulky, sizeof(bulky) / sizeof(bulky[0])))
		return false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strv_istarts(name, prefixes[i]))
			return false;
	return true;
}

void mime_unfold(struct buf *out, struct strv value)
{
	value = strv_trim(value);
	size_t from = 0;
	while (from < value.n) {
		size_t to = from;
		while (to < value.n && value.p[to] != '\r' && value.p[to] != '\n')
			to++;
		buf_add(out, value.p + from, to - from);
		from = to;
		while (from < value.n && (value.p[from] == '\r' || value.p[from] == '\n'))
			from++;
	}
}

/* The innermost "<...>" at the beginning of the value. False: there is none. */
static bool next_angle(struct strv *value, struct strv *ret_inside)
{
	size_t close = strv_index(*value, '>');
	while (close < value->n) {
		size_t open = close;
		while (open > 0 && value->p[open - 1] != '<')
			open--;
		struct strv inside = strv_sub(*value, open, close - open);
		*value = strv_sub(*value, close + 1, value->n);
		if (open > 0) {
			*ret_inside = inside;
			return true;
		}
		close = strv_index(*value, '>');
	}
	*value = strv_sub(*value, value->n, 0);
	return false;
}

bool mime_msgid_next(struct strv *value, struct buf *out)
{
	struct strv inside;
	while (next_angle(value, &inside)) {
		size_t before = out->len;
		for (size_t i = 0; i < inside.n; i++)
			if (!mime_is_space(inside.p[i]) && inside.p[i] != '\0')
				buf_addc(out, inside.p[i]);
		if (out->len > before || out->full)
			return true;
	}
	return false;
}
