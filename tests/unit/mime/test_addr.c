#include "mime/addr.h"

#include "mime_test.h"

static void print(struct buf *out, const struct addr *addr)
{
	for (; addr; addr = addr->next) {
		switch (addr->kind) {
		case ADDR_MAILBOX:
			if (addr->name.p)
				buf_printf(out, "%.*s ", STRV_ARG(addr->name));
			buf_adds(out, "<");
			if (addr->route.p)
				buf_printf(out, "%.*s:", STRV_ARG(addr->route));
			buf_addv(out, addr->mailbox);
			if (addr->domain.p)
				buf_printf(out, "@%.*s", STRV_ARG(addr->domain));
			buf_adds(out, ">");
			break;
		case ADDR_GROUP_START:
			buf_printf(out, "%.*s{", STRV_ARG(addr->mailbox));
			break;
		case ADDR_GROUP_END:
			buf_adds(out, "}");
			break;
		}
	}
}

static void assert_addresses(const char *value, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct buf out;
	size_t n = strlen(value);
	/* Without the final NUL, so that a read past the end is seen. */
	char *copy = mem_alloc(n);
	memcpy(copy, value, n);
	buf_init(&out, 100000);
	print(&out, addr_parse(arena, strv_make(copy, n), 0));
	test_buf_is(&out, expected);
	free(copy);
	arena_free(&arena);
}

static void plain_addresses_are_read(void **state)
{
	(void)state;
	assert_addresses("a@b.c", "<a@b.c>");
	assert_addresses(" a@b.c , d@e ,\r\n\tf@g", "<a@b.c><d@e><f@g>");
	assert_addresses("John Smith <js@x.org>", "John Smith <js@x.org>");
	assert_addresses("John\r\n  Smith<js@x.org>", "John Smith <js@x.org>");
	assert_addresses("<js@x.org>", "<js@x.org>");
	assert_addresses("=?utf-8?q?J=C3=B6rg?= <j@x>", "=?utf-8?q?J=C3=B6rg?= <j@x>");
	assert_addresses("J. R. \"Bob\" Dobbs <j@x>", "J. R. Bob Dobbs <j@x>");
	assert_addresses("J\xc3\xb6rg <j\xc3\xb6@x\xc3\xb6>", "J\xc3\xb6rg <j\xc3\xb6@x\xc3\xb6>");
}

static void quoted_strings_lose_their_quotes(void **state)
{
	(void)state;
	assert_addresses("\"Smith, John\" <js@x>", "Smith, John <js@x>");
	assert_addresses("\"a\\\"b\\\\c\" <js@x>", "a\"b\\c <js@x>");
	assert_addresses("\"j s\"@x", "<j s@x>");
	assert_addresses("\"j@s\".k@x", "<j@s.k@x>");
	assert_addresses("\"<\" <\">\"@x>", "< <>@x>");
}

static void groups_are_marked(void **state)
{
	(void)state;
	assert_addresses("undisclosed-recipients:;", "undisclosed-recipients{}");
	assert_addresses("My Friends: a@b, C <c@d>; e@f", "My Friends{<a@b>C <c@d>}<e@f>");
	assert_addresses("g:a@b", "g{<a@b>}");
	assert_addresses("g:a@b;;h:;", "g{<a@b>}h{}");
	assert_addresses("g:h:a@b;", "g{<a@b>}");
	assert_addresses(": a@b", "<a@b>");
}

static void comments_name_those_without_a_name(void **state)
{
	(void)state;
	assert_addresses("root@x (Charlie Root)", "Charlie Root <root@x>");
	assert_addresses("root (Charlie (the) Root)", "Charlie (the) Root <root>");
	assert_addresses("A (b) C <d@e> (f)", "A C <d@e>");
	assert_addresses("<d@e> (f\\))", "f) <d@e>");
	assert_addresses("a(x)@(y)b(z).(w)c", "x <a@b.c>");
	assert_addresses("(only)", "");
}

static void obsolete_forms_are_read(void **state)
{
	(void)state;
	assert_addresses("<@a,@b:c@d>", "<@a,@b:c@d>");
	assert_addresses("joe . smith @ x . org", "<joe.smith@x.org>");
	assert_addresses("joe@[127.0.0.1]", "<joe@[127.0.0.1]>");
	assert_addresses("a@b,,c@d,", "<a@b><c@d>");
	assert_addresses("John Smith joe@x", "John Smith <joe@x>");
	assert_addresses("joe@x John", "<joe@x>");
	assert_addresses("joe@x.org <joe@x.org>", "joe@x.org <joe@x.org>");
}

