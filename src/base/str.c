#include "base/str.h"

static bool str_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum rc str_u64(struct strv v, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (v.n == 0)
		return RC_INVALID;
	for (size_t i = 0; i < v.n; i++) {
		if (!str_is_digit(v.p[i]))
			return RC_INVALID;
		if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
			__builtin_add_overflow(number, (uint64_t)(v.p[i] - '0'), &number))
			return RC_INVALID;
	}
	*ret_number = number;
	return RC_OK;
}

enum rc str_u32(struct strv v, uint32_t *ret_number)
{
	uint64_t number = 0;
	enum rc rc = str_u64(v, &number);
	if (rc != RC_OK || number > UINT32_MAX)
		return RC_INVALID;
	*ret_number = (uint32_t)number;
	return RC_OK;
}

char str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

char str_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* Removes the bytes that a failed call has appended. A full buffer is the only cause of failure by size. */
static enum rc str_finish(struct buf *out, size_t start, enum rc rc)
{
	if (rc == RC_OK && !buf_ok(out))
		rc = RC_LIMIT;
	if (rc != RC_OK)
		out->len = start;
	return rc;
}

static const char alphabet_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void base64_encode(struct buf *out, struct strv in, const char *alphabet, bool pad)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t left = in.n;

	for (; left > 0; p += 3, left -= left < 3 ? left : 3) {
		unsigned word = (unsigned)p[0] << 16;
		size_t n = left < 3 ? left : 3;
		char quad[4] = { 0, 0, '=', '=' };
		if (n > 1)
			word |= (unsigned)p[1] << 8;
		if (n > 2)
			word |= p[2];
		for (size_t i = 0; i <= n; i++)
			quad[i] = alphabet[word >> (18 - 6 * i) & 63];
		buf_add(out, quad, pad ? 4 : n + 1);
		if (left <= 3)
			break;
	}
}

void str_base64(struct buf *out, struct strv in)
{
	base64_encode(out, in, alphabet_std, true);
}

void str_base64url(struct buf *out, struct strv in)
{
	base64_encode(out, in, alphabet_url, false);
}

/* The six bits of a digit, or -1. c62 and c63 are the two digits in which alphabets differ. */
static int base64_value(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == c62)
		return 62;
	if (c == c63)
		return 63;
	return -1;
}

static int base64_value_any(char c)
{
	int value = base64_value(c, '+', '/');
	return value >= 0 ? value : base64_value(c, '-', '_');
}

static int base64_value_std(char c)
{
	return base64_value(c, '+', '/');
}

/* Reads digits without padding. Left-over bits must be zero, so that each value has only one spelling. */
static enum rc base64_digits(struct buf *out, struct strv in, int (*value)(char c))
{
	size_t start = out->len;
	unsigned word = 0;
	unsigned bits = 0;

	if (in.n % 4 == 1)
		return RC_INVALID;
	for (size_t i = 0; i < in.n; i++) {
		int digit = value(in.p[i]);
		if (digit < 0)
			return str_finish(out, start, RC_INVALID);
		word = (word << 6 | (unsigned)digit) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(word >> bits & 0xff));
		}
	}
	if ((word & ((1U << bits) - 1)) != 0)
		return str_finish(out, start, RC_INVALID);
	return str_finish(out, start, RC_OK);
}

static size_t padding_of(struct strv in)
{
	size_t n = 0;
	while (n < 2 && n < in.n && in.p[in.n - 1 - n] == '=')
		n++;
	return n;
}

enum rc str_base64_decode(struct buf *out, struct strv in)
{
	if (in.n % 4 != 0)
		return RC_INVALID;
	return base64_digits(out, strv_sub(in, 0, in.n - padding_of(in)), base64_value_std);
}

enum rc str_base64_decode_any(struct buf *out, struct strv in)
{
	size_t padding = padding_of(in);
	if (padding > 0 && in.n % 4 != 0)
		return RC_INVALID;
	return base64_digits(out, strv_sub(in, 0, in.n - padding), base64_value_any);
}

static const char hex_digits[] = "0123456789abcdef";

void str_hex(struct buf *out, struct strv in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		buf_addc(out, hex_digits[c >> 4]);
		buf_addc(out, hex_digits[c & 15]);
	}
}

