#include "imap/list_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static bool matches(const char *reference, const char *pattern, const char *name)
{
	struct arena *arena = arena_new(0);
	struct list_pattern p;
	list_pattern_init(&p, strv_cstr(reference), strv_cstr(pattern), arena);
	bool result = list_match(&p, strv_cstr(name));
	arena_free(&arena);
	return result;
}

#define YES(pattern, name) assert_true(matches("", (pattern), (name)))
#define NO(pattern, name) assert_false(matches("", (pattern), (name)))

static void a_name_without_wildcards_matches_itself(void **state)
{
	(void)state;
	YES("a", "a");
	YES("a/b", "a/b");
	NO("a", "b");
	NO("a", "ab");
	NO("ab", "a");
	NO("A", "a");
	NO("", "a");
}

static void a_star_stands_for_anything(void **state)
{
	(void)state;
	YES("*", "a");
	YES("*", "a/b/c");
	YES("a*", "a");
	YES("a*c", "a/b/c");
	YES("*b*", "a/b/c");
	NO("*d*", "a/b/c");
	YES("a*b*c*", "axxbxxcxx");
}

static void a_percent_stops_at_the_separator(void **state)
{
	(void)state;
	YES("%", "a");
	NO("%", "a/b");
	YES("a/%", "a/b");
	NO("a/%", "a/b/c");
	NO("a/%", "a");
	YES("%/%", "a/b");
	YES("%/b", "a/b");
	YES("a%c", "abc");
	NO("a%c", "a/c");
}

static void both_wildcards_work_together(void **state)
{
	(void)state;
	YES("%*", "a/b");
	YES("*%", "a/b");
	YES("%*%", "a/b/c");
	YES("*/%", "a/b/c");
	YES("*/c%", "a/b/cd");
	NO("*/c%", "a/c/b");
	YES("%/*/%", "a/b/c");
}

static void inbox_matches_in_any_case(void **state)
{
	(void)state;
	YES("inbox", "INBOX");
	YES("InBo%", "INBOX");
	YES("inbox/a", "INBOX/a");
	NO("inbox/A", "INBOX/a");
	NO("inboxes", "INBOXES");
}

static void the_reference_is_put_in_front(void **state)
{
	(void)state;
	assert_true(matches("a/", "%", "a/b"));
	assert_false(matches("a/", "%", "b"));
	assert_true(matches("a", "/b", "a/b"));
}

static void many_wildcards_cost_no_more_than_length_times_length(void **state)
{
	(void)state;
	char pattern[2001];
	char name[1001];
	memset(name, 'a', 1000);
	name[1000] = '\0';
	for (int i = 0; i < 1000; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	memcpy(pattern + 1998, "*b", 2);
	pattern[2000] = '\0';
	/* A matcher that goes back would need longer than the universe has. */
	NO(pattern, name);
	memset(pattern, '*', 2000);
	YES(pattern, name);
}

static void gather(void *arg, struct strv parent)
{
	char *text = arg;
	size_t n = strlen(text);
	snprintf(text + n, 200 - n, "<%.*s>", STRV_ARG(parent));
}

static void assert_parents(const char *pattern, const char *name, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct list_pattern p;
	char text[200] = "";
	list_pattern_init(&p, STRV(""), strv_cstr(pattern), arena);
	list_match_parents(&p, strv_cstr(name), gather, text);
	assert_string_equal(text, expected);
	arena_free(&arena);
}

static void levels_above_a_name_can_match(void **state)
{
	(void)state;
	assert_parents("%", "a/b/c", "<a>");
	assert_parents("a/%", "a/b/c", "<a/b>");
	assert_parents("*", "a/b/c", "<a><a/b>");
	assert_parents("%/%", "a/b/c", "<a/b>");
	assert_parents("b", "a/b/c", "");
	assert_parents("inb%", "INBOX/c", "<INBOX>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_without_wildcards_matches_itself),
		cmocka_unit_test(a_star_stands_for_anything),
		cmocka_unit_test(a_percent_stops_at_the_separator),
		cmocka_unit_test(both_wildcards_work_together),
		cmocka_unit_test(inbox_matches_in_any_case),
		cmocka_unit_test(the_reference_is_put_in_front),
		cmocka_unit_test(many_wildcards_cost_no_more_than_length_times_length),
		cmocka_unit_test(levels_above_a_name_can_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
