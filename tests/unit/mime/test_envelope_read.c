#include "mime/envelope_read.h"

#include "mime_test.h"

static bool read_exact(const char *text, size_t n, struct arena *arena, struct envelope *ret_envelope)
{
	/* Copied, so that a read past the end is seen; the views die with it, and so are copied again. */
	char *exact = mem_alloc(n ? n : 1);
	memcpy(exact, text, n);
	bool ok = envelope_read(strv_make(exact, n), arena, ret_envelope);
	if (ok) {
		struct strv *views[] = { &ret_envelope->subject, &ret_envelope->from.name,
			&ret_envelope->from.mailbox, &ret_envelope->from.host, &ret_envelope->to.mailbox,
			&ret_envelope->to.host, &ret_envelope->cc.mailbox, &ret_envelope->in_reply_to,
			&ret_envelope->message_id };
		for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
			if (views[i]->p)
				*views[i] = arena_strv(arena, *views[i]);
	}
	free(exact);
	return ok;
}

static void assert_is(struct strv v, const char *expected)
{
	if (!expected)
		assert_null(v.p);
	else
		assert_true(v.p && strv_eq(v, strv_cstr(expected)));
}

static void what_was_printed_is_read(void **state)
{
	(void)state;
	static const char text[] = "Date: x\r\nSubject: a \"quoted\" \\ one\r\n"
				   "From: \"Smith, Anna\" <anna@example.org>, other@example.org\r\n"
				   "To: team: bob@example.net, carl@example.net;\r\n"
				   "Cc: J\xc3\xb6rg <joerg@example.org>\r\n"
				   "In-Reply-To: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n";
	struct mime_msg *msg = test_scan(STRV(text));
	struct arena *arena = arena_new(0);
	struct envelope envelope;
	struct buf out;
	buf_init(&out, 100000);
	mime_envelope_print(&out, msg->root);
	assert_true(read_exact(out.p, out.len, arena, &envelope));
	assert_is(envelope.subject, "a \"quoted\" \\ one");
	assert_is(envelope.from.name, "Smith, Anna");
	assert_is(envelope.from.mailbox, "anna");
	assert_is(envelope.from.host, "example.org");
	assert_is(envelope.to.mailbox, "team");
	assert_is(envelope.to.host, NULL);
	assert_is(envelope.cc.mailbox, "joerg");
	assert_is(envelope.in_reply_to, "<1@x>");
	assert_is(envelope.message_id, "<2@x>");
	/* Cut anywhere it is none. */
	for (size_t n = 0; n < out.len; n++) {
		struct envelope cut;
		assert_false(read_exact(out.p, n, arena, &cut));
	}
	buf_fini(&out);
	arena_free(&arena);
	mime_msg_free(&msg);
}

static void an_empty_header_gives_nothing(void **state)
{
	(void)state;
	struct mime_msg *msg = test_scan(STRV("\r\n"));
	struct arena *arena = arena_new(0);
	struct envelope envelope;
	struct buf out;
	buf_init(&out, 100000);
	mime_envelope_print(&out, msg->root);
	assert_true(read_exact(out.p, out.len, arena, &envelope));
	assert_is(envelope.subject, NULL);
	assert_is(envelope.from.mailbox, NULL);
	assert_is(envelope.message_id, NULL);
	buf_fini(&out);
	arena_free(&arena);
	mime_msg_free(&msg);
}

static void what_is_no_envelope_is_refused(void **state)
{
	(void)state;
	static const char *const broken[] = { "", "()", "NIL", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
		"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ", "(NIL NIL () NIL NIL NIL NIL NIL NIL NIL)",
		"(NIL NIL \"\" NIL NIL NIL NIL NIL NIL NIL)",
		"(NIL {9}\r\nx NIL NIL NIL NIL NIL NIL NIL NIL)",
		"(NIL {1\r\nx NIL NIL NIL NIL NIL NIL NIL NIL)", "(NIL {99999999999999}\r\nx)",
		"(NIL \"\\\" NIL NIL NIL NIL NIL NIL NIL NIL)",
		"(NIL NIL ((NIL NIL NIL)) NIL NIL NIL NIL NIL NIL NIL)" };
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct envelope envelope;
		assert_false(read_exact(broken[i], strlen(broken[i]), arena, &envelope));
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_printed_is_read),
		cmocka_unit_test(an_empty_header_gives_nothing),
		cmocka_unit_test(what_is_no_envelope_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
