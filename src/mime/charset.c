#include "mime/decode.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#define CHARSET_NAME_MAX 40
#define PENDING_MAX 16 /* longest incomplete sequence that is carried over */

struct charset {
	iconv_t cd; /* own */
	char pending[PENDING_MAX];
	size_t pending_count;
};

struct charset_name {
	const char *name; /* upper case */
	const char *iconv; /* what iconv is asked for; NULL: the same */
};

/*
 * Only these ever reach iconv: its rarely used converters have had one hole after the other, and what mail calls a
 * charset is often not what iconv calls it. ASCII and Latin 1 labels are read as their supersets, as browsers do.
 */
static const struct charset_name names[] = {
	{ "UTF-8", NULL },
	{ "UTF8", "UTF-8" },
	{ "US-ASCII", "UTF-8" },
	{ "ASCII", "UTF-8" },
	{ "ANSI_X3.4-1968", "UTF-8" },
	{ "646", "UTF-8" },
	{ "UTF-7", NULL },
	{ "UNICODE-1-1-UTF-7", "UTF-7" },
	{ "UNICODE-1-1-UTF-8", "UTF-8" },
	{ "UTF-16", NULL },
	{ "UTF-16LE", NULL },
	{ "UTF-16BE", NULL },
	{ "UTF-32", NULL },
	{ "ISO-8859-1", "WINDOWS-1252" },
	{ "ISO8859-1", "WINDOWS-1252" },
	{ "ISO_8859-1", "WINDOWS-1252" },
	{ "LATIN1", "WINDOWS-1252" },
	{ "L1", "WINDOWS-1252" },
	{ "CP1252", "WINDOWS-1252" },
	{ "ISO-8859-2", NULL },
	{ "ISO8859-2", "ISO-8859-2" },
	{ "LATIN2", "ISO-8859-2" },
	{ "ISO-8859-3", NULL },
	{ "ISO-8859-4", NULL },
	{ "ISO-8859-5", NULL },
	{ "ISO-8859-6", NULL },
	{ "ISO-8859-6-I", "ISO-8859-6" },
	{ "ISO-8859-7", NULL },
	{ "ISO-8859-8", NULL },
	{ "ISO-8859-8-I", "ISO-8859-8" },
	{ "ISO-8859-8-E", "ISO-8859-8" },
	{ "ISO-8859-9", "WINDOWS-1254" },
	{ "ISO8859-9", "WINDOWS-1254" },
	{ "LATIN5", "WINDOWS-1254" },
	{ "ISO-8859-10", NULL },
	{ "ISO-8859-11", NULL },
	{ "ISO-8859-13", NULL },
	{ "ISO-8859-14", NULL },
	{ "ISO-8859-15", NULL },
	{ "ISO8859-15", "ISO-8859-15" },
	{ "LATIN9", "ISO-8859-15" },
	{ "ISO-8859-16", NULL },
	{ "TIS-620", NULL },
	{ "WINDOWS-874", "CP874" },
	{ "WINDOWS-1250", NULL },
	{ "CP1250", "WINDOWS-1250" },
	{ "WINDOWS-1251", NULL },
	{ "CP1251", "WINDOWS-1251" },
	{ "WINDOWS-1252", NULL },
	{ "WINDOWS-1253", NULL },
	{ "CP1253", "WINDOWS-1253" },
	{ "WINDOWS-1254", NULL },
	{ "CP1254", "WINDOWS-1254" },
	{ "WINDOWS-1255", NULL },
	{ "CP1255", "WINDOWS-1255" },
	{ "WINDOWS-1256", NULL },
	{ "CP1256", "WINDOWS-1256" },
	{ "WINDOWS-1257", NULL },
	{ "CP1257", "WINDOWS-1257" },
	{ "WINDOWS-1258", NULL },
	{ "CP1258", "WINDOWS-1258" },
	{ "KOI8-R", NULL },
	{ "KOI8-U", NULL },
	{ "KOI8-RU", "KOI8-U" },
	{ "IBM437", NULL },
	{ "CP437", "IBM437" },
	{ "IBM850", NULL },
	{ "CP850", "IBM850" },
	{ "IBM852", NULL },
	{ "CP852", "IBM852" },
	{ "IBM855", NULL },
	{ "IBM866", NULL },
	{ "CP866", "IBM866" },
	{ "MACINTOSH", NULL },
	{ "X-MAC-ROMAN", "MACINTOSH" },
	{ "X-MAC-CYRILLIC", "MAC-CYRILLIC" },
	{ "ISO-2022-JP", NULL },
	{ "EUC-JP", NULL },
	{ "X-EUC-JP", "EUC-JP" },
	{ "SHIFT_JIS", "CP932" },
	{ "SHIFT-JIS", "CP932" },
	{ "SJIS", "CP932" },
	{ "X-SJIS", "CP932" },
	{ "MS_KANJI", "CP932" },
	{ "CP932", NULL },
	{ "WINDOWS-31J", "CP932" },
	{ "ISO-2022-KR", NULL },
	{ "EUC-KR", "CP949" },
	{ "KS_C_5601-1987", "CP949" },
	{ "KS_C_5601", "CP949" },
	{ "CP949", NULL },
	{ "GB2312", "GB18030" },
	{ "EUC-CN", "GB18030" },
	{ "GBK", "GB18030" },
	{ "CP936", "GB18030" },
	{ "X-GBK", "GB18030" },
	{ "GB18030", NULL },
	{ "BIG5", "CP950" },
	{ "BIG-5", "CP950" },
	{ "X-X-BIG5", "CP950" },
	{ "CP950", NULL },
	{ "BIG5-HKSCS", NULL },
};

