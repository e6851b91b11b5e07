#include "webpush/payload.h"

#include "base/str.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BIG 16384

static json_t *build(const char *header, struct strv body, enum payload_content content, size_t *ret_size)
{
	struct payload_source source = { .header = strv_cstr(header),
		.body = body,
		.uid = 7,
		.uidvalidity = 9,
		.folder = STRV("COI/Chats") };
	struct buf out;

	buf_init(&out, PAYLOAD_MAX);
	assert_int_equal(payload_build(&source, content, &out), RC_OK);
	assert_true(out.len <= PAYLOAD_MAX && str_utf8_valid(buf_strv(&out)));
	json_t *value = json_loadb(out.p, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	if (ret_size)
		*ret_size = out.len;
	buf_fini(&out);
	return value;
}

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void assert_member(const char *header, const char *key, const char *expected)
{
	json_t *object = build(header, STRV("x"), PAYLOAD_FULL, NULL);
	const char *text = text_of(object, key);

	if (expected)
		assert_string_equal(text ? text : "(none)", expected);
	else
		assert_null(text);
	json_decref(object);
}

/* WP-31 */
static void wp_31_each_member_is_read_from_its_field(void **state)
{
	(void)state;
	assert_member("From: \"A B\" <A.B@Example.ORG>\r\n\r\n", "from-email", "a.b@example.org");
	assert_member("From: \"A B\" <A.B@Example.ORG>\r\n\r\n", "from-name", "A B");
	assert_member("From: a@example.org\r\n\r\n", "from-name", NULL);
	assert_member("From: team: a@example.org, b@example.org;\r\n\r\n", "from-email", "a@example.org");
	assert_member("To: a@example.org\r\n\r\n", "from-email", NULL);
	assert_member("Subject: \r\n\r\n", "subject", NULL);
	assert_member("Subject: one\r\n two\r\n\r\n", "subject", "one two");
	assert_member("Message-ID: <a@b>\r\n\r\n", "msg-id", "a@b");
	assert_member("Message-ID: broken\r\n\r\n", "msg-id", "broken");
	assert_member("\r\n", "msg-id", NULL);
	assert_member("\r\n", "folder", "COI/Chats");
}

/* A value of n octets: whole up to the maximum, else that long with the ellipsis. */
static void each_member_is_cut_at_its_maximum(void **state)
{
	static const struct {
		const char *before;
		const char *first; /* what the value begins with */
		const char *last; /* ... and ends with */
		const char *after;
		const char *key;
		size_t max;
	} rows[] = {
		{ "From: ", "", "@b.c", "", "from-email", PAYLOAD_EMAIL_MAX },
		{ "From: \"", "", "", "\" <a@b.c>", "from-name", PAYLOAD_NAME_MAX },
		{ "Subject: ", "", "", "", "subject", PAYLOAD_SUBJECT_MAX },
		{ "Message-ID: <", "", "@b", ">", "msg-id", PAYLOAD_MSGID_MAX },
		{ "Content-Type: ", "image/", "", "", "content-type", PAYLOAD_TYPE_MAX },
		{ "Content-Transfer-Encoding: ", "", "", "", "content-encoding", PAYLOAD_ENCODING_MAX },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t n = rows[i].max - 1; n <= rows[i].max + 1; n++) {
			char header[1000];
			char middle[500];
			size_t fixed = strlen(rows[i].first) + strlen(rows[i].last);
			memset(middle, 'x', n - fixed);
			middle[n - fixed] = '\0';
			snprintf(header, sizeof(header), "%s%s%s%s%s\r\n\r\n", rows[i].before, rows[i].first,
				middle, rows[i].last, rows[i].after);
			json_t *object = build(header, STRV("x"), PAYLOAD_FULL, NULL);
			const char *text = text_of(object, rows[i].key);
			assert_non_null(text);
			bool cut = n > rows[i].max;
			assert_int_equal(strlen(text), cut ? rows[i].max : n);
			assert_int_equal(strstr(text, "\xe2\x80\xa6") != NULL, cut);
			json_decref(object);
		}
	}
}

/* WP-31 */
static void wp_31_the_date_is_rfc_3339_or_left_out(void **state)
{
	(void)state;
	assert_member("Date: Tue, 24 Nov 2026 10:00:00 +0130\r\n\r\n", "date", "2026-11-24T10:00:00+01:30");
	assert_member("Date: Tue, 24 Nov 2026 10:00:00 -0800\r\n\r\n", "date", "2026-11-24T10:00:00-08:00");
	assert_member("Date: Tue, 24 Nov 2026 10:00:00 GMT\r\n\r\n", "date", "2026-11-24T10:00:00Z");
	assert_member("Date: yesterday\r\n\r\n", "date", NULL);
	/* Four digits of a year where the sender is. */
	assert_member("Date: 31 Dec 9999 23:59:59 +0000\r\n\r\n", "date", "9999-12-31T23:59:59Z");
	assert_member("Date: 31 Dec 9999 23:59:60 +0000\r\n\r\n", "date", NULL);
	assert_member("Date: 31 Dec 9999 23:59:59 -0100\r\n\r\n", "date", "9999-12-31T23:59:59-01:00");
	assert_member("Date: 1 Jan 0001 00:00:00 +0000\r\n\r\n", "date", "0001-01-01T00:00:00Z");
	assert_member("Date: 1 Jan 2000 00:00:00 +2359\r\n\r\n", "date", "2000-01-01T00:00:00+23:59");
	assert_member("\r\n", "date", NULL);
}

