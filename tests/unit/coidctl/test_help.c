#include "coidctl/coidctl.h"

#include "admin/protocol.h"
#include "admin/verbs.h"
#include "printed.h"

static void assert_help(const char *const *words, int status, const char *out, const char *err)
{
	static struct printed printed;

	printed_by(&printed, help_print, words);
	assert_int_equal(printed.status, status);
	assert_string_equal(printed.out, out);
	assert_string_equal(printed.err, err);
}

static void help_is_wanted_without_words_too(void **state)
{
	char help[] = "help", other[] = "helps";
	char *argv[] = { help, other };

	(void)state;
	assert_true(help_is_wanted(0, argv));
	assert_true(help_is_wanted(1, argv));
	assert_true(help_is_wanted(2, argv));
	assert_false(help_is_wanted(1, argv + 1));
}

static void all_verbs_are_listed_with_their_usage(void **state)
{
	static struct printed printed;
	size_t lines = 0;

	(void)state;
	const char *const *const samples[] = { (const char *const[]){ NULL }, WORDS("help") };
	for (size_t i = 0; i < 2; i++) {
		printed_by(&printed, help_print, samples[i]);
		assert_int_equal(printed.status, PROTOCOL_OK);
		assert_string_equal(printed.err, "");
		assert_int_equal(
			strncmp(printed.out, "usage: coidctl [-c FILE] [-s SOCKET] VERB ...\n", 46), 0);
		lines = 3;
#define SHOWN(words, usage, help, run)                                                                       \
	assert_non_null(strstr(printed.out,                                                                  \
		usage[0] ? "\n  " words " " usage "\t" help "\n" : "\n  " words "\t" help "\n"));            \
	lines++;
		ADMIN_VERBS_USER(SHOWN)
		ADMIN_VERBS_IMPORT(SHOWN)
		ADMIN_VERBS_SERVER(SHOWN)
		ADMIN_VERBS_CHECK(SHOWN)
		ADMIN_VERBS_ACCOUNT(SHOWN)
		ADMIN_VERBS_COI(SHOWN)
		ADMIN_VERBS_PUSH(SHOWN)
		assert_non_null(strstr(printed.out, "\n  check --server ["));
		assert_non_null(strstr(printed.out, "\n  help [VERB]\t"));
		for (const char *p = printed.out; *p; p++)
			lines -= *p == '\n';
		assert_int_equal(lines, 0);
	}
}

static void words_choose_the_verbs_that_begin_so(void **state)
{
	(void)state;
	assert_help(
		WORDS("help", "status"), PROTOCOL_OK, "  status\twhat the server listens on and does\n", "");
	assert_help(WORDS("help", "user", "del"), PROTOCOL_OK,
		"  user del ADDRESS\tremoves an account with all its mail\n", "");
	assert_help(WORDS("help", "vapid"), PROTOCOL_OK,
		"  vapid show\tthe key that push services know the server by\n"
		"  vapid rotate\tmakes a new one: all push subscriptions become void\n",
		"");
}

static void other_words_are_no_verbs(void **state)
{
	static const char none[] = "coidctl: there is no such verb; coidctl help lists them\n";

	(void)state;
	assert_help(WORDS("help", "use"), PROTOCOL_USAGE, "", none);
	assert_help(WORDS("help", "user", "del", "x"), PROTOCOL_USAGE, "", none);
	assert_help(WORDS("help", ""), PROTOCOL_USAGE, "", none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_is_wanted_without_words_too),
		cmocka_unit_test(all_verbs_are_listed_with_their_usage),
		cmocka_unit_test(words_choose_the_verbs_that_begin_so),
		cmocka_unit_test(other_words_are_no_verbs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
