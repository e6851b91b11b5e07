#include "mime/envelope_read.h"

#include "base/str.h"

#include <string.h>

struct reading {
	const char *p;
	const char *end;
	struct arena *arena;
};

static bool envelope_read_take(struct reading *reading, char c)
{
	if (reading->p == reading->end || *reading->p != c)
		return false;
	reading->p++;
	return true;
}

static struct strv envelope_read_unescape(struct arena *arena, struct strv v)
{
	char *text = arena_alloc(arena, v.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\' && i + 1 < v.n)
			i++;
		text[n++] = v.p[i];
	}
	return strv_make(text, n);
}

/* Reads what follows the first quote. */
static bool envelope_read_take_quoted(struct reading *reading, struct strv *ret_string)
{
	const char *start = reading->p;
	bool escapes = false;
	for (const char *p = start; p < reading->end; p++) {
		if (*p == '"') {
			*ret_string = strv_make(start, (size_t)(p - start));
			if (escapes)
				*ret_string = envelope_read_unescape(reading->arena, *ret_string);
			reading->p = p + 1;
			return true;
		}
		if (*p == '\\') {
			escapes = true;
			p++;
		}
	}
	return false;
}

/* Reads what follows "{". */
static bool envelope_read_take_literal(struct reading *reading, struct strv *ret_string)
{
	uint32_t n;
	struct strv rest = strv_make(reading->p, (size_t)(reading->end - reading->p));
	struct strv digits = strv_sub(rest, 0, strv_index(strv_sub(rest, 0, 12), '}'));
	struct strv after = strv_sub(rest, digits.n, rest.n);
	if (str_u32(digits, &n) != RC_OK || !strv_starts(after, STRV("}\r\n")) || after.n - 3 < n)
		return false;
	*ret_string = strv_sub(after, 3, n);
	reading->p = ret_string->p + n;
	return true;
}

static bool take_nstring(struct reading *reading, struct strv *ret_string)
{
	if (envelope_read_take(reading, '"'))
		return envelope_read_take_quoted(reading, ret_string);
	if (envelope_read_take(reading, '{'))
		return envelope_read_take_literal(reading, ret_string);
	if (!strv_starts(strv_make(reading->p, (size_t)(reading->end - reading->p)), STRV("NIL")))
		return false;
	reading->p += 3;
	*ret_string = STRV_NULL;
	return true;
}

/* Reads what follows "(": name, route, mailbox, host. */
static bool take_address(struct reading *reading, struct envelope_address *ret_address)
{
	struct strv route;
	return take_nstring(reading, &ret_address->name) && envelope_read_take(reading, ' ') &&
	       take_nstring(reading, &route) && envelope_read_take(reading, ' ') &&
	       take_nstring(reading, &ret_address->mailbox) && envelope_read_take(reading, ' ') &&
	       take_nstring(reading, &ret_address->host) && envelope_read_take(reading, ')');
}

static bool take_list(struct reading *reading, struct envelope_address *ret_first)
{
	struct envelope_address other;
	struct strv nil;
	*ret_first = (struct envelope_address){ .name = STRV_NULL };
	if (!envelope_read_take(reading, '('))
		return take_nstring(reading, &nil) && !nil.p;
	if (!envelope_read_take(reading, '(') || !take_address(reading, ret_first))
		return false;
	while (envelope_read_take(reading, '('))
		if (!take_address(reading, &other))
			return false;
	return envelope_read_take(reading, ')');
}

bool envelope_read(struct strv text, struct arena *arena, struct envelope *ret_envelope)
{
	struct reading reading = { .p = text.p, .end = text.p + text.n, .arena = arena };
	struct envelope envelope;
	struct envelope_address other;
	struct strv date;
	bool ok = text.n > 0 && envelope_read_take(&reading, '(') && take_nstring(&reading, &date) &&
		  envelope_read_take(&reading, ' ') && take_nstring(&reading, &envelope.subject) &&
		  envelope_read_take(&reading, ' ') && take_list(&reading, &envelope.from) &&
		  envelope_read_take(&reading, ' ') && take_list(&reading, &other) &&
		  envelope_read_take(&reading, ' ') && take_list(&reading, &other) &&
		  envelope_read_take(&reading, ' ') && take_list(&reading, &envelope.to) &&
		  envelope_read_take(&reading, ' ') && take_list(&reading, &envelope.cc) &&
		  envelope_read_take(&reading, ' ') && take_list(&reading, &other) &&
		  envelope_read_take(&reading, ' ') && take_nstring(&reading, &envelope.in_reply_to) &&
		  envelope_read_take(&reading, ' ') && take_nstring(&reading, &envelope.message_id) &&
		  envelope_read_take(&reading, ')') && reading.p == reading.end;
	if (ok)
		*ret_envelope = envelope;
	return ok;
}
