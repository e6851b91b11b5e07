#include "auth/saslprep.h"

#include "base/str.h"

#include <stdlib.h>
#include <utf8proc.h>

struct range {
	int32_t first;
	int32_t last;
};

/* RFC 3454, table C.1.2: these characters become a space. */
static const struct range spaces[] = { { 0xa0, 0xa0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200b },
	{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 } };

/* RFC 3454, table B.1: these characters are removed. */
static const struct range ignored[] = { { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x1806, 0x1806 },
	{ 0x180b, 0x180d }, { 0x200c, 0x200d }, { 0x2060, 0x2060 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff } };

/*
 * RFC 3454, tables C.1.2, C.2.1, C.2.2, C.3, C.6, C.7, C.8 and C.9. Table C.4 is a rule in the code; the code
 * points of C.5 do not occur in UTF-8.
 */
static const struct range prohibited[] = { { 0, 0x1f }, { 0x7f, 0xa0 }, { 0x340, 0x341 }, { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f }, { 0x1680, 0x1680 }, { 0x180e, 0x180e }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
	{ 0x205f, 0x2063 }, { 0x206a, 0x206f }, { 0x2ff0, 0x2ffb }, { 0x3000, 0x3000 }, { 0xe000, 0xf8ff },
	{ 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff }, { 0xfff9, 0xffff }, { 0x1d173, 0x1d17a },
	{ 0xe0001, 0xe0001 }, { 0xe0020, 0xe007f }, { 0xf0000, 0x10ffff } };

static bool saslprep_within(const struct range *ranges, size_t count, int32_t c)
{
	for (size_t i = 0; i < count; i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

#define WITHIN(table, c) saslprep_within(table, sizeof(table) / sizeof((table)[0]), c)

/* Takes the next character of valid UTF-8. */
static int32_t next_char(struct strv *in)
{
	utf8proc_int32_t c = 0;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)in->p, (utf8proc_ssize_t)in->n, &c);
	*in = strv_sub(*in, n > 0 ? (size_t)n : in->n, in->n);
	return c;
}

/* RFC 4013 section 2.1: the mapping. */
static void saslprep_map(struct strv in, struct buf *out)
{
	while (in.n > 0) {
		struct strv from = in;
		int32_t c = next_char(&in);
		if (WITHIN(spaces, c))
			buf_addc(out, ' ');
		else if (!WITHIN(ignored, c))
			buf_addv(out, strv_sub(from, 0, from.n - in.n));
	}
}

static bool saslprep_allowed(int32_t c)
{
	bool noncharacter = (c & 0xfffe) == 0xfffe;
	return !noncharacter && !WITHIN(prohibited, c) && utf8proc_category(c) != UTF8PROC_CATEGORY_CN;
}

/* RFC 4013 sections 2.3 to 2.5: prohibited and unassigned characters, and both directions in one string. */
static bool saslprep_usable(struct strv text)
{
	bool right_to_left = false;
	bool left_to_right = false;
	bool first = false; /* the first character is right to left */
	bool last = false;

	for (bool start = true; text.n > 0; start = false) {
		int32_t c = next_char(&text);
		if (!saslprep_allowed(c))
			return false;
		int direction = utf8proc_get_property(c)->bidi_class;
		last = direction == UTF8PROC_BIDI_CLASS_R || direction == UTF8PROC_BIDI_CLASS_AL;
		first = start ? last : first;
		right_to_left |= last;
		left_to_right |= direction == UTF8PROC_BIDI_CLASS_L;
	}
	return !right_to_left || (!left_to_right && first && last);
}

enum rc saslprep_string(struct buf *out, struct strv in)
{
	utf8proc_uint8_t *nfkc = NULL;
	struct buf mapped;

	if (!str_utf8_valid(in))
		return RC_INVALID;
	buf_init(&mapped, in.n + 1);
	saslprep_map(in, &mapped);
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)mapped.p, (utf8proc_ssize_t)mapped.len,
		&nfkc, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
	buf_fini(&mapped);
	if (n < 0)
		return RC_INVALID;
	struct strv text = strv_make(nfkc, (size_t)n);
	enum rc rc = saslprep_usable(text) ? RC_OK : RC_INVALID;
	if (rc == RC_OK && text.n > out->max - out->len)
		rc = RC_LIMIT;
	if (rc == RC_OK)
		buf_addv(out, text);
	free(nfkc);
	return rc;
}
