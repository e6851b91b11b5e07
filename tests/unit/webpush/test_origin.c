#include "webpush/origin.h"
#include "webpush/push.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOST "https://push.example.org"
#define NEVER UINT64_MAX

struct fixture {
	struct webpush_settings settings;
	struct origins *origins;
	struct push *made[4096];
	size_t count;
	uint64_t now;
};

static int begin(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	webpush_settings_init(&f->settings);
	f->origins = origins_new(&f->settings);
	f->now = 1000000;
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->count; i++) {
		struct push *push = f->made[i];
		if (push->target && list_linked(&push->in_target))
			origins_leave(f->origins, push);
		else if (push->target)
			origins_end(f->origins, push, ORIGIN_DROPPED, 0, f->now, 0);
		push_free(&push);
	}
	assert_int_equal(origins_waiting(f->origins), 0);
	assert_int_equal(origins_active(f->origins), 0);
	origins_free(&f->origins);
	free(f);
	return 0;
}

static struct push *add(struct fixture *f, enum push_kind kind, int64_t account, const char *endpoint)
{
	struct push *push = mem_zalloc(sizeof(*push));

	push->kind = kind;
	push->account = account;
	push->endpoint = mem_strdup(endpoint);
	push->id = (int64_t)f->count + 1;
	push->due = f->now;
	assert_true(f->count < sizeof(f->made) / sizeof(f->made[0]));
	f->made[f->count++] = push;
	origins_enter(f->origins, HOST, push);
	return push;
}

static void add_many(struct fixture *f, size_t endpoints, size_t each)
{
	char endpoint[64];

	for (size_t i = 0; i < endpoints * each; i++) {
		snprintf(endpoint, sizeof(endpoint), HOST "/%zu", i % endpoints);
		add(f, PUSH_MESSAGE, (int64_t)(i % endpoints) + 1, endpoint);
	}
}

static struct push *next(struct fixture *f)
{
	uint64_t wake = NEVER;

	return origins_next(f->origins, f->now, &wake);
}

/* When there is something to do again; nothing may go now. */
static uint64_t wake_of(struct fixture *f)
{
	uint64_t wake = NEVER;

	assert_null(origins_next(f->origins, f->now, &wake));
	return wake;
}

static size_t send_all(struct fixture *f, struct push **sent, size_t max)
{
	size_t n = 0;

	for (struct push *push = next(f); push; push = next(f)) {
		assert_true(n < max);
		sent[n++] = push;
	}
	return n;
}

static void answer(struct fixture *f, struct push *push, enum origin_event event)
{
	origins_end(f->origins, push, event, 0, f->now, 0);
}

/* Makes the endpoint one that has answered. */
static void prove(struct fixture *f, int64_t account, const char *endpoint)
{
	struct push *push = add(f, PUSH_MESSAGE, account, endpoint);

	assert_ptr_equal(next(f), push);
	answer(f, push, ORIGIN_ANSWERED);
}

static void again(struct fixture *f, struct push *push)
{
	push->due = f->now;
	origins_enter(f->origins, HOST, push);
}

/* WP-45 */
static void wp_45_a_burst_of_failures_is_one_event(void **state)
{
	struct fixture *f = *state;
	struct push *sent[64];

	add_many(f, 64, 1);
	size_t n = send_all(f, sent, 64);
	assert_true(n > 16);
	f->now += 30000;
	for (size_t i = 0; i < n; i++) {
		answer(f, sent[i], i % 2 ? ORIGIN_UNREACHED : ORIGIN_FAILED);
		again(f, sent[i]);
	}
	assert_true(wake_of(f) <= f->now + f->settings.backoff_min_ms);
}

