#include "query/thread.h"

#include "imap/uid_runs.h"
#include "support/inbox_rig.h"

static enum rc slice_job(struct account *account, void *arg)
{
	return thread_slice(account, arg);
}

static struct thread *thread_of(
	struct test *t, enum thread_algorithm algorithm, const struct seqset *uids, bool numbers)
{
	const struct uid_run runs[] = { { .uid_lo = 1, .uid_hi = 2, .seq_lo = 101 },
		{ .uid_lo = 3, .uid_hi = 100000, .seq_lo = 203 } };
	return thread_new(inbox_of(t), algorithm, uids, numbers ? runs : NULL, 2);
}

/* Each slice `times` times, as it counts only when it is accepted. */
static void run(struct test *t, struct thread *thread, int times)
{
	do {
		for (int i = 0; i < times; i++)
			assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, slice_job, thread), RC_OK);
		thread_accept(thread);
	} while (!thread->finished);
}

static void assert_out(const struct thread *thread, const char *expected)
{
	if (!strv_eq(buf_strv(&thread->out), strv_cstr(expected)))
		fail_msg(
			"%.*s is not %s", (int)thread->out.len, thread->out.p ? thread->out.p : "", expected);
}

static void assert_threads(
	struct test *t, enum thread_algorithm algorithm, bool numbers, const char *expected)
{
	struct seqset all = SEQSET_EMPTY;
	seqset_add_range(&all, 1, t->count);
	for (int times = 1; times <= 3; times++) {
		struct thread *thread = thread_of(t, algorithm, &all, numbers);
		run(t, thread, times);
		assert_out(thread, expected);
		assert_int_equal(thread_gone(thread), 0);
		assert_int_equal(thread->place.rc, RC_OK);
		thread_free(&thread);
	}
	seqset_fini(&all);
}

static void headers_make_threads(void **state)
{
	struct test *t = *state;
	add(t, "Subject: a\r\nMessage-ID: <\"a\"@h>\r\nDate: 1 Jan 2001 00:00:00 +0000\r\n\r\n");
	add(t, "Subject: b\r\nMessage-ID: <b@h>\r\nReferences: <lost@h>\r\n <a@h>\r\nDate: 2 Jan 2001 "
	       "00:00:00 +0000\r\n\r\n");
	add(t, "Subject: c\r\nMessage-ID: <c@h>\r\nIn-Reply-To: note <a@h> <b@h>\r\nDate: 3 Jan 2001 "
	       "00:00:00 +0000\r\n\r\n");
	/* No valid id in References: In-Reply-To counts; else it does not. */
	add(t, "Subject: d\r\nReferences: none <x>\r\nIn-Reply-To: <c@h>\r\nDate: 4 Jan 2001 00:00:00 "
	       "+0000\r\n\r\n");
	add(t, "Subject: e\r\nReferences: <b@h>\r\nIn-Reply-To: <c@h>\r\nDate: 5 Jan 2001 00:00:00 "
	       "+0000\r\n\r\n");
	add(t, "Subject: =?utf-8?q?Re=3A_=41?=\r\nMessage-ID: <A@h>\r\nDate: 6 Jan 2001 00:00:00 "
	       "+0000\r\n\r\n");
	assert_threads(t, THREAD_REFERENCES, false, "(1 (2 5)(3 4)(6))");
	assert_threads(t, THREAD_REFERENCES, true, "(101 (102 205)(203 204)(206))");
	assert_threads(t, THREAD_ORDEREDSUBJECT, false, "(1 6)(2)(3)(4)(5)");
}

static void a_message_may_be_gone(void **state)
{
	struct test *t = *state;
	struct seqset uids = SEQSET_EMPTY;
	add(t, "Message-ID: <a@h>\r\n\r\n");
	add(t, "Message-ID: <b@h>\r\nReferences: <a@h>\r\n\r\n");
	add(t, "Message-ID: <c@h>\r\nReferences: <a@h> <b@h>\r\n\r\n");
	seqset_add_range(&uids, 1, 3);
	struct thread *thread = thread_of(t, THREAD_REFERENCES, &uids, true);
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, slice_job, thread), RC_OK);
	assert_int_equal(rig_expunge(&t->rig, ACCOUNT, "INBOX", 2), RC_OK);
	run(t, thread, 1);
	assert_out(thread, "(101 203)");
	assert_int_equal(thread_gone(thread), 1);
	thread_free(&thread);
	seqset_fini(&uids);
}

