#include "auth/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct job {
	struct lane_item item;
	enum lane_look look;
	char address[16];
	char account[16];
};

static enum lane_look look(void *ctx, struct lane_item *item)
{
	struct job *job = CONTAINER_OF(item, struct job, item);

	(void)ctx;
	return item->lane == LANE_FAILED && job->look == LANE_DEMOTE ? LANE_RUN : job->look;
}

static const struct lanes_limits limits = {
	.workers = 2, .per_address = 1, .per_account = 1, .waiting_max = 8
};

static int setup(void **state)
{
	*state = lanes_new(&limits, look, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct lanes *lanes = *state;
	lanes_free(&lanes);
	return 0;
}

static enum rc add(
	struct lanes *lanes, struct job *job, enum lane lane, const char *address, const char *account)
{
	struct lane_item *victim = NULL;

	*job = (struct job){ .look = LANE_RUN };
	snprintf(job->address, sizeof(job->address), "%s", address);
	snprintf(job->account, sizeof(job->account), "%s", account);
	job->item = (struct lane_item){
		.lane = lane, .address = job->address, .account = job->account, .free = lane == LANE_KNOWN
	};
	enum rc rc = lanes_add(lanes, &job->item, &victim);
	assert_null(victim);
	return rc;
}

static void assert_next(struct lanes *lanes, struct job *job)
{
	struct lane_item *item = lanes_next(lanes);
	assert_ptr_equal(item, job ? &job->item : NULL);
}

static void known_addresses_come_before_clean_ones_and_those_before_failed_ones(void **state)
{
	struct lanes *lanes = *state;
	struct job failed, clean, known;

	assert_int_equal(add(lanes, &failed, LANE_FAILED, "1", "a"), RC_OK);
	assert_int_equal(add(lanes, &clean, LANE_CLEAN, "2", "b"), RC_OK);
	assert_int_equal(add(lanes, &known, LANE_KNOWN, "3", "c"), RC_OK);
	assert_next(lanes, &known);
	assert_next(lanes, &clean);
	assert_next(lanes, NULL);
	lanes_done(lanes, &known.item);
	assert_next(lanes, &failed);
	lanes_done(lanes, &clean.item);
	lanes_done(lanes, &failed.item);
}

static void addresses_take_turns(void **state)
{
	struct lanes *lanes = *state;
	struct job many[4], other;
	char account[4][16];

	for (int i = 0; i < 4; i++) {
		snprintf(account[i], sizeof(account[i]), "a%d", i);
		assert_int_equal(add(lanes, &many[i], LANE_CLEAN, "1", account[i]), RC_OK);
	}
	assert_int_equal(add(lanes, &other, LANE_CLEAN, "2", "b"), RC_OK);
	assert_next(lanes, &many[0]);
	/* One at a time of an address. */
	assert_next(lanes, &other);
	lanes_done(lanes, &other.item);
	assert_next(lanes, NULL);
	lanes_done(lanes, &many[0].item);
	for (int i = 1; i < 4; i++) {
		assert_next(lanes, &many[i]);
		assert_next(lanes, NULL);
		lanes_done(lanes, &many[i].item);
	}
}

static void strangers_at_an_account_do_not_hold_up_its_owner(void **state)
{
	struct lanes *lanes = *state;
	struct job one, two, owner;

	assert_int_equal(add(lanes, &one, LANE_CLEAN, "1", "a"), RC_OK);
	assert_int_equal(add(lanes, &two, LANE_CLEAN, "2", "a"), RC_OK);
	assert_next(lanes, &one);
	assert_next(lanes, NULL);
	assert_int_equal(add(lanes, &owner, LANE_KNOWN, "9", "a"), RC_OK);
	assert_next(lanes, &owner);
	lanes_done(lanes, &one.item);
	lanes_done(lanes, &owner.item);
	assert_next(lanes, &two);
	lanes_done(lanes, &two.item);
}

static void an_address_that_has_failed_meanwhile_goes_behind(void **state)
{
	struct lanes *lanes = *state;
	struct job guesser, guesser2, clean;

	assert_int_equal(add(lanes, &guesser, LANE_CLEAN, "1", "a"), RC_OK);
	assert_int_equal(add(lanes, &guesser2, LANE_CLEAN, "1", "b"), RC_OK);
	assert_int_equal(add(lanes, &clean, LANE_CLEAN, "2", "c"), RC_OK);
	guesser.look = guesser2.look = LANE_DEMOTE;
	assert_next(lanes, &clean);
	assert_next(lanes, &guesser);
	assert_int_equal(guesser.item.lane, LANE_FAILED);
	lanes_done(lanes, &clean.item);
	lanes_done(lanes, &guesser.item);
	assert_next(lanes, &guesser2);
	lanes_done(lanes, &guesser2.item);
}

static void who_must_wait_keeps_his_place(void **state)
{
	struct lanes *lanes = *state;
	struct job first, second;

	assert_int_equal(add(lanes, &first, LANE_CLEAN, "1", "a"), RC_OK);
	assert_int_equal(add(lanes, &second, LANE_CLEAN, "2", "b"), RC_OK);
	first.look = LANE_LATER;
	assert_next(lanes, &second);
	assert_next(lanes, NULL);
	first.look = LANE_RUN;
	assert_next(lanes, &first);
	lanes_done(lanes, &first.item);
	lanes_done(lanes, &second.item);
}

static void a_full_lane_makes_room_for_a_better_one_only(void **state)
{
	struct lanes *lanes = *state;
	struct job jobs[8], more = { .look = LANE_RUN };
	struct lane_item *victim = NULL;
	char address[16];

	for (int i = 0; i < 8; i++) {
		snprintf(address, sizeof(address), "%d", i / 2);
		assert_int_equal(add(lanes, &jobs[i], LANE_FAILED, address, "a"), RC_OK);
	}
	assert_int_equal(lanes_waiting(lanes), 8);
	assert_int_equal(add(lanes, &more, LANE_FAILED, "9", "b"), RC_BUSY);
	more.item = (struct lane_item){ .lane = LANE_CLEAN, .address = "9", .account = "b" };
	assert_int_equal(lanes_add(lanes, &more.item, &victim), RC_OK);
	assert_ptr_equal(victim, &jobs[7].item);
	assert_int_equal(lanes_waiting(lanes), 8);
	/* Those that are known have a place of their own. */
	struct job known;
	assert_int_equal(add(lanes, &known, LANE_KNOWN, "8", "c"), RC_OK);
	assert_int_equal(lanes_waiting(lanes), 9);
	while (lanes_pop(lanes))
		;
	assert_int_equal(lanes_waiting(lanes), 0);
}

static void who_waits_can_be_taken_out_and_who_runs_can_not(void **state)
{
	struct lanes *lanes = *state;
	struct job one, two;

	assert_int_equal(add(lanes, &one, LANE_CLEAN, "1", "a"), RC_OK);
	assert_int_equal(add(lanes, &two, LANE_CLEAN, "1", "a"), RC_OK);
	assert_next(lanes, &one);
	assert_false(lanes_remove(lanes, &one.item));
	assert_true(lanes_remove(lanes, &two.item));
	assert_false(lanes_remove(lanes, &two.item));
	lanes_done(lanes, &one.item);
	assert_null(lanes_pop(lanes));
}

/* An account has one in work, and so many more of an address wait for it in front of another account's. */
static void assert_passed(size_t passed, bool runs)
{
	static const struct lanes_limits wide = {
		.workers = 4, .per_address = 4, .per_account = 1, .waiting_max = 100
	};
	struct lanes *lanes = lanes_new(&wide, look, NULL);
	struct job first, other, many[LANES_DEPTH + 1];

	assert_int_equal(add(lanes, &first, LANE_CLEAN, "1", "a"), RC_OK);
	assert_next(lanes, &first);
	for (size_t i = 0; i < passed; i++)
		assert_int_equal(add(lanes, &many[i], LANE_CLEAN, "1", "a"), RC_OK);
	assert_int_equal(add(lanes, &other, LANE_CLEAN, "1", "b"), RC_OK);
	assert_next(lanes, runs ? &other : NULL);
	if (runs)
		lanes_done(lanes, &other.item);
	lanes_done(lanes, &first.item);
	while (lanes_pop(lanes)) {
	}
	lanes_free(&lanes);
}

static void so_many_of_an_address_are_passed_for_one_that_may_run(void **state)
{
	(void)state;
	assert_passed(LANES_DEPTH - 1, true);
	assert_passed(LANES_DEPTH, false);
	assert_passed(LANES_DEPTH + 1, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(known_addresses_come_before_clean_ones_and_those_before_failed_ones),
		TEST(addresses_take_turns),
		TEST(strangers_at_an_account_do_not_hold_up_its_owner),
		TEST(an_address_that_has_failed_meanwhile_goes_behind),
		TEST(who_must_wait_keeps_his_place),
		TEST(a_full_lane_makes_room_for_a_better_one_only),
		TEST(who_waits_can_be_taken_out_and_who_runs_can_not),
		TEST(so_many_of_an_address_are_passed_for_one_that_may_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