/* WP-45 */
static void wp_45_an_origin_rests_for_two_minutes_at_most_and_one_probe_ends_it(void **state)
{
	struct fixture *f = *state;
	struct push *sent[64];

	add_many(f, 32, 1);
	for (unsigned i = 0; i < 30; i++) {
		struct push *probe = next(f);
		assert_non_null(probe);
		for (struct push *more = i == 0 ? next(f) : NULL; more; more = next(f)) {
			answer(f, more, ORIGIN_DROPPED);
			more->due = f->now + 1;
			origins_enter(f->origins, HOST, more);
		}
		assert_null(next(f));
		f->now += 100;
		answer(f, probe, ORIGIN_UNREACHED);
		again(f, probe);
		uint64_t wake = wake_of(f);
		assert_true(wake > f->now && wake <= f->now + f->settings.origin_pause_max_ms);
		f->now = wake;
	}
	struct push *probe = next(f);
	assert_non_null(probe);
	assert_null(next(f));
	answer(f, probe, ORIGIN_ANSWERED);
	assert_true(send_all(f, sent, 64) > 16);
}

/* WP-45 */
static void wp_45_an_endpoint_that_does_not_answer_holds_one_place(void **state)
{
	struct fixture *f = *state;
	struct push *bad[128];

	prove(f, 2, HOST "/good");
	for (size_t i = 0; i < 100; i++)
		add(f, PUSH_MESSAGE, 1, HOST "/bad");
	assert_int_equal(send_all(f, bad, 128), 1);
	for (size_t i = 0; i < 8; i++)
		add(f, PUSH_MESSAGE, 2, HOST "/good");
	for (size_t i = 0; i < 8; i++) {
		struct push *push = next(f);
		assert_non_null(push);
		assert_string_equal(push->endpoint, HOST "/good");
	}
	f->now += 30000;
	answer(f, bad[0], ORIGIN_FAILED);
	add(f, PUSH_MESSAGE, 2, HOST "/other");
	struct push *push = next(f);
	assert_non_null(push);
	assert_string_equal(push->endpoint, HOST "/other");
}

/* WP-45 */
static void wp_45_an_origin_rests_when_several_endpoints_fail_and_none_succeeds(void **state)
{
	struct fixture *f = *state;
	struct push *sent[8];

	add_many(f, ORIGIN_SUSPECTS - 1, 1);
	size_t n = send_all(f, sent, 8);
	f->now += 10;
	for (size_t i = 0; i < n; i++)
		answer(f, sent[i], ORIGIN_FAILED);
	struct push *good = add(f, PUSH_MESSAGE, 77, HOST "/good");
	assert_ptr_equal(next(f), good);
	answer(f, good, ORIGIN_ANSWERED);
	struct push *third = add(f, PUSH_MESSAGE, 78, HOST "/third");
	assert_ptr_equal(next(f), third);
	f->now += 10;
	answer(f, third, ORIGIN_FAILED);
	again(f, good);
	assert_ptr_equal(next(f), good);
	f->now += 10;
	answer(f, good, ORIGIN_FAILED);
	struct push *fifth = add(f, PUSH_MESSAGE, 79, HOST "/fifth");
	assert_ptr_equal(next(f), fifth);
	f->now += 10;
	answer(f, fifth, ORIGIN_FAILED);
	add(f, PUSH_MESSAGE, 80, HOST "/sixth");
	uint64_t wake = wake_of(f);
	assert_true(wake > f->now && wake <= f->now + f->settings.backoff_min_ms);
}

/* WP-44 */
static void wp_44_retry_after_is_for_the_endpoint_that_was_told_so(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct push *push = add(f, PUSH_MESSAGE, 1, HOST "/paused");
		assert_ptr_equal(next(f), push);
		f->now += 10;
		origins_end(f->origins, push, i == 0 ? ORIGIN_ASKED : ORIGIN_FAILED, 3600000, f->now, 0);
		struct push *other = add(f, PUSH_MESSAGE, 2, HOST "/other");
		assert_ptr_equal(next(f), other);
		answer(f, other, ORIGIN_ANSWERED);
		again(f, push);
		assert_int_equal(wake_of(f), f->now + 3600000);
		f->now += 3600000;
		assert_ptr_equal(next(f), push);
		answer(f, push, ORIGIN_ANSWERED);
	}
}

