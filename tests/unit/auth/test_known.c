#include "auth/known.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define AGE_MS 10000
#define ALICE STRV("alice@example.org")
#define BOB STRV("bob@example.org")

static int setup(void **state)
{
	clock_fake_set(1000, 1800000000);
	*state = known_new(200, AGE_MS);
	return 0;
}

static int teardown(void **state)
{
	struct known *known = *state;
	known_free(&known);
	clock_fake_set(0, 0);
	return 0;
}

static void an_account_is_known_where_it_has_logged_in_lately(void **state)
{
	struct known *known = *state;

	assert_false(known_has(known, ALICE, "192.0.2.1"));
	assert_false(known_address(known, "192.0.2.1"));
	known_add(known, ALICE, "192.0.2.1");
	assert_true(known_has(known, ALICE, "192.0.2.1"));
	assert_true(known_address(known, "192.0.2.1"));
	assert_false(known_has(known, BOB, "192.0.2.1"));
	assert_false(known_has(known, ALICE, "192.0.2.2"));
	clock_fake_advance(AGE_MS - 1);
	assert_true(known_has(known, ALICE, "192.0.2.1"));
	clock_fake_advance(1);
	assert_false(known_has(known, ALICE, "192.0.2.1"));
	assert_false(known_address(known, "192.0.2.1"));
	known_add(known, ALICE, "192.0.2.1");
	assert_true(known_has(known, ALICE, "192.0.2.1"));
}

static void an_account_keeps_the_addresses_that_it_used_last(void **state)
{
	struct known *known = *state;
	char address[32];

	known_add(known, BOB, "203.0.113.1");
	for (int i = 0; i <= KNOWN_PER_ACCOUNT; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		known_add(known, ALICE, address);
	}
	assert_false(known_has(known, ALICE, "192.0.2.0"));
	assert_true(known_has(known, ALICE, "192.0.2.1"));
	assert_true(known_has(known, ALICE, "192.0.2.64"));
	/* Nobody else pays for it. */
	assert_true(known_has(known, BOB, "203.0.113.1"));
}

static void all_are_bounded(void **state)
{
	struct known *known = *state;
	char account[32];

	for (int i = 0; i < 201; i++) {
		snprintf(account, sizeof(account), "u%d@example.org", i);
		known_add(known, strv_cstr(account), "192.0.2.1");
	}
	assert_false(known_has(known, STRV("u0@example.org"), "192.0.2.1"));
	assert_true(known_has(known, STRV("u1@example.org"), "192.0.2.1"));
	assert_true(known_address(known, "192.0.2.1"));
}

static void a_removed_account_is_forgotten(void **state)
{
	struct known *known = *state;

	known_add(known, ALICE, "192.0.2.1");
	known_add(known, ALICE, "192.0.2.2");
	known_add(known, BOB, "192.0.2.2");
	known_forget(known, ALICE);
	known_forget(known, ALICE);
	assert_false(known_has(known, ALICE, "192.0.2.1"));
	assert_false(known_address(known, "192.0.2.1"));
	assert_true(known_has(known, BOB, "192.0.2.2"));
}

static void what_has_no_name_is_not_known(void **state)
{
	struct known *known = *state;

	known_add(known, STRV_NULL, "192.0.2.1");
	known_add(known, ALICE, "");
	assert_false(known_address(known, "192.0.2.1"));
	assert_false(known_has(known, ALICE, ""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_is_known_where_it_has_logged_in_lately),
		TEST(an_account_keeps_the_addresses_that_it_used_last),
		TEST(all_are_bounded),
		TEST(a_removed_account_is_forgotten),
		TEST(what_has_no_name_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
