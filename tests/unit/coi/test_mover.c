/* COI-48: what was seen is moved, also if the storage fails for a while. */
#include "base/clock.h"
#include "coi/coi_priv.h"
#include "store/annot.h"
#include "store/store_priv.h"
#include "support/rec_io.h"
#include "support/store_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ACCOUNT 5
#define WALL 1700000000

struct fixture {
	char root[512];
	struct rec *rec;
	struct rig rig;
	struct coi *coi;
	struct marked_hooks hooks; /* the mover's */
	bool full; /* the disk, from the moment that moving begins */
	unsigned moves;
	uint64_t now;
};

/* The transaction that has set \Seen is committed: from now on nothing can be written. */
static void move(void *ctx, struct account *account, int64_t mailbox, const struct seqset *uids)
{
	struct fixture *f = ctx;

	f->moves++;
	if (f->full)
		rec_fail(f->rec, REC_OP_WRITE, "account.db-wal", ENOSPC, 1, true);
	f->hooks.hand_over(f->hooks.ctx, account, mailbox, uids);
}

static enum rc seen(void *ctx, struct account *account, bool *ret_moves)
{
	struct fixture *f = ctx;
	return f->hooks.wanted(f->hooks.ctx, account, ret_moves);
}

static void open_store(struct fixture *f)
{
	rig_init(&f->rig, f->root, rec_io(f->rec));
	assert_int_equal(rig_open(&f->rig), RC_OK);
	coi_attach(f->coi, f->rig.store);
	f->hooks = f->rig.store->marked_hooks;
	struct marked_hooks hooks = { .ctx = f, .wanted = seen, .hand_over = move };
	marked_set_hooks(f->rig.store, &hooks);
}

static enum rc enable(struct account *account, void *arg)
{
	struct fixture *f = arg;

	enum rc rc = coi_enable(f->coi, account);
	return rc == RC_OK ? annot_set(account, 0, STRV(COI_PREFIX "/message-filter"), STRV("seen"), false)
			   : rc;
}

static enum rc deliver(struct account *account, void *arg)
{
	struct fixture *f = arg;
	struct msg_new msg = { .internaldate = WALL };
	struct mbox_info info;
	uint32_t uid;

	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	int64_t mailbox = info.id;
	msg.content = content_from_bytes(
		f->rig.store, STRV("Chat-Version: 1.0\r\nSubject: hello\r\n\r\nhello\r\n"));
	if (rc == RC_OK)
		rc = coi_deliver(f->coi, account, false, &mailbox, &msg);
	if (rc == RC_OK)
		rc = msg_append(account, mailbox, &msg, &uid);
	content_unref(&msg.content);
	return rc;
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct coi_settings settings = { .enabled = true, .mailbox_root = "COI" };
	struct fixture *f = &fixture;

	*f = (struct fixture){ .now = 1000000 };
	clock_fake_set(f->now, WALL);
	rig_folder_make(f->root);
	f->rec = rec_new(f->root);
	f->coi = coi_new(&settings, NULL);
	open_store(f);
	f->coi->log = f->rig.log;
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, enable, f), RC_OK);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, deliver, f), RC_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rec_fail(f->rec, REC_OP_WRITE, "", 0, 1, false);
	rig_close(&f->rig);
	coi_free(&f->coi);
	rec_free(&f->rec);
	rig_folder_remove(f->root);
	clock_fake_set(0, 0);
	return 0;
}

static enum rc count_run(struct account *account, void *arg)
{
	struct mbox_info inbox;
	struct mbox_info chats;
	uint32_t *counts = arg;

	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);
	if (rc == RC_OK)
		rc = mbox_find(account, STRV("COI/Chats"), &chats);
	counts[0] = inbox.messages;
	counts[1] = chats.messages;
	return rc;
}

static void assert_messages(struct fixture *f, uint32_t inbox, uint32_t chats)
{
	uint32_t counts[2] = { 0 };

	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, count_run, counts), RC_OK);
	assert_int_equal(counts[0], inbox);
	assert_int_equal(counts[1], chats);
}

static enum rc nothing(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

/* One kind of background work a turn, then the mover's job: all of it is before the last of these. */
static void settle(struct fixture *f)
{
	for (unsigned i = 0; i < 2 * BACKGROUND_KINDS; i++)
		assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, nothing, NULL), RC_OK);
}

/* Time passes, and what is due is done. */
static void pass(struct fixture *f, uint64_t ms)
{
	f->now += ms;
	clock_fake_set(f->now, WALL + (int64_t)(f->now / 1000));
	store_tick(f->rig.store);
	settle(f);
}

static void see(struct fixture *f)
{
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	settle(f);
}

/* COI-48 */
static void coi_48_what_is_seen_moves_at_once(void **state)
{
	struct fixture *f = *state;

	see(f);
	assert_int_equal(f->moves, 1);
	assert_messages(f, 0, 1);
	pass(f, 10000);
	assert_int_equal(f->moves, 1);
}

/* COI-48 */
static void coi_48_moving_is_tried_again_with_growing_pauses_while_the_account_is_open(void **state)
{
	struct fixture *f = *state;
	/* When it must not, and when it must have been tried again. */
	static const uint64_t pauses[] = { 1000, 2000, 4000, 8000 };

	f->full = true;
	see(f);
	assert_int_equal(f->moves, 1);
	assert_messages(f, 1, 0);
	for (unsigned i = 0; i < 4; i++) {
		pass(f, pauses[i] - 100);
		assert_int_equal(f->moves, 1 + i);
		pass(f, 200);
		assert_int_equal(f->moves, 2 + i);
		assert_messages(f, 1, 0);
	}
	f->full = false;
	rec_fail(f->rec, REC_OP_WRITE, "", 0, 1, false);
	pass(f, 20000);
	assert_int_equal(f->moves, 6);
	assert_messages(f, 0, 1);
	pass(f, 600000);
	assert_int_equal(f->moves, 6);
	/* It works again: the next trouble begins with a short pause. */
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, deliver, f), RC_OK);
	f->full = true;
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 2, MSG_SEEN), RC_OK);
	settle(f);
	assert_int_equal(f->moves, 7);
	f->full = false;
	rec_fail(f->rec, REC_OP_WRITE, "", 0, 1, false);
	pass(f, 1100);
	assert_int_equal(f->moves, 8);
	assert_messages(f, 0, 2);
}

/* COI-48 */
static void coi_48_a_failed_sync_delays_the_move(void **state)
{
	struct fixture *f = *state;

	/* Marks are made by a relaxed commit: the next sync is the mover's. */
	rec_fail(f->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, false);
	see(f);
	assert_int_equal(rec_failures(f->rec), 1);
	pass(f, 1100);
	assert_messages(f, 0, 1);
}

/* COI-48 */
static void coi_48_what_could_not_be_moved_is_moved_when_the_account_is_opened(void **state)
{
	struct fixture *f = *state;

	f->full = true;
	see(f);
	assert_messages(f, 1, 0);
	f->full = false;
	rec_fail(f->rec, REC_OP_WRITE, "", 0, 1, false);
	rig_close(&f->rig);
	open_store(f);
	f->coi->log = f->rig.log;
	assert_messages(f, 1, 0);
	settle(f);
	assert_messages(f, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(coi_48_what_is_seen_moves_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			coi_48_moving_is_tried_again_with_growing_pauses_while_the_account_is_open, setup,
			teardown),
		cmocka_unit_test_setup_teardown(coi_48_a_failed_sync_delays_the_move, setup, teardown),
		cmocka_unit_test_setup_teardown(
			coi_48_what_could_not_be_moved_is_moved_when_the_account_is_opened, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