/* WP-20, WP-45 */
static void wp_20_validation_and_test_pushes_do_not_wait_for_an_origin_that_rests(void **state)
{
	struct fixture *f = *state;
	struct push *push = add(f, PUSH_MESSAGE, 1, HOST "/1");
	char endpoint[64];

	assert_ptr_equal(next(f), push);
	f->now += 10;
	answer(f, push, ORIGIN_UNREACHED);
	add(f, PUSH_MESSAGE, 2, HOST "/2");
	assert_true(wake_of(f) > f->now);
	for (unsigned i = 0; i <= ORIGIN_PROBES_MAX; i++) {
		snprintf(endpoint, sizeof(endpoint), HOST "/v%u", i);
		struct push *validation = add(f, PUSH_VALIDATION, 3, endpoint);
		assert_ptr_equal(next(f), i < ORIGIN_PROBES_MAX ? validation : NULL);
	}
	struct push *test = add(f, PUSH_TEST, 4, HOST "/1");
	assert_ptr_equal(next(f), test);
	/* The first answer ends the rest for everybody. */
	answer(f, test, ORIGIN_ANSWERED);
	assert_string_equal(next(f)->endpoint, HOST "/2");
}

static void endpoints_that_answered_last_time_keep_a_share_of_the_places(void **state)
{
	struct fixture *f = *state;
	struct push *hanging[64];

	prove(f, 1000, HOST "/good");
	add_many(f, f->settings.parallel_per_origin * 3 / 4, 1);
	size_t n = send_all(f, hanging, 64);
	assert_int_equal(n, f->settings.parallel_per_origin * 3 / 4);
	add(f, PUSH_MESSAGE, 1001, HOST "/new");
	struct push *good = add(f, PUSH_MESSAGE, 1000, HOST "/good");
	assert_ptr_equal(next(f), good);
	assert_null(next(f));
	/* Those that have failed get half of the places, one each. */
	f->now += 10;
	for (size_t i = 0; i < n; i++) {
		answer(f, hanging[i], ORIGIN_FAILED);
		again(f, hanging[i]);
	}
	answer(f, good, ORIGIN_ANSWERED);
	f->now += f->settings.backoff_max_ms;
	n = 0;
	for (struct push *push = next(f); push; push = next(f))
		n += push->suspect;
	assert_int_equal(n, f->settings.parallel_per_origin / 2);
}

static void an_account_has_a_share_of_all_places(void **state)
{
	struct fixture *f = *state;
	struct push *sent[64];

	f->settings.parallel_max = 16;
	prove(f, 1, HOST "/1");
	prove(f, 1, HOST "/2");
	prove(f, 2, HOST "/3");
	for (unsigned i = 0; i < 32; i++)
		add(f, PUSH_MESSAGE, 1, i % 2 ? HOST "/1" : HOST "/2");
	assert_int_equal(send_all(f, sent, 64), 2);
	struct push *other = add(f, PUSH_MESSAGE, 2, HOST "/3");
	assert_ptr_equal(next(f), other);
}

static void device_tokens_share_an_endpoint_and_are_told_apart_by_account(void **state)
{
	struct fixture *f = *state;
	struct push *sent[64];

	f->settings.parallel_max = 16;
	for (unsigned i = 0; i < 8; i++)
		add(f, PUSH_DEVICE, 1, HOST "/notify");
	struct push *other = add(f, PUSH_DEVICE, 2, HOST "/notify");
	assert_int_equal(send_all(f, sent, 64), 3);
	assert_ptr_equal(sent[2], other);
}

static void too_many_cost_the_oldest_of_whom_has_most(void **state)
{
	struct fixture *f = *state;

	struct push *one = add(f, PUSH_MESSAGE, 1, HOST "/one");
	struct push *many = add(f, PUSH_MESSAGE, 2, HOST "/many");
	for (unsigned i = 0; i < 5; i++)
		add(f, PUSH_MESSAGE, 2, HOST "/many");
	assert_ptr_equal(origin_victim(one), many);
	assert_ptr_equal(origins_victim(f->origins), many);
	/* The push that comes back last is still the oldest. */
	origins_leave(f->origins, many);
	f->now += 5;
	again(f, many);
	assert_ptr_equal(origins_victim(f->origins), many);
}

