#include "query/thread_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint64_t keys[4] = { 1, 2, 3, 4 };

static struct thread_id id_of(uint32_t number)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", number);
	return thread_id_make(strv_make(text, (size_t)n), keys);
}

static void values_are_kept(void **state)
{
	(void)state;
	struct thread_table table;
	thread_table_init(&table);
	for (uint32_t i = 1; i <= 50000; i++) {
		struct thread_id id = id_of(i);
		uint32_t *at = thread_table_at(&table, &id);
		assert_int_equal(*at, 0);
		*at = i;
	}
	for (uint32_t i = 1; i <= 50000; i++) {
		struct thread_id id = id_of(i);
		assert_int_equal(*thread_table_at(&table, &id), i);
	}
	assert_true(table.cap >= 100000);
	thread_table_fini(&table);
}

/* Both halves count. */
static void ids_differ_in_either_half(void **state)
{
	(void)state;
	static const struct thread_id ids[] = { { { 0, 0 } }, { { 0, 1 } }, { { 64, 0 } }, { { 128, 0 } } };
	struct thread_table table;
	thread_table_init(&table);
	for (uint32_t i = 0; i < 4; i++)
		*thread_table_at(&table, &ids[i]) = i + 1;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(*thread_table_at(&table, &ids[i]), i + 1);
	thread_table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_kept),
		cmocka_unit_test(ids_differ_in_either_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
