#include "webpush/subs.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define P256DH "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define KEYS "{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}"
#define GOOD                                                                                                 \
	"{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"chat\",\"resource\":{\"endpoint\":\"https://"      \
	"push.example.org/x\","                                                                              \
	"\"keys\":" KEYS "}}"
#define ID "Abcdefghij"
#define NOW 1800000000

static enum rc parse(struct arena *arena, const char *json, struct sub *sub, char *why)
{
	return subs_parse(STRV(ID), strv_cstr(json), false, arena, sub, why);
}

/* WP-10 */
static void wp_10_an_id_has_10_to_36_plain_characters(void **state)
{
	(void)state;
	assert_true(subs_id_valid(STRV("0123456789")));
	assert_true(subs_id_valid(STRV("abcdefghijklmnopqrstuvwxyzABCDEFGH-_")));
	assert_false(subs_id_valid(STRV("012345678")));
	assert_false(subs_id_valid(STRV("abcdefghijklmnopqrstuvwxyzABCDEFGH-_x")));
	assert_false(subs_id_valid(STRV("0123456789.")));
	assert_false(subs_id_valid(STRV("0123456789/")));
}

/* WP-11 */
static void wp_11_a_good_registration_is_read(void **state)
{
	struct arena *arena = arena_new(0);
	char why[SUBS_WHY_MAX];
	struct sub sub;

	(void)state;
	assert_int_equal(parse(arena, GOOD, &sub, why), RC_OK);
	assert_true(strv_eq(sub.id, STRV(ID)) && strv_eq(sub.name, STRV("abcdefghij")));
	assert_true(strv_eq(sub.client, STRV("c")) && sub.type == SUB_CHAT && !sub.validated);
	assert_int_equal(sub.receiver.p256dh[0], 4);
	arena_free(&arena);
}

/* WP-11 */
static void wp_11_what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *json;
		const char *why;
	} rows[] = {
		{ "", "not JSON" },
		{ "[]", "not a JSON object" },
		{ GOOD "x", "not JSON" },
		{ "{\"client\":\"a\",\"client\":\"b\"}", "not JSON: duplicate" },
		{ "{\"client\":1}", "client is not a string" },
		{ "{}", "client is missing" },
		{ "{\"client\":\"a\\u0000b\"}", "not JSON" },
		{ "{\"client\":\"\xff\"}", "not JSON" },
		{ "{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"CHAT\"}", "msgtype" },
		{ "{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"all\",\"resource\":[]}",
			"resource is not an object" },
		{ "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "nested" },
	};
	struct arena *arena = arena_new(0);
	char why[SUBS_WHY_MAX];
	struct sub sub;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(arena, rows[i].json, &sub, why), RC_INVALID);
		if (!strstr(why, rows[i].why))
			fail_msg("%s: %s", rows[i].json, why);
	}
	arena_free(&arena);
}

/* A member that is a string of `octets`; all else is good. */
static enum rc parse_with(const char *before, size_t octets, const char *after, char *why)
{
	struct arena *arena = arena_new(0);
	struct sub sub;
	struct buf json;
	buf_init(&json, 2 * SUBS_JSON_MAX);
	buf_adds(&json, before);
	for (size_t i = 0; i < octets; i++)
		buf_addc(&json, 'x');
	buf_adds(&json, after);
	enum rc rc = subs_parse(STRV(ID), buf_strv(&json), false, arena, &sub, why);
	buf_fini(&json);
	arena_free(&arena);
	return rc;
}

#define REST                                                                                                 \
	"\"msgtype\":\"chat\",\"resource\":{\"endpoint\":\"https://push.example.org/x\",\"keys\":" KEYS "}}"

