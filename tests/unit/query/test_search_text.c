#include "query/search_text.h"

#include "base/mem.h"
#include "store/message.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ACCOUNT 1

struct rig_and_root {
	struct rig rig;
	char root[512];
};

static int setup(void **state)
{
	struct rig_and_root *t = mem_zalloc(sizeof(*t));
	rig_folder_make(t->root);
	rig_init(&t->rig, t->root, NULL);
	assert_int_equal(rig_open(&t->rig), RC_OK);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct rig_and_root *t = *state;
	rig_close(&t->rig);
	rig_folder_remove(t->root);
	free(t);
	return 0;
}

static enum rc open_job(struct account *account, void *arg)
{
	struct mbox_info info;
	const struct msg_row *rows;
	size_t count;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	if (rc == RC_OK)
		rc = msg_index(account, info.id, &rows, &count);
	return rc == RC_OK ? msg_open(account, &rows[count - 1], arg) : rc;
}

static struct reader *reader_of(void **state, const char *bytes)
{
	struct rig *rig = &((struct rig_and_root *)*state)->rig;
	struct reader *reader = NULL;
	uint32_t uid;
	assert_int_equal(rig_append(rig, ACCOUNT, "INBOX", strv_cstr(bytes), STRV_NULL, &uid), RC_OK);
	assert_int_equal(rig_run(rig, ACCOUNT, JOB_READ, open_job, &reader), RC_OK);
	return reader;
}

/* Needles are given in their mapped form. With until_us = 0 each step does one thing. */
static bool finds_stepwise(
	void **state, const char *bytes, const char *needle, bool headers, uint64_t until_us)
{
	struct search_needle one = { .text = strv_cstr(needle), .headers = headers };
	struct search_text *text = search_text_new(&one, 1, reader_of(state, bytes));
	enum rc rc;
	do {
		rc = search_text_step(text, until_us);
	} while (rc == RC_AGAIN);
	assert_int_equal(rc, RC_OK);
	search_text_free(&text);
	return one.found;
}

static bool finds(void **state, const char *bytes, const char *needle, bool headers)
{
	bool whole = finds_stepwise(state, bytes, needle, headers, UINT64_MAX);
	assert_int_equal(whole, finds_stepwise(state, bytes, needle, headers, 0));
	return whole;
}

static void only_text_looks_into_the_header(void **state)
{
	const char *bytes = "Subject: topic\r\n\r\nwords\r\n";
	assert_true(finds(state, bytes, "TOPIC", true));
	assert_false(finds(state, bytes, "TOPIC", false));
	assert_true(finds(state, bytes, "WORDS", false));
	assert_true(finds(state, bytes, "SUBJECT: TOPIC", true));
	assert_false(finds(state, bytes, "TOPICWORDS", true));
}

static void transfer_encodings_are_undone(void **state)
{
	assert_true(
		finds(state, "Content-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n", "HELLO", false));
	assert_true(finds(state, "Content-Transfer-Encoding: quoted-printable\r\n\r\nhe=6C=\r\nlo\r\n",
		"HELLO", false));
	assert_false(finds(state, "\r\nhe=6Clo\r\n", "HELLO", false));
}

static void charsets_become_utf8(void **state)
{
	assert_true(finds(state, "Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\r\n",
		"\xd0\x9f\xd0\xa0\xd0\x98", false));
	assert_true(finds(
		state, "Content-Type: text/plain; charset=us-ascii\r\n\r\n\xc3\xa4\r\n", "A\xcc\x88", false));
	assert_true(finds(
		state, "Content-Type: text/plain; charset=nonsense\r\n\r\n\xc3\xa4\r\n", "A\xcc\x88", false));
	assert_true(finds(state, "\r\n\xc3\xa4\r\n", "A\xcc\x88", false));
}

static void other_parts_are_left_out(void **state)
{
	assert_false(finds(state, "Content-Type: image/png\r\n\r\nwords\r\n", "WORDS", true));
	assert_true(finds(state, "Content-Type: text/calendar\r\n\r\nwords\r\n", "WORDS", false));
}

static void broken_messages_have_an_answer(void **state)
{
	assert_false(finds(state, "\r\n", "X", true));
	assert_true(finds(state, "X", "X", false));
	assert_true(finds(
		state, "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nwords", "WORDS", false));
}

static void several_needles_are_found_in_one_pass(void **state)
{
	struct search_needle needles[] = {
		{ .text = STRV("ONE") },
		{ .text = STRV("NOT THERE") },
		{ .text = STRV("TOPIC"), .headers = true },
		{ .text = STRV("") },
	};
	struct search_text *text =
		search_text_new(needles, 4, reader_of(state, "Subject: topic\r\n\r\none two\r\n"));
	assert_int_equal(search_text_step(text, UINT64_MAX), RC_OK);
	/* Asked again, it stays done. */
	assert_int_equal(search_text_step(text, UINT64_MAX), RC_OK);
	assert_true(needles[0].found && !needles[1].found && needles[2].found && needles[3].found);
	search_text_free(&text);
}

static void a_search_can_be_given_up_anywhere(void **state)
{
	const char *bytes = "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n"
			    "Content-Type: text/plain; charset=iso-8859-1\r\n"
			    "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--q--\r\n";
	for (unsigned steps = 0; steps < 8; steps++) {
		struct search_needle needle = { .text = STRV("NOT THERE") };
		struct search_text *text = search_text_new(&needle, 1, reader_of(state, bytes));
		for (unsigned i = 0; i < steps && search_text_step(text, 0) == RC_AGAIN; i++)
			;
		search_text_free(&text);
		search_text_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_text_looks_into_the_header, setup, teardown),
		cmocka_unit_test_setup_teardown(transfer_encodings_are_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(charsets_become_utf8, setup, teardown),
		cmocka_unit_test_setup_teardown(other_parts_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_messages_have_an_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(several_needles_are_found_in_one_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(a_search_can_be_given_up_anywhere, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