static void what_is_remembered_of_endpoints_is_bounded(void **state)
{
	struct fixture *f = *state;
	char endpoint[64];

	f->settings.queue_max = 3;
	for (unsigned i = 0; i < 10; i++) {
		snprintf(endpoint, sizeof(endpoint), HOST "/%u", i);
		prove(f, 1, endpoint);
	}
	/* The first is not known any more: one request at a time, until it answers. */
	add(f, PUSH_MESSAGE, 1, HOST "/0");
	add(f, PUSH_MESSAGE, 1, HOST "/0");
	add(f, PUSH_MESSAGE, 1, HOST "/9");
	add(f, PUSH_MESSAGE, 1, HOST "/9");
	struct push *sent[8];
	assert_int_equal(send_all(f, sent, 8), 3);
}

static void the_state_of_a_push_service_is_told(void **state)
{
	struct fixture *f = *state;
	struct push *push = add(f, PUSH_MESSAGE, 1, HOST "/1");
	struct buf out;

	buf_init(&out, 256);
	assert_ptr_equal(next(f), push);
	f->now += 10;
	origin_describe(push, f->now, &out);
	assert_int_equal(out.len, 0);
	answer(f, push, ORIGIN_UNREACHED);
	again(f, push);
	origin_describe(push, f->now, &out);
	assert_true(
		strv_eq(buf_strv(&out), STRV(", its push service rests for another 5 s after 1 failures")));
	buf_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void a_test_does_not_wait_behind_a_push_of_the_same_endpoint(void **state)
{
	struct fixture *f = *state;
	uint64_t wake = NEVER;
	struct push *message = add(f, PUSH_MESSAGE, 1, HOST "/1");

	assert_ptr_equal(origins_next(f->origins, f->now, &wake), message);
	origins_end(f->origins, message, ORIGIN_UNREACHED, 0, f->now, 0);
	origins_enter(f->origins, HOST, message);
	assert_null(origins_next(f->origins, f->now, &wake));
	struct push *test = add(f, PUSH_TEST, 1, HOST "/1");
	assert_ptr_equal(origins_next(f->origins, f->now, &wake), test);
	assert_null(origins_next(f->origins, f->now, &wake));
}

/* Returns true if an endpoint is still known as one that answers when that much time has passed. */
static bool remembered(struct fixture *f, const char *endpoint, const char *other, uint64_t later)
{
	struct push *sent[8];

	prove(f, 1, endpoint);
	f->now += later;
	/* An endpoint that has been idle for too long goes when another one comes to rest. */
	prove(f, 1, other);
	add(f, PUSH_MESSAGE, 1, endpoint);
	add(f, PUSH_MESSAGE, 1, endpoint);
	size_t first = send_all(f, sent, 8);
	for (size_t n = first; n > 0; n = send_all(f, sent, 8)) {
		for (size_t i = 0; i < n; i++)
			answer(f, sent[i], ORIGIN_ANSWERED);
	}
	return first == 2;
}

static void an_endpoint_is_remembered_for_a_while(void **state)
{
	struct fixture *f = *state;

	assert_true(remembered(f, HOST "/1", HOST "/2", ORIGIN_MEMORY_MS - 1));
	assert_false(remembered(f, HOST "/3", HOST "/4", ORIGIN_MEMORY_MS));
	assert_false(remembered(f, HOST "/5", HOST "/6", ORIGIN_MEMORY_MS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wp_45_a_burst_of_failures_is_one_event),
		TEST(wp_45_an_origin_rests_for_two_minutes_at_most_and_one_probe_ends_it),
		TEST(wp_45_an_endpoint_that_does_not_answer_holds_one_place),
		TEST(wp_45_an_origin_rests_when_several_endpoints_fail_and_none_succeeds),
		TEST(wp_44_retry_after_is_for_the_endpoint_that_was_told_so),
		TEST(wp_20_validation_and_test_pushes_do_not_wait_for_an_origin_that_rests),
		TEST(endpoints_that_answered_last_time_keep_a_share_of_the_places),
		TEST(an_account_has_a_share_of_all_places),
		TEST(device_tokens_share_an_endpoint_and_are_told_apart_by_account),
		TEST(too_many_cost_the_oldest_of_whom_has_most),
		TEST(what_is_remembered_of_endpoints_is_bounded),
		TEST(the_state_of_a_push_service_is_told),
		TEST(a_test_does_not_wait_behind_a_push_of_the_same_endpoint),
		TEST(an_endpoint_is_remembered_for_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
