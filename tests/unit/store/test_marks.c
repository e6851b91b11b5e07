#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/marks.h"

struct place {
	char root[64];
	char path[96];
};

static int place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	snprintf(place->root, sizeof(place->root), "/tmp/coid-marks-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	snprintf(place->path, sizeof(place->path), "%s/server.state", place->root);
	clock_fake_set(1000, 1700000000);
	*state = place;
	return 0;
}

static int place_teardown(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	assert_int_equal(rmdir(place->root), 0);
	clock_fake_set(0, 0);
	free(place);
	return 0;
}

static struct marks *marks_of(const struct place *place)
{
	struct marks *marks = marks_new(&io_real, NULL, place->root);
	if (!marks_server(marks)[0])
		assert_int_equal(marks_server_set(marks, STRV("00112233445566778899aabbccddeeff")), RC_OK);
	marks_prepare(marks);
	return marks;
}

static uint32_t validity(struct marks *marks)
{
	uint32_t number = 0;
	assert_int_equal(marks_uidvalidity_next(marks, 0, &number), RC_OK);
	return number;
}

static int64_t account(struct marks *marks)
{
	int64_t id = 0;
	assert_int_equal(marks_id_next(marks, &id), RC_OK);
	return id;
}

static void numbers_go_on_after_an_orderly_end(void **state)
{
	struct marks *marks = marks_of(*state);
	assert_int_equal(account(marks), 1);
	assert_int_equal(account(marks), 2);
	assert_int_equal(validity(marks), 1700000000);
	assert_int_equal(validity(marks), 1700000001);
	marks_free(&marks);
	marks = marks_of(*state);
	assert_int_equal(account(marks), 3);
	assert_int_equal(validity(marks), 1700000002);
	assert_string_equal(marks_server(marks), "00112233445566778899aabbccddeeff");
	marks_free(&marks);
}

/* The process died: what it has given out is not known exactly. */
static void numbers_jump_after_a_crash_and_never_come_again(void **state)
{
	struct marks *dead = marks_of(*state);
	int64_t last_id = 0;
	uint32_t last = 0;
	for (int i = 0; i < 25000; i++) {
		last = validity(dead);
		last_id = account(dead);
	}
	struct marks *marks = marks_of(*state);
	assert_true(validity(marks) > last);
	assert_true(account(marks) > last_id);
	marks_free(&marks);
	marks_free(&dead);
}

static void a_clock_that_steps_makes_nothing_come_again(void **state)
{
	struct marks *marks = marks_of(*state);
	uint32_t first = validity(marks);
	clock_fake_set(1000, 1000);
	uint32_t second = validity(marks);
	assert_true(second > first);
	/* Years ahead: not followed, or the numbers would be used up. */
	clock_fake_set(1000, 4200000000);
	assert_int_equal(validity(marks), second + 1);
	clock_fake_set(1000, 1700000000 + 86400);
	assert_int_equal(validity(marks), 1700000000 + 86400);
	marks_free(&marks);
}

static void an_account_may_be_ahead_of_the_server(void **state)
{
	struct marks *marks = marks_of(*state);
	uint32_t number = 0;
	assert_int_equal(marks_uidvalidity_next(marks, 1800000000, &number), RC_OK);
	assert_int_equal(number, 1800000001);
	assert_int_equal(validity(marks), 1800000002);
	assert_int_equal(marks_uidvalidity_next(marks, UINT32_MAX, &number), RC_LIMIT);
	marks_free(&marks);
}

static void ids_begin_above_what_was_seen(void **state)
{
	struct marks *marks = marks_of(*state);
	marks_ids_raise(marks, 5000);
	assert_int_equal(account(marks), 5000);
	marks_ids_raise(marks, 17);
	assert_int_equal(account(marks), 5001);
	marks_free(&marks);
}

static void a_damaged_file_counts_as_none(void **state)
{
	struct place *place = *state;
	struct marks_text text;
	struct marks *marks = marks_of(place);
	marks_free(&marks);
	assert_int_equal(marks_read(&io_real, NULL, place->root, &text), RC_OK);
	assert_int_equal(truncate(place->path, 40), 0);
	assert_int_equal(marks_read(&io_real, NULL, place->root, &text), RC_CORRUPT);
	marks = marks_of(place);
	assert_int_equal(validity(marks), 1700000000);
	marks_free(&marks);
}

#define T(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(numbers_go_on_after_an_orderly_end),
		T(numbers_jump_after_a_crash_and_never_come_again),
		T(a_clock_that_steps_makes_nothing_come_again),
		T(an_account_may_be_ahead_of_the_server),
		T(ids_begin_above_what_was_seen),
		T(a_damaged_file_counts_as_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
