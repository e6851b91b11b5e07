#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void buf_fini(struct buf *buf)
{
	free(buf->p);
	*buf = (struct buf){ .max = buf->max };
}

void buf_wipe(struct buf *buf)
{
	if (buf->p)
		mem_wipe(buf->p, buf->cap);
	buf_fini(buf);
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->full = false;
}

void buf_shrink(struct buf *buf, size_t keep)
{
	size_t want = buf->len > keep ? buf->len : keep;
	if (buf->cap <= want)
		return;
	if (want == 0) {
		free(buf->p);
		buf->p = NULL;
	} else {
		buf->p = mem_realloc(buf->p, want, 1);
	}
	buf->cap = want;
}

char *buf_reserve(struct buf *buf, size_t n)
{
	/* len <= max always; after buf_fini with a smaller maximum no memory is held. */
	if (buf->full || n > buf->max - buf->len) {
		buf->full = true;
		return NULL;
	}
	if (n > buf->cap - buf->len) {
		size_t need = buf->len + n;
		size_t cap = buf->cap > BUF_FIRST ? buf->cap : BUF_FIRST;
		while (cap < need)
			cap = cap > buf->max / 2 ? buf->max : cap * 2;
		if (cap > buf->max)
			cap = buf->max;
		buf->p = mem_realloc(buf->p, cap, 1);
		buf->cap = cap;
	} else if (!buf->p) {
		/* n is 0 and no memory is held, but the caller needs a pointer. */
		buf->p = mem_alloc(1);
	}
	return buf->p + buf->len;
}

void buf_commit(struct buf *buf, size_t n)
{
	if (n > buf->cap - buf->len)
		abort();
	buf->len += n;
}

void buf_add(struct buf *buf, const void *p, size_t n)
{
	if (n == 0)
		return;
	char *room = buf_reserve(buf, n);
	if (!room)
		return;
	memcpy(room, p, n);
	buf->len += n;
}

void buf_adds(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

void buf_addv(struct buf *buf, struct strv v)
{
	buf_add(buf, v.p, v.n);
}

void buf_addc(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_addu(struct buf *buf, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buf_add(buf, digits + at, sizeof(digits) - at);
}

/* Formats into the spare room; returns the length that the whole text has, or a negative number. */
static int format_into(struct buf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static int format_into(struct buf *buf, const char *format, va_list args)
{
	size_t room = buf->cap - buf->len;
	return vsnprintf(room > 0 ? buf->p + buf->len : NULL, room, format, args);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	if (buf->full)
		return;
	va_start(args, format);
	int n = format_into(buf, format, args);
	va_end(args);
	if (n < 0) {
		buf->full = true;
		return;
	}
	size_t length = (size_t)n;
	if (length < buf->cap - buf->len) {
		buf->len += length;
		return;
	}
	/*
	 * printf needs one more byte for its NUL, which may be beyond the maximum: then the text is formatted
	 * elsewhere.
	 */
	char *text = mem_alloc(length + 1);
	va_start(args, format);
	n = vsnprintf(text, length + 1, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n == length)
		buf_add(buf, text, length);
	else
		buf->full = true;
	free(text);
}

void buf_consume(struct buf *buf, size_t n)
{
	if (n >= buf->len) {
		buf->len = 0;
		return;
	}
	if (n == 0)
		return;
	memmove(buf->p, buf->p + n, buf->len - n);
	buf->len -= n;
}
