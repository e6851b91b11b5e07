/*
 * Pushes end: what each outcome means for push.db, the subscription and the counters. Their parties are this
 * file's.
 */
#include "webpush/push.h"

#include "base/mem.h"
#include "webpush/core.h"
#include "webpush/expiry.h"
#include "webpush/upkeep.h"
#include "webpush/writeback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The calls that the parties got, a word each. */
static char told[256];
static char text[128];
static bool told_ok;

static void note(const char *word)
{
	size_t n = strlen(told);
	snprintf(told + n, sizeof(told) - n, "%s ", word);
}

void writeback_remove(struct writeback *writeback, const struct push *push)
{
	(void)writeback;
	(void)push;
	note("remove");
}

void writeback_failed(struct writeback *writeback, const struct push *push)
{
	(void)writeback;
	(void)push;
	note("failed");
}

void writeback_worked(struct writeback *writeback, const struct push *push)
{
	(void)writeback;
	(void)push;
	note("worked");
}

void upkeep_submit(struct upkeep *upkeep, enum upkeep_kind kind, int64_t account, const char *subscription,
	const char *endpoint)
{
	static const char *const words[] = { "accepted", "gone", "expire", "device-gone" };

	(void)upkeep;
	assert_int_equal(account, 7);
	assert_string_equal(subscription, "sub");
	assert_string_equal(endpoint, "https://x.example.org/");
	note(words[kind]);
}

void expiry_watch(struct expiry *expiry, const struct push *push, uint64_t seconds)
{
	(void)expiry;
	(void)push;
	assert_int_equal(seconds, 300);
	note("watch");
}

static void tell(struct push *push, const char *what, bool ok)
{
	(void)push;
	told_ok = ok;
	snprintf(text, sizeof(text), "%s", what);
}

static struct push *make(enum push_kind kind)
{
	struct push *push = push_new(kind, 7, STRV("sub"), STRV("https://x.example.org/"), STRV("plain"));

	push->tell = kind == PUSH_TEST ? tell : NULL;
	return push;
}

/* The words, and the counter that grew, if one did. */
static void expect(enum push_kind kind, enum push_outcome outcome, int counter, const char *words)
{
	struct webpush_settings settings = { .validation_window_s = 300 };
	struct core core = { .settings = &settings };
	struct push_parties parties = { .core = &core };

	told[0] = '\0';
	push_end(&parties, make(kind), outcome);
	assert_string_equal(told, words);
	for (int i = 0; i < CORE_COUNTERS; i++)
		assert_int_equal(atomic_load(&core.counters[i]), i == counter);
}

static void a_push_that_was_sent_works_and_a_validation_push_begins_the_window_of_the_client(void **state)
{
	(void)state;
	expect(PUSH_MESSAGE, PUSH_END_SENT, CORE_SENT, "worked remove ");
	expect(PUSH_VALIDATION, PUSH_END_SENT, CORE_SENT, "worked accepted watch remove ");
	expect(PUSH_DEVICE, PUSH_END_SENT, CORE_SENT, "remove ");
}

static void a_push_that_was_refused_counts_as_a_failure_of_its_subscription(void **state)
{
	(void)state;
	expect(PUSH_MESSAGE, PUSH_END_REFUSED, CORE_REFUSED, "failed remove ");
}

static void a_subscription_that_can_never_work_is_dropped(void **state)
{
	(void)state;
	expect(PUSH_MESSAGE, PUSH_END_GONE, CORE_UNSUBSCRIBED, "gone remove ");
	expect(PUSH_MESSAGE, PUSH_END_NOT_PUBLIC, CORE_REFUSED, "gone remove ");
	expect(PUSH_VALIDATION, PUSH_END_NOT_ALLOWED, -1, "gone remove ");
}

static void a_device_token_is_dropped_only_if_its_notifier_says_so(void **state)
{
	(void)state;
	expect(PUSH_DEVICE, PUSH_END_GONE, CORE_UNSUBSCRIBED, "device-gone remove ");
	expect(PUSH_DEVICE, PUSH_END_NOT_PUBLIC, CORE_REFUSED, "remove ");
	expect(PUSH_DEVICE, PUSH_END_NOT_ALLOWED, -1, "remove ");
}

static void a_push_that_is_given_up_leaves_its_subscription_alone(void **state)
{
	(void)state;
	expect(PUSH_MESSAGE, PUSH_END_LATE, CORE_EXPIRED, "remove ");
	expect(PUSH_MESSAGE, PUSH_END_TRIED, CORE_EXPIRED, "remove ");
	expect(PUSH_MESSAGE, PUSH_END_FULL, CORE_DROPPED, "remove ");
	expect(PUSH_MESSAGE, PUSH_END_VOID, -1, "remove ");
	expect(PUSH_MESSAGE, PUSH_END_REKEYED, -1, "remove ");
}

static void a_push_that_is_not_sent_because_the_server_stops_stays_in_push_db(void **state)
{
	(void)state;
	expect(PUSH_MESSAGE, PUSH_END_STOPPED, -1, "");
}

static void the_end_of_a_test_is_told_and_changes_no_subscription(void **state)
{
	(void)state;
	expect(PUSH_TEST, PUSH_END_NOT_ALLOWED, -1, "remove ");
	assert_string_equal(text, "refused: the endpoint is not allowed");
	assert_false(told_ok);
	expect(PUSH_TEST, PUSH_END_STOPPED, -1, "");
	assert_string_equal(text, "not sent: the server stops");
	expect(PUSH_TEST, PUSH_END_FULL, CORE_DROPPED, "remove ");
	assert_string_equal(text, "dropped: the queue is full");
}

static bool is_device(void *arg, const struct push *push)
{
	(*(unsigned *)arg)++;
	return push->kind == PUSH_DEVICE;
}

static void a_list_keeps_its_order_when_some_are_dropped(void **state)
{
	static const enum push_kind kinds[] = { PUSH_DEVICE, PUSH_MESSAGE, PUSH_DEVICE, PUSH_DEVICE,
		PUSH_VALIDATION, PUSH_MESSAGE };
	struct push_list list = { 0 };
	unsigned asked = 0;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		push_list_add(&list, make(kinds[i]));
	push_list_drop(&list, is_device, &asked);
	assert_int_equal(asked, 6);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.v[0]->kind, PUSH_MESSAGE);
	assert_int_equal(list.v[1]->kind, PUSH_VALIDATION);
	assert_int_equal(list.v[2]->kind, PUSH_MESSAGE);
	push_list_fini(&list);
	assert_int_equal(list.n, 0);
	assert_null(list.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_push_that_was_sent_works_and_a_validation_push_begins_the_window_of_the_client),
		cmocka_unit_test(a_push_that_was_refused_counts_as_a_failure_of_its_subscription),
		cmocka_unit_test(a_subscription_that_can_never_work_is_dropped),
		cmocka_unit_test(a_device_token_is_dropped_only_if_its_notifier_says_so),
		cmocka_unit_test(a_push_that_is_given_up_leaves_its_subscription_alone),
		cmocka_unit_test(a_push_that_is_not_sent_because_the_server_stops_stays_in_push_db),
		cmocka_unit_test(the_end_of_a_test_is_told_and_changes_no_subscription),
		cmocka_unit_test(a_list_keeps_its_order_when_some_are_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
