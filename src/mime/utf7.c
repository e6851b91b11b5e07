#include "mime/utf7.h"

static void utf7_add_replacement(struct buf *out)
{
	buf_adds(out, "\xef\xbf\xbd");
}

static int digit_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* c is no surrogate and at most U+10FFFF. */
static void add_char(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(out, (char)(unsigned char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(unsigned char)(0xe0 | c >> 12));
	} else {
		buf_addc(out, (char)(unsigned char)(0xf0 | c >> 18));
		buf_addc(out, (char)(unsigned char)(0x80 | (c >> 12 & 0x3f)));
	}
	if (c >= 0x800)
		buf_addc(out, (char)(unsigned char)(0x80 | (c >> 6 & 0x3f)));
	buf_addc(out, (char)(unsigned char)(0x80 | (c & 0x3f)));
}

/* Takes one unit of UTF-16. */
static void add_unit(struct utf7 *utf7, uint32_t unit, struct buf *out)
{
	bool low = unit >= 0xdc00 && unit <= 0xdfff;
	if (utf7->high && low) {
		add_char(out, 0x10000 + ((utf7->high - 0xd800) << 10) + (unit - 0xdc00));
		utf7->high = 0;
		return;
	}
	if (utf7->high || low)
		utf7_add_replacement(out);
	utf7->high = unit >= 0xd800 && unit <= 0xdbff ? unit : 0;
	if (!utf7->high && !low)
		add_char(out, unit);
}

static void add_digit(struct utf7 *utf7, uint32_t digit, struct buf *out)
{
	utf7->empty = false;
	/* Fewer than 16 bits wait, so 22 bits are enough. */
	utf7->bits = (utf7->bits << 6 | digit) & 0x3fffff;
	utf7->count += 6;
	if (utf7->count < 16)
		return;
	utf7->count -= 16;
	add_unit(utf7, utf7->bits >> utf7->count & 0xffff, out);
}

static void end_shift(struct utf7 *utf7, struct buf *out)
{
	/* Up to five bits are padding; a whole digit would begin a character. */
	if (utf7->high || utf7->count >= 6)
		utf7_add_replacement(out);
	*utf7 = (struct utf7){ .shifted = false };
}

static void add_direct(struct utf7 *utf7, unsigned char c, struct buf *out)
{
	if (c == '+')
		*utf7 = (struct utf7){ .shifted = true, .empty = true };
	else if (c < 0x80)
		buf_addc(out, (char)c);
	else
		utf7_add_replacement(out);
}

void utf7_feed(struct utf7 *utf7, struct strv in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		int digit = utf7->shifted ? digit_value(c) : -1;
		if (digit >= 0) {
			add_digit(utf7, (uint32_t)digit, out);
			continue;
		}
		bool shifted = utf7->shifted;
		bool empty = utf7->empty;
		if (shifted)
			end_shift(utf7, out);
		/* "+-" is a plus sign; another "-" only ends the digits. */
		if (!shifted || c != '-')
			add_direct(utf7, c, out);
		else if (empty)
			buf_addc(out, '+');
	}
}

void utf7_finish(struct utf7 *utf7, struct buf *out)
{
	if (utf7->shifted)
		end_shift(utf7, out);
}