static const char *iconv_name(struct strv name)
{
	name = strv_trim(name);
	if (name.n == 0 || name.n > CHARSET_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_ieq(name, strv_cstr(names[i].name)))
			return names[i].iconv ? names[i].iconv : names[i].name;
	return NULL;
}

bool charset_known(struct strv name)
{
	return iconv_name(name) != NULL;
}

enum rc charset_open(struct strv name, struct charset **ret_charset)
{
	const char *from = iconv_name(name);
	if (!from)
		return RC_NOT_FOUND;
	iconv_t cd = iconv_open("UTF-8", from);
	/* A converter may be missing from the installation. */
	if (cd == (iconv_t)-1)
		return RC_NOT_FOUND;
	struct charset *charset = mem_zalloc(sizeof(*charset));
	charset->cd = cd;
	*ret_charset = charset;
	return RC_OK;
}

void charset_close(struct charset **charset)
{
	if (!*charset)
		return;
	iconv_close((*charset)->cd);
	free(*charset);
	*charset = NULL;
}

static void add_replacement(struct buf *out)
{
	buf_adds(out, "\xef\xbf\xbd");
}

/* Converts what it can; returns how many octets were used: all but an incomplete sequence at the end. */
static size_t convert(struct charset *charset, const char *p, size_t n, struct buf *out)
{
	char *in = (char *)(uintptr_t)p;
	size_t left = n;
	while (left > 0) {
		char text[1024];
		char *to = text;
		size_t room = sizeof(text);
		size_t got = iconv(charset->cd, &in, &left, &to, &room);
		int error = got == (size_t)-1 ? errno : 0;
		buf_add(out, text, sizeof(text) - room);
		if (error == EINVAL)
			break;
		/* E2BIG without progress cannot happen; it would not end either. */
		if (error == EILSEQ || (error != 0 && error != E2BIG) ||
			(error == E2BIG && room == sizeof(text))) {
			add_replacement(out);
			in++;
			left--;
		}
	}
	return n - left;
}

/* Octets move from `in` to the pending sequence until it is complete. */
static void feed_pending(struct charset *charset, struct strv *in, struct buf *out)
{
	while (charset->pending_count > 0 && in->n > 0) {
		charset->pending[charset->pending_count++] = *in->p;
		in->p++;
		in->n--;
		size_t used = convert(charset, charset->pending, charset->pending_count, out);
		if (used == 0 && charset->pending_count == PENDING_MAX) {
			add_replacement(out);
			used = 1;
		}
		charset->pending_count -= used;
		memmove(charset->pending, charset->pending + used, charset->pending_count);
	}
}

void charset_feed(struct charset *charset, struct strv in, struct buf *out)
{
	while (in.n > 0) {
		feed_pending(charset, &in, out);
		if (in.n == 0)
			break;
		size_t used = convert(charset, in.p, in.n, out);
		struct strv rest = strv_sub(in, used, in.n);
		in = rest;
		if (rest.n == 0)
			break;
		/* The head of the rest becomes pending; more than an incomplete sequence is never left. */
		size_t take = rest.n < PENDING_MAX / 2 ? rest.n : PENDING_MAX / 2;
		memcpy(charset->pending, rest.p, take);
		charset->pending_count = take;
		in = strv_sub(rest, take, rest.n);
	}
}

void charset_finish(struct charset *charset, struct buf *out)
{
	if (charset->pending_count > 0)
		add_replacement(out);
	charset->pending_count = 0;
	char text[64];
	char *to = text;
	size_t room = sizeof(text);
	/* Writes what a stateful converter held back, and resets it. */
	(void)iconv(charset->cd, NULL, NULL, &to, &room);
	buf_add(out, text, sizeof(text) - room);
}
