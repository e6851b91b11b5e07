#include "lmtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void every_error_has_a_reply_whose_class_fits_its_status(void **state)
{
	(void)state;
	for (int rc = 0; rc < RC_MAX; rc++) {
		struct smtp_reply reply = reply_for((enum rc)rc, false);
		assert_in_range(reply.code, 200, 599);
		assert_non_null(reply.text);
		assert_int_equal(reply.status[0] - '0', reply.code / 100);
		assert_int_equal(reply.code / 100 == 2, rc == RC_OK);
	}
}

static void a_full_mailbox_is_temporary_unless_configured(void **state)
{
	(void)state;
	assert_int_equal(reply_for(RC_QUOTA, false).code, 452);
	assert_int_equal(reply_for(RC_QUOTA, true).code, 552);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_a_reply_whose_class_fits_its_status),
		cmocka_unit_test(a_full_mailbox_is_temporary_unless_configured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
