#include "auth/auto_create.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR_MS (3600 * 1000)

static bool fits(const char *user, const char *password)
{
	static const char *const domains[] = { "example.org", "example.net" };
	struct auto_create_rules rules = { .enabled = true,
		.local_min = 3,
		.local_max = 6,
		.password_min = 4,
		.domains = domains,
		.domain_count = 2,
		.per_hour = 1 };

	return auto_create_fits(&rules, strv_cstr(user), strv_cstr(password));
}

/* CM-08 */
static void cm_08_local_part_domain_and_password_must_fit(void **state)
{
	(void)state;
	assert_true(fits("abc@example.org", "1234"));
	assert_true(fits("a.b-_9@example.net", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
	assert_false(fits("ab@example.org", "1234"));
	assert_false(fits("abcdefg@example.org", "1234"));
	assert_false(fits("abc@example.com", "1234"));
	assert_false(fits("abc@sub.example.org", "1234"));
	assert_false(fits("abc@", "1234"));
	assert_false(fits("abc", "1234"));
	assert_false(fits(".abc@example.org", "1234"));
	assert_false(fits("-abc@example.org", "1234"));
	assert_false(fits("a+bc@example.org", "1234"));
	assert_false(fits("a\xc3\xa9"
			  "bc@example.org",
		"1234"));
	assert_false(fits("abc@example.org", "123"));
	assert_false(fits("abc@example.org", "\xc3\xa9\xc3\xa9\xc3\xa9"));
	assert_false(fits("abc@example.org", "\xff\xff\xff\xff"));
}

/* CM-08 */
static void cm_08_nothing_fits_when_it_is_off(void **state)
{
	static const char *const domains[] = { "example.org" };
	struct auto_create_rules rules = {
		.local_min = 1, .local_max = 9, .domains = domains, .domain_count = 1
	};

	(void)state;
	assert_false(auto_create_fits(&rules, STRV("abc@example.org"), STRV("1234")));
}

/* CM-08 */
static void cm_08_creations_per_address_and_hour_are_limited(void **state)
{
	struct auto_create *limit = auto_create_new();

	(void)state;
	clock_fake_set(1000, 1800000000);
	assert_true(auto_create_take(limit, "192.0.2.1", 2));
	assert_true(auto_create_take(limit, "192.0.2.1", 2));
	assert_false(auto_create_take(limit, "192.0.2.1", 2));
	assert_true(auto_create_take(limit, "192.0.2.2", 2));
	clock_fake_advance(HOUR_MS - 1);
	assert_false(auto_create_take(limit, "192.0.2.1", 2));
	clock_fake_advance(1);
	assert_true(auto_create_take(limit, "192.0.2.1", 2));
	auto_create_free(&limit);
	clock_fake_set(0, 0);
}

static void of_too_many_peers_the_oldest_is_forgotten_and_nobody_refused(void **state)
{
	struct auto_create *limit = auto_create_new();
	char peer[32];

	(void)state;
	clock_fake_set(1000, 1800000000);
	for (unsigned i = 0; i < AUTO_CREATE_PEERS; i++) {
		snprintf(peer, sizeof(peer), "peer-%u", i);
		assert_true(auto_create_take(limit, peer, 1));
	}
	assert_true(auto_create_take(limit, "one more", 1));
	assert_false(auto_create_take(limit, "one more", 1));
	assert_false(auto_create_take(limit, "peer-1", 1));
	assert_true(auto_create_take(limit, "peer-0", 1));
	clock_fake_advance(HOUR_MS);
	assert_true(auto_create_take(limit, "one more", 1));
	auto_create_free(&limit);
	clock_fake_set(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cm_08_local_part_domain_and_password_must_fit),
		cmocka_unit_test(cm_08_nothing_fits_when_it_is_off),
		cmocka_unit_test(cm_08_creations_per_address_and_hour_are_limited),
		cmocka_unit_test(of_too_many_peers_the_oldest_is_forgotten_and_nobody_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
