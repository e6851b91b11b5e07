#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/textfile.h"

struct place {
	char folder[64];
	char path[96];
	struct arena *arena;
};

static int place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	snprintf(place->folder, sizeof(place->folder), "/tmp/coid-text-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/file", place->folder);
	place->arena = arena_new(0);
	*state = place;
	return 0;
}

static int place_teardown(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	assert_int_equal(rmdir(place->folder), 0);
	arena_free(&place->arena);
	free(place);
	return 0;
}

static void what_was_written_is_read(void **state)
{
	struct place *place = *state;
	struct strv text, value;
	struct stat st;
	assert_int_equal(
		textfile_write(&io_real, NULL, place->path, STRV("a: 1\nb: two words\n"), true), RC_OK);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(textfile_read(&io_real, NULL, place->path, place->arena, &text), RC_OK);
	assert_int_equal(textfile_value(text, "b", &value), RC_OK);
	assert_true(strv_eq(value, STRV("two words")));
	assert_int_equal(textfile_value(text, "two", &value), RC_NOT_FOUND);
	assert_int_equal(textfile_value(text, "sum", &value), RC_NOT_FOUND);
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
	struct place *place = *state;
	struct strv text;
	assert_int_equal(textfile_read(&io_real, NULL, place->path, place->arena, &text), RC_NOT_FOUND);
}

static void every_flipped_byte_and_every_cut_is_noticed(void **state)
{
	struct place *place = *state;
	struct strv text;
	char bytes[256];
	assert_int_equal(textfile_write(&io_real, NULL, place->path, STRV("name: alice\n"), false), RC_OK);
	int fd = open(place->path, O_RDWR);
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	assert_true(n > 20);
	for (ssize_t i = 0; i < n; i++) {
		char flipped = (char)(bytes[i] ^ 4);
		assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
		assert_int_equal(textfile_read(&io_real, NULL, place->path, place->arena, &text), RC_CORRUPT);
		assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
	}
	while (n-- > 0) {
		assert_int_equal(ftruncate(fd, n), 0);
		assert_int_equal(textfile_read(&io_real, NULL, place->path, place->arena, &text), RC_CORRUPT);
	}
	close(fd);
}

static void a_text_has_a_maximum(void **state)
{
	struct place *place = *state;
	char *large = calloc(1, TEXTFILE_MAX);
	assert_int_equal(
		textfile_write(&io_real, NULL, place->path, strv_make(large, TEXTFILE_MAX), true), RC_LIMIT);
	free(large);
}

#define T(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_written_is_read),
		T(a_file_that_is_not_there_is_not_found),
		T(every_flipped_byte_and_every_cut_is_noticed),
		T(a_text_has_a_maximum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
