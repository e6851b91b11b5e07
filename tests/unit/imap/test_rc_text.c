#include "imap/rc_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void every_error_has_a_text_of_its_own(void **state)
{
	(void)state;
	/* The text of a code without a row; RC_AGAIN never reaches a client. */
	const char *none = rc_text(RC_AGAIN);
	assert_string_equal(none, "Internal error");
	for (int rc = 0; rc < RC_MAX; rc++) {
		if (rc != RC_AGAIN && strcmp(rc_text((enum rc)rc), none) == 0)
			fail_msg("%s has no text", rc_name((enum rc)rc));
		if (rc != RC_OK && !rc_text_code((enum rc)rc))
			fail_msg("%s has no response code", rc_name((enum rc)rc));
	}
	assert_null(rc_text_code(RC_OK));
}

static void a_number_that_is_no_error_is_an_internal_one(void **state)
{
	(void)state;
	assert_string_equal(rc_text((enum rc)RC_MAX), "Internal error");
	assert_string_equal(rc_text_code((enum rc)RC_MAX), "SERVERBUG");
	assert_string_equal(rc_text((enum rc)12345), "Internal error");
}

static void codes_and_texts_can_stand_in_a_tagged_line(void **state)
{
	(void)state;
	for (int rc = 0; rc < RC_MAX; rc++) {
		const char *code = rc_text_code((enum rc)rc);
		assert_null(strpbrk(rc_text((enum rc)rc), "\r\n"));
		assert_true(rc_text((enum rc)rc)[0] != '[');
		if (code)
			assert_int_equal(strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"), strlen(code));
	}
}

static void known_errors_have_the_codes_of_rfc_5530(void **state)
{
	(void)state;
	assert_string_equal(rc_text_code(RC_NOT_FOUND), "NONEXISTENT");
	assert_string_equal(rc_text_code(RC_EXISTS), "ALREADYEXISTS");
	assert_string_equal(rc_text_code(RC_QUOTA), "OVERQUOTA");
	assert_string_equal(rc_text_code(RC_BUSY), "UNAVAILABLE");
	assert_string_equal(rc_text_code(RC_CORRUPT), "CORRUPTION");
	assert_string_equal(rc_text_code(RC_AUTH), "AUTHENTICATIONFAILED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_a_text_of_its_own),
		cmocka_unit_test(a_number_that_is_no_error_is_an_internal_one),
		cmocka_unit_test(codes_and_texts_can_stand_in_a_tagged_line),
		cmocka_unit_test(known_errors_have_the_codes_of_rfc_5530),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
