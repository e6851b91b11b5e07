#include "imap/sort_program.h"
#include "query/sort.h"

#include "support/inbox_rig.h"

static enum rc slice_job(struct account *account, void *arg)
{
	return sort_slice(account, arg);
}

static struct sort *sort_of(struct test *t, const char *criteria, const struct seqset *uids)
{
	struct sort_program program;
	struct arena *arena = arena_new(0);
	struct parse parse;
	parse_init(&parse, strv_cstr(criteria), arena);
	assert_true(sort_program_parse(&parse, &program));
	arena_free(&arena);
	return sort_new(inbox_of(t), &program, uids);
}

/* Each slice `times` times, as it counts only when it is accepted. */
static void run(struct test *t, struct sort *sort, int times)
{
	do {
		for (int i = 0; i < times; i++)
			assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, slice_job, sort), RC_OK);
		sort_accept(sort);
	} while (!sort->finished);
}

static void assert_items(const struct sort *sort, const char *expected)
{
	struct buf out;
	size_t count;
	buf_init(&out, 10000);
	const struct sort_item *items = sort_items(sort, &count);
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, i > 0 ? " %u" : "%u", items[i].uid);
	if (!strv_eq(buf_strv(&out), strv_cstr(expected)))
		fail_msg("%.*s is not %s", (int)out.len, out.p ? out.p : "", expected);
	buf_fini(&out);
}

static void assert_sorted(struct test *t, const char *criteria, const char *expected)
{
	struct seqset all = SEQSET_EMPTY;
	seqset_add_range(&all, 1, t->count);
	for (int times = 1; times <= 3; times++) {
		struct sort *sort = sort_of(t, criteria, &all);
		run(t, sort, times);
		assert_items(sort, expected);
		assert_int_equal(sort_gone(sort), 0);
		assert_int_equal(sort->place.rc, RC_OK);
		sort_free(&sort);
	}
	seqset_fini(&all);
}

/* The strings of RFC 5255 section 4.6 and their order. */
static void strings_collate_as_in_the_rfc(void **state)
{
	struct test *t = *state;
	add(t, "Subject: =?utf-8?q?=D0=C0=D0=BD=D0=B4=D1=80=D0=B5=D0=B9?=\r\n\r\n");
	add(t, "Subject: =?utf-8?q?=D1=81=D0=95=D0=A0=D0=93=D0=95=D0=99?=\r\n\r\n");
	add(t, "Subject: =?utf-8?q?=D0=92=D0=B0=D1=81=D0=B8=D0=BB=D0=B8=FF=B9?=\r\n\r\n");
	add(t, "Subject: =?koi8-r?q?=E1=CC=C5=CB=D3=C5=CA?=\r\n\r\n");
	assert_sorted(t, "(SUBJECT)", "4 2 3 1");
	assert_sorted(t, "(REVERSE SUBJECT)", "1 3 2 4");
}

static void addresses_sort_by_mailbox_or_by_what_is_displayed(void **state)
{
	struct test *t = *state;
	add(t, "From: Zoe <b@x>\r\nTo: a@x\r\n\r\n");
	add(t, "From: =?utf-8?q?=C3=84nna?= <c@x>\r\nTo: \"\" <B@x>\r\n\r\n");
	add(t, "From: A@y, z@z\r\nTo: crew: q@q;\r\n\r\n");
	add(t, "\r\n");
	assert_sorted(t, "(FROM)", "4 3 1 2");
	/* "A@Y" is below "A" with a diaeresis. */
	assert_sorted(t, "(DISPLAYFROM)", "4 3 2 1");
	assert_sorted(t, "(TO)", "4 1 2 3");
	assert_sorted(t, "(DISPLAYTO)", "4 1 2 3");
	assert_sorted(t, "(REVERSE DISPLAYTO)", "3 2 1 4");
	assert_sorted(t, "(CC)", "1 2 3 4");
}

static void dates_are_compared_in_utc(void **state)
{
	struct test *t = *state;
	add(t, "Date: 31 Dec 2000 16:01:33 -0800\r\n\r\n");
	add(t, "Date: 1 Jan 2001 00:01:33 +0000\r\n\r\n");
	add(t, "Date: 1 Jan 2001 00:01:32 +0000\r\n\r\n");
	add(t, "Date: 31 Dec 1960 00:00:00 +0000\r\n\r\n");
	/* Received in 2023. */
	add(t, "Date: nonsense\r\n\r\n");
	add(t, "Date: 1 Jan 2001\r\n\r\n");
	assert_sorted(t, "(DATE)", "4 6 3 1 2 5");
	assert_sorted(t, "(REVERSE DATE)", "5 1 2 3 6 4");
}

static void a_message_may_be_gone(void **state)
{
	struct test *t = *state;
	struct seqset uids = SEQSET_EMPTY;
	add(t, "Subject: c\r\n\r\n");
	add(t, "Subject: b\r\n\r\n");
	add(t, "Subject: a\r\n\r\n");
	add(t, "Subject: 0\r\n\r\n");
	seqset_add_range(&uids, 1, 3);
	seqset_add(&uids, 77);
	struct sort *sort = sort_of(t, "(SUBJECT)", &uids);
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, slice_job, sort), RC_OK);
	/* The slice did not count; the next one finds less. */
	assert_int_equal(rig_expunge(&t->rig, ACCOUNT, "INBOX", 2), RC_OK);
	run(t, sort, 1);
	assert_items(sort, "3 1");
	assert_int_equal(sort_gone(sort), 2);
	sort_free(&sort);
	seqset_fini(&uids);
}

static void many_messages_take_many_slices(void **state)
{
	struct test *t = *state;
	struct seqset all = SEQSET_EMPTY;
	char text[64];
	size_t count;
	for (int i = 0; i < 1500; i++) {
		snprintf(text, sizeof(text), "Subject: %d\r\n\r\n", i * 7919 % 1500 + 10000);
		add(t, text);
	}
	seqset_add_range(&all, 1, 1500);
	struct sort *sort = sort_of(t, "(SUBJECT)", &all);
	run(t, sort, 2);
	const struct sort_item *items = sort_items(sort, &count);
	assert_int_equal(count, 1500);
	for (size_t i = 0; i < count; i++)
		assert_int_equal((items[i].uid - 1) * 7919 % 1500, i);
	sort_free(&sort);
	seqset_fini(&all);
}

static void too_much_is_told(void **state)
{
	struct test *t = *state;
	struct seqset all = SEQSET_EMPTY;
	for (int i = 0; i < 10; i++)
		add(t, "Subject: one of some length\r\n\r\n");
	seqset_add_range(&all, 1, 10);
	struct sort *sort = sort_of(t, "(SUBJECT)", &all);
	assert_int_equal(sort->memory_max, SORT_MEMORY_MAX);
	sort->memory_max = 800;
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, slice_job, sort), RC_LIMIT);
	sort->memory_max = 2000;
	run(t, sort, 1);
	assert_items(sort, "1 2 3 4 5 6 7 8 9 10");
	sort_free(&sort);
	seqset_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(strings_collate_as_in_the_rfc, setup, teardown),
		cmocka_unit_test_setup_teardown(
			addresses_sort_by_mailbox_or_by_what_is_displayed, setup, teardown),
		cmocka_unit_test_setup_teardown(dates_are_compared_in_utc, setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_may_be_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(too_much_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(many_messages_take_many_slices, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
