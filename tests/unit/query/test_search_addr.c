#include "query/search_addr.h"

#include "mime/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static bool finds(const char *value, const char *text)
{
	struct search_scratch scratch;
	struct buf needle;
	search_scratch_init(&scratch);
	buf_init(&needle, 10000);
	mime_casemap(&needle, strv_cstr(text));
	bool found = search_addr_contains(&scratch, strv_cstr(value), buf_strv(&needle));
	buf_fini(&needle);
	search_scratch_fini(&scratch);
	return found;
}

static void addresses_are_found_as_envelope_shows_them(void **state)
{
	(void)state;
	assert_true(finds(" user-from (comment)@ (comment) domain.org", "user-from@domain.org"));
	assert_true(finds(" user-from @ domain . org", "USER-FROM@domain.org"));
	assert_true(finds(" \"Real\\\" Name\" <a@b.org>", "real\" name <a@b"));
	assert_true(finds(" \"quoted user\"@x", "quoted user@x"));
	assert_true(finds(" user@x (Real Name)", "real name <user@x>"));
	assert_true(finds(" Real\r\n\tName <user@x>", "real name"));
	assert_true(finds(" Real  Name <user@x>", "real name"));
	assert_true(finds(" <@route.org,@other:user@x>", "<user@x>"));
	assert_true(finds(" \"Some\" friends: a@b, (c) d@e;", "some friends"));
	assert_true(finds(" \"Some\" friends: a@b, (c) d@ e;", "d@e"));
	assert_true(finds(" (x) =?utf-8?q?J=C3=B6rg?= <a@ b>", "j\xc3\xb6rg <a@b>"));
	assert_true(finds(" =?utf-8?q?J=C3=B6rg?= (x) <a@b>", "<A@B>"));
}

static void what_is_no_address_is_not_found_so(void **state)
{
	(void)state;
	assert_false(finds(" user (a@b) <c@d>", "a@b"));
	assert_false(finds(" a (x) <a@b>, c (y) <c@d>", "b>, c"));
	/* Plain fields need no second search. */
	assert_false(finds(" Real Name <a@b.org>", "a@b.org"));
	assert_false(finds("", "a"));
	assert_false(finds(" (", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found_as_envelope_shows_them),
		cmocka_unit_test(what_is_no_address_is_not_found_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
