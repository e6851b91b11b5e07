/*
 * Readers: a message in memory, or a prefix in memory followed by a file. A file's descriptor stays open
 * until the reader is closed, so that the sweep can't take the bytes away from under a literal.
 */
#include "store/bytes.h"

#include "base/mem.h"

#include <stdlib.h>

#define SIFT_WINDOW (64 * 1024)
#define SUM_PIECE (256u * 1024)

struct reader {
	char *head; /* own: the whole message, or what comes before the file */
	size_t head_size;
	const struct io *io; /* borrowed */
	int fd; /* own; -1: all is in head */
	uint64_t size; /* of both */
};

struct reader *reader_new_bytes(char *bytes, uint64_t size)
{
	struct reader *reader = mem_zalloc(sizeof(*reader));
	reader->head = bytes;
	reader->head_size = (size_t)size;
	reader->fd = -1;
	reader->size = size;
	return reader;
}

struct reader *reader_new_file(
	const struct io *io, int fd, uint64_t file_size, char *prefix, size_t prefix_size)
{
	struct reader *reader = mem_zalloc(sizeof(*reader));
	reader->head = prefix;
	reader->head_size = prefix_size;
	reader->io = io;
	reader->fd = fd;
	reader->size = prefix_size + file_size;
	return reader;
}

uint64_t reader_size(const struct reader *reader)
{
	return reader->size;
}

bool reader_in_memory(const struct reader *reader)
{
	return reader->fd < 0;
}

enum rc reader_read(struct reader *reader, uint64_t offset, size_t n, struct buf *out)
{
	if (offset > reader->size || n > reader->size - offset)
		return RC_INVALID;
	char *room = n ? buf_reserve(out, n) : NULL;
	if (!room)
		return n ? RC_LIMIT : RC_OK;
	size_t from_head = 0;
	if (offset < reader->head_size) {
		from_head = reader->head_size - (size_t)offset;
		if (from_head > n)
			from_head = n;
		memcpy(room, reader->head + offset, from_head);
	}
	size_t left = n - from_head;
	if (left > 0) {
		uint64_t at = offset + from_head - reader->head_size;
		ssize_t got = io_read_all(reader->io, reader->fd, room + from_head, left, at);
		if (got != (ssize_t)left)
			return got < 0 ? RC_IO : RC_CORRUPT;
	}
	buf_commit(out, n);
	return RC_OK;
}

enum rc reader_sift(struct reader *reader, uint64_t offset, uint64_t size, struct mime_sift *sift)
{
	struct buf window;
	enum rc rc = RC_OK;
	buf_init(&window, SIFT_WINDOW);
	while (rc == RC_OK && size > 0) {
		size_t n = size < SIFT_WINDOW ? (size_t)size : SIFT_WINDOW;
		buf_reset(&window);
		rc = reader_read(reader, offset, n, &window);
		if (rc == RC_OK)
			mime_sift_feed(sift, buf_strv(&window));
		offset += n;
		size -= n;
	}
	mime_sift_end(sift);
	buf_fini(&window);
	return rc;
}

enum rc reader_sum(struct reader *reader, uint32_t *ret_sum)
{
	struct buf piece;
	uint32_t sum = SUM_NONE;
	enum rc rc = RC_OK;
	buf_init(&piece, SUM_PIECE);
	for (uint64_t at = 0; rc == RC_OK && at < reader->size; at += SUM_PIECE) {
		uint64_t left = reader->size - at;
		buf_reset(&piece);
		rc = reader_read(reader, at, left < SUM_PIECE ? (size_t)left : SUM_PIECE, &piece);
		if (rc == RC_OK)
			sum = sum_add(sum, piece.p, piece.len);
	}
	buf_fini(&piece);
	if (rc == RC_OK)
		*ret_sum = sum;
	return rc;
}

void reader_close(struct reader **reader)
{
	struct reader *r = *reader;
	*reader = NULL;
	if (!r)
		return;
	if (r->fd >= 0)
		(void)r->io->close(r->io->ctx, r->fd);
	free(r->head);
	free(r);
}
