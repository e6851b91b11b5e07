#include "lmtp/trace.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

static int real_clock(void **state)
{
	(void)state;
	clock_fake_set(0, 0);
	return 0;
}

static struct trace *trace_make(bool utf8)
{
	struct trace *trace = trace_new("s@x.test", "relay.test", "192.0.2.1", "mx.test", utf8);
	trace->id = 0xab;
	return trace;
}

static void assert_printed(struct trace *trace, const char *expected)
{
	struct buf out;

	buf_init(&out, TRACE_HEAD_MAX);
	trace_print(trace, "alice+x@example.org", &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void a_copy_begins_with_its_trace_fields(void **state)
{
	struct trace *trace = trace_make(false);

	(void)state;
	clock_fake_set(1000, 1795491369);
	assert_printed(trace,
		"Return-Path: <s@x.test>\r\nDelivered-To: alice+x@example.org\r\n"
		"Received: from relay.test (192.0.2.1)\r\n\tby mx.test with LMTP id 00000000000000ab\r\n"
		"\tfor <alice+x@example.org>; Tue, 24 Nov 2026 03:36:09 +0000\r\n");
	trace_unref(&trace);
}

static void the_protocol_of_utf8_addresses_is_named(void **state)
{
	struct trace *trace = trace_make(true);

	(void)state;
	clock_fake_set(1000, 951782400);
	assert_printed(trace,
		"Return-Path: <s@x.test>\r\nDelivered-To: alice+x@example.org\r\n"
		"Received: from relay.test (192.0.2.1)\r\n\tby mx.test with UTF8LMTP id 00000000000000ab\r\n"
		"\tfor <alice+x@example.org>; Tue, 29 Feb 2000 00:00:00 +0000\r\n");
	trace_unref(&trace);
}

/* Checks the line of trace_log, without its time. */
static void assert_logged(struct strv mailbox, enum rc rc, const char *level, const char *expected)
{
	struct trace *trace = trace_make(false);
	char text[1024] = "";
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	struct log *log = log_new(fds[1], LOG_LEVEL_INFO);
	trace_received(trace, 1234);
	clock_fake_advance(25);
	trace_log(log, trace, "alice@example.org", NULL, mailbox, rc);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	if (!strstr(text, expected) || !strstr(text, level))
		fail_msg("no '%s' of '%s' in '%s'", expected, level, text);
	log_free(&log);
	close(fds[0]);
	close(fds[1]);
	trace_unref(&trace);
}

static void a_delivery_is_logged_with_its_result(void **state)
{
	(void)state;
	clock_fake_set(1000, 1795491369);
	assert_logged(STRV("INBOX"), RC_OK, "info",
		"event=delivery id=00000000000000ab from=s@x.test to=alice@example.org account=- "
		"mailbox=INBOX "
		"size=1234 result=delivered ms=25\n");
	assert_logged(STRV(""), RC_QUOTA, "warn",
		"event=delivery id=00000000000000ab from=s@x.test to=alice@example.org account=- mailbox=- "
		"size=1234 result=over-quota ms=25\n");
}

static void a_trace_lives_until_its_last_reference(void **state)
{
	struct trace *trace = trace_make(false);
	struct trace *again = trace_ref(trace);
	struct trace *none = NULL;

	(void)state;
	trace_unref(&trace);
	assert_null(trace);
	assert_string_equal(again->helo, "relay.test");
	trace_unref(&again);
	assert_null(again);
	trace_unref(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_copy_begins_with_its_trace_fields, real_clock),
		cmocka_unit_test_teardown(the_protocol_of_utf8_addresses_is_named, real_clock),
		cmocka_unit_test_teardown(a_delivery_is_logged_with_its_result, real_clock),
		cmocka_unit_test(a_trace_lives_until_its_last_reference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