static void missing_pieces_are_left_out(void **state)
{
	(void)state;
	assert_addresses("", "");
	assert_addresses(" \r\n ", "");
	assert_addresses("root", "<root>");
	assert_addresses("John Smith", "John Smith <>");
	assert_addresses("<>", "<>");
	assert_addresses("John <>", "John <>");
	assert_addresses("a@", "<a@>");
	assert_addresses("@b", "<@b>");
	assert_addresses("<@b>", "<@b>");
}

static void broken_fields_still_give_a_list(void **state)
{
	(void)state;
	assert_addresses("\"open <a@b>", "\"open <a@b>");
	assert_addresses("(open <a@b>", "(open <a@b>");
	assert_addresses("a <b@c", "a <b@c>");
	assert_addresses("a <b@c, d@e", "a <b@c><d@e>");
	assert_addresses("a@[b", "<a@[b>");
	assert_addresses("\"", "<\">");
	assert_addresses("<", "<>");
	assert_addresses("a <b@c> junk, d@e", "a <b@c><d@e>");
	assert_addresses("a@b@c", "<a@b>");
	assert_addresses("DOMAIN\\user@x", "<DOMAIN\\user@x>");
}

static void nul_is_an_ordinary_octet(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct addr *addr = addr_parse(arena, STRV("a\0b@c\0d"), 0);
	assert_non_null(addr);
	assert_true(strv_eq(addr->mailbox, STRV("a\0b")));
	assert_true(strv_eq(addr->domain, STRV("c\0d")));
	assert_null(addr->next);
	assert_null(addr_parse(arena, STRV_NULL, 0));
	arena_free(&arena);
}

static size_t count(const struct addr *addr)
{
	size_t n = 0;
	for (; addr; addr = addr->next)
		n++;
	return n;
}

static void addresses_are_limited_and_groups_still_closed(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct strv value = STRV("a@b, g:c@d, e@f; h@i");
	for (size_t max = 1; max < 9; max++) {
		size_t depth = 0;
		struct addr *list = addr_parse(arena, value, max);
		assert_true(count(list) <= max);
		for (struct addr *addr = list; addr; addr = addr->next) {
			if (addr->kind == ADDR_GROUP_START)
				depth++;
			if (addr->kind == ADDR_GROUP_END)
				depth--;
		}
		assert_int_equal(depth, 0);
	}
	struct buf text;
	buf_init(&text, 1000000);
	for (size_t i = 1; i <= ADDR_MAX + 1; i++) {
		buf_adds(&text, "a,");
		if (i >= ADDR_MAX - 1)
			assert_int_equal(
				count(addr_parse(arena, buf_strv(&text), 0)), i < ADDR_MAX ? i : ADDR_MAX);
	}
	buf_fini(&text);
	arena_free(&arena);
}

/* Quadratic work on any of these would take minutes. */
static void hostile_fields_cost_linear_time(void **state)
{
	(void)state;
	static const char *const pieces[] = { "(", "\"", "<", "a@", "(\\", "\" (", "@[", "<@", ":", "a ",
		"a.\"", "<\"" };
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct arena *arena = arena_new(0);
		struct buf text;
		buf_init(&text, 1000000);
		while (text.len < 500000)
			buf_adds(&text, pieces[i]);
		addr_parse(arena, buf_strv(&text), 0);
		buf_fini(&text);
		arena_free(&arena);
	}
}

static void assert_limited(const char *value, size_t max, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct buf out;
	buf_init(&out, 1000);
	print(&out, addr_parse(arena, strv_cstr(value), max));
	test_buf_is(&out, expected);
	arena_free(&arena);
}

static void a_group_needs_room_for_its_beginning_and_end(void **state)
{
	(void)state;
	assert_limited("g:a@b;", 1, "<a@b>");
	assert_limited("g:a@b;", 2, "g{}");
	assert_limited("g:a@b;", 3, "g{<a@b>}");
	assert_limited("g:;", 1, "");
	assert_limited("g:;", 2, "g{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_addresses_are_read),
		cmocka_unit_test(quoted_strings_lose_their_quotes),
		cmocka_unit_test(groups_are_marked),
		cmocka_unit_test(comments_name_those_without_a_name),
		cmocka_unit_test(obsolete_forms_are_read),
		cmocka_unit_test(missing_pieces_are_left_out),
		cmocka_unit_test(broken_fields_still_give_a_list),
		cmocka_unit_test(nul_is_an_ordinary_octet),
		cmocka_unit_test(addresses_are_limited_and_groups_still_closed),
		cmocka_unit_test(hostile_fields_cost_linear_time),
		cmocka_unit_test(a_group_needs_room_for_its_beginning_and_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
