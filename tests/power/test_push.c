/*
 * Pushes, cut at every point: the real Web Push over a recording io, whose push services can't be found. Each
 * message whose delivery was answered is there after the cut; each message that is there has its push in
 * push.db or a note that it is owed; an account with notes is among those that the next start opens.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "store/push_owed.h"
#include "store/pushq.h"
#include "store/store_priv.h"
#include "support/power.h"
#include "webpush/subs.h"
#include "webpush/webpush_priv.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ACCOUNT POWER_ACCOUNT
#define DELIVERIES 6
#define WAIT_MS 60000
#define P256DH "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"

/* libcurl finds this one before the C library's. */
int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret_info);

int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret_info)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)ret_info;
	return EAI_AGAIN;
}

struct fixture {
	char root[512];
	char cut[600];
	struct rec *rec;
	struct rig rig;
	struct webpush *webpush;
	size_t answered[DELIVERIES]; /* points of the log */
};

static void open_all(struct fixture *f)
{
	struct webpush_settings settings;
	struct buf errors;

	rig_init(&f->rig, f->root, rec_io(f->rec));
	f->rig.threads = 2;
	assert_int_equal(rig_open(&f->rig), RC_OK);
	webpush_settings_init(&settings);
	settings.backoff_min_ms = settings.backoff_max_ms = 3600 * 1000;
	buf_init(&errors, 4096);
	assert_int_equal(webpush_new(&settings, f->rig.store, f->rig.log, &errors, &f->webpush), RC_OK);
	buf_fini(&errors);
	assert_int_equal(webpush_start(f->webpush), RC_OK);
}

static void close_all(struct fixture *f)
{
	webpush_stop(f->webpush);
	while (webpush_busy(f->webpush))
		usleep(1000);
	pool_drain(f->rig.pool);
	webpush_free(&f->webpush);
	rig_close(&f->rig);
}

struct making {
	struct webpush *webpush;
	bool validated;
};

static enum rc make_sub(struct account *account, void *arg)
{
	static const char json[] = "{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"all\",\"resource\":"
				   "{\"endpoint\":\"https://push.example.org/x\",\"keys\":{"
				   "\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}}}";
	const struct making *making = arg;
	struct arena *arena = arena_new(0);
	struct vapid_key *key = key_current(&making->webpush->key);
	char why[SUBS_WHY_MAX];
	struct sub sub;

	enum rc rc = subs_parse(strv_cstr("0123456789"), strv_cstr(json), false, arena, &sub, why);
	if (rc == RC_OK) {
		sub.token = STRV("secret");
		sub.validated = making->validated;
		sub.created = clock_wall();
		sub.vapid = vapid_key_id(key);
		rc = subs_save(account, &sub);
	}
	if (rc == RC_OK)
		rc = metadata_changed(account, 0, STRV(SUBS_ENTRY "/0123456789"));
	vapid_key_unref(&key);
	arena_free(&arena);
	return rc;
}

struct delivery {
	struct job job; /* first */
	struct fixture *f;
	struct content *content;
	unsigned number;
	bool done;
};

static enum rc deliver_run(struct account *account, struct job *job)
{
	struct delivery *delivery = (struct delivery *)(void *)job;
	struct msg_new message = { .content = delivery->content };
	struct mbox_info inbox;
	uint32_t uid;

	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);
	if (rc == RC_OK)
		rc = msg_append(account, inbox.id, &message, &uid);
	return rc == RC_OK ? webpush_deliver(delivery->f->webpush, account, inbox.id, uid) : rc;
}

static void deliver_done(struct job *job)
{
	struct delivery *delivery = (struct delivery *)(void *)job;

	delivery->f->answered[delivery->number] = rec_point(delivery->f->rec);
	delivery->done = true;
}

static void deliver(struct fixture *f, unsigned number)
{
	struct delivery delivery = { .f = f, .number = number };
	struct account *account = account_get(f->rig.store, ACCOUNT);
	struct buf text;

	buf_init(&text, 65536);
	rig_message(&text, number, 400);
	delivery.content = content_from_bytes(f->rig.store, buf_strv(&text));
	delivery.job = (struct job){
		.kind = JOB_WRITE, .run = deliver_run, .done = deliver_done, .home = f->rig.reactor
	};
	delivery.job.origin = ORIGIN_DELIVERY;
	assert_int_equal(job_submit(account, &delivery.job), RC_OK);
	while (!delivery.done)
		reactor_run_once(f->rig.reactor, true);
	assert_int_equal(delivery.job.rc, RC_OK);
	content_unref(&delivery.content);
	account_unref(&account);
	buf_fini(&text);
}

/* The contents of a disk. */
struct state {
	struct pushq_job job; /* first */
	bool messages[DELIVERIES + 1]; /* by UID, as the next ones */
	bool owed[DELIVERIES + 1];
	bool pushes[DELIVERIES + 1];
	bool listed;
	bool clean;
	bool done;
};

static void set_uid(bool set[DELIVERIES + 1], uint32_t uid)
{
	if (uid <= DELIVERIES)
		set[uid] = true;
}

