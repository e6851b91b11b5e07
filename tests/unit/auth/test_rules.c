#include "auth/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct rules *make(struct auth_settings settings)
{
	struct buf errors;
	buf_init(&errors, 4096);
	settings.password_scheme = "SHA512-CRYPT";
	struct rules *rules = rules_new(&settings, &errors);
	buf_fini(&errors);
	return rules;
}

/* AU-31 */
static void au_31_failures_are_answered_on_a_grid_whatever_they_took(void **state)
{
	struct rules *rules = make((struct auth_settings){ .grid_ms = 500, .delay_max_ms = 4000 });

	(void)state;
	assert_non_null(rules);
	/* Refused at once, unknown, known with a cheap hash, known with a dear one: the same slot. */
	assert_int_equal(rules_failure_due(rules, 1, 0), 500);
	assert_int_equal(rules_failure_due(rules, 1, 1), 500);
	assert_int_equal(rules_failure_due(rules, 1, 254), 500);
	assert_int_equal(rules_failure_due(rules, 1, 334), 500);
	assert_int_equal(rules_failure_due(rules, 1, 500), 500);
	assert_int_equal(rules_failure_due(rules, 1, 501), 1000);
	/* It doubles with each failure, up to the limit, and stays on the grid. */
	assert_int_equal(rules_failure_due(rules, 2, 10), 1000);
	assert_int_equal(rules_failure_due(rules, 3, 10), 2000);
	assert_int_equal(rules_failure_due(rules, 4, 10), 4000);
	assert_int_equal(rules_failure_due(rules, 5, 10), 4000);
	assert_int_equal(rules_failure_due(rules, 100000, 10), 4000);
	assert_int_equal(rules_failure_due(rules, 0, 10), 500);
	rules_unref(&rules);
}

static void without_delays_one_slot_is_left(void **state)
{
	struct rules *rules = make((struct auth_settings){ .grid_ms = 500, .delay_max_ms = 0 });

	(void)state;
	assert_int_equal(rules_failure_due(rules, 50, 3), 500);
	rules_unref(&rules);
	rules = make((struct auth_settings){ .grid_ms = 0, .delay_max_ms = 4000 });
	assert_int_equal(rules_failure_due(rules, 50, 3), 3);
	rules_unref(&rules);
}

static void a_delay_ends_at_its_limit(void **state)
{
	(void)state;
	for (uint64_t max = 7; max <= 9; max++) {
		struct rules *rules = make((struct auth_settings){ .grid_ms = 1, .delay_max_ms = max });
		assert_int_equal(rules_failure_due(rules, 4, 0), max < 8 ? max : 8);
		assert_int_equal(rules_failure_due(rules, 5, 0), max);
		rules_unref(&rules);
	}
	/* It is doubled sixteen times at most. */
	struct rules *rules = make((struct auth_settings){ .grid_ms = 1, .delay_max_ms = UINT32_MAX });
	assert_int_equal(rules_failure_due(rules, 16, 0), 1 << 15);
	assert_int_equal(rules_failure_due(rules, 17, 0), 1 << 16);
	assert_int_equal(rules_failure_due(rules, 18, 0), 1 << 16);
	assert_int_equal(rules_failure_due(rules, UINT32_MAX, 0), 1 << 16);
	rules_unref(&rules);
}

static void trusted_networks_are_read(void **state)
{
	const char *networks[] = { "192.0.2.0/24", "2001:db8::/32" };
	const char *wrong[] = { "192.0.2.0/240" };
	struct rules *rules = make((struct auth_settings){ .trusted = networks, .trusted_count = 2 });

	(void)state;
	assert_non_null(rules);
	assert_true(rules_trust(rules, "192.0.2.200"));
	assert_true(rules_trust(rules, "2001:db8::5"));
	assert_false(rules_trust(rules, "192.0.3.1"));
	assert_false(rules_trust(rules, "unix"));
	rules_unref(&rules);
	assert_null(make((struct auth_settings){ .trusted = wrong, .trusted_count = 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(au_31_failures_are_answered_on_a_grid_whatever_they_took),
		cmocka_unit_test(without_delays_one_slot_is_left),
		cmocka_unit_test(a_delay_ends_at_its_limit),
		cmocka_unit_test(trusted_networks_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
