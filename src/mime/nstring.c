#include "mime/summary.h"

static bool fits_quoted(struct strv v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (c >= 0x80 || c == '\r' || c == '\n' || c == '\0')
			return false;
	}
	return true;
}

static void print_quoted(struct buf *out, struct strv v)
{
	size_t from = 0;
	buf_addc(out, '"');
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '"' && v.p[i] != '\\')
			continue;
		buf_add(out, v.p + from, i - from);
		buf_addc(out, '\\');
		from = i;
	}
	buf_add(out, v.p + from, v.n - from);
	buf_addc(out, '"');
}

/* A literal may not have NUL (RFC 3501, CHAR8). */
static void nstring_print_literal(struct buf *out, struct strv v)
{
	buf_printf(out, "{%zu}\r\n", v.n);
	char *room = buf_reserve(out, v.n);
	if (!room)
		return;
	for (size_t i = 0; i < v.n; i++)
		room[i] = v.p[i] != '\0' ? v.p[i] : '\x80';
	buf_commit(out, v.n);
}

void mime_nstring_print(struct buf *out, struct strv v)
{
	if (!v.p)
		buf_adds(out, "NIL");
	else if (fits_quoted(v))
		print_quoted(out, v);
	else
		nstring_print_literal(out, v);
}
