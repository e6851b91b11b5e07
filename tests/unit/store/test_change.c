#include "core_fixture.h"

/* Keeps the last list that it was told. */
struct kept {
	struct change_sink sink;
	struct change_list *list; /* counted */
	unsigned lists;
};

static void kept_fn(void *ctx, struct change_list *list)
{
	struct kept *kept = ctx;
	change_list_unref(&kept->list);
	kept->list = change_list_ref(list);
	kept->lists++;
}

static void kept_init(struct kept *kept, struct reactor *reactor)
{
	*kept = (struct kept){ .sink = { .reactor = reactor, .fn = kept_fn, .ctx = kept } };
}

static void add_msg(struct account *account, enum change_kind kind, int64_t mailbox, uint32_t uid)
{
	struct msg_state state = { .uid = uid, .flags = MSG_SEEN, .modseq = account_modseq_next(account) };
	change_msg(account, kind, mailbox, &state);
}

static enum rc many_changes(struct account *account, struct call *call)
{
	char name[] = "Name";
	struct strv keywords[2] = { STRV("one"), STRV("two") };
	(void)call;
	for (uint32_t uid = 1; uid <= 100; uid++)
		add_msg(account, CHANGE_APPEND, 1, uid);
	add_msg(account, CHANGE_APPEND, 2, 1);
	add_msg(account, CHANGE_FLAGS, 2, 1);
	add_msg(account, CHANGE_FLAGS, 2, 1);
	change_name(account, CHANGE_RENAMED, 3, strv_cstr(name), STRV("old"), 17);
	/* The arguments were copied. */
	memset(name, 'x', sizeof(name) - 1);
	change_keywords(account, 4, keywords, 2, 18);
	return RC_OK;
}

static void entries_hold_what_was_recorded_and_join_ascending_messages(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 5);
	struct kept kept;
	kept_init(&kept, fix->reactor);
	watch_now(fix, account, &kept.sink);
	struct call call = call_make(fix, JOB_WRITE, many_changes);
	call.job.origin = 77;
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_OK);
	assert_int_equal(kept.lists, 1);

	const struct change *c = kept.list->changes;
	assert_int_equal(kept.list->account_id, 5);
	assert_ptr_equal(kept.list->account, account);
	assert_int_equal(kept.list->number, call.job.change);
	assert_int_equal(kept.list->count, 6);
	for (size_t i = 0; i < kept.list->count; i++)
		assert_int_equal(c[i].origin, 77);
	assert_int_equal(c[0].kind, CHANGE_APPEND);
	assert_int_equal(c[0].mailbox, 1);
	assert_int_equal(c[0].msg_count, 100);
	assert_int_equal(c[0].msgs[0].uid, 1);
	assert_int_equal(c[0].msgs[99].uid, 100);
	assert_int_equal(c[0].modseq, c[0].msgs[99].modseq);
	assert_int_equal(c[1].mailbox, 2);
	/* The same UID again is an entry of its own. */
	assert_int_equal(c[2].kind, CHANGE_FLAGS);
	assert_int_equal(c[2].msg_count, 1);
	assert_int_equal(c[3].kind, CHANGE_FLAGS);
	assert_int_equal(c[4].kind, CHANGE_RENAMED);
	assert_true(strv_eq(c[4].name, STRV("Name")));
	assert_true(strv_eq(c[4].old_name, STRV("old")));
	assert_int_equal(c[4].modseq, 17);
	assert_int_equal(c[5].kind, CHANGE_KEYWORDS);
	assert_int_equal(c[5].keyword_count, 2);
	assert_true(strv_eq(c[5].keywords[1], STRV("two")));

	change_unwatch(account, &kept.sink);
	account_unref(&account);
	/* The list holds its account. */
	assert_int_equal(account_id(kept.list->account), 5);
	change_list_unref(&kept.list);
	assert_null(kept.list);
	change_list_unref(&kept.list);
}

static void a_job_that_changes_nothing_tells_nothing(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	struct call call = call_make(fix, JOB_WRITE, NULL);
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(noted.lists, 0);
	assert_int_equal(call.job.change, 0);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

static enum rc watch_and_fail(struct account *account, struct call *call)
{
	change_watch(account, call->arg);
	return RC_NOT_FOUND;
}

static enum rc watch_and_create(struct account *account, struct call *call)
{
	change_watch(account, call->arg);
	return create_mailbox(account, call);
}

static void a_job_that_fails_does_not_watch(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	static const enum job_kind kinds[] = { JOB_READ, JOB_WRITE };
	for (int i = 0; i < 2; i++) {
		struct call call = call_make(fix, kinds[i], watch_and_fail);
		call.arg = &noted.sink;
		call_submit(account, &call);
		call_wait(fix, &call);
		assert_int_equal(call.job.rc, RC_NOT_FOUND);
	}
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(noted.lists, 0);
	account_unref(&account);
}

static void watching_begins_after_the_change_of_the_job_itself(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	struct call call = call_make(fix, JOB_WRITE, watch_and_create);
	call.arg = &noted.sink;
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(noted.lists, 0);
	assert_int_equal(call.job.change, 1);
	struct call next = call_make(fix, JOB_WRITE, create_mailbox);
	next.number = 2;
	call_submit(account, &next);
	call_wait(fix, &next);
	assert_int_equal(noted.lists, 1);
	assert_int_equal(noted.last_number, 2);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

static void watching_is_counted(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	struct call calls[3];
	watch_now(fix, account, &noted.sink);
	watch_now(fix, account, &noted.sink);
	for (int i = 0; i < 3; i++) {
		calls[i] = call_make(fix, JOB_WRITE, create_mailbox);
		calls[i].number = i;
		call_submit(account, &calls[i]);
		call_wait(fix, &calls[i]);
		/* Once for two watchers, once for the one that is left, then not at all. */
		assert_int_equal(noted.lists, i < 2 ? i + 1 : 2);
		change_unwatch(account, &noted.sink);
	}
	assert_false(noted.out_of_order);
	account_unref(&account);
}

static void many_sinks_are_all_told(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted[40];
	for (int i = 0; i < 40; i++) {
		noted_init(&noted[i], fix);
		watch_now(fix, account, &noted[i].sink);
	}
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(noted[i].lists, 1);
		change_unwatch(account, &noted[i].sink);
	}
	account_unref(&account);
}

static void a_sink_without_a_reactor_is_told_on_the_worker_before_done(void **state)
{
	struct fix *fix = *state;
	struct kept kept;
	struct noted noted;
	kept_init(&kept, NULL);
	noted_init(&noted, fix);
	store_watch_all(fix->store, &kept.sink);
	store_watch_all(fix->store, &noted.sink);
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
	account = account_get(fix->store, 2);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
	assert_int_equal(kept.lists, 2);
	assert_int_equal(kept.list->account_id, 2);
	assert_int_equal(noted.lists, 2);
	change_list_unref(&kept.list);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(entries_hold_what_was_recorded_and_join_ascending_messages),
		T(a_job_that_changes_nothing_tells_nothing),
		T(a_job_that_fails_does_not_watch),
		T(watching_begins_after_the_change_of_the_job_itself),
		T(watching_is_counted),
		T(many_sinks_are_all_told),
		T(a_sink_without_a_reactor_is_told_on_the_worker_before_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