static void a_registration_has_limits(void **state)
{
	static const struct {
		const char *before;
		const char *after;
		size_t max;
		enum rc within;
		const char *why; /* what is told of one that is longer */
	} rows[] = {
		{ "{\"client\":\"", "\",\"device\":\"d\"," REST, SUBS_TEXT_MAX, RC_OK,
			"client is longer than" },
		{ "{\"client\":\"c\",\"device\":\"", "\"," REST, SUBS_TEXT_MAX, RC_OK,
			"device is longer than" },
		{ "{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"chat\",\"resource\":{\"endpoint\":"
		  "\"https://push.example.org/x\",\"keys\":{\"p256dh\":\"",
			"\",\"auth\":\"" AUTH "\"}}}", SUBS_P256DH_MAX, RC_INVALID, "p256dh is longer than" },
		{ "{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"chat\",\"resource\":{\"endpoint\":"
		  "\"https://push.example.org/x\",\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"",
			"\"}}}", SUBS_AUTH_MAX, RC_INVALID, "auth is longer than" },
	};
	char why[SUBS_WHY_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t n = rows[i].max - 1; n <= rows[i].max + 1; n++) {
			why[0] = '\0';
			enum rc rc = parse_with(rows[i].before, n, rows[i].after, why);
			assert_int_equal(rc, n <= rows[i].max ? rows[i].within : RC_INVALID);
			assert_int_equal(strstr(why, rows[i].why) != NULL, n > rows[i].max);
		}
	}
	/* The whole value, filled up by a member that nobody reads. */
	const char *before = "{\"client\":\"c\",\"device\":\"d\",\"x\":\"";
	size_t fixed = strlen(before) + strlen("\"," REST);
	assert_int_equal(parse_with(before, SUBS_JSON_MAX - 1 - fixed, "\"," REST, why), RC_OK);
	assert_int_equal(parse_with(before, SUBS_JSON_MAX - fixed, "\"," REST, why), RC_OK);
	assert_int_equal(parse_with(before, SUBS_JSON_MAX + 1 - fixed, "\"," REST, why), RC_INVALID);
	assert_non_null(strstr(why, "the value is longer than"));
}

static void a_registration_may_nest_to_a_limit(void **state)
{
	char why[SUBS_WHY_MAX];
	(void)state;
	/* The value itself is the first level. */
	for (size_t depth = SUBS_DEPTH_MAX - 1; depth <= SUBS_DEPTH_MAX + 1; depth++) {
		struct arena *arena = arena_new(0);
		struct sub sub;
		struct buf json;
		buf_init(&json, SUBS_JSON_MAX);
		buf_adds(&json, "{\"client\":\"c\",\"device\":\"[[{\\\"[\",\"x\":");
		for (size_t i = 1; i < depth; i++)
			buf_addc(&json, '[');
		for (size_t i = 1; i < depth; i++)
			buf_addc(&json, ']');
		buf_adds(&json, "," REST);
		enum rc rc = subs_parse(STRV(ID), buf_strv(&json), false, arena, &sub, why);
		assert_int_equal(rc, depth <= SUBS_DEPTH_MAX ? RC_OK : RC_INVALID);
		if (rc != RC_OK)
			assert_non_null(strstr(why, "nested too deeply"));
		buf_fini(&json);
		arena_free(&arena);
	}
}

/* WP-15 */
static void wp_15_the_listing_has_its_members_in_order_and_no_token(void **state)
{
	struct arena *arena = arena_new(0);
	char why[SUBS_WHY_MAX];
	struct sub sub;
	struct buf out;

	(void)state;
	assert_int_equal(parse(arena, GOOD, &sub, why), RC_OK);
	sub.created = NOW;
	sub.token = STRV("secret");
	buf_init(&out, SUBS_JSON_MAX);
	subs_print(&sub, &out);
	assert_true(strv_eq(buf_strv(&out), STRV("{\"created\":\"2027-01-15T08:00:00+00:00\",\"validated\":"
						 "false,\"client\":\"c\",\"device\":\"d\","
						 "\"msgtype\":\"chat\",\"resource\":{\"endpoint\":\"https://"
						 "push.example.org/x\",\"keys\":" KEYS "}}")));
	buf_fini(&out);
	arena_free(&arena);
}

static void a_subscription_is_kept_whole(void **state)
{
	struct arena *arena = arena_new(0);
	char why[SUBS_WHY_MAX];
	struct sub sub, again;
	struct buf out;

	(void)state;
	assert_int_equal(parse(arena, GOOD, &sub, why), RC_OK);
	sub.created = NOW;
	sub.accepted = NOW + 1;
	sub.validated = true;
	sub.token = STRV("secret");
	sub.vapid = STRV("key");
	buf_init(&out, SUBS_JSON_MAX);
	subs_encode(&sub, &out);
	assert_int_equal(subs_decode(buf_strv(&out), arena, &again), RC_OK);
	assert_true(strv_eq(again.id, sub.id) && strv_eq(again.name, sub.name) &&
		    strv_eq(again.token, sub.token));
	assert_true(again.validated && again.accepted == NOW + 1 && again.created == NOW &&
		    strv_eq(again.vapid, sub.vapid));
	assert_memory_equal(&again.receiver, &sub.receiver, sizeof(sub.receiver));
	assert_int_equal(subs_decode(strv_sub(buf_strv(&out), 0, out.len - 1), arena, &again), RC_CORRUPT);
	assert_int_equal(subs_decode(STRV("{}"), arena, &again), RC_CORRUPT);
	buf_fini(&out);
	arena_free(&arena);
}

