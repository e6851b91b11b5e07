#include "query/thread_links.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NODES 200

/* Repeatable. */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

static uint32_t plain_root(const uint32_t *parent, uint32_t node)
{
	while (parent[node])
		node = parent[node];
	return node;
}

/* The same as parents that are walked. */
static void joins_and_cuts_are_followed(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 20; seed++) {
		struct thread_links links;
		uint32_t parent[NODES + 1] = { 0 };
		uint32_t chance = seed;
		uint32_t n = 2 + draw(&chance, NODES - 1);
		thread_links_init(&links);
		for (uint32_t i = 1; i <= n; i++)
			assert_int_equal(thread_links_add(&links), i);
		for (int step = 0; step < 5000; step++) {
			uint32_t a = 1 + draw(&chance, n);
			uint32_t b = 1 + draw(&chance, n);
			if (parent[a] && draw(&chance, 4) == 0) {
				thread_links_cut(&links, a);
				parent[a] = 0;
			} else if (!parent[a] && plain_root(parent, b) != a) {
				thread_links_join(&links, a, b);
				parent[a] = b;
			}
			assert_int_equal(thread_links_root(&links, b), plain_root(parent, b));
		}
		thread_links_fini(&links);
	}
}

/* Every question is for the end that is farthest away: walking would take 10^10 steps. */
static void long_chains_are_quick(void **state)
{
	(void)state;
	struct thread_links links;
	uint32_t n = 200000;
	thread_links_init(&links);
	for (uint32_t i = 1; i <= n; i++)
		(void)thread_links_add(&links);
	for (uint32_t i = n - 1; i >= 1; i--)
		thread_links_join(&links, i + 1, i);
	for (uint32_t i = n; i > n / 2; i--)
		assert_int_equal(thread_links_root(&links, i), 1);
	thread_links_cut(&links, n / 2);
	assert_int_equal(thread_links_root(&links, n), n / 2);
	assert_int_equal(thread_links_root(&links, n / 2 - 1), 1);
	thread_links_fini(&links);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_and_cuts_are_followed),
		cmocka_unit_test(long_chains_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
