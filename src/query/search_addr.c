/*
 * Searches fields of addresses as ENVELOPE shows them.
 */
#include "query/search_addr.h"

#include "base/str.h"
#include "mime/addr.h"
#include "mime/decode.h"
#include "mime/header.h"

static bool search_addr_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_glue(char c)
{
	return c == '@' || c == '.';
}

/* Tells whether ENVELOPE may show the value differently. Most fields are plain and need no second search. */
static bool search_addr_differs(struct strv value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		char next = i + 1 < value.n ? value.p[i + 1] : '\0';
		if (c == '(' || c == '"' || c == '\\' || c == '\t' || (c == '<' && next == '@'))
			return true;
		if ((c == ' ' && next == ' ') || (search_addr_is_blank(c) && is_glue(next)) ||
			(is_glue(c) && search_addr_is_blank(next)))
			return true;
	}
	return false;
}

static void search_addr_print_address(struct buf *out, const struct addr *addr)
{
	if (addr->name.n > 0) {
		mime_words_decode(out, addr->name);
		buf_addc(out, ' ');
	}
	if (addr->kind == ADDR_GROUP_START) {
		mime_words_decode(out, addr->mailbox);
		return;
	}
	buf_addc(out, '<');
	str_utf8_repair(out, addr->mailbox);
	buf_addc(out, '@');
	str_utf8_repair(out, addr->domain);
	buf_addc(out, '>');
}

bool search_addr_contains(struct search_scratch *scratch, struct strv value, struct strv needle)
{
	if (!search_addr_differs(value))
		return false;
	struct arena *arena = arena_new(0);
	bool found = false;
	for (const struct addr *addr = addr_parse(arena, value, 0); addr && !found; addr = addr->next) {
		if (addr->kind == ADDR_GROUP_END)
			continue;
		buf_reset(&scratch->decoded);
		buf_reset(&scratch->mapped);
		search_addr_print_address(&scratch->decoded, addr);
		mime_casemap(&scratch->mapped, buf_strv(&scratch->decoded));
		struct strv text = buf_strv(&scratch->mapped);
		found = needle.n <= text.n && memmem(text.p, text.n, needle.p, needle.n) != NULL;
	}
	arena_free(&arena);
	return found;
}
