/* Annotations. */
#include "mail_fixture.h"

#include "store/annot.h"

struct annot_call {
	int64_t mailbox;
	struct strv name;
	struct strv value; /* out: in `text` */
	bool below;
	bool within_quota;
	bool changed;
	enum rc then; /* what the job answers when all is done */
	struct buf text;
	uint64_t count;
};

static enum rc set_run(struct account *account, void *arg)
{
	struct annot_call *call = arg;
	enum rc rc = call->changed
			     ? annot_changed(account, call->mailbox, call->name)
			     : annot_set(account, call->mailbox, call->name, call->value, call->within_quota);
	return rc == RC_OK ? call->then : rc;
}

static bool note(void *arg, struct strv name, struct strv value)
{
	buf_printf(arg, "%.*s=%.*s ", STRV_ARG(name), STRV_ARG(value));
	return value.n != 4 || memcmp(value.p, "stop", 4) != 0;
}

static enum rc list_run_annot(struct account *account, void *arg)
{
	struct annot_call *call = arg;
	buf_reset(&call->text);
	call->count = annot_count(account);
	return annot_list(account, call->mailbox, call->name, call->below, note, &call->text);
}

static enum rc t_set(struct fixture *f, int64_t mailbox, const char *name, const char *value)
{
	struct annot_call call = {
		.mailbox = mailbox, .name = strv_cstr(name), .value = strv_cstr(value), .within_quota = true
	};
	return run(f, JOB_WRITE, set_run, &call);
}

static void assert_annots(
	struct fixture *f, int64_t mailbox, const char *name, bool below, const char *expected)
{
	struct annot_call call = { .mailbox = mailbox, .name = strv_cstr(name), .below = below };
	buf_init(&call.text, 65536);
	assert_int_equal(run(f, JOB_READ, list_run_annot, &call), RC_OK);
	buf_addc(&call.text, '\0');
	assert_string_equal(call.text.p, expected);
	buf_fini(&call.text);
}

static uint64_t t_count(struct fixture *f)
{
	struct annot_call call = { .name = STRV("/x") };
	buf_init(&call.text, 65536);
	assert_int_equal(run(f, JOB_READ, list_run_annot, &call), RC_OK);
	buf_fini(&call.text);
	return call.count;
}

static void entries_are_set_replaced_and_removed(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	assert_int_equal(t_set(f, 0, "/a", "1"), RC_OK);
	assert_int_equal(t_set(f, f->inbox, "/a", "2"), RC_OK);
	assert_int_equal(t_set(f, 0, "/a", "3"), RC_OK);
	assert_int_equal(t_set(f, 0, "/b", ""), RC_OK);
	assert_annots(f, 0, "/a", false, "/a=3 ");
	assert_annots(f, 0, "/b", false, "/b= ");
	assert_annots(f, f->inbox, "/a", false, "/a=2 ");
	assert_int_equal(t_count(f), 3);
	fixture_reopen(f);
	assert_int_equal(t_count(f), 3);
	assert_int_equal(t_quota(f).storage_used, 3 + 2 + 3);
	assert_int_equal(t_set(f, 0, "/a", NULL), RC_OK);
	assert_int_equal(t_set(f, 0, "/a", NULL), RC_OK);
	assert_annots(f, 0, "/a", false, "");
	assert_int_equal(t_count(f), 2);
	assert_int_equal(t_quota(f).storage_used, 2 + 3);
	assert_int_equal(t_set(f, 4711, "/a", "1"), RC_NOT_FOUND);
	fixture_free(&f);
}

