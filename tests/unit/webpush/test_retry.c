#include "webpush/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1795514400 /* Tue, 24 Nov 2026 10:00:00 GMT */

/* WP-44 */
static void wp_44_each_status_has_its_meaning(void **state)
{
	static const struct {
		unsigned status;
		enum retry_verdict verdict;
	} rows[] = {
		{ 200, RETRY_DONE },
		{ 201, RETRY_DONE },
		{ 202, RETRY_DONE },
		{ 404, RETRY_GONE },
		{ 410, RETRY_GONE },
		{ 400, RETRY_DROP },
		{ 401, RETRY_DROP },
		{ 403, RETRY_DROP },
		{ 413, RETRY_SHRINK },
		{ 429, RETRY_WAIT },
		{ 503, RETRY_WAIT },
		{ 500, RETRY_LATER },
		{ 502, RETRY_LATER },
		{ 504, RETRY_LATER },
		{ 0, RETRY_LATER },
		{ 301, RETRY_DROP },
		{ 307, RETRY_DROP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(retry_verdict(rows[i].status), rows[i].verdict);
}

/* CM-06 */
static void cm_06_a_notifier_knows_200_and_410_only(void **state)
{
	(void)state;
	assert_int_equal(retry_verdict_device(200), RETRY_DONE);
	assert_int_equal(retry_verdict_device(410), RETRY_GONE);
	assert_int_equal(retry_verdict_device(201), RETRY_LATER);
	assert_int_equal(retry_verdict_device(404), RETRY_LATER);
	assert_int_equal(retry_verdict_device(0), RETRY_LATER);
}

/* CM-06 */
static void cm_06_the_pauses_are_8_64_512_and_4096_seconds(void **state)
{
	(void)state;
	assert_int_equal(retry_device(1), 8);
	assert_int_equal(retry_device(2), 64);
	assert_int_equal(retry_device(3), 512);
	assert_int_equal(retry_device(4), 4096);
	assert_int_equal(retry_device(5), 0);
	assert_int_equal(retry_device(0), 0);
}

/* WP-44 */
static void wp_44_retry_after_is_read_in_both_forms(void **state)
{
	uint64_t seconds = 0;

	(void)state;
	assert_int_equal(retry_after(STRV("120"), NOW, &seconds), RC_OK);
	assert_int_equal(seconds, 120);
	assert_int_equal(retry_after(STRV(" 0 "), NOW, &seconds), RC_OK);
	assert_int_equal(seconds, 0);
	assert_int_equal(retry_after(STRV("Tue, 24 Nov 2026 10:01:30 GMT"), NOW, &seconds), RC_OK);
	assert_int_equal(seconds, 90);
	assert_int_equal(retry_after(STRV("Tue, 24 Nov 2020 10:01:30 GMT"), NOW, &seconds), RC_OK);
	assert_int_equal(seconds, 0);
	assert_int_equal(retry_after(STRV("99999999999"), NOW, &seconds), RC_OK);
	assert_int_equal(seconds, RETRY_AFTER_MAX_S);
	assert_int_equal(retry_after(STRV("soon"), NOW, &seconds), RC_INVALID);
	assert_int_equal(retry_after(STRV("-5"), NOW, &seconds), RC_INVALID);
	assert_int_equal(retry_after(STRV(""), NOW, &seconds), RC_INVALID);
}

/* WP-44 */
static void wp_44_the_pause_doubles_up_to_a_maximum_with_jitter(void **state)
{
	(void)state;
	assert_int_equal(retry_backoff(0, 1000, 60000, 0), 1000);
	assert_int_equal(retry_backoff(3, 1000, 60000, 0), 8000);
	assert_int_equal(retry_backoff(100, 1000, 60000, 0), 60000);
	for (uint64_t random = 0; random < 10000; random += 7) {
		uint64_t wait = retry_backoff(3, 1000, 60000, random);
		assert_true(wait > 4000 && wait <= 8000);
	}
	assert_int_equal(retry_backoff(0, 1, 1, 5), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_44_each_status_has_its_meaning),
		cmocka_unit_test(cm_06_a_notifier_knows_200_and_410_only),
		cmocka_unit_test(cm_06_the_pauses_are_8_64_512_and_4096_seconds),
		cmocka_unit_test(wp_44_retry_after_is_read_in_both_forms),
		cmocka_unit_test(wp_44_the_pause_doubles_up_to_a_maximum_with_jitter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
