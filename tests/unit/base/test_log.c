#include "base/log.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe in place of a log file. */
struct fixture {
	int fds[2];
	struct log *log;
	char text[65536];
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	unsetenv("JOURNAL_STREAM");
	if (pipe(f->fds) != 0)
		return -1;
	fcntl(f->fds[0], F_SETFL, O_NONBLOCK);
	f->log = log_new(f->fds[1], LOG_LEVEL_INFO);
	/* 2026-11-24 03:04:05 UTC */
	clock_fake_set(1, 1795489445);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	clock_fake_set(0, 0);
	log_free(&f->log);
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	unsetenv("JOURNAL_STREAM");
	return 0;
}

static const char *written(struct fixture *f)
{
	size_t n = 0;
	for (;;) {
		ssize_t got = read(f->fds[0], f->text + n, sizeof(f->text) - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	f->text[n] = '\0';
	return f->text;
}

static void a_line_has_time_level_and_text(void **state)
{
	struct fixture *f = *state;
	clock_fake_advance(7);
	log_info(f->log, "user logged in user=%s n=%d", "jo", 5);
	assert_string_equal(written(f), "2026-11-24T03:04:05.007Z info user logged in user=jo n=5\n");
	log_warn(f->log, "w");
	assert_string_equal(written(f), "2026-11-24T03:04:05.007Z warn w\n");
	log_error(f->log, "%s", "");
	assert_string_equal(written(f), "2026-11-24T03:04:05.007Z error \n");
}

static void lines_above_the_level_are_not_written(void **state)
{
	struct fixture *f = *state;
	log_debug(f->log, "no");
	assert_string_equal(written(f), "");
	log_set_level(f->log, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level(f->log), LOG_LEVEL_DEBUG);
	log_debug(f->log, "yes");
	assert_string_equal(written(f), "2026-11-24T03:04:05.000Z debug yes\n");
	log_set_level(f->log, LOG_LEVEL_ERROR);
	log_warn(f->log, "no");
	log_info(f->log, "no");
	assert_string_equal(written(f), "");
}

static void a_journal_stream_gets_priorities_instead_of_times(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char stream[64];
	assert_int_equal(fstat(f->fds[1], &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	struct log *log = log_new(f->fds[1], LOG_LEVEL_DEBUG);
	log_error(log, "a");
	log_warn(log, "b");
	log_info(log, "c");
	log_debug(log, "d");
	assert_string_equal(written(f), "<3>a\n<4>b\n<6>c\n<7>d\n");
	log_free(&log);
	setenv("JOURNAL_STREAM", "1:2", 1);
	log = log_new(f->fds[1], LOG_LEVEL_DEBUG);
	log_error(log, "a");
	assert_string_equal(written(f), "2026-11-24T03:04:05.000Z error a\n");
	log_free(&log);
	assert_null(log);
}

static void control_characters_cannot_start_a_line(void **state)
{
	struct fixture *f = *state;
	log_info(f->log, "x=%s", "a\nb\r\t\x1b[31m\x7f");
	assert_string_equal(written(f), "2026-11-24T03:04:05.000Z info x=a?b???[31m?\n");
}

static void an_overlong_line_is_cut(void **state)
{
	struct fixture *f = *state;
	char value[3000];
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_info(f->log, "%s", value);
	const char *text = written(f);
	assert_true(strlen(text) <= 2048);
	assert_true(strlen(text) > 2000);
	assert_string_equal(text + strlen(text) - 5, "x...\n");
	/* A line that fits to the byte is not cut. */
	value[2048 - 2 - 30] = '\0';
	log_info(f->log, "%s", value);
	text = written(f);
	assert_int_equal(strlen(text), 2047);
	assert_string_equal(text + strlen(text) - 3, "xx\n");
}

static void a_missing_log_is_silent(void **state)
{
	(void)state;
	log_error(NULL, "x");
	log_warn(NULL, "x");
	log_info(NULL, "x");
	log_debug(NULL, "x");
	log_set_level(NULL, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level(NULL), LOG_LEVEL_ERROR);
	struct log *none = NULL;
	log_free(&none);
}

static void errno_survives_a_log_line(void **state)
{
	(void)state;
	struct log *log = log_new(-1, LOG_LEVEL_INFO);
	errno = ENOSPC;
	log_info(log, "goes nowhere");
	assert_int_equal(errno, ENOSPC);
	log_free(&log);
}

static void values_from_outside_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(LOG_V(STRV("jo@example.org")), "jo@example.org");
	assert_string_equal(LOG_V(STRV("a\r\n\"\\\x80\0")), "a\\x0d\\x0a\\x22\\x5c\\x80\\x00");
	/* A value cannot pretend to be the next pair. */
	assert_string_equal(LOG_V(STRV("x rip=1.2.3.4")), "\"x rip=1.2.3.4\"");
	assert_string_equal(LOG_V(STRV("a=b")), "\"a=b\"");
	assert_string_equal(LOG_V(STRV_NULL), "\"\"");
}

static void eight_values_may_be_used_at_once(void **state)
{
	(void)state;
	const char *v[8];
	char c[8];
	for (int i = 0; i < 8; i++) {
		c[i] = (char)('a' + i);
		v[i] = log_escape(strv_make(&c[i], 1));
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(v[i][0], 'a' + i);
		assert_int_equal(v[i][1], '\0');
	}
}

static void a_long_value_is_cut_within_its_buffer(void **state)
{
	(void)state;
	for (size_t n = 0; n < 600; n++) {
		for (int kind = 0; kind < 3; kind++) {
			char *p = mem_alloc(n);
			memset(p, kind == 0 ? 'x' : kind == 1 ? '\n' : ' ', n);
			const char *text = log_escape(strv_make(p, n));
			size_t length = strlen(text);
			assert_true(length < 256);
			if (kind == 0 && n > 0 && n <= 240)
				assert_int_equal(length, n);
			if (n >= 256)
				assert_non_null(strstr(text, "..."));
			free(p);
		}
	}
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < 100; i++)
		log_info(arg, "k=%s", LOG_V(STRV("0123456789")));
	return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, f->log), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	const char *text = written(f);
	static const char line[] = "2026-11-24T03:04:05.000Z info k=0123456789\n";
	assert_int_equal(strlen(text), 400 * (sizeof(line) - 1));
	for (int i = 0; i < 400; i++)
		assert_memory_equal(text + (size_t)i * (sizeof(line) - 1), line, sizeof(line) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_time_level_and_text, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_above_the_level_are_not_written, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_journal_stream_gets_priorities_instead_of_times, setup, teardown),
		cmocka_unit_test_setup_teardown(control_characters_cannot_start_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(an_overlong_line_is_cut, setup, teardown),
		cmocka_unit_test(a_missing_log_is_silent),
		cmocka_unit_test(errno_survives_a_log_line),
		cmocka_unit_test(values_from_outside_are_escaped),
		cmocka_unit_test(eight_values_may_be_used_at_once),
		cmocka_unit_test(a_long_value_is_cut_within_its_buffer),
		cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
