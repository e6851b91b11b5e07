/*
 * Checks that the cuts would notice a missing sync: each sync that the store makes in a long scenario is
 * removed once, and some cut must then break a promise. COID_POWER_TABLE=1 prints the table of README.md.
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
#define ROWS_MAX 200
static const struct strv none = { NULL, 0 };
static const struct strv trace = { "Delivered-To: x@example.org\r\n", 29 };

#define STEP(power, label, durable, call)                                                                    \
	do {                                                                                                 \
		power_begin(power, label, durable);                                                          \
		assert_int_equal(call, RC_OK);                                                               \
		power_end(power);                                                                            \
	} while (0)

static void move_out_at_once(struct store_settings *settings)
{
	settings->inline_age_ms = 0;
}

static void scenario(struct power *power)
{
	struct rig *rig = &power->rig;
	STEP(power, "CREATE (first commit)", true, rig_create(rig, ACCOUNT, "Work"));
	power_append(power, "LMTP inline", "INBOX", 1, 700, trace);
	STEP(power, "user add", true, rig_user_add(rig, "a@example.org"));
	power_append(power, "APPEND large (first file)", "INBOX", 2, 9000, none);
	power_append(power, "LMTP large", "INBOX", 3, 9000, trace);
	STEP(power, "STORE", false, rig_flags(rig, ACCOUNT, "INBOX", 1, MSG_SEEN));
	STEP(power, "sync of flags", true, rig_sync(rig, ACCOUNT));
	STEP(power, "COPY", true, rig_copy(rig, ACCOUNT, "INBOX", 1, "Work", false));
	STEP(power, "MOVE", true, rig_copy(rig, ACCOUNT, "INBOX", 1, "Work", true));
	STEP(power, "RENAME", true, rig_rename(rig, ACCOUNT, "Work", "Play"));
	STEP(power, "SUBSCRIBE", true, rig_subscribe(rig, ACCOUNT, "Play", true));
	STEP(power, "move-out", false, rig_move_out(rig, ACCOUNT));
	STEP(power, "EXPUNGE", true, rig_expunge(rig, ACCOUNT, "INBOX", 3));
	STEP(power, "sweep", false, rig_sweep(rig, ACCOUNT));
	power_append(power, "APPEND inline", "INBOX", 4, 3000, none);
	STEP(power, "checkpoint, all synced", false, rig_checkpoint(rig, ACCOUNT, false));
	STEP(power, "STORE, begins the WAL anew", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_SEEN));
	STEP(power, "checkpoint, flags not synced", false, rig_checkpoint(rig, ACCOUNT, false));
	/* The WAL gets small commits; remains of them must not come back after the next checkpoint. */
	STEP(power, "STORE, begins the WAL anew", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_FLAGGED));
	STEP(power, "sync of flags", true, rig_sync(rig, ACCOUNT));
	power_append(power, "APPEND", "INBOX", 5, 3000, none);
	power_append(power, "APPEND", "INBOX", 8, 3000, none);
	STEP(power, "checkpoint, all synced", false, rig_checkpoint(rig, ACCOUNT, false));
	power_append(power, "APPEND, begins the WAL anew", "INBOX", 6, 3000, none);
	STEP(power, "DELETE", true, rig_delete(rig, ACCOUNT, "Play"));
	power_reopen(power);
	power_append(power, "APPEND large (first commit)", "INBOX", 7, 9000, none);
	power_reopen(power);
	STEP(power, "STORE (first commit)", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_FLAGGED));
	STEP(power, "modseq near the ceiling", false, rig_near_ceiling(rig, ACCOUNT));
	STEP(power, "STORE", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_SEEN));
	STEP(power, "STORE (raises the ceiling)", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_DELETED));
	STEP(power, "STORE", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_ANSWERED));
	STEP(power, "STORE", false, rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_DRAFT));
}

#define SEEDS 8

/* Tells whether the state breaks a promise, right after an answer or before the next sync. */
static bool caught_at(struct power *power, size_t point, size_t sync)
{
	static const enum rec_choice choices[] = { REC_NONE, REC_NAMES, REC_FILES, REC_FIRST, REC_LAST };
	for (size_t c = 0; c < sizeof(choices) / sizeof(choices[0]); c++) {
		if (!power_verify(power, point, choices[c], 0, sync))
			return true;
	}
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		if (!power_verify(power, point, REC_RANDOM, seed, sync) ||
			!power_verify(power, point, REC_TORN, seed, sync))
			return true;
	}
	return false;
}

