#include "mime/msgid.h"

#include "mime_test.h"

/* The ids with a space behind each. */
static void assert_ids(const char *value, const char *expected)
{
	struct msgid_walk walk;
	struct buf id;
	struct buf all;
	struct strv text = strv_cstr(value);
	char *exact = mem_strndup(text.p, text.n);
	buf_init(&id, 1024 * 1024);
	buf_init(&all, 1024 * 1024);
	msgid_walk_init(&walk, strv_make(exact, text.n));
	while (msgid_walk_next(&walk, &id)) {
		buf_addv(&all, buf_strv(&id));
		buf_addc(&all, ' ');
	}
	if (!strv_eq(buf_strv(&all), strv_cstr(expected)))
		fail_msg("\"%s\" gave \"%.*s\"", value, (int)all.len, all.p ? all.p : "");
	free(exact);
	buf_fini(&id);
	buf_fini(&all);
}

static void ids_are_found(void **state)
{
	(void)state;
	assert_ids("<a@b>", "a@b ");
	assert_ids(" <a.x@b.c>\r\n\t<d@e> ", "a.x@b.c d@e ");
	assert_ids("<a@b><c@d>", "a@b c@d ");
	assert_ids("<a@[1.2.3.4]>", "a@[1.2.3.4] ");
	assert_ids("", "");
}

/* The example of RFC 5256 section 3. */
static void quoting_makes_no_difference(void **state)
{
	(void)state;
	assert_ids("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com ");
	assert_ids("<01KF8JCEOCBS0045PS@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com ");
	assert_ids("<\"a\\\"b\\\\\"@c>", "a\"b\\@c ");
	assert_ids("<\"a b\"@c>", "a b@c ");
	assert_ids("<\"a>b\"@c>", "a>b@c ");
	assert_ids("<\"a<b\"@c>", "a<b@c ");
	assert_ids("<\"a@b\"@c>", "a@b@c ");
	assert_ids("<a.\"b\".c@d>", "a.b.c@d ");
}

static void white_space_inside_goes(void **state)
{
	(void)state;
	assert_ids("< a @ b >", "a@b ");
	assert_ids("<a\r\n b@c\t>", "ab@c ");
}

static void case_makes_a_difference(void **state)
{
	(void)state;
	assert_ids("<A@b> <a@B>", "A@b a@B ");
}

static void what_is_no_id_is_passed(void **state)
{
	(void)state;
	assert_ids("a@b", "");
	assert_ids("<a>", "");
	assert_ids("<@b>", "");
	assert_ids("<a@>", "");
	assert_ids("<>", "");
	assert_ids("<\"\"@b>", "");
	assert_ids("<a@b", "");
	assert_ids("Your message of Monday <a@b> from Anna <c>", "a@b ");
	assert_ids("<a <b@c>", "b@c ");
	assert_ids("<a@b <c@d>", "c@d ");
	assert_ids("> <a@b>", "a@b ");
	assert_ids("<<a@b>>", "a@b ");
	assert_ids("<@ <a@b>", "a@b ");
}

static void a_quote_that_is_not_closed_hides_nothing(void **state)
{
	(void)state;
	assert_ids("<\"a@b> <c@d>", "a@b c@d ");
	assert_ids("<\"a <b@c>", "b@c ");
	assert_ids("<a\"@b> <\"c@d>", "a@b c@d ");
}

static void long_values_cost_no_more_than_their_length(void **state)
{
	static const char *const units[] = { "<", "<\"", "<a", "<a@", "\"", "<\"\\\"", "<a@b>", "<\"a<" };
	(void)state;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		struct msgid_walk walk;
		struct buf text;
		struct buf id;
		buf_init(&text, 64 * 1024 * 1024);
		buf_init(&id, 64 * 1024 * 1024);
		for (size_t i = 0; i < 1000000; i++)
			buf_adds(&text, units[u]);
		msgid_walk_init(&walk, buf_strv(&text));
		while (msgid_walk_next(&walk, &id))
			assert_true(id.len > 2);
		buf_fini(&text);
		buf_fini(&id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_found),
		cmocka_unit_test(quoting_makes_no_difference),
		cmocka_unit_test(white_space_inside_goes),
		cmocka_unit_test(case_makes_a_difference),
		cmocka_unit_test(what_is_no_id_is_passed),
		cmocka_unit_test(a_quote_that_is_not_closed_hides_nothing),
		cmocka_unit_test(long_values_cost_no_more_than_their_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
