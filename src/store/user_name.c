/*
 * Names of accounts. Names are looked up in one form: small letters, NFC. New names also follow those rules
 * of RFC 8265 (UsernameCaseMapped) that keep names from looking alike, and may not have characters with a
 * meaning elsewhere, in paths, patterns or quoted strings.
 */
#include "store/users.h"

#include "base/str.h"

#include <stdlib.h>
#include <utf8proc.h>

#define DECOMPOSED_MAX 32

/* Takes the next character of valid UTF-8. */
static int32_t name_char(struct strv *in)
{
	utf8proc_int32_t c = 0;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)in->p, (utf8proc_ssize_t)in->n, &c);
	*in = strv_sub(*in, n > 0 ? (size_t)n : in->n, in->n);
	return c;
}

/*
 * RFC 8265: full-width and half-width characters become ordinary ones. No other compatibility forms are
 * mapped.
 */
static int32_t name_width(int32_t c)
{
	utf8proc_int32_t single[DECOMPOSED_MAX];
	int boundary = 0;
	if (c < 0xff01 || c > 0xffee)
		return c;
	utf8proc_ssize_t n = utf8proc_decompose_char(
		c, single, DECOMPOSED_MAX, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
	return n == 1 ? single[0] : c;
}

static enum rc name_fold(struct strv name, struct arena *arena, struct strv *ret_name)
{
	struct buf lower;
	utf8proc_uint8_t *composed = NULL;
	buf_init(&lower, 4 * name.n + 4);
	while (name.n > 0) {
		utf8proc_uint8_t text[4];
		int32_t c = utf8proc_tolower(name_width(name_char(&name)));
		buf_add(&lower, text, (size_t)utf8proc_encode_char(c, text));
	}
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)lower.p, (utf8proc_ssize_t)lower.len,
		&composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	buf_fini(&lower);
	if (n <= 0 || n > USER_NAME_MAX) {
		free(composed);
		return RC_INVALID;
	}
	*ret_name = strv_make(arena_strndup(arena, (const char *)composed, (size_t)n), (size_t)n);
	free(composed);
	return RC_OK;
}

static bool name_has_two_sides(struct strv name)
{
	size_t at = strv_index(name, '@');
	if (at == 0 || at + 1 >= name.n)
		return false;
	return strv_index(strv_sub(name, at + 1, name.n), '@') == name.n - at - 1;
}

enum rc user_name_check(struct strv name, struct arena *arena, struct strv *ret_name)
{
	if (name.n > USER_NAME_MAX || !name_has_two_sides(name) || !str_utf8_valid(name))
		return RC_INVALID;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c <= ' ' || c == 0x7f)
			return RC_INVALID;
	}
	struct strv folded;
	enum rc rc = name_fold(name, arena, &folded);
	/* Folding may have turned a full-width '@' into an ordinary one. */
	if (rc != RC_OK || !name_has_two_sides(folded))
		return RC_INVALID;
	*ret_name = folded;
	return RC_OK;
}

/* New names. */

static bool ascii_allowed(int32_t c, bool domain)
{
	bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
	return plain ||
	       (!domain && strv_index(STRV("!#$&'+=?^`{|}~"), (char)c) < sizeof("!#$&'+=?^`{|}~") - 1);
}

static bool is_mark(int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);
	return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC;
}

/*
 * Tells whether a character that is not ASCII is allowed: letters, digits and marks that are visible and not
 * a compatibility form of another character.
 */
static bool wide_allowed(int32_t c)
{
	const utf8proc_property_t *property = utf8proc_get_property(c);
	utf8proc_category_t category = utf8proc_category(c);
	bool letter = category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LM ||
		      category == UTF8PROC_CATEGORY_LO || category == UTF8PROC_CATEGORY_ND;
	if (!letter && !is_mark(c))
		return false;
	/* A decomposition with a type is a compatibility form; canonical ones have no type. */
	return !property->ignorable && !property->control_boundary && property->decomp_type == 0;
}

/*
 * The Directionality Rule of RFC 8265 section 3.3.1 in a simple form: one side of an address has letters that
 * run from right to left, or letters that run from left to right, but not both.
 */
struct direction {
	bool right;
	bool left;
};

static void direction_add(struct direction *direction, int32_t c)
{
	int bidi = utf8proc_get_property(c)->bidi_class;
	direction->right |= bidi == UTF8PROC_BIDI_CLASS_R || bidi == UTF8PROC_BIDI_CLASS_AL;
	direction->left |= bidi == UTF8PROC_BIDI_CLASS_L;
}

/* Checks one side of the address. Dots may stand only between other characters. */
static bool side_allowed(struct strv side, bool domain)
{
	struct direction direction = { false, false };
	int32_t before = '.';
	while (side.n > 0) {
		int32_t c = name_char(&side);
		if (c < 0x80 ? !ascii_allowed(c, domain) : !wide_allowed(c))
			return false;
		if (before == '.' && (c == '.' || is_mark(c)))
			return false;
		direction_add(&direction, c);
		before = c;
	}
	return before != '.' && !(direction.right && direction.left);
}

enum rc user_name_check_new(struct strv name, struct arena *arena, struct strv *ret_name)
{
	struct strv canonical;
	enum rc rc = user_name_check(name, arena, &canonical);
	if (rc != RC_OK)
		return rc;
	size_t at = strv_index(canonical, '@');
	if (!side_allowed(strv_sub(canonical, 0, at), false) ||
		!side_allowed(strv_sub(canonical, at + 1, canonical.n), true))
		return RC_INVALID;
	*ret_name = canonical;
	return RC_OK;
}
