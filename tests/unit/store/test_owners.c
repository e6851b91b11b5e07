#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store/owners.h"

#define MANY 3000

static struct strv name_of(char *room, size_t size, int64_t id)
{
	snprintf(room, size, "user%lld@example.org", (long long)id);
	return strv_cstr(room);
}

static void put(struct owners *owners, int64_t id)
{
	char room[64];
	struct owner_mark mark = { .tag = (uint64_t)id * 3, .sum = (uint64_t)id * 5 };
	owners_put(owners, id, name_of(room, sizeof(room), id), &mark);
}

static void check(struct owners *owners, int64_t id, bool there)
{
	char room[64];
	struct owner_mark mark = { 0, 0 };
	assert_int_equal(owners_find(owners, id, &mark), there);
	struct strv name = name_of(room, sizeof(room), id);
	char shown[64] = "";
	assert_int_equal(owners_may_exist(owners, name), there);
	assert_int_equal(owners_name(owners, id, shown, sizeof(shown)), there);
	assert_string_equal(shown, there ? room : "");
	if (there) {
		assert_int_equal(mark.tag, id * 3);
		assert_int_equal(mark.sum, id * 5);
	}
}

static void many_are_put_found_and_removed(void **state)
{
	struct owners *owners = owners_new();
	(void)state;
	/* The ids come in disorder, and some twice. */
	for (int64_t id = MANY; id > 0; id -= 2)
		put(owners, id);
	for (int64_t id = 1; id <= MANY; id++)
		put(owners, id);
	for (int64_t id = 1; id <= MANY; id++)
		check(owners, id, true);
	check(owners, 0, false);
	check(owners, MANY + 1, false);
	for (int64_t id = 1; id <= MANY; id++)
		if (id % 3 != 0)
			owners_remove(owners, id);
	for (int64_t id = 1; id <= MANY; id++)
		check(owners, id, id % 3 == 0);
	for (int64_t id = 1; id <= MANY; id++)
		put(owners, id);
	for (int64_t id = 1; id <= MANY; id++)
		check(owners, id, true);
	owners_clear(owners);
	check(owners, 3, false);
	owners_free(&owners);
	assert_null(owners);
}

static void a_stray_name_may_exist_and_is_no_row(void **state)
{
	struct owners *owners = owners_new();
	struct owner_mark mark;
	(void)state;
	owners_stray(owners, STRV("a@example.org"));
	assert_true(owners_is_stray(owners, STRV("a@example.org")));
	assert_true(owners_may_exist(owners, STRV("a@example.org")));
	assert_false(owners_may_exist(owners, STRV("b@example.org")));
	assert_false(owners_find(owners, 1, &mark));
	/* Somebody of whom only the folder is known. */
	owners_stray(owners, STRV(""));
	assert_true(owners_may_exist(owners, STRV("b@example.org")));
	assert_false(owners_is_stray(owners, STRV("b@example.org")));
	owners_free(&owners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_put_found_and_removed),
		cmocka_unit_test(a_stray_name_may_exist_and_is_no_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
