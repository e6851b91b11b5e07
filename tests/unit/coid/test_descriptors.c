#include "coid/descriptors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

static struct conf *conf_of(unsigned imap, unsigned lmtp, unsigned accounts, unsigned workers)
{
	char texts[4][64];
	const char *const overrides[] = { texts[0], texts[1], texts[2], texts[3] };
	struct conf *conf = NULL;
	struct buf errors;

	snprintf(texts[0], 64, "server.max_connections=%u", imap);
	snprintf(texts[1], 64, "lmtp.max_connections=%u", lmtp);
	snprintf(texts[2], 64, "store.open_accounts_max=%u", accounts);
	snprintf(texts[3], 64, "server.workers=%u", workers);
	buf_init(&errors, CONF_ERRORS_MAX);
	assert_int_equal(conf_load(NULL, overrides, 4, &errors, &conf), RC_OK);
	buf_fini(&errors);
	return conf;
}

static void a_limit_that_suffices_changes_nothing(void **state)
{
	struct conf *conf = conf_of(8000, 500, 512, 8);
	/*
	 * 96 of the server, 4 reactors, 8 workers, accounts with three each, LMTP with two, IMAP with an
	 * eighth more.
	 */
	uint64_t needed = 96 + 4 * 8 + 8 * 4 + 512 * 3 + 500 * 2 + 8000 + 8000 / 8;

	(void)state;
	for (uint64_t limit = needed; limit < needed + 2; limit++) {
		struct descriptors plan = descriptors_plan(conf, 4, limit);
		assert_int_equal(plan.needed, needed);
		assert_int_equal(plan.limit, limit);
		assert_int_equal(plan.imap, 8000);
		assert_int_equal(plan.lmtp, 500);
		assert_int_equal(plan.accounts, 512);
	}
	struct descriptors plan = descriptors_plan(conf, 4, needed - 1);
	assert_true(plan.imap < 8000);
	conf_free(&conf);
	/* The same if accounts need more than their part of a low limit. */
	conf = conf_of(80, 500, 512, 8);
	needed = 96 + 8 + 8 * 4 + 512 * 3 + 500 * 2 + 80 + 80 / 8;
	plan = descriptors_plan(conf, 1, needed);
	assert_int_equal(plan.accounts, 512);
	plan = descriptors_plan(conf, 1, needed - 1);
	assert_true(plan.accounts < 512);
	conf_free(&conf);
}

/* Under any limit no part gets more than it needs, and the sum fits if that is possible. */
static void a_low_limit_is_divided_so_that_all_fits(void **state)
{
	struct conf *conf = conf_of(100000, 500, 512, 8);

	(void)state;
	for (uint64_t limit = 1; limit < 200000; limit += 1 + limit / 50) {
		struct descriptors plan = descriptors_plan(conf, 2, limit);
		uint64_t own = 96 + 2 * 8 + 8 * 4;
		uint64_t used = own + 3 * (uint64_t)plan.accounts + 2 * (uint64_t)plan.lmtp + plan.imap +
				plan.imap / 8;
		assert_in_range(plan.imap, 1, 100000);
		assert_in_range(plan.lmtp, 4, 500);
		assert_in_range(plan.accounts, 8, 512);
		/* Accounts and LMTP take three eighths, or their least. */
		if (limit >= own + 3 * 8 + 2 * 4 + 2 && limit * 5 / 8 >= own + 2)
			assert_true(used <= limit);
	}
	conf_free(&conf);
}

static void accounts_and_lmtp_get_their_part_of_a_low_limit(void **state)
{
	struct conf *conf = conf_of(10000, 500, 512, 8);
	struct descriptors plan = descriptors_plan(conf, 1, 1024);

	(void)state;
	assert_int_equal(plan.accounts, 1024 / 4 / 3);
	assert_int_equal(plan.lmtp, 1024 / 8 / 2);
	assert_int_equal(plan.imap, (1024 - (96 + 8 + 32) - 255 - 128) * 8 / 9);
	plan = descriptors_plan(conf, 1, 10);
	assert_int_equal(plan.accounts, 8);
	assert_int_equal(plan.lmtp, 4);
	assert_int_equal(plan.imap, 1);
	conf_free(&conf);
}

static void a_few_accounts_are_not_made_more(void **state)
{
	struct conf *conf = conf_of(10000, 2, 8, 8);
	struct descriptors plan = descriptors_plan(conf, 1, 1024);

	(void)state;
	assert_int_equal(plan.accounts, 8);
	assert_int_equal(plan.lmtp, 2);
	conf_free(&conf);
}

static void assert_told(const struct descriptors *plan, const char *expected)
{
	char text[1024] = "";
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	struct log *log = log_new(fds[1], LOG_LEVEL_WARN);
	descriptors_tell(plan, log);
	log_free(&log);
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) >= 0);
	close(fds[0]);
	if (expected)
		assert_non_null(strstr(text, expected));
	else
		assert_string_equal(text, "");
}

static void only_a_limit_that_is_too_low_is_told(void **state)
{
	struct descriptors plan = { .limit = 1024, .needed = 1024, .imap = 5, .lmtp = 6, .accounts = 7 };

	(void)state;
	assert_told(&plan, NULL);
	plan.needed = 1025;
	assert_told(&plan, "limit=1024 needed=1025 imap_connections=5 lmtp_connections=6 open_accounts=7\n");
}

static void the_limit_is_that_of_the_process(void **state)
{
	struct rlimit before, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(descriptors_limit(), 100);
	setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_that_suffices_changes_nothing),
		cmocka_unit_test(a_low_limit_is_divided_so_that_all_fits),
		cmocka_unit_test(accounts_and_lmtp_get_their_part_of_a_low_limit),
		cmocka_unit_test(a_few_accounts_are_not_made_more),
		cmocka_unit_test(only_a_limit_that_is_too_low_is_told),
		cmocka_unit_test(the_limit_is_that_of_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
