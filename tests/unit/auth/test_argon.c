#include "auth/argon.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SALT "c29tZXNhbHQ"
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

static bool readable(uint64_t memory, uint64_t passes, uint64_t lanes)
{
	struct buf text;
	buf_init(&text, 1000);
	buf_printf(&text, "$argon2id$v=19$m=%llu,t=%llu,p=%llu$" SALT "$" HASH, (unsigned long long)memory,
		(unsigned long long)passes, (unsigned long long)lanes);
	bool ok = argon_readable(buf_strv(&text));
	buf_fini(&text);
	return ok;
}

static void what_a_hash_costs_has_limits(void **state)
{
	(void)state;
	assert_false(readable(0, 1, 1));
	assert_true(readable(1, 1, 1));
	assert_true(readable(ARGON_MEMORY_MAX - 1, 1, 1));
	assert_true(readable(ARGON_MEMORY_MAX, 1, 1));
	assert_false(readable(ARGON_MEMORY_MAX + 1, 1, 1));
	assert_false(readable((uint64_t)UINT32_MAX + 2, 1, 1));
	assert_false(readable(256, 0, 1));
	assert_true(readable(256, ARGON_PASSES_MAX - 1, 1));
	assert_true(readable(256, ARGON_PASSES_MAX, 1));
	assert_false(readable(256, ARGON_PASSES_MAX + 1, 1));
	assert_false(readable(256, 1, 0));
	assert_true(readable(256, 1, ARGON_LANES_MAX - 1));
	assert_true(readable(256, 1, ARGON_LANES_MAX));
	assert_false(readable(256, 1, ARGON_LANES_MAX + 1));
}

static void a_hash_has_five_or_six_fields(void **state)
{
	(void)state;
	assert_true(argon_readable(STRV("$argon2i$m=256,t=2,p=1$" SALT "$" HASH)));
	assert_true(argon_readable(STRV("$argon2i$v=16$m=256,t=2,p=1$" SALT "$" HASH)));
	assert_false(argon_readable(STRV("$argon2i$m=256,t=2,p=1$" SALT)));
	assert_false(argon_readable(STRV("$argon2i$v=16$x=1$m=256,t=2,p=1$" SALT "$" HASH)));
	assert_false(argon_readable(STRV("$argon2i$v=16$m=256,t=2,p=1$" SALT "$" HASH "$x")));
	assert_false(argon_readable(STRV("$argon2i$m=256,t=2,p=1$$" HASH)));
	assert_false(argon_readable(STRV("$argon2i$m=256,t=2,p=1$" SALT "$")));
	assert_false(argon_readable(STRV("$argon2i$m=256,t=2$" SALT "$" HASH)));
	assert_false(argon_readable(STRV("$argon$m=256,t=2,p=1$" SALT "$" HASH)));
}

static void a_hash_has_a_longest_text(void **state)
{
	(void)state;
	for (size_t n = ARGON_TEXT_MAX - 1; n <= ARGON_TEXT_MAX + 1; n++) {
		struct buf text;
		buf_init(&text, 2 * ARGON_TEXT_MAX);
		buf_adds(&text, "$argon2id$v=19$m=256,t=2,p=1$" SALT "$");
		while (text.len < n)
			buf_addc(&text, 'A');
		assert_int_equal(argon_readable(buf_strv(&text)), n <= ARGON_TEXT_MAX);
		buf_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_hash_costs_has_limits),
		cmocka_unit_test(a_hash_has_five_or_six_fields),
		cmocka_unit_test(a_hash_has_a_longest_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
