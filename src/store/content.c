/*
 * Received messages: bytes in memory or a file in <root>/spool, with the result of their one scan.
 */
#include "store/bytes.h"

#include "base/arena.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct content {
	atomic_uint refs;
	struct store *store; /* borrowed */
	char *bytes; /* own; NULL: the file has them */
	char *path; /* own; NULL: in memory */
	uint64_t size;
	uint64_t counted; /* bytes counted for the whole server's memory */
	struct account *account; /* counted; NULL: none */
	uint64_t charged; /* bytes counted for the account */
	uint32_t sum; /* of the file's bytes as they arrived */
	struct mime_msg *mime; /* own */
	struct arena *arena; /* own; holds the summary */
	struct mime_summary summary;
};

struct content *content_new(
	struct store *store, char *bytes, char *path, uint64_t size, uint32_t sum, struct mime_scan *scan)
{
	struct content *content = mem_zalloc(sizeof(*content));
	atomic_init(&content->refs, 1);
	content->store = store;
	content->bytes = bytes;
	content->path = path;
	content->size = size;
	content->sum = sum;
	content->counted = bytes ? size : 0;
	mime_scan_finish(scan, &content->mime);
	content->arena = arena_new(0);
	mime_summary_build(content->mime, content->arena, &content->summary);
	return content;
}

struct content *content_from_bytes(struct store *store, struct strv bytes)
{
	struct mime_scan *scan = mime_scan_new(NULL);
	mime_scan_feed(scan, bytes.p, bytes.n);
	struct content *content = content_new(
		store, mem_strndup(bytes.p ? bytes.p : "", bytes.n), NULL, bytes.n, SUM_NONE, scan);
	mime_scan_free(&scan);
	/* The bytes were not received from a client, so they are not counted. */
	content->counted = 0;
	return content;
}

void content_charge(struct content *content, struct account *account, uint64_t n)
{
	content->account = account;
	content->charged = n;
}

struct content *content_ref(struct content *content)
{
	atomic_fetch_add(&content->refs, 1);
	return content;
}

void content_unref(struct content **content)
{
	struct content *c = *content;
	*content = NULL;
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	if (c->path)
		spool_file_remove(c->store, c->path);
	if (c->counted)
		spool_memory_give(c->store, c->counted);
	if (c->account)
		spool_account_give(c->account, c->charged);
	account_unref(&c->account);
	mime_msg_free(&c->mime);
	arena_free(&c->arena);
	free(c->bytes);
	free(c);
}

uint64_t content_size(const struct content *content)
{
	return content->size;
}

const struct mime_msg *content_mime(const struct content *content)
{
	return content->mime;
}

const struct mime_summary *content_summary(const struct content *content)
{
	return &content->summary;
}

struct strv content_bytes(const struct content *content)
{
	return content->bytes ? strv_make(content->bytes, (size_t)content->size) : STRV_NULL;
}

uint32_t content_sum(const struct content *content)
{
	return content->bytes ? sum_of(content_bytes(content)) : content->sum;
}

const char *content_path(const struct content *content)
{
	return content->path;
}

static enum rc content_read_file(const struct content *content, uint64_t offset, size_t n, struct buf *out)
{
	const struct io *io = content->store->io;
	char *room = buf_reserve(out, n);
	if (!room)
		return RC_LIMIT;
	int fd = io->open(io->ctx, content->path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0) {
		int error = errno;
		log_error(content->store->log, "spool file cannot be opened path=%s error=%s", content->path,
			strerror(error));
		return error == ENOENT ? RC_CORRUPT : io_rc(error);
	}
	ssize_t got = io_read_all(io, fd, room, n, offset);
	(void)io->close(io->ctx, fd);
	if (got == (ssize_t)n) {
		buf_commit(out, n);
		return RC_OK;
	}
	log_error(content->store->log, "spool file cannot be read path=%s", content->path);
	return got < 0 ? RC_IO : RC_CORRUPT;
}

enum rc content_read(const struct content *content, uint64_t offset, size_t n, struct buf *out)
{
	if (offset > content->size || n > content->size - offset)
		return RC_INVALID;
	if (n == 0)
		return RC_OK;
	if (!content->bytes)
		return content_read_file(content, offset, n, out);
	buf_add(out, content->bytes + offset, n);
	return buf_ok(out) ? RC_OK : RC_LIMIT;
}
