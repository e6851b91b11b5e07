#include "auth/guard.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define WINDOW_MS 60000
#define BAN_MS 120000

static const struct guard_limits limits = {
	.guesses = { [GUARD_ADDRESS] = 3, [GUARD_NETWORK] = 5, [GUARD_ACCOUNT] = 4, [GUARD_PAIR] = 3 },
	.window_ms = WINDOW_MS,
	.ban_ms = BAN_MS,
};

static struct guard_who who_of(const char *address, const char *network, const char *account)
{
	return (struct guard_who){
		.key = { [GUARD_ADDRESS] = address, [GUARD_NETWORK] = network, [GUARD_ACCOUNT] = account }
	};
}

/* A guess that fails; the bans that begin with it. */
static unsigned guess(struct guard *guard, const struct guard_who *who)
{
	assert_int_equal(guard_take(guard, &limits, who), GUARD_GO);
	return guard_failed(guard, &limits, who);
}

static int setup(void **state)
{
	clock_fake_set(1000000, 1800000000);
	*state = guard_new(100);
	return 0;
}

static int teardown(void **state)
{
	struct guard *guard = *state;
	guard_free(&guard);
	clock_fake_set(0, 0);
	return 0;
}

/* AU-30 */
static void au_30_an_address_has_so_many_guesses_and_is_then_banned_for_a_while(void **state)
{
	struct guard *guard = *state;
	struct guard_who a = who_of("192.0.2.1", NULL, "x");
	struct guard_who b = who_of("192.0.2.2", NULL, "y");

	assert_int_equal(guess(guard, &a), 0);
	assert_int_equal(guess(guard, &a), 0);
	assert_int_equal(guess(guard, &a), 1u << GUARD_ADDRESS);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_REFUSED);
	assert_int_equal(guess(guard, &b), 0);
	clock_fake_advance(BAN_MS - 1);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_REFUSED);
	clock_fake_advance(1);
	assert_int_equal(guess(guard, &a), 0);
}

static void guesses_come_back_one_by_one(void **state)
{
	struct guard *guard = *state;
	struct guard_limits no_ban = limits;
	struct guard_who a = who_of("192.0.2.1", NULL, NULL);

	no_ban.ban_ms = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(guard_take(guard, &no_ban, &a), GUARD_GO);
		guard_failed(guard, &no_ban, &a);
	}
	assert_int_equal(guard_take(guard, &no_ban, &a), GUARD_REFUSED);
	clock_fake_advance(WINDOW_MS / 3);
	assert_int_equal(guard_take(guard, &no_ban, &a), GUARD_GO);
	guard_failed(guard, &no_ban, &a);
	assert_int_equal(guard_take(guard, &no_ban, &a), GUARD_REFUSED);
}

/* A hundred guesses at the same time are no way around the limit. */
static void guesses_at_the_same_time_wait_for_each_other(void **state)
{
	struct guard *guard = *state;
	struct guard_who a = who_of("192.0.2.1", NULL, NULL);

	for (int i = 0; i < 3; i++)
		assert_int_equal(guard_take(guard, &limits, &a), GUARD_GO);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_WAIT);
	/* Right passwords use nothing up. */
	guard_release(guard, &a, true);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_GO);
	guard_failed(guard, &limits, &a);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_WAIT);
	guard_failed(guard, &limits, &a);
	guard_failed(guard, &limits, &a);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_REFUSED);
}

static void a_success_clears_nothing_of_an_address(void **state)
{
	struct guard *guard = *state;
	struct guard_who a = who_of("192.0.2.1", NULL, "own@example.org");

	guess(guard, &a);
	guess(guard, &a);
	assert_int_equal(guard_take(guard, &limits, &a), GUARD_GO);
	guard_release(guard, &a, true);
	assert_int_equal(guard_failures(guard, &a), 2);
	assert_int_equal(guess(guard, &a), 1u << GUARD_ADDRESS);
}

static void a_network_and_an_account_sum_up_what_addresses_do(void **state)
{
	struct guard *guard = *state;
	char key[32];

	for (int i = 0; i < 5; i++) {
		char account[32];
		snprintf(key, sizeof(key), "2001:db8:1:%d::/64", i);
		snprintf(account, sizeof(account), "user%d", i);
		struct guard_who one = who_of(key, "2001:db8:1::/48", account);
		assert_int_equal(guess(guard, &one), i == 4 ? 1u << GUARD_NETWORK : 0);
	}
	struct guard_who other = who_of("2001:db8:1:9::/64", "2001:db8:1::/48", "fresh");
	assert_int_equal(guard_take(guard, &limits, &other), GUARD_REFUSED);
	for (int i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "192.0.2.%d", i);
		struct guard_who one = who_of(key, NULL, "alice");
		assert_int_equal(guess(guard, &one), i == 3 ? 1u << GUARD_ACCOUNT : 0);
	}
	other = who_of("192.0.2.9", NULL, "alice");
	assert_int_equal(guard_take(guard, &limits, &other), GUARD_REFUSED);
	/* From her known address her own count applies. */
	struct guard_who pair = { .key = { [GUARD_PAIR] = "alice at 192.0.2.77" } };
	assert_int_equal(guess(guard, &pair), 0);
	assert_int_equal(guard_take(guard, &limits, &pair), GUARD_GO);
	guard_release(guard, &pair, true);
	assert_int_equal(guard_failures(guard, &pair), 0);
}

