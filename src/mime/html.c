/* Extracts text from HTML, well enough for a preview: tags are dropped, common entities resolved. */
#include "base/str.h"
#include "mime/mime_priv.h"
#include "mime/summary_priv.h"

/* Skips to the octet after `end` (in any case), or to the end of the text. */
static struct strv skip_to(struct strv v, struct strv end)
{
	while (v.n >= end.n && !strv_istarts(v, end))
		v = strv_sub(v, 1, v.n);
	return strv_sub(v, v.n >= end.n ? end.n : v.n, v.n);
}

static bool is_tag(struct strv v, struct strv name)
{
	if (!strv_istarts(strv_sub(v, 1, v.n), name))
		return false;
	char after = v.n > name.n + 1 ? v.p[name.n + 1] : '>';
	return after == '>' || after == '/' || mime_is_space(after);
}

/* v begins with '<'. Returns the text after the tag, comment, or element without visible content. */
static struct strv skip_tag(struct strv v)
{
	if (strv_starts(v, STRV("<!--")))
		return skip_to(strv_sub(v, 4, v.n), STRV("-->"));
	if (is_tag(v, STRV("style")))
		return skip_to(skip_to(v, STRV("</style")), STRV(">"));
	if (is_tag(v, STRV("script")))
		return skip_to(skip_to(v, STRV("</script")), STRV(">"));
	if (is_tag(v, STRV("title")))
		return skip_to(skip_to(v, STRV("</title")), STRV(">"));
	return skip_to(v, STRV(">"));
}

static void html_add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x20 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) {
		buf_addc(out, ' ');
	} else if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(unsigned char)(0xc0 | c >> 6));
		buf_addc(out, (char)(unsigned char)(0x80 | (c & 0x3f)));
	} else {
		if (c < 0x10000) {
			buf_addc(out, (char)(unsigned char)(0xe0 | c >> 12));
		} else {
			buf_addc(out, (char)(unsigned char)(0xf0 | c >> 18));
			buf_addc(out, (char)(unsigned char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(out, (char)(unsigned char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(unsigned char)(0x80 | (c & 0x3f)));
	}
}

static bool numeric_entity(struct strv name, uint32_t *ret_code)
{
	bool hex = name.n > 1 && (name.p[1] == 'x' || name.p[1] == 'X');
	if (!hex)
		return str_u32(strv_sub(name, 1, name.n), ret_code) == RC_OK;
	uint32_t code = 0;
	for (size_t i = 2; i < name.n; i++) {
		char c = str_lower(name.p[i]);
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || code > 0x10ffff)
			return false;
		code = code * 16 + (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret_code = code;
	return name.n > 2;
}

/* v begins with '&'. False: it begins no known entity. */
static bool add_entity(struct buf *out, struct strv *v)
{
	static const struct {
		struct strv name;
		uint32_t code;
	} entities[] = {
		{ { "amp", 3 }, '&' },
		{ { "lt", 2 }, '<' },
		{ { "gt", 2 }, '>' },
		{ { "quot", 4 }, '"' },
		{ { "apos", 4 }, '\'' },
		{ { "nbsp", 4 }, ' ' },
		{ { "shy", 3 }, 0xad },
		{ { "zwnj", 4 }, ' ' },
		{ { "auml", 4 }, 0xe4 },
		{ { "ouml", 4 }, 0xf6 },
		{ { "uuml", 4 }, 0xfc },
		{ { "Auml", 4 }, 0xc4 },
		{ { "Ouml", 4 }, 0xd6 },
		{ { "Uuml", 4 }, 0xdc },
		{ { "szlig", 5 }, 0xdf },
		{ { "eacute", 6 }, 0xe9 },
		{ { "egrave", 6 }, 0xe8 },
		{ { "agrave", 6 }, 0xe0 },
		{ { "ndash", 5 }, 0x2013 },
		{ { "mdash", 5 }, 0x2014 },
		{ { "hellip", 6 }, 0x2026 },
		{ { "rsquo", 5 }, 0x2019 },
		{ { "lsquo", 5 }, 0x2018 },
		{ { "rdquo", 5 }, 0x201d },
		{ { "ldquo", 5 }, 0x201c },
		{ { "euro", 4 }, 0x20ac },
	};
	struct strv name = strv_sub(*v, 1, MIME_ENTITY_MAX + 1);
	size_t end = strv_index(name, ';');
	uint32_t code = 0;
	if (end == name.n || end == 0)
		return false;
	name.n = end;
	bool known = name.p[0] == '#' && numeric_entity(name, &code);
	for (size_t i = 0; !known && i < sizeof(entities) / sizeof(entities[0]); i++) {
		known = strv_eq(name, entities[i].name);
		code = entities[i].code;
	}
	if (!known)
		return false;
	html_add_utf8(out, code);
	*v = strv_sub(*v, end + 2, v->n);
	return true;
}

/* v begins with '<'. True: it is a tag that does not separate words. */
static bool is_inline_tag(struct strv v)
{
	static const struct strv names[] = {
		{ "a", 1 },
		{ "b", 1 },
		{ "i", 1 },
		{ "u", 1 },
		{ "em", 2 },
		{ "span", 4 },
		{ "font", 4 },
		{ "strong", 6 },
	};
	if (v.n > 1 && v.p[1] == '/')
		v = strv_sub(v, 1, v.n);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_tag(v, names[i]))
			return true;
	return false;
}

void mime_html_strip(struct buf *out, struct strv v)
{
	while (v.n > 0) {
		if (*v.p == '<') {
			if (!is_inline_tag(v))
				buf_addc(out, ' ');
			v = skip_tag(v);
		} else if (*v.p != '&' || !add_entity(out, &v)) {
			buf_addc(out, *v.p);
			v = strv_sub(v, 1, v.n);
		}
	}
}
