/* Test pushes of coidctl: a line per subscription, and one answer. */
#include "push_rig.h"
#include "webpush/trial.h"

struct fixture {
	struct push_rig r;
	struct trial trial;
	struct webpush_test test;
	unsigned done;
};

static void on_done(struct webpush_test *test)
{
	((struct fixture *)test->ctx)->done++;
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	push_rig_begin(&f.r);
	f.trial = (struct trial){ &f.r.core, &f.r.key, &f.r.queue };
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_fini(&f->test.out);
	account_unref(&f->test.account);
	push_rig_end(&f->r);
	return 0;
}

static void begin(struct fixture *f, const char *id)
{
	f->test = (struct webpush_test){ .account = account_get(f->r.rig.store, RIG_ACCOUNT),
		.id = strv_cstr(id),
		.home = f->r.rig.reactor,
		.done = on_done,
		.ctx = f };
	trial_submit(&f->trial, &f->test);
	push_rig_settle(&f->r);
}

static void an_account_without_subscriptions_is_told_so(void **state)
{
	struct fixture *f = *state;

	begin(f, "");
	assert_int_equal(f->done, 1);
	assert_int_equal(f->test.rc, RC_NOT_FOUND);
	assert_int_equal(atomic_load(&f->r.core.pending), 0);
}

static void each_subscription_has_its_line_and_the_answer_comes_with_the_last(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	push_rig_subscribe(&f->r, "second_subscription", RIG_HOST "/2", false);
	begin(f, "");
	assert_int_equal(f->r.http.n, 2);
	push_rig_answer(&f->r, 201, NULL);
	assert_int_equal(f->done, 0);
	push_rig_answer(&f->r, 400, NULL);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->test.rc, RC_OK);
	assert_int_equal(f->test.failed, 1);
	buf_addc(&f->test.out, '\0');
	assert_non_null(strstr(f->test.out.p, RIG_SUB ": "));
	assert_non_null(strstr(f->test.out.p, "second_subscription: "));
	assert_non_null(strstr(f->test.out.p, ": 400 in "));
	assert_non_null(strstr(f->test.out.p, ": 201 in "));
	assert_int_equal(atomic_load(&f->r.core.pending), 0);
}

static void a_test_may_be_for_one_subscription(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	push_rig_subscribe(&f->r, "second_subscription", RIG_HOST "/2", true);
	begin(f, "second_subscription");
	assert_int_equal(f->r.http.n, 1);
	push_rig_answer(&f->r, 201, NULL);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->test.failed, 0);
}

static void a_test_is_not_kept(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	begin(f, "");
	assert_int_equal(push_rig_rows(&f->r).count, 0);
	push_rig_answer(&f->r, 500, NULL);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->test.failed, 1);
	assert_int_equal(origins_waiting(f->r.queue.origins), 0);
}

static void a_server_that_stops_answers_its_tests(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	begin(f, "");
	assert_int_equal(f->r.http.n, 1);
	atomic_store(&f->r.core.stopping, true);
	queue_stop(&f->r.queue);
	push_rig_settle(&f->r);
	assert_int_equal(f->done, 1);
	buf_addc(&f->test.out, '\0');
	assert_string_equal(f->test.out.p, RIG_SUB ": not sent: the server stops\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_without_subscriptions_is_told_so),
		TEST(each_subscription_has_its_line_and_the_answer_comes_with_the_last),
		TEST(a_test_may_be_for_one_subscription),
		TEST(a_test_is_not_kept),
		TEST(a_server_that_stops_answers_its_tests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