/* Looks right before each later sync, and after each answer. *ret_step: the step answered last. */
static bool caught(struct power *power, size_t sync, size_t *ret_step)
{
	enum rec_sync_kind kind;
	size_t from = sync == SIZE_MAX ? 0 : sync + 1;
	size_t next = rec_next_sync(power->rec, from, &kind);
	for (size_t i = 0; i < power->count; i++) {
		size_t end = power->steps[i].end;
		*ret_step = i;
		for (; next <= end; next = rec_next_sync(power->rec, next + 1, &kind)) {
			if (caught_at(power, next, sync))
				return true;
		}
		if (end > from && caught_at(power, end, sync))
			return true;
	}
	return false;
}

static const char *step_of(const struct power *power, size_t point)
{
	for (size_t i = 0; i < power->count; i++) {
		if (point < power->steps[i].end)
			return power->steps[i].label;
	}
	return "end";
}

/* The reason why no promise breaks without this sync; NULL: one must break. */
static const char *needless(struct power *power, size_t sync, enum rec_sync_kind kind)
{
	const char *label = step_of(power, sync);
	const char *what = rec_describe(power->rec, sync);
	bool start = strcmp(label, "new account") == 0 || strcmp(label, "close and open") == 0;
	if (start && strstr(what, " template.db"))
		return "not needed: a temporary file";
	if (start && (strstr(what, " server.") || strstr(what, " push.db") || strstr(what, " root")))
		return "not needed: made step by step, synced again by the first commit";
	/* Relaxed commits make no claims. */
	if (strcmp(label, "checkpoint, flags not synced") == 0 && strstr(what, "/account.ledger"))
		return "not needed: the claim on disk is that of the checkpoint before";
	if (kind != REC_SYNC_WAL)
		return NULL;
	if (start)
		return "not needed: nobody has been told anything of the account yet";
	if (strcmp(label, "sweep") == 0)
		return "not needed: the files have gone before, and the rows are swept again";
	if (strcmp(label, "move-out") == 0)
		return "not needed: without the new rows the bytes are still inline, the files orphans";
	if (strcmp(label, "checkpoint, all synced") == 0)
		return "not needed: SQLite syncs the WAL before a checkpoint also when nothing is unsynced";
	/* This is the header of the WAL, before the frames. It matters if more frames follow than the
	 * oldest commit in the old WAL had, as after the APPEND that begins the WAL anew. */
	if (strcmp(label, "STORE, begins the WAL anew") == 0)
		return "not needed: fewer frames than in the oldest commit before";
	return NULL;
}

static void each_sync_taken_away_breaks_a_promise(void **state)
{
	struct power power;
	bool table = getenv("COID_POWER_TABLE") != NULL;
	unsigned missed = 0;
	enum rec_sync_kind kind;
	(void)state;
	power_init(&power, move_out_at_once);
	scenario(&power);
	size_t end = power.steps[power.count - 1].end;
	power_close_store(&power);
	/* With all syncs the same cuts do no harm. */
	size_t last = 0;
	if (caught(&power, SIZE_MAX, &last))
		fail_msg("without a change, after step \"%s\": %s", power.steps[last].label, power.reason);
	for (size_t sync = rec_next_sync(power.rec, 0, &kind); sync < end;
		sync = rec_next_sync(power.rec, sync + 1, &kind)) {
		size_t step = 0;
		const char *why = needless(&power, sync, kind);
		/* Some of the syncs made step by step are needed; the table shows which. */
		bool try = !why || (table && strstr(why, "step by step"));
		bool found = try && caught(&power, sync, &step);
		if (table)
			printf("| %s | %s | %s | %s |\n", step_of(&power, sync),
				rec_describe(power.rec, sync), found ? power.steps[step].label : "",
				found ? power.reason
				: why ? why
				      : "MISSED");
		if (!why && !found) {
			print_error("a missing sync is not noticed: %s, %s\n", step_of(&power, sync),
				rec_describe(power.rec, sync));
			missed++;
		}
	}
	assert_int_equal(missed, 0);
	power_fini(&power);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sync_taken_away_breaks_a_promise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