/* WP-21 */
static void wp_21_validation_ends_after_the_window_or_the_maximum(void **state)
{
	struct sub sub = { .created = NOW, .vapid = STRV("k") };
	struct subs_rules rules = { .now = NOW, .window_s = 300, .max_s = 900, .vapid = STRV("k") };

	(void)state;
	assert_int_equal(subs_deadline(&sub, &rules), NOW + 900);
	sub.accepted = NOW + 10;
	assert_int_equal(subs_deadline(&sub, &rules), NOW + 310);
	sub.accepted = NOW + 700;
	assert_int_equal(subs_deadline(&sub, &rules), NOW + 900);
	rules.now = NOW + 899;
	assert_true(subs_lives(&sub, &rules));
	rules.now = NOW + 900;
	assert_false(subs_lives(&sub, &rules));
	sub.validated = true;
	assert_true(subs_lives(&sub, &rules));
	/* WP-03: made for another key. */
	rules.vapid = STRV("other");
	assert_false(subs_lives(&sub, &rules));
}

/* WP-30 */
static void wp_30_a_subscription_wants_its_type_of_message(void **state)
{
	struct sub sub = { .type = SUB_CHAT };

	(void)state;
	assert_true(subs_wants(&sub, true) && !subs_wants(&sub, false));
	sub.type = SUB_MAIL;
	assert_true(!subs_wants(&sub, true) && subs_wants(&sub, false));
	sub.type = SUB_ALL;
	assert_true(subs_wants(&sub, true) && subs_wants(&sub, false));
}

/* WP-23 */
static void wp_23_the_bucket_runs_empty_and_fills_within_an_hour(void **state)
{
	struct subs_throttle t = { .level = 3000, .filled = NOW };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(subs_throttle_take(&t, 3, 5, NOW));
	assert_false(subs_throttle_take(&t, 3, 5, NOW));
	assert_false(subs_throttle_take(&t, 3, 5, NOW + 1190));
	assert_true(subs_throttle_take(&t, 3, 5, NOW + 1201));
	assert_false(subs_throttle_take(&t, 3, 5, NOW + 1202));
	/* A clock that was set back gives nothing. */
	assert_false(subs_throttle_take(&t, 3, 5, NOW));
	for (int i = 0; i < 3; i++)
		assert_true(subs_throttle_take(&t, 3, 5, NOW + 10000));
	assert_false(subs_throttle_take(&t, 3, 5, NOW + 10000));
}

/* WP-23 */
static void wp_23_registrations_never_validated_cost_an_hour(void **state)
{
	struct subs_throttle t = { .level = 30000, .filled = NOW, .unvalidated = 5, .last = NOW };

	(void)state;
	assert_false(subs_throttle_take(&t, 30, 5, NOW));
	assert_false(subs_throttle_take(&t, 30, 5, NOW + SUBS_THROTTLE_HOUR_S - 1));
	assert_true(subs_throttle_take(&t, 30, 5, NOW + SUBS_THROTTLE_HOUR_S));
	assert_int_equal(t.unvalidated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_10_an_id_has_10_to_36_plain_characters),
		cmocka_unit_test(wp_11_a_good_registration_is_read),
		cmocka_unit_test(wp_11_what_is_wrong_is_named),
		cmocka_unit_test(a_registration_has_limits),
		cmocka_unit_test(a_registration_may_nest_to_a_limit),
		cmocka_unit_test(wp_15_the_listing_has_its_members_in_order_and_no_token),
		cmocka_unit_test(a_subscription_is_kept_whole),
		cmocka_unit_test(wp_21_validation_ends_after_the_window_or_the_maximum),
		cmocka_unit_test(wp_30_a_subscription_wants_its_type_of_message),
		cmocka_unit_test(wp_23_the_bucket_runs_empty_and_fills_within_an_hour),
		cmocka_unit_test(wp_23_registrations_never_validated_cost_an_hour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
