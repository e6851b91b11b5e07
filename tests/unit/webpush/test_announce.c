/* From what happens in an account to pushes in the queue: deliveries, subscriptions, accounts that go. */
#include "push_rig.h"
#include "metadata/provider.h"
#include "store/content.h"
#include "webpush/announce.h"
#include "webpush/recovery.h"

#define MESSAGE "From: bob@example.org\r\nSubject: hello\r\n\r\nhello\r\n"

struct fixture {
	struct push_rig r;
	struct recovery *recovery;
	struct announce announce;
};

static void open_all(struct fixture *f)
{
	struct push_rig *r = &f->r;

	f->recovery = recovery_new(
		&(struct recovery_parties){ &r->core, &r->queue, &r->expiry, &r->owed, r->writeback });
	f->announce = (struct announce){ .core = &r->core,
		.key = &r->key,
		.queue = &r->queue,
		.owed = &r->owed,
		.recovery = f->recovery };
	announce_watch(&f->announce);
}

static int setup(void **state)
{
	static struct fixture f;

	push_rig_begin(&f.r);
	open_all(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	push_rig_settle(&f->r);
	push_rig_end(&f->r);
	recovery_free(&f->recovery);
	return 0;
}

struct delivery {
	struct job job;
	struct fixture *f;
	struct content *content;
	bool noted;
	bool done;
};

static enum rc deliver_run(struct account *account, struct job *job)
{
	struct delivery *d = CONTAINER_OF(job, struct delivery, job);
	struct msg_new message = { .content = d->content };
	struct mbox_info inbox;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);

	if (rc == RC_OK)
		rc = msg_append(account, inbox.id, &message, &uid);
	return rc == RC_OK && d->noted ? announce_deliver(&d->f->announce, account, inbox.id, uid) : rc;
}

static void deliver_done(struct job *job)
{
	CONTAINER_OF(job, struct delivery, job)->done = true;
}

static void deliver_from(struct fixture *f, struct strv text, uint64_t origin, bool noted)
{
	struct rig *rig = &f->r.rig;
	struct delivery d = { .f = f, .noted = noted, .content = content_from_bytes(rig->store, text) };
	struct account *account = account_get(rig->store, RIG_ACCOUNT);

	d.job.kind = JOB_WRITE;
	d.job.run = deliver_run;
	d.job.done = deliver_done;
	d.job.home = rig->reactor;
	d.job.origin = origin;
	assert_int_equal(job_submit(account, &d.job), RC_OK);
	while (!d.done)
		reactor_run_once(rig->reactor, true);
	assert_int_equal(d.job.rc, RC_OK);
	content_unref(&d.content);
	account_unref(&account);
}

static void deliver(struct fixture *f, struct strv text)
{
	deliver_from(f, text, ORIGIN_DELIVERY, true);
}

static void a_delivery_is_pushed_to_who_has_subscribed(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	push_rig_subscribe(&f->r, "waits_for_validation", RIG_HOST "/2", false);
	deliver(f, STRV(MESSAGE));
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 1);
	assert_int_equal(f->r.http.air[0]->kind, PUSH_MESSAGE);
	assert_string_equal(f->r.http.air[0]->endpoint, RIG_HOST "/1");
	assert_int_equal(f->r.http.air[0]->uid, 1);
	assert_int_equal(push_rig_rows(&f->r).count, 1);
}

static void what_a_client_appends_is_not_pushed(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	deliver_from(f, STRV(MESSAGE), 77, false);
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 0);
}

static void an_account_that_wants_nothing_costs_no_job_from_the_second_delivery_on(void **state)
{
	struct fixture *f = *state;

	deliver(f, STRV(MESSAGE));
	push_rig_settle(&f->r);
	assert_int_equal(atomic_load(&f->r.owed.owing), 0);
	deliver(f, STRV(MESSAGE));
	assert_int_equal(atomic_load(&f->r.core.pending), 0);
	assert_int_equal(f->r.http.n, 0);
}

static unsigned owing_accounts;

static void on_owed(void *ctx, struct account *account)
{
	(void)ctx;
	(void)account;
	owing_accounts++;
}

static enum rc nothing(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

static void a_delivery_that_was_not_announced_is_announced_by_the_next_process(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	/* The announcement is lost. */
	atomic_store(&f->r.core.stopping, true);
	deliver_from(f, STRV(MESSAGE), 77, true);
	push_rig_close(&f->r);
	recovery_free(&f->recovery);
	push_rig_open(&f->r);
	open_all(f);
	f->r.queue.http = &f->r.http;
	/* The key of now is another one than that of the subscription. */
	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 1);
	assert_int_equal(f->r.http.air[0]->uid, 1);
	push_rig_answer(&f->r, 201, NULL);
	clock_fake_set(clock_mono_ms(), clock_wall());
	clock_fake_advance(1000);
	push_rig_settle(&f->r);
	assert_int_equal(atomic_load(&f->r.owed.owing), 0);
	/* Now nothing is owed any more. */
	push_rig_close(&f->r);
	recovery_free(&f->recovery);
	push_rig_open(&f->r);
	open_all(f);
	owing_accounts = 0;
	store_on_push_owed(f->r.rig.store, on_owed, NULL);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, nothing, NULL), RC_OK);
	assert_int_equal(owing_accounts, 0);
}