static void what_is_below_is_listed_in_order(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	static const char *const names[] = { "/a/c", "/a", "/a/b", "/a/b/d", "/a.", "/a0", "/ab", "/A/b" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(t_set(f, 0, names[i], "v"), RC_OK);
	assert_annots(f, 0, "/a", true, "/a=v /a/b=v /a/b/d=v /a/c=v ");
	assert_annots(f, 0, "/a/b", true, "/a/b=v /a/b/d=v ");
	assert_annots(f, 0, "/c", true, "");
	assert_int_equal(t_set(f, 0, "/a/b", "stop"), RC_OK);
	assert_annots(f, 0, "/a", true, "/a=v /a/b=stop ");
	assert_int_equal(t_set(f, 0, "/a", "stop"), RC_OK);
	assert_annots(f, 0, "/a", true, "/a=stop ");
	fixture_free(&f);
}

static void a_change_is_told_and_raises_the_mailboxs_modseq(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	uint64_t before = t_info(f, "INBOX").highestmodseq;

	assert_int_equal(t_set(f, f->inbox, "/a", "1"), RC_OK);
	uint64_t first = t_info(f, "INBOX").highestmodseq;
	assert_true(first > before);
	assert_int_equal(t_set(f, f->inbox, "/a", NULL), RC_OK);
	uint64_t second = t_info(f, "INBOX").highestmodseq;
	assert_true(second > first);
	/* The entry did not exist, so nothing changes. */
	assert_int_equal(t_set(f, f->inbox, "/a", NULL), RC_OK);
	assert_int_equal(t_info(f, "INBOX").highestmodseq, second);
	struct annot_call call = { .mailbox = f->inbox, .name = STRV("/elsewhere"), .changed = true };
	assert_int_equal(run(f, JOB_WRITE, set_run, &call), RC_OK);
	assert_true(t_info(f, "INBOX").highestmodseq > second);
	fixture_reopen(f);
	assert_true(t_info(f, "INBOX").highestmodseq > second);
	fixture_free(&f);
}

static void a_job_that_fails_leaves_nothing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct annot_call call = { .name = STRV("/a"), .value = STRV("new"), .then = RC_CANNOT };

	assert_int_equal(t_set(f, 0, "/a", "old!"), RC_OK);
	assert_int_equal(run(f, JOB_WRITE, set_run, &call), RC_CANNOT);
	call.name = STRV("/b");
	call.mailbox = f->inbox;
	assert_int_equal(run(f, JOB_WRITE, set_run, &call), RC_CANNOT);
	assert_annots(f, 0, "/a", false, "/a=old! ");
	assert_annots(f, f->inbox, "/b", false, "");
	assert_int_equal(t_count(f), 1);
	assert_int_equal(t_quota(f).storage_used, 6);
	fixture_free(&f);
}

static void values_count_in_the_quota_unless_they_must_not(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.quota_storage = 10;
	struct fixture *f = fixture_new(&settings);
	struct annot_call call = { .name = STRV("/c"), .value = STRV("xxxxxxxxxxxx") };

	assert_int_equal(t_set(f, 0, "/a", "12345678"), RC_OK);
	assert_int_equal(t_set(f, 0, "/a", "123456789"), RC_QUOTA);
	assert_int_equal(t_set(f, 0, "/b", ""), RC_QUOTA);
	assert_int_equal(t_set(f, 0, "/a", "1"), RC_OK);
	assert_int_equal(t_set(f, 0, "/b", "12345"), RC_OK);
	assert_int_equal(run(f, JOB_WRITE, set_run, &call), RC_OK);
	assert_int_equal(t_quota(f).storage_used, 10 + 14);
	assert_int_equal(t_set(f, 0, "/b", "1"), RC_OK);
	fixture_free(&f);
}

static void entries_follow_their_mailbox(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	assert_int_equal(t_set(f, a, "/x", "1"), RC_OK);
	assert_int_equal(t_set(f, f->inbox, "/x", "2"), RC_OK);
	assert_int_equal(t_rename(f, "a", "b"), RC_OK);
	assert_annots(f, t_id(f, "b"), "/x", false, "/x=1 ");
	assert_int_equal(t_rename(f, "INBOX", "c"), RC_OK);
	assert_annots(f, t_id(f, "c"), "/x", false, "/x=2 ");
	assert_annots(f, f->inbox, "/x", false, "/x=2 ");
	assert_int_equal(t_count(f), 3);
	assert_int_equal(t_create(f, "b/child"), RC_OK);
	/* The \Noselect name that stays is another mailbox. */
	assert_int_equal(t_delete(f, "b"), RC_OK);
	assert_annots(f, t_id(f, "b"), "/x", false, "");
	assert_int_equal(t_set(f, t_id(f, "b"), "/y", "3"), RC_OK);
	assert_int_equal(t_count(f), 3);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM annotation"), 3);
	assert_int_equal(t_quota(f).storage_used, 9);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_set_replaced_and_removed),
		cmocka_unit_test(what_is_below_is_listed_in_order),
		cmocka_unit_test(a_change_is_told_and_raises_the_mailboxs_modseq),
		cmocka_unit_test(a_job_that_fails_leaves_nothing),
		cmocka_unit_test(values_count_in_the_quota_unless_they_must_not),
		cmocka_unit_test(entries_follow_their_mailbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