static enum rc read_account(struct account *account, void *arg)
{
	struct state *state = arg;
	const struct msg_row *rows;
	struct mbox_info inbox;
	sqlite3_stmt *stmt;
	size_t count;

	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);
	if (rc == RC_OK)
		rc = msg_index(account, inbox.id, &rows, &count);
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		set_uid(state->messages, rows[i].uid);
	if (rc == RC_OK)
		rc = db_query(
			account->db, &stmt, "SELECT uid FROM push_owed WHERE mailbox = ?1", "i", inbox.id);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt))
		set_uid(state->owed, db_u32(stmt, 0));
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static bool note_push(void *arg, const struct push_record *record)
{
	struct state *state = arg;

	if (record->account == ACCOUNT)
		set_uid(state->pushes, record->uid);
	return true;
}

static void note_account(void *arg, int64_t account)
{
	struct state *state = arg;
	state->listed = state->listed || account == ACCOUNT;
}

static enum rc read_pushes(struct pushq *pushq, struct pushq_job *job)
{
	struct state *state = (struct state *)(void *)job;

	state->clean = pushq_was_clean(pushq);
	enum rc rc = pushq_list(pushq, 0, note_push, state);
	return rc == RC_OK ? pushq_subscribers(pushq, note_account, state) : rc;
}

static void read_done(struct pushq_job *job)
{
	((struct state *)(void *)job)->done = true;
}

static void read_state(struct rig *rig, struct state *state)
{
	*state = (struct state){ 0 };
	state->job = (struct pushq_job){ .run = read_pushes, .done = read_done, .home = rig->reactor };
	pushq_submit(rig->store, &state->job);
	while (!state->done)
		reactor_run_once(rig->reactor, true);
	assert_int_equal(state->job.rc, RC_OK);
	assert_int_equal(rig_run(rig, ACCOUNT, JOB_READ, read_account, state), RC_OK);
}

static void wait_settled(struct fixture *f, unsigned last)
{
	struct state state;
	bool settled = false;

	for (unsigned ms = 0; !settled && ms < WAIT_MS; ms += 20) {
		usleep(20000);
		read_state(&f->rig, &state);
		settled = true;
		for (unsigned uid = 1; uid <= last; uid++)
			settled = settled && state.pushes[uid] && !state.owed[uid];
	}
	assert_true(settled);
}

static void subscribe(struct fixture *f)
{
	struct making making = { .webpush = f->webpush };
	struct state state = { 0 };

	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, make_sub, &making), RC_OK);
	/* The client can answer only what is in push.db. */
	for (unsigned ms = 0; !state.listed && ms < WAIT_MS; ms += 20) {
		usleep(20000);
		read_state(&f->rig, &state);
	}
	assert_true(state.listed);
	making.validated = true;
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, make_sub, &making), RC_OK);
}

static void verify(struct fixture *f, size_t point, enum rec_choice choice)
{
	struct state state;
	struct rig rig;

	rec_sector(f->rec, point % 2 ? 4096 : 512);
	rec_cut(f->rec, point, choice, point, SIZE_MAX, f->cut);
	rig_init(&rig, f->cut, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	read_state(&rig, &state);
	for (unsigned uid = 1; uid <= DELIVERIES; uid++) {
		bool was_answered = f->answered[uid - 1] <= point;
		bool told = state.owed[uid] || state.pushes[uid];
		if ((was_answered && !state.messages[uid]) || (state.messages[uid] && !told) ||
			(state.owed[uid] && !state.pushes[uid] && (!state.listed || state.clean)))
			fail_msg("cut at %zu (%s), choice %u, uid %u: message %d owed %d push %d listed %d "
				 "clean %d",
				point, rec_describe(f->rec, point), choice, uid, state.messages[uid],
				state.owed[uid], state.pushes[uid], state.listed, state.clean);
	}
	rig_close(&rig);
	rig_folder_remove(f->cut);
}

static void no_cut_loses_a_push(void **test_state)
{
	struct fixture f = { .rec = NULL };

	(void)test_state;
	rig_folder_make(f.root);
	snprintf(f.cut, sizeof(f.cut), "%s.cut", f.root);
	f.rec = rec_new(f.root);
	open_all(&f);
	subscribe(&f);
	for (unsigned i = 0; i < DELIVERIES / 2; i++)
		deliver(&f, i);
	wait_settled(&f, DELIVERIES / 2);
	for (unsigned i = DELIVERIES / 2; i < DELIVERIES; i++)
		deliver(&f, i);
	/* Stopping settles the rest. */
	close_all(&f);
	size_t end = rec_point(f.rec);
	for (size_t point = 0; point <= end; point++) {
		verify(&f, point, (enum rec_choice)(point % REC_CHOICES));
		verify(&f, point, point % 2 ? REC_NONE : REC_LAST);
	}
	/* The server was stopped in order and has said so, so the next start need not look. */
	struct state state;
	rig_init(&f.rig, f.root, NULL);
	assert_int_equal(rig_open(&f.rig), RC_OK);
	read_state(&f.rig, &state);
	assert_true(state.clean);
	for (unsigned uid = 1; uid <= DELIVERIES; uid++)
		assert_true(state.pushes[uid] && !state.owed[uid]);
	rig_close(&f.rig);
	printf("%zu entries\n", end);
	rec_free(&f.rec);
	rig_folder_remove(f.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_cut_loses_a_push),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
