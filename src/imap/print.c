/*
 * Response data as bytes: quoting, literals, mailbox names, flags, dates.
 */
#include "imap/print.h"

#include "base/clock.h"
#include "base/str.h"
#include "store/message.h"

#include <string.h>

static void add_quoted(struct buf *out, struct strv v)
{
	buf_addc(out, '"');
	size_t from = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '"' && v.p[i] != '\\')
			continue;
		buf_addv(out, strv_sub(v, from, i - from));
		buf_addc(out, '\\');
		from = i;
	}
	buf_addv(out, strv_sub(v, from, v.n));
	buf_addc(out, '"');
}

void print_literal(struct buf *out, struct strv v)
{
	buf_addc(out, '{');
	buf_addu(out, v.n);
	buf_adds(out, "}\r\n");
	buf_addv(out, v);
}

void print_astring(struct buf *out, struct strv v)
{
	bool quotable = v.n <= PRINT_QUOTED_MAX;
	for (size_t i = 0; quotable && i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		quotable = c != 0 && c < 0x80 && c != '\r' && c != '\n';
	}
	if (quotable)
		add_quoted(out, v);
	else
		print_literal(out, v);
}

void print_nstring(struct buf *out, struct strv v)
{
	if (!v.p)
		buf_adds(out, "NIL");
	else
		print_astring(out, v);
}

void print_mailbox(struct buf *out, struct strv utf8, bool utf8_mode)
{
	if (utf8_mode || str_is_ascii(utf8)) {
		/* '&' is the only ASCII character that is encoded. */
		if (utf8_mode || strv_index(utf8, '&') == utf8.n) {
			add_quoted(out, utf8);
			return;
		}
	}
	struct buf encoded;
	buf_init(&encoded, out->max);
	if (str_mutf7_encode(&encoded, utf8) == RC_OK)
		add_quoted(out, buf_strv(&encoded));
	else
		out->full = true;
	buf_fini(&encoded);
}

void print_fetch_head(struct buf *out, bool uidonly, uint32_t seq, uint32_t uid)
{
	buf_addv(out, STRV("* "));
	buf_addu(out, uidonly ? uid : seq);
	buf_addv(out, uidonly ? STRV(" UIDFETCH (") : STRV(" FETCH ("));
}

static void add_flag(struct buf *out, size_t start, struct strv name)
{
	if (out->len > start)
		buf_addc(out, ' ');
	buf_addv(out, name);
}

void print_flags(struct buf *out, uint32_t flags, bool recent, uint64_t keywords, const uint64_t *more,
	const struct strv *names, size_t count)
{
	buf_addc(out, '(');
	size_t start = out->len;
	if (flags & MSG_ANSWERED)
		add_flag(out, start, STRV("\\Answered"));
	if (flags & MSG_FLAGGED)
		add_flag(out, start, STRV("\\Flagged"));
	if (flags & MSG_DELETED)
		add_flag(out, start, STRV("\\Deleted"));
	if (flags & MSG_SEEN)
		add_flag(out, start, STRV("\\Seen"));
	if (flags & MSG_DRAFT)
		add_flag(out, start, STRV("\\Draft"));
	if (recent)
		add_flag(out, start, STRV("\\Recent"));
	size_t end = more ? count : KEYWORDS_FIRST;
	for (size_t i = 0; (keywords != 0 || more) && i < count && i < end; i++) {
		if (keyword_in(keywords, more, i))
			add_flag(out, start, names[i]);
	}
	buf_addc(out, ')');
}

static char *put_two(char *p, int number)
{
	p[0] = (char)('0' + number / 10 % 10);
	p[1] = (char)('0' + number % 10);
	return p + 2;
}

/* snprintf would be too slow: a first sync prints a date for each message of a mailbox. */
void print_date_time(struct buf *out, int64_t seconds, int16_t zone)
{
	struct tm tm;
	int minutes = zone < 0 ? -zone : zone;
	char text[] = "\"00-Jan-0000 00:00:00 +0000\"";

	clock_to_utc(seconds + (int64_t)zone * 60, &tm);
	int year = tm.tm_year + 1900;
	put_two(text + 1, tm.tm_mday);
	memcpy(text + 4, clock_month_name(tm.tm_mon).p, 3);
	put_two(put_two(text + 8, year / 100), year);
	put_two(text + 13, tm.tm_hour);
	put_two(text + 16, tm.tm_min);
	put_two(text + 19, tm.tm_sec);
	text[22] = zone < 0 ? '-' : '+';
	put_two(put_two(text + 23, minutes / 60), minutes % 60);
	buf_add(out, text, sizeof(text) - 1);
}
