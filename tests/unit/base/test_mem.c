#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void memory_of_size_zero_can_be_freed(void **state)
{
	(void)state;
	void *a = mem_alloc(0);
	void *b = mem_zalloc(0);
	void *c = mem_realloc(NULL, 0, 8);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	free(a);
	free(b);
	free(c);
}

static void zeroed_memory_is_zero(void **state)
{
	(void)state;
	unsigned char *p = mem_zalloc(100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	free(p);
}

static void growing_keeps_the_content(void **state)
{
	(void)state;
	uint32_t *p = mem_realloc(NULL, 2, sizeof(*p));
	p[0] = 7;
	p[1] = 8;
	p = mem_realloc(p, 1000, sizeof(*p));
	assert_int_equal(p[0], 7);
	assert_int_equal(p[1], 8);
	free(p);
}

static void copies_end_with_a_nul(void **state)
{
	(void)state;
	char *a = mem_strdup("text");
	char *b = mem_strndup("text", 2);
	char *c = mem_strndup(NULL, 0);
	assert_string_equal(a, "text");
	assert_string_equal(b, "te");
	assert_string_equal(c, "");
	free(a);
	free(b);
	free(c);
}

static void wiping_leaves_zeros(void **state)
{
	(void)state;
	char secret[] = "secret";
	mem_wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", 6);
	mem_wipe(NULL, 0);
}

static void overflow(void)
{
	free(mem_realloc(NULL, SIZE_MAX / 4, 8));
}

static void endless_string(void)
{
	free(mem_strndup("x", SIZE_MAX));
}

/* Runs f in a child, and gives what it died of. */
static int signal_of(void (*f)(void), char *text, size_t size)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		f();
		_exit(0);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_size_that_overflows_ends_the_process_with_a_line(void **state)
{
	(void)state;
	char text[256];
	assert_int_equal(signal_of(overflow, text, sizeof(text)), SIGABRT);
	assert_string_equal(text, "coid: out of memory\n");
	assert_int_equal(signal_of(endless_string, text, sizeof(text)), SIGABRT);
}

static void an_array_grows_by_doubling_and_keeps_its_elements(void **state)
{
	(void)state;
	uint32_t *v = NULL;
	size_t cap = 0;
	for (uint32_t i = 0; i < 100; i++) {
		if (i == cap) {
			v = mem_grow(v, &cap, sizeof(*v));
			assert_int_equal(cap, i == 0 ? MEM_GROW_FIRST : 2 * i);
		}
		v[i] = i;
	}
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(v[i], i);
	free(v);
}

static void elements_of_an_array_are_counted(void **state)
{
	(void)state;
	static const uint64_t seven[7] = { 0 };
	assert_int_equal(COUNT_OF(seven), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_size_zero_can_be_freed),
		cmocka_unit_test(zeroed_memory_is_zero),
		cmocka_unit_test(growing_keeps_the_content),
		cmocka_unit_test(copies_end_with_a_nul),
		cmocka_unit_test(wiping_leaves_zeros),
		cmocka_unit_test(a_size_that_overflows_ends_the_process_with_a_line),
		cmocka_unit_test(an_array_grows_by_doubling_and_keeps_its_elements),
		cmocka_unit_test(elements_of_an_array_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