static void what_is_owed_stays_so_if_the_server_stops_meanwhile(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	deliver_from(f, STRV(MESSAGE), 77, true);
	push_rig_close(&f->r);
	recovery_free(&f->recovery);
	push_rig_open(&f->r);
	open_all(f);
	atomic_store(&f->r.core.stopping, true);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, nothing, NULL), RC_OK);
	push_rig_settle(&f->r);
	assert_true(atomic_load(&f->r.owed.lost));
	assert_int_equal(f->r.http.n, 0);
}

static enum rc changed(struct account *account, void *arg)
{
	return metadata_changed(account, 0, strv_cstr(arg));
}

static void tell_change(struct fixture *f, const char *id)
{
	char name[128];

	snprintf(name, sizeof(name), SUBS_ENTRY "/%s", id);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_WRITE, changed, name), RC_OK);
	push_rig_settle(&f->r);
}

static void a_new_subscription_gets_a_validation_push(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", false);
	tell_change(f, RIG_SUB);
	assert_int_equal(f->r.http.n, 1);
	assert_int_equal(f->r.http.air[0]->kind, PUSH_VALIDATION);
	assert_string_equal(f->r.http.air[0]->plain, "{\"validation\":\"token\"}");
	assert_int_equal(f->r.expiry.count, 1);
}

static void a_subscription_that_is_removed_takes_its_pushes_with_it(void **state)
{
	struct fixture *f = *state;

	push_rig_add(&f->r, push_rig_push(&f->r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1"), NULL);
	assert_int_equal(f->r.http.n, 1);
	tell_change(f, RIG_SUB);
	assert_int_equal(f->r.http.n, 0);
	assert_int_equal(push_rig_rows(&f->r).count, 0);
}

static enum rc token_add(struct account *account, void *arg)
{
	(void)arg;
	return device_add(account, STRV("token"), clock_wall(), 5);
}

static void on_listed(void *arg, int64_t account)
{
	(void)account;
	(*(unsigned *)arg)++;
}

static enum rc count_listed(struct pushq *pushq, void *arg)
{
	return pushq_subscribers(pushq, on_listed, arg);
}

static void a_device_token_is_told_of_messages_but_not_of_the_owners_own(void **state)
{
	struct fixture *f = *state;
	unsigned listed = 0;

	assert_int_equal(rig_user_add(&f->r.rig, "alice@example.org"), RC_OK);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_WRITE, token_add, NULL), RC_OK);
	push_rig_settle(&f->r);
	assert_int_equal(push_rig_pushq(&f->r, count_listed, &listed), RC_OK);
	assert_int_equal(listed, 1);
	deliver(f, STRV("From: Alice <ALICE@example.org>\r\n\r\nto myself\r\n"));
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 0);
	deliver(f, STRV(MESSAGE));
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 1);
	assert_int_equal(f->r.http.air[0]->kind, PUSH_DEVICE);
	assert_string_equal(f->r.http.air[0]->plain, "token");
	assert_string_equal(f->r.http.air[0]->endpoint, RIG_NOTIFIER);
}

static void an_account_that_goes_takes_its_pushes_with_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_user_add(&f->r.rig, "alice@example.org"), RC_OK);
	push_rig_add(&f->r, push_rig_push(&f->r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1"), NULL);
	assert_int_equal(f->r.http.n, 1);
	assert_int_equal(rig_user_remove(&f->r.rig, "alice@example.org"), RC_OK);
	for (unsigned i = 0; i < 20 && f->r.http.n > 0; i++) {
		reactor_run_once(f->r.rig.reactor, false);
		assert_int_equal(push_rig_pushq(&f->r, NULL, NULL), RC_OK);
	}
	assert_int_equal(f->r.http.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_delivery_is_pushed_to_who_has_subscribed),
		TEST(what_a_client_appends_is_not_pushed),
		TEST(an_account_that_wants_nothing_costs_no_job_from_the_second_delivery_on),
		TEST(a_delivery_that_was_not_announced_is_announced_by_the_next_process),
		TEST(what_is_owed_stays_so_if_the_server_stops_meanwhile),
		TEST(a_new_subscription_gets_a_validation_push),
		TEST(a_subscription_that_is_removed_takes_its_pushes_with_it),
		TEST(a_device_token_is_told_of_messages_but_not_of_the_owners_own),
		TEST(an_account_that_goes_takes_its_pushes_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
