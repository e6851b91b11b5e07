/* Reads a WAL as SQLite does, to see how much of it is whole. */
#include "store/wal.h"

#include "base/mem.h"
#include "store/db_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define WAL_MAGIC 0x377f0682u /* the lowest bit: checksums are of big-endian words */
#define WAL_VERSION 3007000
#define WAL_HEADER 32
#define FRAME_HEADER 24
#define DB_CHANGES 24
#define DB_PAGES 28
#define DB_VALID_FOR 92
#define PAGE_MIN 512
#define PAGE_MAX 65536

struct wal {
	const struct io *io;
	int fd;
	bool big; /* words of the checksum are big-endian */
	uint64_t salt;
	uint32_t page_size;
	unsigned char *frame; /* own: header and page of the one that was read last */
	unsigned char *before; /* own: the one before it */
	uint32_t stored[2]; /* the checksum stored in the last frame (or in the header) ... */
	uint32_t computed[2]; /* ... and the one computed from its bytes */
	bool empty; /* the file */
	bool good; /* the last frame is whole */
	bool mended; /* the frame before it is whole, too: only its stored checksum was damaged */
};

static uint32_t word_get(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void word_put(unsigned char *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t word_sum(const unsigned char *p, bool big)
{
	uint32_t word = word_get(p);
	return big ? word : __builtin_bswap32(word);
}

void wal_sum(const unsigned char *p, size_t n, bool big, uint32_t sum[2])
{
	for (size_t i = 0; i < n; i += 8) {
		sum[0] += word_sum(p + i, big) + sum[1];
		sum[1] += word_sum(p + i + 4, big) + sum[0];
	}
}

/* RC_NOT_FOUND: the file does not begin like a WAL. */
static enum rc wal_header(struct wal *wal)
{
	unsigned char header[WAL_HEADER];
	ssize_t got = io_read_all(wal->io, wal->fd, header, sizeof(header), 0);
	if (got < 0)
		return io_rc(errno);
	wal->empty = got == 0;
	if (got != WAL_HEADER || (word_get(header) & ~1u) != WAL_MAGIC || word_get(header + 4) != WAL_VERSION)
		return RC_NOT_FOUND;
	wal->big = (word_get(header) & 1) != 0;
	wal->page_size = word_get(header + 8);
	if (wal->page_size < PAGE_MIN || wal->page_size > PAGE_MAX ||
		(wal->page_size & (wal->page_size - 1)) != 0)
		return RC_NOT_FOUND;
	wal_sum(header, WAL_HEADER - 8, wal->big, wal->stored);
	if (wal->stored[0] != word_get(header + 24) || wal->stored[1] != word_get(header + 28))
		return RC_NOT_FOUND;
	memcpy(wal->computed, wal->stored, sizeof(wal->computed));
	wal->good = true;
	wal->salt = (uint64_t)word_get(header + 16) << 32 | word_get(header + 20);
	wal->frame = mem_alloc(FRAME_HEADER + wal->page_size);
	wal->before = mem_alloc(FRAME_HEADER + wal->page_size);
	return RC_OK;
}

static enum rc wal_open(struct wal *wal, const struct io *io, const char *path)
{
	memset(wal, 0, sizeof(*wal));
	wal->io = io;
	wal->fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
	if (wal->fd < 0)
		return io_rc(errno);
	return wal_header(wal);
}

static void wal_close(struct wal *wal)
{
	if (wal->fd >= 0)
		(void)wal->io->close(wal->io->ctx, wal->fd);
	free(wal->frame);
	free(wal->before);
}

/*
 * Computes the checksum of the present frame, if the frame before it has the checksum `seed`. True: it is the
 * stored one.
 */
static bool frame_fits(const struct wal *wal, const uint32_t seed[2], uint32_t ret_sum[2])
{
	memcpy(ret_sum, seed, 2 * sizeof(*ret_sum));
	wal_sum(wal->frame, 8, wal->big, ret_sum);
	wal_sum(wal->frame + FRAME_HEADER, wal->page_size, wal->big, ret_sum);
	return word_get(wal->frame) != 0 && ret_sum[0] == word_get(wal->frame + 16) &&
	       ret_sum[1] == word_get(wal->frame + 20);
}

/*
 * Reads the next frame. RC_NOT_FOUND: there are no more. A frame after a good one belongs to this WAL if its
 * checksum follows. After a damaged one it must also have the WAL's salt, or it may be left from an earlier
 * WAL.
 */
static enum rc wal_next(struct wal *wal, uint64_t number)
{
	size_t n = FRAME_HEADER + wal->page_size;
	unsigned char *swap = wal->before;
	bool before_good = wal->good;
	uint32_t sum[2], other[2];
	wal->before = wal->frame;
	wal->frame = swap;
	wal->good = wal->mended = false;
	ssize_t got = io_read_all(wal->io, wal->fd, wal->frame, n, WAL_HEADER + number * n);
	if (got < 0 && errno != EIO)
		return io_rc(errno);
	if (got >= 0 && (size_t)got != n)
		return RC_NOT_FOUND;
	if (got < 0)
		memset(wal->frame, 0, n);
	bool salted = ((uint64_t)word_get(wal->frame + 8) << 32 | word_get(wal->frame + 12)) == wal->salt;
	bool fits = frame_fits(wal, wal->stored, sum);
	if (fits) {
		wal->good = before_good || salted;
	} else if (number > 0 && !before_good && salted && frame_fits(wal, wal->computed, other)) {
		wal->good = wal->mended = true;
		memcpy(sum, other, sizeof(sum));
	}
	wal->stored[0] = word_get(wal->frame + 16);
	wal->stored[1] = word_get(wal->frame + 20);
	memcpy(wal->computed, sum, sizeof(sum));
	return RC_OK;
}

enum rc wal_scan(const struct io *io, const char *path, struct wal_scan *ret_scan)
{
	struct wal wal;
	*ret_scan = (struct wal_scan){ 0 };
	enum rc rc = wal_open(&wal, io, path);
	ret_scan->empty = wal.fd >= 0 && wal.empty;
	if (rc == RC_OK) {
		ret_scan->header = true;
		ret_scan->salt = wal.salt;
		ret_scan->page_size = wal.page_size;
	}
	for (uint32_t number = 0; rc == RC_OK && wal.good; number++) {
		rc = wal_next(&wal, number);
		uint64_t salt =
			rc == RC_OK ? (uint64_t)word_get(wal.frame + 8) << 32 | word_get(wal.frame + 12) : 0;
		wal.good = wal.good && salt == wal.salt;
		if (rc == RC_OK && wal.good && word_get(wal.frame + 4) != 0)
			ret_scan->frames = number + 1;
	}
	wal_close(&wal);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc page_write(const struct wal *wal, int out, const unsigned char *frame, uint64_t *pages)
{
	uint64_t page = word_get(frame) - 1;
	if (!io_write_all(wal->io, out, frame + FRAME_HEADER, wal->page_size, page * wal->page_size))
		return io_rc(errno);
	(*pages)++;
	return RC_OK;
}

/*
 * The first page may be older than the others: its header gets the real number of pages, and is marked as up
 * to date.
 */
static enum rc header_fix(const struct wal *wal, int out)
{
	unsigned char header[DB_FORMAT_HEADER];
	struct stat st;
	if (fstat(out, &st) != 0)
		return io_rc(errno);
	if (io_read_all(wal->io, out, header, sizeof(header), 0) != DB_FORMAT_HEADER)
		return RC_OK;
	word_put(header + DB_PAGES, (uint32_t)((uint64_t)st.st_size / wal->page_size));
	memcpy(header + DB_VALID_FOR, header + DB_CHANGES, 4);
	/* The file is marked as one without a WAL (with a rollback journal, which does not exist). */
	header[DB_FORMAT_WRITE_VERSION] = header[DB_FORMAT_READ_VERSION] = DB_FORMAT_ROLLBACK;
	return io_write_all(wal->io, out, header, sizeof(header), 0) ? RC_OK : io_rc(errno);
}

enum rc wal_salvage(const struct io *io, const char *path, const char *db_path, uint64_t *ret_pages)
{
	struct wal wal;
	*ret_pages = 0;
	enum rc rc = wal_open(&wal, io, path);
	int out = rc == RC_OK ? io->open(io->ctx, db_path, O_RDWR | O_NOFOLLOW, 0) : -1;
	if (rc == RC_OK && out < 0)
		rc = io_rc(errno);
	for (uint64_t number = 0; rc == RC_OK; number++) {
		rc = wal_next(&wal, number);
		if (rc == RC_OK && wal.mended)
			rc = page_write(&wal, out, wal.before, ret_pages);
		if (rc == RC_OK && wal.good)
			rc = page_write(&wal, out, wal.frame, ret_pages);
	}
	if (rc == RC_NOT_FOUND && out >= 0)
		rc = header_fix(&wal, out);
	if (out >= 0)
		(void)io->close(io->ctx, out);
	wal_close(&wal);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}
