#include "auth/epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void a_change_is_seen_by_whoever_began_before_it(void **state)
{
	struct epoch *epoch = epoch_new();
	uint64_t before = epoch_now(epoch);

	(void)state;
	assert_false(epoch_changed(epoch, STRV("a"), before));
	epoch_note(epoch, STRV("a"));
	assert_true(epoch_changed(epoch, STRV("a"), before));
	assert_false(epoch_changed(epoch, STRV("b"), before));
	assert_false(epoch_changed(epoch, STRV("a"), epoch_now(epoch)));
	epoch_free(&epoch);
}

static void what_is_too_long_ago_counts_as_changed(void **state)
{
	struct epoch *epoch = epoch_new();

	(void)state;
	for (int i = 0; i < EPOCH_CHANGES; i++)
		epoch_note(epoch, STRV("a"));
	assert_false(epoch_changed(epoch, STRV("b"), 0));
	epoch_note(epoch, STRV("a"));
	assert_true(epoch_changed(epoch, STRV("b"), 0));
	assert_false(epoch_changed(epoch, STRV("b"), 1));
	epoch_free(&epoch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_seen_by_whoever_began_before_it),
		cmocka_unit_test(what_is_too_long_ago_counts_as_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
