#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void random_bytes_fill_all_that_was_asked_and_no_more(void **state)
{
	(void)state;
	unsigned char bytes[4096 + 1];
	memset(bytes, 0, sizeof(bytes));
	rand_bytes(bytes, sizeof(bytes) - 1);
	unsigned seen[256] = { 0 };
	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		seen[bytes[i]]++;
	/* 16 of each are expected; a value that is not there at all has a chance of 1 in 30,000. */
	unsigned missing = 0;
	for (int i = 0; i < 256; i++)
		missing += seen[i] == 0;
	assert_true(missing < 4);
	assert_int_equal(bytes[4096], 0);
	rand_bytes(NULL, 0);
}

static void numbers_do_not_repeat(void **state)
{
	(void)state;
	uint64_t seen[64];
	for (size_t i = 0; i < 64; i++) {
		seen[i] = rand_u64();
		for (size_t j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_bytes_fill_all_that_was_asked_and_no_more),
		cmocka_unit_test(numbers_do_not_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
