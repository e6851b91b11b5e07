/*
 * Reads the relative URLs of CATENATE, part by part.
 */
#include "imap/imap_url.h"

#include "base/str.h"

#include <inttypes.h>

static int imap_url_hex_value(char c)
{
	c = str_upper(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * True for a character that may stand unencoded in a path: bchar of RFC 5092, without '/', at which the
 * caller splits.
 */
static bool is_plain(char c)
{
	if ((c >= '0' && c <= '9') || (str_upper(c) >= 'A' && str_upper(c) <= 'Z'))
		return true;
	return c != '\0' && strchr("-._~!$'()*+,&=:@/", c);
}

/* Percent-decodes. False: the text has NUL, or a character that may not stand there. */
static bool imap_url_decode(struct strv text, struct arena *arena, struct strv *ret_decoded)
{
	char *out = arena_alloc(arena, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '%') {
			if (text.n - i < 3)
				return false;
			int high = imap_url_hex_value(text.p[i + 1]);
			int low = imap_url_hex_value(text.p[i + 2]);
			if (high < 0 || low < 0 || high + low == 0)
				return false;
			c = (char)(unsigned char)(high * 16 + low);
			i += 2;
		} else if (!is_plain(c)) {
			return false;
		}
		out[n++] = c;
	}
	*ret_decoded = strv_make(out, n);
	return true;
}

/* Takes `name`, in any case, off the front. */
static bool imap_url_take(struct strv *text, struct strv name)
{
	if (!strv_istarts(*text, name))
		return false;
	*text = strv_sub(*text, name.n, text->n);
	return true;
}

static bool read_nz(struct strv digits, uint32_t *ret_number)
{
	uint64_t number;
	if (digits.n == 0 || digits.p[0] == '0' || str_u64(digits, &number) != RC_OK || number > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

/* Takes the text up to the next "/;" or the end. */
static struct strv take_segment(struct strv *text)
{
	size_t end = 0;
	while (end < text->n && !(text->p[end] == '/' && end + 1 < text->n && text->p[end + 1] == ';'))
		end++;
	struct strv segment = strv_sub(*text, 0, end);
	*text = strv_sub(*text, end < text->n ? end + 1 : end, text->n);
	return segment;
}

/* Reads the mailbox, which may have ";UIDVALIDITY=n". */
static bool read_mailbox(struct strv segment, struct arena *arena, struct imap_url *url)
{
	size_t semicolon = strv_index(segment, ';');
	struct strv name = strv_sub(segment, 0, semicolon);
	struct strv rest = strv_sub(segment, semicolon, segment.n);
	if (rest.n > 0 && (!imap_url_take(&rest, STRV(";UIDVALIDITY=")) || !read_nz(rest, &url->uidvalidity)))
		return false;
	if (!imap_url_decode(name, arena, &url->mailbox) || url->mailbox.n == 0 ||
		!str_utf8_valid(url->mailbox))
		return false;
	if (strv_ieq(url->mailbox, STRV("INBOX")))
		url->mailbox = STRV("INBOX");
	return true;
}

/* Reads the section with FETCH's parser: the grammar is that of section-spec. */
static bool read_section(struct strv section, struct strv partial, struct arena *arena, struct imap_url *url)
{
	struct strv decoded = STRV("");
	struct parse parse;
	struct buf text;
	size_t dot = strv_index(partial, '.');
	uint64_t offset = 0;
	uint32_t length = UINT32_MAX;
	if (section.p && (!imap_url_decode(section, arena, &decoded) || decoded.n == 0))
		return false;
	if (partial.p && str_u64(strv_sub(partial, 0, dot), &offset) != RC_OK)
		return false;
	if (dot < partial.n && !read_nz(strv_sub(partial, dot + 1, partial.n), &length))
		return false;
	buf_init(&text, 2 * IMAP_URL_MAX);
	buf_printf(&text, "BODY.PEEK[%.*s]", STRV_ARG(decoded));
	if (partial.p)
		buf_printf(&text, "<%" PRIu64 ".%lu>", offset, (unsigned long)length);
	parse_init(&parse, arena_strv(arena, buf_strv(&text)), arena);
	bool ok = buf_ok(&text) && fetch_plan_parse(&parse, false, &url->section) && parse_end(&parse) &&
		  url->section.count == 1 && url->section.items[0].kind == FETCH_SECTION;
	buf_fini(&text);
	return ok;
}

bool imap_url_parse(struct strv text, struct arena *arena, struct imap_url *ret_url)
{
	struct imap_url url = { .absolute = false };
	struct strv section = STRV_NULL;
	struct strv partial = STRV_NULL;
	if (text.n > IMAP_URL_MAX || strv_starts(text, STRV("//")))
		return false;
	url.absolute = text.n > 0 && text.p[0] == '/';
	if (url.absolute)
		text = strv_sub(text, 1, text.n);
	if (!strv_starts(text, STRV(";"))) {
		/* A colon before the first slash would end a scheme. */
		if (!url.absolute && strv_index(text, ':') < strv_index(text, '/'))
			return false;
		if (!read_mailbox(take_segment(&text), arena, &url))
			return false;
	}
	struct strv segment = take_segment(&text);
	if (!imap_url_take(&segment, STRV(";UID=")) || !read_nz(segment, &url.uid))
		return false;
	segment = take_segment(&text);
	if (imap_url_take(&segment, STRV(";SECTION="))) {
		section = segment;
		segment = take_segment(&text);
	}
	if (imap_url_take(&segment, STRV(";PARTIAL="))) {
		partial = segment;
		segment = take_segment(&text);
	}
	if (segment.n > 0 || text.n > 0 || !read_section(section, partial, arena, &url))
		return false;
	*ret_url = url;
	return true;
}
