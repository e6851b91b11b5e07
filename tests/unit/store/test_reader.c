#include "core_fixture.h"

#include "store/bytes.h"

#define LARGE (300 * 1024) /* more than one piece of a sum */

/* A file of `size` octets that differ from place to place. */
static int file_make(struct fix *fix, size_t size)
{
	char path[128];
	char *bytes = mem_alloc(size + 1);
	snprintf(path, sizeof(path), "%s/file", fix->root);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i % 23);
	const struct io *io = rec_io(fix->rec);
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0 && io_write_all(io, fd, bytes, size, 0));
	free(bytes);
	return fd;
}

static struct reader *file_reader(struct fix *fix, const char *prefix, size_t size, size_t told)
{
	return reader_new_file(
		rec_io(fix->rec), file_make(fix, size), told, mem_strdup(prefix), strlen(prefix));
}

static void assert_piece(struct reader *reader, uint64_t offset, size_t n, const char *expected)
{
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(reader_read(reader, offset, n, &out), RC_OK);
	assert_true(strv_eq(buf_strv(&out), strv_cstr(expected)));
	buf_fini(&out);
}

static void assert_fails(struct reader *reader, uint64_t offset, size_t n, size_t max, enum rc expected)
{
	struct buf out;
	buf_init(&out, max);
	assert_int_equal(reader_read(reader, offset, n, &out), expected);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void a_piece_may_lie_in_the_prefix_in_the_file_or_in_both(void **state)
{
	struct reader *reader = file_reader(*state, "12345", 10, 10);
	assert_int_equal(reader_size(reader), 15);
	assert_false(reader_in_memory(reader));
	assert_piece(reader, 0, 5, "12345");
	assert_piece(reader, 4, 1, "5");
	assert_piece(reader, 5, 10, "abcdefghij");
	assert_piece(reader, 3, 4, "45ab");
	assert_piece(reader, 0, 15, "12345abcdefghij");
	assert_piece(reader, 15, 0, "");
	reader_close(&reader);
	assert_null(reader);
	reader_close(&reader);
}

static void a_message_in_memory_needs_no_file(void **state)
{
	(void)state;
	struct reader *reader = reader_new_bytes(mem_strdup("hello"), 5);
	assert_true(reader_in_memory(reader));
	assert_piece(reader, 1, 3, "ell");
	reader_close(&reader);
}

static void nothing_is_read_beyond_the_end(void **state)
{
	struct reader *reader = file_reader(*state, "12345", 10, 10);
	assert_fails(reader, 16, 0, 100, RC_INVALID);
	assert_fails(reader, 10, 6, 100, RC_INVALID);
	assert_fails(reader, UINT64_MAX, 1, 100, RC_INVALID);
	assert_fails(reader, 1, SIZE_MAX, 100, RC_INVALID);
	assert_fails(reader, 0, 15, 14, RC_LIMIT);
	reader_close(&reader);
}

static void a_file_that_is_too_short_or_cannot_be_read_gives_no_bytes(void **state)
{
	struct fix *fix = *state;
	uint32_t sum = 7;
	struct reader *reader = file_reader(fix, "12345", 9, 10);
	assert_fails(reader, 3, 12, 100, RC_CORRUPT);
	assert_piece(reader, 5, 9, "abcdefghi");
	assert_int_equal(reader_sum(reader, &sum), RC_CORRUPT);
	rec_fail(fix->rec, REC_OP_READ, "file", EIO, 1, true);
	assert_fails(reader, 5, 3, 100, RC_IO);
	assert_int_equal(reader_sum(reader, &sum), RC_IO);
	assert_int_equal(sum, 7);
	/* Bytes that are in memory can still be read. */
	assert_piece(reader, 0, 5, "12345");
	rec_fail(fix->rec, REC_OP_READ, "file", 0, 1, false);
	reader_close(&reader);
}

static void the_sum_is_that_of_all_bytes_in_whatever_pieces(void **state)
{
	struct buf all;
	uint32_t sum = 0;
	struct reader *reader = file_reader(*state, "12345", LARGE, LARGE);
	buf_init(&all, LARGE + 100);
	assert_int_equal(reader_read(reader, 0, LARGE + 5, &all), RC_OK);
	assert_int_equal(reader_sum(reader, &sum), RC_OK);
	assert_int_equal(sum, sum_add(SUM_NONE, all.p, all.len));
	buf_fini(&all);
	reader_close(&reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_piece_may_lie_in_the_prefix_in_the_file_or_in_both),
		cmocka_unit_test(a_message_in_memory_needs_no_file),
		TEST(nothing_is_read_beyond_the_end),
		TEST(a_file_that_is_too_short_or_cannot_be_read_gives_no_bytes),
		TEST(the_sum_is_that_of_all_bytes_in_whatever_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
