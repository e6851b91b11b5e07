#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/server_state.h"

struct place {
	char root[64];
	char path[96];
};

static int place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	snprintf(place->root, sizeof(place->root), "/tmp/coid-state-XXXXXX");
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

static struct server_state *server_state_of(const struct place *place)
{
	struct server_state *numbers = server_state_new(&io_real, NULL, place->root);
	if (!server_state_server(numbers)[0])
		assert_int_equal(
			server_state_server_set(numbers, STRV("00112233445566778899aabbccddeeff")), RC_OK);
	server_state_prepare(numbers);
	return numbers;
}

static uint32_t validity(struct server_state *numbers)
{
	uint32_t number = 0;
	assert_int_equal(server_state_uidvalidity_next(numbers, 0, &number), RC_OK);
	return number;
}

static int64_t account(struct server_state *numbers)
{
	int64_t id = 0;
	assert_int_equal(server_state_id_next(numbers, &id), RC_OK);
	return id;
}

static void numbers_go_on_after_an_orderly_end(void **state)
{
	struct server_state *numbers = server_state_of(*state);
	assert_int_equal(account(numbers), 1);
	assert_int_equal(account(numbers), 2);
	assert_int_equal(validity(numbers), 1700000000);
	assert_int_equal(validity(numbers), 1700000001);
	server_state_free(&numbers);
	numbers = server_state_of(*state);
	assert_int_equal(account(numbers), 3);
	assert_int_equal(validity(numbers), 1700000002);
	assert_string_equal(server_state_server(numbers), "00112233445566778899aabbccddeeff");
	server_state_free(&numbers);
}

/* The process died: what it has given out is not known exactly. */
static void numbers_jump_after_a_crash_and_never_come_again(void **state)
{
	struct server_state *dead = server_state_of(*state);
	int64_t last_id = 0;
	uint32_t last = 0;
	for (int i = 0; i < 25000; i++) {
		last = validity(dead);
		last_id = account(dead);
	}
	struct server_state *numbers = server_state_of(*state);
	assert_true(validity(numbers) > last);
	assert_true(account(numbers) > last_id);
	server_state_free(&numbers);
	server_state_free(&dead);
}

static void a_clock_that_steps_makes_nothing_come_again(void **state)
{
	struct server_state *numbers = server_state_of(*state);
	uint32_t first = validity(numbers);
	clock_fake_set(1000, 1000);
	uint32_t second = validity(numbers);
	assert_true(second > first);
	/* Years ahead: not followed, or the numbers would be used up. */
	clock_fake_set(1000, 4200000000);
	assert_int_equal(validity(numbers), second + 1);
	clock_fake_set(1000, 1700000000 + 86400);
	assert_int_equal(validity(numbers), 1700000000 + 86400);
	server_state_free(&numbers);
}

static void a_clock_is_followed_so_far_ahead_and_no_further(void **state)
{
	struct server_state *numbers = server_state_of(*state);
	uint32_t last = validity(numbers);
	/* From the number that would be next without it. */
	clock_fake_set(1000, (int64_t)last + 1 + SERVER_STATE_AHEAD_MAX + 1);
	assert_int_equal(validity(numbers), last + 1);
	clock_fake_set(1000, (int64_t)last + 2 + SERVER_STATE_AHEAD_MAX);
	assert_int_equal(validity(numbers), last + 2 + SERVER_STATE_AHEAD_MAX);
	last += 2 + SERVER_STATE_AHEAD_MAX;
	clock_fake_set(1000, (int64_t)last + 1 + SERVER_STATE_AHEAD_MAX - 1);
	assert_int_equal(validity(numbers), last + SERVER_STATE_AHEAD_MAX);
	server_state_free(&numbers);
}

/* Without a record the first number is that of the clock, but in the upper half there must be room left. */
static void a_clock_far_ahead_does_not_use_up_the_first_numbers(void **state)
{
	static const int64_t clocks[] = { INT64_C(0x7ffffffe), INT64_C(0x7fffffff), INT64_C(0x80000000) };
	struct place *place = *state;
	for (int i = 0; i < 3; i++) {
		clock_fake_set(1000, clocks[i]);
		struct server_state *numbers = server_state_new(&io_real, NULL, place->root);
		clock_fake_set(1000, 1000);
		assert_int_equal(validity(numbers), i == 0 ? 0x7ffffffe : 0x7fffffff);
		server_state_free(&numbers);
		unlink(place->path);
	}
}

static void an_account_may_be_ahead_of_the_server(void **state)
{
	struct server_state *numbers = server_state_of(*state);
	uint32_t number = 0;
	assert_int_equal(server_state_uidvalidity_next(numbers, 1800000000, &number), RC_OK);
	assert_int_equal(number, 1800000001);
	assert_int_equal(validity(numbers), 1800000002);
	assert_int_equal(server_state_uidvalidity_next(numbers, UINT32_MAX, &number), RC_LIMIT);
	server_state_free(&numbers);
}

static void ids_begin_above_what_was_seen(void **state)
{
	struct server_state *numbers = server_state_of(*state);
	server_state_ids_raise(numbers, 5000);
	assert_int_equal(account(numbers), 5000);
	server_state_ids_raise(numbers, 17);
	assert_int_equal(account(numbers), 5001);
	server_state_free(&numbers);
}

static void a_damaged_file_counts_as_none(void **state)
{
	struct place *place = *state;
	struct server_state_text text;
	struct server_state *numbers = server_state_of(place);
	server_state_free(&numbers);
	assert_int_equal(server_state_read(&io_real, NULL, place->root, &text), RC_OK);
	assert_int_equal(truncate(place->path, 40), 0);
	assert_int_equal(server_state_read(&io_real, NULL, place->root, &text), RC_CORRUPT);
	numbers = server_state_of(place);
	assert_int_equal(validity(numbers), 1700000000);
	server_state_free(&numbers);
}

#define T(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(numbers_go_on_after_an_orderly_end),
		T(numbers_jump_after_a_crash_and_never_come_again),
		T(a_clock_that_steps_makes_nothing_come_again),
		T(a_clock_is_followed_so_far_ahead_and_no_further),
		T(a_clock_far_ahead_does_not_use_up_the_first_numbers),
		T(an_account_may_be_ahead_of_the_server),
		T(ids_begin_above_what_was_seen),
		T(a_damaged_file_counts_as_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