/* WP-31 */
static void wp_31_type_and_encoding_are_left_out_where_they_say_nothing(void **state)
{
	(void)state;
	assert_member("Content-Type: text/plain\r\n\r\n", "content-type", NULL);
	assert_member("Content-Type: Text/Plain; charset=\"UTF-8\"\r\n\r\n", "content-type", NULL);
	assert_member("Content-Type: text/plain; charset=iso-8859-1\r\n\r\n", "content-type",
		"text/plain; charset=iso-8859-1");
	assert_member("Content-Type: text/html\r\n\r\n", "content-type", "text/html");
	assert_member("Content-Transfer-Encoding: 8bit\r\n\r\n", "content-encoding", NULL);
	assert_member("Content-Transfer-Encoding: BASE64\r\n\r\n", "content-encoding", "base64");
	assert_member("\r\n", "content-encoding", NULL);
	assert_member("Content-Type: text/html\r\n\r\n", "content", "x");
}

/* WP-31 */
static void wp_31_a_folder_of_more_than_200_octets_is_left_out(void **state)
{
	char name[PAYLOAD_FOLDER_MAX + 2];
	struct payload_source source = { .header = STRV("\r\n"), .uid = 1, .uidvalidity = 1 };
	struct buf out;

	(void)state;
	memset(name, 'f', sizeof(name));
	for (size_t n = PAYLOAD_FOLDER_MAX - 1; n <= PAYLOAD_FOLDER_MAX + 1; n++) {
		source.folder = strv_make(name, n);
		buf_init(&out, PAYLOAD_MAX);
		assert_int_equal(payload_build(&source, PAYLOAD_FULL, &out), RC_OK);
		buf_addc(&out, '\0');
		assert_true((strstr(out.p, "folder") != NULL) == (n <= PAYLOAD_FOLDER_MAX));
		buf_fini(&out);
	}
}

/* `unit` again and again as the subject, in every length around the limit. */
static void check_cut(const char *unit, size_t cost)
{
	char header[BIG];
	size_t length = strlen(unit);

	for (size_t count = PAYLOAD_SUBJECT_MAX / cost - 6; count < PAYLOAD_SUBJECT_MAX / cost + 8; count++) {
		size_t n = (size_t)snprintf(header, sizeof(header), "Subject: a");
		for (size_t i = 0; i < count; i++)
			n += (size_t)snprintf(header + n, sizeof(header) - n, "%s", unit);
		snprintf(header + n, sizeof(header) - n, "\r\n\r\n");
		json_t *object = build(header, STRV_NULL, PAYLOAD_HEADERS, NULL);
		json_t *subject = json_object_get(object, "subject");
		char *shown = json_dumps(subject, JSON_COMPACT | JSON_ENCODE_ANY);
		size_t octets = strlen(shown) - 2;
		const char *text = json_string_value(subject);
		bool whole = 1 + count * cost <= PAYLOAD_SUBJECT_MAX;
		assert_true(octets <= PAYLOAD_SUBJECT_MAX);
		if (whole) {
			assert_int_equal(octets, 1 + count * cost);
		} else {
			size_t kept = json_string_length(subject) - 3;
			assert_memory_equal(text + kept, "\xe2\x80\xa6", 3);
			assert_int_equal((kept - 1) % length, 0);
			assert_true(octets > PAYLOAD_SUBJECT_MAX - cost - 3);
		}
		free(shown);
		json_decref(object);
	}
}

/* WP-32 */
static void wp_32_strings_are_cut_between_characters_and_escapes(void **state)
{
	(void)state;
	check_cut("b", 1);
	check_cut("\"", 2);
	check_cut("\\", 2);
	check_cut("\x01", 6);
	check_cut("\xc3\xa9", 2);
	check_cut("\xe2\x82\xac", 3);
	check_cut("\xf0\x9f\x98\x80", 4);
}

/* WP-32 */
static void wp_32_the_limits_are_no_lower_than_the_draft_wants(void **state)
{
	(void)state;
	assert_true(PAYLOAD_EMAIL_MAX >= 100 && PAYLOAD_NAME_MAX >= 100 && PAYLOAD_SUBJECT_MAX >= 100 &&
		    PAYLOAD_MSGID_MAX >= 100 && PAYLOAD_TYPE_MAX >= 200);
}

