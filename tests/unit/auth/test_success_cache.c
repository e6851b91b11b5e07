#include "auth/success_cache.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define A STRV("a@example.org")
#define PW STRV("secret")
#define HASH STRV("$6$hash")

static void a_success_is_known_for_the_same_user_password_and_hash(void **state)
{
	struct success_cache *cache = success_cache_new(10, 60000);

	(void)state;
	assert_false(success_cache_has(cache, A, PW, HASH));
	success_cache_add(cache, A, PW, HASH);
	assert_true(success_cache_has(cache, A, PW, HASH));
	assert_false(success_cache_has(cache, STRV("b@example.org"), PW, HASH));
	assert_false(success_cache_has(cache, A, STRV("Secret"), HASH));
	assert_false(success_cache_has(cache, A, PW, STRV("$6$other")));
	/* The borders between the three count. */
	assert_false(success_cache_has(cache, STRV("a@example.orgs"), STRV("ecret"), HASH));
	success_cache_forget(cache, A);
	assert_false(success_cache_has(cache, A, PW, HASH));
	success_cache_free(&cache);
}

static void a_success_is_forgotten_in_time(void **state)
{
	struct success_cache *cache = success_cache_new(10, 1000);

	(void)state;
	clock_fake_set(5000, 1);
	success_cache_add(cache, A, PW, HASH);
	clock_fake_advance(999);
	assert_true(success_cache_has(cache, A, PW, HASH));
	clock_fake_advance(1);
	assert_false(success_cache_has(cache, A, PW, HASH));
	success_cache_set_ttl(cache, 0);
	success_cache_add(cache, A, PW, HASH);
	assert_false(success_cache_has(cache, A, PW, HASH));
	clock_fake_set(0, 0);
	success_cache_free(&cache);
}

static void the_cache_is_bounded(void **state)
{
	struct success_cache *cache = success_cache_new(2, 60000);
	char name[32];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "u%d@example.org", i);
		success_cache_add(cache, strv_cstr(name), PW, HASH);
	}
	assert_false(success_cache_has(cache, STRV("u0@example.org"), PW, HASH));
	assert_true(success_cache_has(cache, STRV("u1@example.org"), PW, HASH));
	assert_true(success_cache_has(cache, STRV("u2@example.org"), PW, HASH));
	success_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_success_is_known_for_the_same_user_password_and_hash),
		cmocka_unit_test(a_success_is_forgotten_in_time),
		cmocka_unit_test(the_cache_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
