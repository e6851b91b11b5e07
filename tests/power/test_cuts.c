/*
 * Every kind of job, cut at every point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/power.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT POWER_ACCOUNT
static const struct strv none = { NULL, 0 };

#define STEP(power, label, durable, call)                                                                    \
	do {                                                                                                 \
		power_begin(power, label, durable);                                                          \
		assert_int_equal(call, RC_OK);                                                               \
		power_end(power);                                                                            \
	} while (0)

/*
 * All choices at the ends of steps, some of them elsewhere; all of them everywhere if COID_POWER_THOROUGH is
 * set.
 */
static void cut_everywhere(struct power *power)
{
	bool thorough = getenv("COID_POWER_THOROUGH") != NULL;
	size_t end = rec_point(power->rec);
	size_t step = 0;
	unsigned states = 0;
	for (size_t point = 0; point <= end; point++) {
		while (step < power->count && power->steps[step].end < point)
			step++;
		bool edge = step < power->count && power->steps[step].end == point;
		for (unsigned i = 0; i < REC_CHOICES + 4; i++) {
			enum rec_choice choice = i < REC_CHOICES ? (enum rec_choice)i
						 : i % 2         ? REC_RANDOM
								 : REC_TORN;
			if (!thorough && !edge && i > 0 && i != 1 + point % (REC_CHOICES + 3))
				continue;
			states++;
			if (power_verify(power, point, choice, point + i, SIZE_MAX))
				continue;
			fail_msg("cut at %zu (%s), step \"%s\", choice %u: %s", point,
				rec_describe(power->rec, point),
				step < power->count ? power->steps[step].label : "end", i, power->reason);
		}
	}
	printf("%zu entries, %u states, %u of them different\n", end, states, power->verified);
}

static void messages_arrive(void **state)
{
	struct power power;
	(void)state;
	power_init(&power, NULL);
	power_append(&power, "LMTP, inline", "INBOX", 1, 700, STRV("Delivered-To: x@example.org\r\n"));
	power_append(&power, "APPEND, inline", "INBOX", 2, 3000, none);
	power_append(&power, "APPEND, large", "INBOX", 3, 20000, none);
	power_append(&power, "LMTP, large", "INBOX", 4, 100000, STRV("Delivered-To: x@example.org\r\n"));
	power_close_store(&power);
	cut_everywhere(&power);
	power_fini(&power);
}

static enum rc replace(struct power *power, uint32_t uid, unsigned number, size_t size)
{
	struct buf bytes;
	buf_init(&bytes, 2 * size + 1000);
	rig_message(&bytes, number, size);
	enum rc rc = rig_replace(&power->rig, ACCOUNT, "INBOX", uid, buf_strv(&bytes));
	buf_fini(&bytes);
	return rc;
}

static void messages_take_the_place_of_others(void **state)
{
	struct power power;
	(void)state;
	power_init(&power, NULL);
	power_append(&power, "APPEND", "INBOX", 1, 700, none);
	STEP(&power, "REPLACE", true, replace(&power, 1, 2, 900));
	STEP(&power, "REPLACE, large", true, replace(&power, 2, 3, 20000));
	power_close_store(&power);
	cut_everywhere(&power);
	power_fini(&power);
}

static void messages_are_changed_copied_and_removed(void **state)
{
	struct power power;
	(void)state;
	power_init(&power, NULL);
	STEP(&power, "CREATE", true, rig_create(&power.rig, ACCOUNT, "Work/Deep"));
	power_append(&power, "APPEND", "INBOX", 1, 700, none);
	power_append(&power, "APPEND", "INBOX", 2, 9000, none);
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 1, MSG_SEEN));
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 2, MSG_FLAGGED));
	STEP(&power, "COPY", true, rig_copy(&power.rig, ACCOUNT, "INBOX", 1, "Work/Deep", false));
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 1, MSG_SEEN | MSG_DELETED));
	STEP(&power, "MOVE", true, rig_copy(&power.rig, ACCOUNT, "INBOX", 2, "Work/Deep", true));
	STEP(&power, "EXPUNGE", true, rig_expunge(&power.rig, ACCOUNT, "INBOX", 1));
	STEP(&power, "RENAME", true, rig_rename(&power.rig, ACCOUNT, "Work", "Play"));
	STEP(&power, "RENAME INBOX", true, rig_rename(&power.rig, ACCOUNT, "INBOX", "Old"));
	STEP(&power, "SUBSCRIBE", true, rig_subscribe(&power.rig, ACCOUNT, "Old", true));
	STEP(&power, "DELETE", true, rig_delete(&power.rig, ACCOUNT, "Play/Deep"));
	STEP(&power, "CREATE again", true, rig_create(&power.rig, ACCOUNT, "Play/Deep"));
	STEP(&power, "UNSUBSCRIBE", true, rig_subscribe(&power.rig, ACCOUNT, "Old", false));
	power_close_store(&power);
	cut_everywhere(&power);
	power_fini(&power);
}

static void move_out_at_once(struct store_settings *settings)
{
	settings->inline_age_ms = 0;
}

static void bytes_move_out_and_are_swept(void **state)
{
	struct power power;
	(void)state;
	power_init(&power, move_out_at_once);
	power_append(&power, "APPEND", "INBOX", 1, 700, STRV("Delivered-To: x@example.org\r\n"));
	power_append(&power, "APPEND", "INBOX", 2, 2000, none);
	power_append(&power, "APPEND", "INBOX", 3, 9000, STRV("Delivered-To: x@example.org\r\n"));
	STEP(&power, "move-out", false, rig_move_out(&power.rig, ACCOUNT));
	power_append(&power, "APPEND", "INBOX", 4, 600, none);
	STEP(&power, "EXPUNGE", true, rig_expunge(&power.rig, ACCOUNT, "INBOX", 1));
	STEP(&power, "EXPUNGE", true, rig_expunge(&power.rig, ACCOUNT, "INBOX", 3));
	STEP(&power, "sweep", false, rig_sweep(&power.rig, ACCOUNT));
	STEP(&power, "move-out", false, rig_move_out(&power.rig, ACCOUNT));
	STEP(&power, "EXPUNGE", true, rig_expunge(&power.rig, ACCOUNT, "INBOX", 4));
	STEP(&power, "sweep", false, rig_sweep(&power.rig, ACCOUNT));
	power_append(&power, "APPEND", "INBOX", 5, 600, none);
	power_close_store(&power);
	cut_everywhere(&power);
	power_fini(&power);
}

static void checkpoints_lose_nothing(void **state)
{
	struct power power;
	(void)state;
	power_init(&power, NULL);
	power_append(&power, "APPEND", "INBOX", 1, 3000, none);
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 1, MSG_SEEN));
	STEP(&power, "checkpoint", false, rig_checkpoint(&power.rig, ACCOUNT, false));
	power_append(&power, "APPEND", "INBOX", 2, 3000, none);
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 2, MSG_SEEN));
	STEP(&power, "checkpoint, truncating", false, rig_checkpoint(&power.rig, ACCOUNT, true));
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 2, MSG_FLAGGED));
	power_append(&power, "APPEND", "INBOX", 3, 3000, none);
	power_close_store(&power);
	cut_everywhere(&power);
	power_fini(&power);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive),
		cmocka_unit_test(messages_take_the_place_of_others),
		cmocka_unit_test(messages_are_changed_copied_and_removed),
		cmocka_unit_test(bytes_move_out_and_are_swept),
		cmocka_unit_test(checkpoints_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
