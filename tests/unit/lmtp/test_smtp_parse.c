#include "lmtp/smtp_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void a_path_gives_its_local_part_and_domain(void **state)
{
	static const struct {
		const char *in, *local, *domain, *rest;
		bool utf8;
	} samples[] = {
		{ "<a@b.example>", "a", "b.example", "", false },
		{ "<a.b+c=d@b.example> SIZE=3", "a.b+c=d", "b.example", " SIZE=3", false },
		{ "<\"a b\\\"c\"@b>", "a b\"c", "b", "", false },
		{ "<@x,@y:a@b>", "a", "b", "", false },
		{ "<a@[192.0.2.1]>", "a", "[192.0.2.1]", "", false },
		{ "<PostMaster>", "PostMaster", "", "", false },
		{ "<!~@~>", "!~", "~", "", false },
		{ "<\" ~\"@[!~]>", " ~", "[!~]", "", false },
		{ "<\xc2\x80@b>", "\xc2\x80", "b", "", true },
		{ "<j\xc3\xb6rg@b\xc3\xbc.example>", "j\xc3\xb6rg", "b\xc3\xbc.example", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct strv in = strv_cstr(samples[i].in);
		struct smtp_path path;
		assert_int_equal(smtp_path_parse(&in, true, &path), RC_OK);
		assert_string_equal(path.local, samples[i].local);
		assert_string_equal(path.domain, samples[i].domain);
		assert_int_equal(path.utf8, samples[i].utf8);
		assert_false(path.null);
		assert_true(strv_eq(in, strv_cstr(samples[i].rest)));
	}
}

static void the_null_path_is_for_senders_only(void **state)
{
	struct strv in = STRV("<>");
	struct smtp_path path;

	(void)state;
	assert_int_equal(smtp_path_parse(&in, false, &path), RC_OK);
	assert_true(path.null);
	in = STRV("<>");
	assert_int_equal(smtp_path_parse(&in, true, &path), RC_INVALID);
}

static void a_broken_path_is_refused(void **state)
{
	static const char *const samples[] = { "", "<", "a@b", "<a@b", "<a>", "<a@>", "<@b>", "<a b@c>",
		"<a@b c>", "<\"a@b>", "<a@b\x01>", "<@x a@b>", "<a@[1>", "<a@@b>", "<\xff@b>", "<a\"b@c>",
		"<a\x7f@b>", "<\"a\x7f\"@b>", "<\"a\x1f\"@b>", "<a@b\x7f>", "<a@[1\x7f]>", "<a@[1 ]>" };

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct strv in = strv_cstr(samples[i]);
		struct smtp_path path;
		assert_int_equal(smtp_path_parse(&in, true, &path), RC_INVALID);
	}
}

static void a_path_has_a_maximum(void **state)
{
	char text[SMTP_PATH_MAX + 8];
	struct smtp_path path;

	(void)state;
	for (int over = -1; over <= 1; over++) {
		size_t n = (size_t)(SMTP_PATH_MAX - 1 + over);
		memset(text, 'a', sizeof(text));
		text[0] = '<';
		memcpy(text + 1 + n, "@b>", 3);
		struct strv in = strv_make(text, n + 4);
		assert_int_equal(smtp_path_parse(&in, true, &path), over > 0 ? RC_LIMIT : RC_OK);
	}
}

static void parameters_are_split(void **state)
{
	struct smtp_param params[SMTP_PARAMS_MAX];
	unsigned count = 99;

	(void)state;
	assert_int_equal(smtp_params_parse(STRV(" SIZE=12  BODY=8BITMIME SMTPUTF8 "), params, &count), RC_OK);
	assert_int_equal(count, 3);
	assert_true(strv_eq(params[0].name, STRV("SIZE")));
	assert_true(strv_eq(params[0].value, STRV("12")));
	assert_true(strv_eq(params[2].name, STRV("SMTPUTF8")));
	assert_null(params[2].value.p);
	assert_int_equal(smtp_params_parse(STRV(""), params, &count), RC_OK);
	assert_int_equal(count, 0);
	assert_int_equal(smtp_params_parse(STRV(" A="), params, &count), RC_INVALID);
	assert_int_equal(smtp_params_parse(STRV(" =B"), params, &count), RC_INVALID);
	assert_int_equal(smtp_params_parse(STRV(" -A"), params, &count), RC_INVALID);
	assert_int_equal(smtp_params_parse(STRV(" A=B=C"), params, &count), RC_INVALID);
	assert_int_equal(smtp_params_parse(STRV(" A=B\x7f"), params, &count), RC_INVALID);
	assert_int_equal(smtp_params_parse(STRV(" A=!~\x80"), params, &count), RC_OK);
	for (unsigned n = SMTP_PARAMS_MAX - 1; n <= SMTP_PARAMS_MAX + 1; n++) {
		char text[2 * SMTP_PARAMS_MAX + 4];
		for (unsigned i = 0; i < n; i++)
			memcpy(text + 2 * i, " A", 2);
		enum rc rc = smtp_params_parse(strv_make(text, (size_t)2 * n), params, &count);
		assert_int_equal(rc, n <= SMTP_PARAMS_MAX ? RC_OK : RC_LIMIT);
		if (rc == RC_OK)
			assert_int_equal(count, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_gives_its_local_part_and_domain),
		cmocka_unit_test(the_null_path_is_for_senders_only),
		cmocka_unit_test(a_broken_path_is_refused),
		cmocka_unit_test(a_path_has_a_maximum),
		cmocka_unit_test(parameters_are_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
