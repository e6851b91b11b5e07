/* The list of an account's subscriptions for coidctl, and their removal. */
#include "push_rig.h"
#include "webpush/webpush_priv.h"

struct fixture {
	struct push_rig r;
	struct webpush webpush; /* of it only what is needed here */
	struct buf out;
	const char *id;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	push_rig_begin(&f.r);
	f.webpush.core.settings = &f.r.settings;
	key_init(&f.webpush.key, &f.webpush.core, NULL, NULL);
	f.webpush.key.vapid = key_current(&f.r.key);
	buf_init(&f.out, 65536);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_fini(&f->out);
	key_fini(&f->webpush.key);
	push_rig_end(&f->r);
	return 0;
}

static enum rc describe_run(struct account *account, void *arg)
{
	struct fixture *f = arg;

	buf_reset(&f->out);
	enum rc rc = webpush_describe(&f->webpush, account, &f->out);
	buf_addc(&f->out, '\0');
	return rc;
}

static const char *describe(struct fixture *f)
{
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, describe_run, f), RC_OK);
	return f->out.p;
}

static enum rc remove_run(struct account *account, void *arg)
{
	struct fixture *f = arg;
	return webpush_remove(&f->webpush, account, strv_cstr(f->id));
}

static enum rc drop(struct fixture *f, const char *id)
{
	f->id = id;
	return rig_run(&f->r.rig, RIG_ACCOUNT, JOB_WRITE, remove_run, f);
}

static enum rc token_add(struct account *account, void *arg)
{
	(void)arg;
	return device_add(account, STRV("secret-token"), clock_wall(), 5);
}

static void each_subscription_has_a_line_with_its_state_and_no_secret(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/secret", true);
	assert_int_equal(
		strncmp(describe(f), RIG_SUB " type=all validated client=c device=d created=", 53), 0);
	assert_non_null(strstr(f->out.p, " origin=" RIG_HOST "\n"));
	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/secret", false);
	assert_non_null(strstr(describe(f), " waiting "));
	assert_null(strstr(f->out.p, "secret"));
	assert_null(strstr(f->out.p, RIG_AUTH));
	assert_int_equal(key_fake(&f->webpush.key), RC_OK);
	assert_non_null(strstr(describe(f), " void "));
}

static void a_device_token_is_listed_and_removed_by_its_name(void **state)
{
	struct fixture *f = *state;
	char name[DEVICE_NAME + 1];

	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_WRITE, token_add, NULL), RC_OK);
	assert_non_null(strstr(describe(f), " type=device set="));
	assert_null(strstr(f->out.p, "secret-token"));
	snprintf(name, sizeof(name), "%s", f->out.p);
	assert_int_equal(drop(f, name), RC_OK);
	assert_string_equal(describe(f), "");
}

static void a_subscription_is_removed_by_its_id_in_any_case(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, "Some_Subscription", RIG_HOST "/1", true);
	push_rig_subscribe(&f->r, "other_subscription", RIG_HOST "/2", true);
	assert_int_equal(drop(f, "sOME_sUBSCRIPTION"), RC_OK);
	assert_null(strstr(describe(f), "Some_Subscription"));
	assert_non_null(strstr(f->out.p, "other_subscription"));
}

static void what_is_not_there_is_not_found(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(drop(f, RIG_SUB), RC_NOT_FOUND);
	assert_int_equal(drop(f, "short"), RC_NOT_FOUND);
	assert_int_equal(drop(f, ""), RC_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_subscription_has_a_line_with_its_state_and_no_secret),
		TEST(a_device_token_is_listed_and_removed_by_its_name),
		TEST(a_subscription_is_removed_by_its_id_in_any_case),
		TEST(what_is_not_there_is_not_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