static int str_hex_value(char c)
{
	if (str_is_digit(c))
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum rc str_hex_decode(struct buf *out, struct strv in)
{
	size_t start = out->len;

	if (in.n % 2 != 0)
		return RC_INVALID;
	for (size_t i = 0; i < in.n; i += 2) {
		int high = str_hex_value(in.p[i]);
		int low = str_hex_value(in.p[i + 1]);
		if (high < 0 || low < 0)
			return str_finish(out, start, RC_INVALID);
		buf_addc(out, (char)(high << 4 | low));
	}
	return str_finish(out, start, RC_OK);
}

/*
 * Takes one character at the front of v (n > 0). True: *ret_char and its length. False: *ret_length is the
 * length (at least 1) of the longest incomplete character there, which a repair replaces as one.
 */
static bool utf8_take(struct strv v, uint32_t *ret_char, size_t *ret_length)
{
	const unsigned char *p = (const unsigned char *)v.p;
	unsigned char low =
		0x80; /* bounds of the second byte exclude overlongs, surrogates, and > U+10FFFF */
	unsigned char high = 0xbf;
	size_t length;
	uint32_t c;

	*ret_length = 1;
	if (p[0] < 0x80) {
		*ret_char = p[0];
		return true;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		length = 2;
		c = p[0] & 0x1f;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		length = 3;
		c = p[0] & 0x0f;
		if (p[0] == 0xe0)
			low = 0xa0;
		else if (p[0] == 0xed)
			high = 0x9f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		length = 4;
		c = p[0] & 0x07;
		if (p[0] == 0xf0)
			low = 0x90;
		else if (p[0] == 0xf4)
			high = 0x8f;
	} else {
		return false;
	}
	for (size_t i = 1; i < length; i++) {
		if (i >= v.n || p[i] < low || p[i] > high)
			return false;
		low = 0x80;
		high = 0xbf;
		c = c << 6 | (p[i] & 0x3f);
		*ret_length = i + 1;
	}
	*ret_char = c;
	return true;
}

bool str_utf8_valid(struct strv v)
{
	while (v.n > 0) {
		uint32_t c;
		size_t length;
		if (!utf8_take(v, &c, &length))
			return false;
		v.p += length;
		v.n -= length;
	}
	return true;
}

size_t str_utf8_cut(struct strv v, size_t max)
{
	if (v.n <= max)
		return v.n;
	while (max > 0 && ((unsigned char)v.p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

size_t str_utf8_characters(struct strv v)
{
	size_t count = 0;
	for (size_t i = 0; i < v.n; i++)
		count += ((unsigned char)v.p[i] & 0xc0) != 0x80;
	return count;
}

bool str_is_ascii(struct strv v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == 0 || (unsigned char)v.p[i] > 0x7f)
			return false;
	}
	return true;
}

void str_utf8_repair(struct buf *out, struct strv v)
{
	while (v.n > 0) {
		uint32_t c;
		size_t length;
		if (utf8_take(v, &c, &length))
			buf_add(out, v.p, length);
		else
			buf_adds(out, "\xef\xbf\xbd");
		v.p += length;
		v.n -= length;
	}
}

static void utf8_put(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_addc(out, (char)(0xe0 | c >> 12));
		} else {
			buf_addc(out, (char)(0xf0 | c >> 18));
			buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(out, (char)(0x80 | (c & 0x3f)));
}

/* True: the character represents itself in modified UTF-7; '&' is written "&-". */
static bool mutf7_direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Takes a UTF-16 unit of a shifted run. *high has a surrogate that waits for its second half, or 0. */
static enum rc mutf7_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return RC_INVALID;
		utf8_put(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return RC_OK;
	}
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return RC_INVALID;
	if (mutf7_direct(unit))
		return RC_INVALID;
	if (unit >= 0xd800 && unit <= 0xdbff)
		*high = unit;
	else
		utf8_put(out, unit);
	return RC_OK;
}

/* Decodes the digits between '&' and '-'. */
static enum rc mutf7_run(struct buf *out, struct strv digits)
{
	uint32_t word = 0;
	unsigned bits = 0;
	uint32_t high = 0;

	for (size_t i = 0; i < digits.n; i++) {
		int digit = base64_value(digits.p[i], '+', ',');
		if (digit < 0)
			return RC_INVALID;
		word = (word << 6 | (uint32_t)digit) & 0x3fffff;
		bits += 6;
		if (bits >= 16) {
			bits -= 16;
			enum rc rc = mutf7_unit(out, word >> bits & 0xffff, &high);
			if (rc != RC_OK)
				return rc;
		}
	}
	/* A run ends with its last unit: it has at most 4 bits of padding, all zero. */
	if (high != 0 || bits >= 6 || (word & ((1U << bits) - 1)) != 0)
		return RC_INVALID;
	return RC_OK;
}

enum rc str_mutf7_decode(struct buf *out, struct strv in)
{
	size_t start = out->len;
	bool after_run = false;

	while (in.n > 0) {
		if (in.p[0] != '&') {
			if (!mutf7_direct((unsigned char)in.p[0]))
				return str_finish(out, start, RC_INVALID);
			buf_addc(out, in.p[0]);
			in = strv_sub(in, 1, in.n);
			after_run = false;
			continue;
		}
		in = strv_sub(in, 1, in.n);
		size_t end = strv_index(in, '-');
		if (end == in.n)
			return str_finish(out, start, RC_INVALID);
		if (end == 0) {
			buf_addc(out, '&');
			after_run = false;
		} else {
			/* The encoder would write two adjacent runs as one, so this form is invalid. */
			enum rc rc = after_run ? RC_INVALID : mutf7_run(out, strv_sub(in, 0, end));
			if (rc != RC_OK)
				return str_finish(out, start, rc);
			after_run = true;
		}
		in = strv_sub(in, end + 1, in.n);
	}
	return str_finish(out, start, RC_OK);
}

/* The state of a shifted run while it is written. */
struct mutf7_writer {
	struct buf *out; /* borrowed */
	uint32_t word;
	unsigned bits;
	bool open;
};

static void mutf7_digit(struct buf *out, uint32_t value)
{
	buf_addc(out, value == 63 ? ',' : alphabet_std[value]);
}

static void mutf7_put_unit(struct mutf7_writer *w, uint32_t unit)
{
	if (!w->open) {
		buf_addc(w->out, '&');
		w->open = true;
		w->bits = 0;
		w->word = 0;
	}
	w->word = (w->word & 0x3f) << 16 | unit;
	w->bits += 16;
	while (w->bits >= 6) {
		w->bits -= 6;
		mutf7_digit(w->out, w->word >> w->bits & 63);
	}
}

static void mutf7_close(struct mutf7_writer *w)
{
	if (!w->open)
		return;
	if (w->bits > 0)
		mutf7_digit(w->out, w->word << (6 - w->bits) & 63);
	buf_addc(w->out, '-');
	w->open = false;
}

enum rc str_mutf7_encode(struct buf *out, struct strv utf8)
{
	size_t start = out->len;
	struct mutf7_writer w = { .out = out };

	while (utf8.n > 0) {
		uint32_t c = 0;
		size_t length;
		if (!utf8_take(utf8, &c, &length))
			return str_finish(out, start, RC_INVALID);
		if (mutf7_direct(c)) {
			mutf7_close(&w);
			buf_addc(out, (char)c);
			if (c == '&')
				buf_addc(out, '-');
		} else if (c >= 0x10000) {
			mutf7_put_unit(&w, 0xd800 + ((c - 0x10000) >> 10));
			mutf7_put_unit(&w, 0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			mutf7_put_unit(&w, c);
		}
		utf8 = strv_sub(utf8, length, utf8.n);
	}
	mutf7_close(&w);
	return str_finish(out, start, RC_OK);
}

/* Splits "12xyz" into the number and the text after it. */
static enum rc leading_number(struct strv v, uint64_t *ret_number, struct strv *ret_unit)
{
	size_t n = 0;
	while (n < v.n && str_is_digit(v.p[n]))
		n++;
	*ret_unit = strv_sub(v, n, v.n);
	return str_u64(strv_sub(v, 0, n), ret_number);
}

enum rc str_duration(struct strv v, uint64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 3600 * 1000 },
		{ "d", 24 * 3600 * 1000 },
		{ "w", 7 * 24 * 3600 * 1000 },
	};
	uint64_t number = 0;
	struct strv unit;

	enum rc rc = leading_number(v, &number, &unit);
	if (rc != RC_OK)
		return rc;
	if (unit.n == 0 && number == 0) {
		*ret_ms = 0;
		return RC_OK;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strv_eq(unit, strv_cstr(units[i].name)))
			continue;
		uint64_t ms = 0;
		if (__builtin_mul_overflow(number, units[i].ms, &ms))
			return RC_INVALID;
		*ret_ms = ms;
		return RC_OK;
	}
	return RC_INVALID;
}

enum rc str_size(struct strv v, uint64_t *ret_bytes)
{
	uint64_t number = 0;
	struct strv unit;
	unsigned shift = 0;
	bool scaled = true;

	enum rc rc = leading_number(v, &number, &unit);
	if (rc != RC_OK)
		return rc;
	switch (unit.n > 0 ? str_upper(unit.p[0]) : '\0') {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	case 'T':
		shift = 40;
		break;
	default:
		scaled = false;
		break;
	}
	if (scaled)
		unit = strv_sub(unit, 1, unit.n);
	if (unit.n > 0 && !strv_ieq(unit, STRV("B")) && !(scaled && strv_ieq(unit, STRV("iB"))))
		return RC_INVALID;
	if (number > UINT64_MAX >> shift)
		return RC_INVALID;
	*ret_bytes = number << shift;
	return RC_OK;
}

void str_escape(struct buf *out, struct strv v, size_t max)
{
	size_t shown = v.n < max ? v.n : max;
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			buf_addc(out, (char)c);
			continue;
		}
		buf_adds(out, "\\x");
		buf_addc(out, hex_digits[c >> 4]);
		buf_addc(out, hex_digits[c & 15]);
	}
	if (shown < v.n)
		buf_adds(out, "...");
}