static void a_header_that_is_not_in_the_cache_is_read(void **state)
{
	struct test *t = *state;
	struct buf text;
	buf_init(&text, 1000000);
	add(t, "Message-ID: <a@h>\r\n\r\n");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "X-Long: %0500d\r\n", i);
	buf_adds(&text, "References: <a@h>\r\n\r\nReferences: <b@h>\r\n");
	add_bytes(t, buf_strv(&text));
	assert_threads(t, THREAD_REFERENCES, false, "(1 2)");
	buf_fini(&text);
}

static void of_very_many_references_the_last_ones_count(void **state)
{
	struct test *t = *state;
	struct buf text;
	struct seqset all = SEQSET_EMPTY;
	buf_init(&text, 1000000);
	buf_adds(&text, "References: <first@h>");
	for (int i = 0; i < THREAD_MESSAGE_REFS_MAX; i++)
		buf_printf(&text, "\r\n <%d@h>", i);
	buf_adds(&text, "\r\n\r\n");
	add_bytes(t, buf_strv(&text));
	add(t, "Message-ID: <first@h>\r\n\r\n");
	add(t, "Message-ID: <0@h>\r\n\r\n");
	seqset_add_range(&all, 1, 3);
	struct thread *thread = thread_of(t, THREAD_REFERENCES, &all, false);
	run(t, thread, 1);
	assert_int_equal(thread->place.ref_count, THREAD_MESSAGE_REFS_MAX);
	assert_out(thread, "(2)(3 1)");
	thread_free(&thread);
	seqset_fini(&all);
	buf_fini(&text);
}

static void the_shortest_references_are_counted_too(void **state)
{
	struct test *t = *state;
	struct seqset all = SEQSET_EMPTY;
	for (uint32_t more = 0; more < 3; more++) {
		struct buf text;
		buf_init(&text, 100000);
		buf_adds(&text, "References:");
		for (size_t i = 0; i < THREAD_MESSAGE_REFS_MAX - 1 + more; i++)
			buf_printf(&text, "%s<a@b>", i % 100 == 0 ? "\r\n " : "");
		buf_adds(&text, "\r\n\r\n");
		add_bytes(t, buf_strv(&text));
		buf_fini(&text);
		seqset_add(&all, more + 1);
		struct thread *thread = thread_of(t, THREAD_REFERENCES, &all, false);
		run(t, thread, 1);
		assert_int_equal(thread->place.ref_count,
			more == 0 ? THREAD_MESSAGE_REFS_MAX - 1 : (more + 1) * THREAD_MESSAGE_REFS_MAX - 1);
		thread_free(&thread);
	}
	seqset_fini(&all);
}

static void too_many_references_are_told(void **state)
{
	struct test *t = *state;
	struct seqset all = SEQSET_EMPTY;
	for (int i = 0; i < 4; i++)
		add(t, "References: <a@h> <b@h> <c@h>\r\n\r\n");
	seqset_add_range(&all, 1, 4);
	struct thread *thread = thread_of(t, THREAD_REFERENCES, &all, false);
	assert_int_equal(thread->refs_max, THREAD_REFS_MAX);
	thread->refs_max = 11;
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, slice_job, thread), RC_LIMIT);
	thread->refs_max = 12;
	run(t, thread, 1);
	assert_out(thread, "((1)(2)(3)(4))");
	thread_free(&thread);
	seqset_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(headers_make_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_may_be_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_header_that_is_not_in_the_cache_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_references_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(of_very_many_references_the_last_ones_count, setup, teardown),
		cmocka_unit_test_setup_teardown(the_shortest_references_are_counted_too, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