static void what_is_refused_for_one_key_takes_nothing_of_the_others(void **state)
{
	struct guard *guard = *state;
	struct guard_who a = who_of("192.0.2.1", NULL, NULL);
	struct guard_who both = who_of("192.0.2.1", NULL, "alice");
	struct guard_who alice = who_of(NULL, NULL, "alice");

	for (int i = 0; i < 3; i++)
		guess(guard, &a);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(guard_take(guard, &limits, &both), GUARD_REFUSED);
		guard_refused(guard, &both);
	}
	assert_int_equal(guard_failures(guard, &a), 13);
	assert_int_equal(guard_failures(guard, &alice), 0);
	for (int i = 0; i < 4; i++)
		guess(guard, &alice);
}

static void failures_are_forgotten_after_ten_quiet_minutes(void **state)
{
	struct guard *guard = *state;
	struct guard_who a = who_of("192.0.2.1", NULL, NULL);

	guess(guard, &a);
	clock_fake_advance(GUARD_FORGET_MS);
	assert_int_equal(guard_failures(guard, &a), 1);
	clock_fake_advance(1);
	assert_int_equal(guard_failures(guard, &a), 0);
	guess(guard, &a);
	assert_int_equal(guard_failures(guard, &a), 1);
	/* The next failure begins anew as late, no sooner. */
	clock_fake_advance(GUARD_FORGET_MS);
	guess(guard, &a);
	assert_int_equal(guard_failures(guard, &a), 2);
	clock_fake_advance(GUARD_FORGET_MS + 1);
	guess(guard, &a);
	assert_int_equal(guard_failures(guard, &a), 1);
}

static void the_table_is_bounded_and_keeps_the_banned_longest(void **state)
{
	struct guard *guard = guard_new(10);
	struct guard_who banned = who_of("192.0.2.1", NULL, NULL);
	char key[32];

	(void)state;
	for (int i = 0; i < 3; i++)
		guess(guard, &banned);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "198.51.100.%d", i);
		struct guard_who one = who_of(key, NULL, NULL);
		guess(guard, &one);
	}
	assert_int_equal(guard_take(guard, &limits, &banned), GUARD_REFUSED);
	struct guard_who gone = who_of("198.51.100.0", NULL, NULL);
	assert_int_equal(guard_failures(guard, &gone), 0);
	struct guard_who last = who_of("198.51.100.99", NULL, NULL);
	assert_int_equal(guard_failures(guard, &last), 1);
	guard_free(&guard);
}

static void without_limits_everybody_may_guess(void **state)
{
	struct guard *guard = *state;
	struct guard_limits none = { .window_ms = WINDOW_MS, .ban_ms = BAN_MS };
	struct guard_who a = who_of("192.0.2.1", "n", "x");

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(guard_take(guard, &none, &a), GUARD_GO);
		assert_int_equal(guard_failed(guard, &none, &a), 0);
	}
}

static void a_key_leaves_when_one_more_than_the_table_holds_comes(void **state)
{
	struct guard *guard = guard_new(2);
	struct guard_who a = who_of("192.0.2.1", NULL, NULL);
	struct guard_who b = who_of("192.0.2.2", NULL, NULL);
	struct guard_who c = who_of("192.0.2.3", NULL, NULL);

	(void)state;
	guess(guard, &a);
	guess(guard, &b);
	assert_int_equal(guard_failures(guard, &a), 1);
	guess(guard, &c);
	assert_int_equal(guard_failures(guard, &a), 0);
	assert_int_equal(guard_failures(guard, &b), 1);
	assert_int_equal(guard_failures(guard, &c), 1);
	guard_free(&guard);
}

/* Fills a table with banned keys and one that is not banned, adds one more, and checks which one has left. */
static void assert_leaves(unsigned banned, bool banned_leaves)
{
	struct guard *guard = guard_new(banned + 1);
	char key[32];

	for (unsigned i = 0; i < banned; i++) {
		snprintf(key, sizeof(key), "192.0.2.%u", i);
		struct guard_who one = who_of(key, NULL, NULL);
		for (int n = 0; n < 3; n++)
			guess(guard, &one);
	}
	struct guard_who first = who_of("192.0.2.0", NULL, NULL);
	struct guard_who free = who_of("198.51.100.1", NULL, NULL);
	struct guard_who more = who_of("198.51.100.2", NULL, NULL);
	guess(guard, &free);
	guess(guard, &more);
	assert_int_equal(guard_failures(guard, &first), banned_leaves ? 0 : 3);
	assert_int_equal(guard_failures(guard, &free), banned_leaves ? 1 : 0);
	guard_free(&guard);
}

static void so_many_banned_keys_are_passed_for_one_that_may_go(void **state)
{
	(void)state;
	assert_leaves(GUARD_EVICT_TRIES - 1, false);
	assert_leaves(GUARD_EVICT_TRIES, true);
	assert_leaves(GUARD_EVICT_TRIES + 1, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(au_30_an_address_has_so_many_guesses_and_is_then_banned_for_a_while),
		TEST(guesses_come_back_one_by_one),
		TEST(guesses_at_the_same_time_wait_for_each_other),
		TEST(a_success_clears_nothing_of_an_address),
		TEST(a_network_and_an_account_sum_up_what_addresses_do),
		TEST(what_is_refused_for_one_key_takes_nothing_of_the_others),
		TEST(failures_are_forgotten_after_ten_quiet_minutes),
		TEST(the_table_is_bounded_and_keeps_the_banned_longest),
		TEST(without_limits_everybody_may_guess),
		TEST(a_key_leaves_when_one_more_than_the_table_holds_comes),
		TEST(so_many_banned_keys_are_passed_for_one_that_may_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