/* WP-33 */
static void wp_33_content_is_there_as_long_as_the_whole_fits(void **state)
{
	static char body[BIG];
	const char *header =
		"Subject: s\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
	size_t size = 0, most = 0;

	(void)state;
	memset(body, 'x', sizeof(body));
	for (size_t n = PAYLOAD_MAX - 250; n <= PAYLOAD_MAX + 1; n++) {
		json_t *object = build(header, strv_make(body, n), PAYLOAD_FULL, &size);
		const char *content = text_of(object, "content");
		if (content) {
			assert_int_equal(strlen(content), n);
			assert_true(most == 0 || size == most + 1);
			most = size;
		} else {
			assert_int_equal(most, PAYLOAD_MAX);
			assert_null(text_of(object, "content-type"));
			assert_null(text_of(object, "content-encoding"));
		}
		json_decref(object);
	}
	/* Escapes count as they are written. */
	memset(body, '"', sizeof(body));
	json_t *object = build(header, strv_make(body, 2500), PAYLOAD_FULL, NULL);
	assert_null(text_of(object, "content"));
	json_decref(object);
	object = build(header, strv_make(body, 1500), PAYLOAD_FULL, NULL);
	assert_non_null(text_of(object, "content"));
	json_decref(object);
}

/* WP-33 */
static void wp_33_a_body_that_is_no_text_is_left_out(void **state)
{
	static const struct strv bodies[] = { { "a\0b", 3 }, { "\xe9", 1 }, { "\xed\xa0\x80", 3 },
		{ NULL, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		json_t *object = build("Content-Type: text/html\r\n\r\n", bodies[i], PAYLOAD_FULL, NULL);
		assert_null(json_object_get(object, "content"));
		assert_null(json_object_get(object, "content-type"));
		json_decref(object);
	}
	json_t *object = build("\r\n", STRV(""), PAYLOAD_FULL, NULL);
	assert_string_equal(text_of(object, "content"), "");
	json_decref(object);
}

static void assert_group(const char *id, const char *expected)
{
	char header[BIG];

	snprintf(header, sizeof(header), "Message-ID: <%s>\r\n\r\n", id);
	assert_member(header, "group-id", expected);
	snprintf(header, sizeof(header),
		"Message-ID: <x@y>\r\nReferences: <%s> <chat$group.zzzzzzzzzzzz.u@h>\r\n\r\n", id);
	assert_member(header, "group-id", expected);
	snprintf(header, sizeof(header), "References: <%s>\r\n\r\n", id);
	assert_member(header, "group-id", expected);
}

/* WP-31 */
static void wp_31_what_is_structured_is_read_by_its_grammar(void **state)
{
	(void)state;
	assert_member("From: (c) \"\xc3\x84rger\"@EX\xc3\x84MPLE.org (x)\r\n\r\n", "from-email",
		"\xc3\xa4rger@ex\xc3\xa4mple.org");
	assert_member("From: \xce\xa3@X.\xd0\x96\r\n\r\n", "from-email", "\xcf\x83@x.\xd0\xb6");
	assert_member("From: J\xf6rg@X.org\r\n\r\n", "from-email", "j\xef\xbf\xbdrg@x.org");
}

/* WP-34 */
static void wp_34_the_group_comes_from_message_id_or_the_first_reference(void **state)
{
	char id[256];
	char longest[PAYLOAD_GROUP_MAX + 1];

	(void)state;
	assert_group("chat$group.0123456789ab.xyz@h", "0123456789ab");
	assert_group("chat$group.a-b_C-d_e-f_.xyz@h", "a-b_C-d_e-f_");
	assert_group("\"chat$group.0123456789ab.x y\"@h", "0123456789ab");
	assert_group("(c <x@y>) chat$group.0123456789ab.xyz@h", "0123456789ab");
	assert_group("chat$group.0123456789a.xyz@h", NULL);
	assert_group("chat$group.0123456789a+b.xyz@h", NULL);
	assert_group("chat$group.0123456789ab@h", NULL);
	assert_group("chat$group.0123456789ab.@h", NULL);
	assert_group("chat$group.0123456789ab.xyz", NULL);
	assert_group("chat$0123456789ab.xyz@h", NULL);
	memset(longest, 'g', PAYLOAD_GROUP_MAX);
	longest[PAYLOAD_GROUP_MAX] = '\0';
	snprintf(id, sizeof(id), "chat$group.%s.x@h", longest);
	assert_group(id, longest);
	snprintf(id, sizeof(id), "chat$group.g%s.x@h", longest);
	assert_group(id, NULL);
}

/* WP-35 */
static void wp_35_headers_are_decoded_whatever_they_hold(void **state)
{
	(void)state;
	assert_member("Subject: =?utf-8?Q?J=C3=B6?= =?utf-8?B?cmc=?=\r\n\r\n", "subject", "J\xc3\xb6rg");
	assert_member("Subject: =?koi8-r?B?8NLJ18XU?=\r\n\r\n", "subject",
		"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
	assert_member("Subject: J\xc3\xb6rg\r\n\r\n", "subject", "J\xc3\xb6rg");
	assert_member("Subject: J\xf6rg\r\n\r\n", "subject", "J\xef\xbf\xbdrg");
	assert_member("From: =?utf-8?q?=F6?= <a@b.example>\r\n\r\n", "from-name", "\xef\xbf\xbd");
	assert_member("From: a\xf6@b.example\r\n\r\n", "from-email", "a\xef\xbf\xbd@b.example");
	assert_member("Subject: a\x01\"b\\\r\n\r\n", "subject", "a\x01\"b\\");
}

static void the_content_mode_decides_how_much_is_told(void **state)
{
	const char *header = "From: A <a@b.example>\r\nSubject: s\r\n\r\n";
	json_t *object = build(header, STRV("x"), PAYLOAD_HEADERS, NULL);

	(void)state;
	assert_null(json_object_get(object, "content"));
	assert_non_null(json_object_get(object, "subject"));
	json_decref(object);
	object = build(header, STRV("x"), PAYLOAD_MINIMAL, NULL);
	assert_int_equal(json_object_size(object), 3);
	assert_int_equal(json_integer_value(json_object_get(object, "uid")), 7);
	json_decref(object);
}

/* WP-44 */
static void wp_44_a_payload_is_made_smaller_once(void **state)
{
	struct buf out, again;

	(void)state;
	buf_init(&out, PAYLOAD_MAX);
	buf_init(&again, PAYLOAD_MAX);
	assert_int_equal(
		payload_shrink(STRV("{\"subject\":\"s\",\"content\":\"c\",\"content-type\":\"t\"}"), &out),
		RC_OK);
	assert_true(strv_eq(buf_strv(&out), STRV("{\"subject\":\"s\"}")));
	assert_int_equal(payload_shrink(buf_strv(&out), &again), RC_NOT_FOUND);
	assert_int_equal(payload_shrink(STRV("no json"), &again), RC_NOT_FOUND);
	buf_fini(&out);
	buf_fini(&again);
}

/* WP-30 */
static void wp_30_disposition_notifications_are_told_apart(void **state)
{
	static const char *const yes[] = {
		"Content-Type: multipart/report; report-type=disposition-notification; boundary=x\r\n\r\n",
		"Content-Type: (a \"receipt\";) multipart/report (x); report-type=(y) "
		"disposition-notification (z)\r\n\r\n",
		"Content-Type: multipart / report;\r\nreport-type*=utf-8''disposition-notification\r\n\r\n",
		"Content-Type: multipart/report; report-type=\"disposition\\-notification\"\r\n\r\n",
		"content-type: Multipart/Report;\r\n boundary=\"a;b\";\r\n "
		"Report-Type=\"Disposition-Notification\"\r\n\r\n",
	};
	static const char *const no[] = {
		"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n",
		"Content-Type: multipart/mixed; report-type=disposition-notification\r\n\r\n",
		"Content-Type: multipart/report; x=\"; report-type=disposition-notification\"\r\n\r\n",
		"Subject: multipart/report; report-type=disposition-notification\r\n\r\n",
		"\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(payload_is_notification(strv_cstr(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(payload_is_notification(strv_cstr(no[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_31_each_member_is_read_from_its_field),
		cmocka_unit_test(each_member_is_cut_at_its_maximum),
		cmocka_unit_test(wp_31_the_date_is_rfc_3339_or_left_out),
		cmocka_unit_test(wp_31_type_and_encoding_are_left_out_where_they_say_nothing),
		cmocka_unit_test(wp_31_a_folder_of_more_than_200_octets_is_left_out),
		cmocka_unit_test(wp_32_strings_are_cut_between_characters_and_escapes),
		cmocka_unit_test(wp_32_the_limits_are_no_lower_than_the_draft_wants),
		cmocka_unit_test(wp_33_content_is_there_as_long_as_the_whole_fits),
		cmocka_unit_test(wp_33_a_body_that_is_no_text_is_left_out),
		cmocka_unit_test(wp_31_what_is_structured_is_read_by_its_grammar),
		cmocka_unit_test(wp_34_the_group_comes_from_message_id_or_the_first_reference),
		cmocka_unit_test(wp_35_headers_are_decoded_whatever_they_hold),
		cmocka_unit_test(the_content_mode_decides_how_much_is_told),
		cmocka_unit_test(wp_44_a_payload_is_made_smaller_once),
		cmocka_unit_test(wp_30_disposition_notifications_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
