/*
 * Spools. A spool belongs to its reactor; once it has outgrown the inline limit, its bytes travel in chunks
 * to a strand of its own, which writes them, feeds the scanner and sends each chunk back as a receipt.
 * Receipts come in order, so the last one may free the spool.
 */
#include "store/bytes.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SPOOL_TURN 4 /* chunks of one turn of the strand */
#define TRASH_TURN 16 /* files removed in one turn */

enum chunk_kind {
	CHUNK_BYTES,
	CHUNK_FINISH, /* sync, scan, make the content */
	CHUNK_ABORT /* remove the file */
};

struct chunk {
	struct strand_item item;
	struct reactor_msg msg;
	struct spool *spool; /* borrowed: freed with the receipt of the last chunk */
	enum chunk_kind kind;
	char *p; /* own */
	size_t n;
	size_t cap;
	enum rc rc; /* CHUNK_FINISH: the result */
	struct content *content; /* own, CHUNK_FINISH */
};

struct spool {
	struct store *store; /* borrowed */
	struct reactor *reactor; /* borrowed */
	void (*on_drain)(void *arg);
	void *arg;
	void (*done)(void *arg, enum rc rc, struct content *content); /* NULL: not finished, or aborted */
	void *done_arg;
	struct strand *strand; /* own; NULL: still in memory */
	struct chunk *filling; /* own */
	uint64_t size;
	uint64_t flight; /* bytes given to the strand */
	struct account *account; /* counted; NULL: none, or the content has it */
	uint64_t charged; /* bytes counted for it */
	enum rc rc; /* the first error of the reactor's side */
	bool ended; /* finished or aborted */
	bool full; /* spool_full was true: tell when it ends */
	char last; /* octet that was added */

	/* These belong to the strand. */
	int fd;
	char *path; /* own */
	struct mime_scan *scan; /* own */
	uint64_t written;
	uint32_t sum; /* of the bytes written */
	enum rc strand_rc;
};

bool spool_memory_take(struct store *store, uint64_t n)
{
	atomic_uint_fast64_t *memory = &store->bytes->spool_memory;
	if (atomic_fetch_add(memory, n) + n <= store->settings.spool_memory_max)
		return true;
	atomic_fetch_sub(memory, n);
	return false;
}

bool spool_account_take(struct account *account, uint64_t n)
{
	const struct store_settings *settings = &account->store->settings;
	uint64_t max = settings->spool_account_max;
	/* The limit leaves room for at least one message. */
	if (max > 0 && max < settings->message_max)
		max = settings->message_max;
	if (atomic_fetch_add(&account->spooled, n) + n <= max || max == 0)
		return true;
	atomic_fetch_sub(&account->spooled, n);
	return false;
}

void spool_account_give(struct account *account, uint64_t n)
{
	atomic_fetch_sub(&account->spooled, n);
}

void spool_memory_give(struct store *store, uint64_t n)
{
	atomic_fetch_sub(&store->bytes->spool_memory, n);
}

/* Contents end on reactors, which must not wait for unlink(2), so a strand removes the files. */
struct trash {
	struct strand_item item;
	char *path; /* own */
};

static void trash_run(struct strand *strand, void *ctx)
{
	const struct io *io = ((struct store *)ctx)->io;
	for (unsigned i = 0; i < TRASH_TURN; i++) {
		struct strand_item *item = strand_next(strand);
		if (!item)
			return;
		struct trash *trash = CONTAINER_OF(item, struct trash, item);
		(void)io->unlink(io->ctx, trash->path);
		free(trash->path);
		free(trash);
	}
}

void spool_file_remove(struct store *store, char *path)
{
	if (pool_draining(store->pool)) {
		(void)store->io->unlink(store->io->ctx, path);
		free(path);
		return;
	}
	struct trash *trash = mem_zalloc(sizeof(*trash));
	trash->path = path;
	strand_add_always(store->bytes->trash, &trash->item);
}

static void chunk_free(struct chunk *chunk)
{
	if (!chunk)
		return;
	free(chunk->p);
	free(chunk);
}

static struct chunk *chunk_new(struct spool *spool, enum chunk_kind kind)
{
	struct chunk *chunk = mem_zalloc(sizeof(*chunk));
	chunk->spool = spool;
	chunk->kind = kind;
	return chunk;
}

static void spool_free(struct spool *spool)
{
	if (spool->filling)
		spool_memory_give(spool->store, spool->filling->n);
	chunk_free(spool->filling);
	if (spool->account)
		spool_account_give(spool->account, spool->charged);
	account_unref(&spool->account);
	if (spool->strand)
		strand_release(&spool->strand);
	mime_scan_free(&spool->scan);
	free(spool->path);
	free(spool);
}

/* The strand's side. */

char *spool_path_new(struct store *store)
{
	size_t n = strlen(store->root) + sizeof("/spool/") + 16;
	char *path = mem_alloc(n);
	snprintf(path, n, "%s/spool/%016" PRIx64, store->root,
		(uint64_t)atomic_fetch_add(&store->bytes->spool_number, 1));
	return path;
}

static void spool_fail(struct spool *spool, const char *what)
{
	spool->strand_rc = io_rc(errno);
	log_error(spool->store->log, "%s of a spool file failed path=%s error=%s", what, spool->path,
		strerror(errno));
}

static void spool_open(struct spool *spool)
{
	const struct io *io = spool->store->io;
	spool->path = spool_path_new(spool->store);
	spool->fd = io->open(io->ctx, spool->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (spool->fd < 0)
		spool_fail(spool, "open");
}

/* Closes the file and, unless it is wanted, removes it. */
static void spool_close(struct spool *spool, bool keep)
{
	const struct io *io = spool->store->io;
	if (spool->fd >= 0)
		(void)io->close(io->ctx, spool->fd);
	if (spool->fd >= 0 && !keep)
		(void)io->unlink(io->ctx, spool->path);
	spool->fd = -1;
}

static void spool_write(struct spool *spool, const struct chunk *chunk)
{
	if (!spool->path)
		spool_open(spool);
	if (spool->strand_rc != RC_OK)
		return;
	if (!io_write_all(spool->store->io, spool->fd, chunk->p, chunk->n, spool->written)) {
		spool_fail(spool, "write");
		/* The part that was written must not fill the disk. */
		spool_close(spool, false);
		return;
	}
	spool->written += chunk->n;
	spool->sum = sum_add(spool->sum, chunk->p, chunk->n);
	mime_scan_feed(spool->scan, chunk->p, chunk->n);
}

static void spool_complete(struct spool *spool, struct chunk *chunk)
{
	const struct io *io = spool->store->io;
	if (spool->strand_rc == RC_OK && io->fdatasync(io->ctx, spool->fd) != 0)
		spool_fail(spool, "sync");
	chunk->rc = spool->strand_rc;
	spool_close(spool, chunk->rc == RC_OK);
	if (chunk->rc != RC_OK)
		return;
	chunk->content =
		content_new(spool->store, NULL, spool->path, spool->written, spool->sum, spool->scan);
	spool->path = NULL;
	content_charge(chunk->content, spool->account, spool->charged);
	spool->account = NULL;
}

static void spool_receipt(struct reactor *reactor, struct reactor_msg *msg);

static void spool_run(struct strand *strand, void *ctx)
{
	struct spool *spool = ctx;
	for (unsigned i = 0; i < SPOOL_TURN; i++) {
		struct strand_item *item = strand_next(strand);
		if (!item)
			return;
		struct chunk *chunk = CONTAINER_OF(item, struct chunk, item);
		struct reactor *reactor = spool->reactor;
		bool last = chunk->kind != CHUNK_BYTES;
		switch (chunk->kind) {
		case CHUNK_BYTES:
			spool_write(spool, chunk);
			break;
		case CHUNK_FINISH:
			spool_complete(spool, chunk);
			break;
		case CHUNK_ABORT:
			spool_close(spool, false);
			break;
		}
		chunk->msg.fn = spool_receipt;
		reactor_post(reactor, &chunk->msg);
		/* The receipt of the last chunk frees the spool, perhaps at this moment. */
		if (last)
			return;
	}
}

/* The reactor's side. */

static void spool_report(struct spool *spool, struct chunk *chunk)
{
	void (*done)(void *, enum rc, struct content *) = spool->done;
	enum rc rc = spool->rc != RC_OK ? spool->rc : chunk->rc;
	if (!done || rc != RC_OK)
		content_unref(&chunk->content);
	struct content *content = chunk->content;
	void *arg = spool->done_arg;
	spool_free(spool);
	if (done)
		done(arg, rc, content);
}

static void spool_receipt(struct reactor *reactor, struct reactor_msg *msg)
{
	struct chunk *chunk = CONTAINER_OF(msg, struct chunk, msg);
	struct spool *spool = chunk->spool;
	(void)reactor;
	if (chunk->kind != CHUNK_BYTES) {
		spool_report(spool, chunk);
		chunk_free(chunk);
		return;
	}
	spool->flight -= chunk->n;
	spool_memory_give(spool->store, chunk->n);
	chunk_free(chunk);
	if (spool->full && !spool->ended && !spool_full(spool)) {
		spool->full = false;
		if (spool->on_drain)
			spool->on_drain(spool->arg);
	}
}

static void spool_send(struct spool *spool, struct chunk *chunk)
{
	spool->flight += chunk->n;
	strand_add_always(spool->strand, &chunk->item);
}

static void spool_send_filling(struct spool *spool)
{
	struct chunk *chunk = spool->filling;
	spool->filling = NULL;
	if (chunk)
		spool_send(spool, chunk);
}

static void spool_to_strand(struct spool *spool)
{
	spool->strand = strand_new(spool->store->pool, SIZE_MAX, spool_run, spool);
	spool->scan = mime_scan_new(NULL);
	spool_send_filling(spool);
}

/* Copies into the chunk that is being filled, until it holds `max` bytes; returns how many were copied. */
static size_t spool_fill(struct spool *spool, const char *p, size_t n, size_t max)
{
	if (!spool->filling)
		spool->filling = chunk_new(spool, CHUNK_BYTES);
	struct chunk *chunk = spool->filling;
	if (n > max - chunk->n)
		n = max - chunk->n;
	if (chunk->n + n > chunk->cap) {
		size_t cap = chunk->cap ? chunk->cap * 2 : 4096;
		while (cap < chunk->n + n)
			cap *= 2;
		chunk->cap = cap < max ? cap : max;
		chunk->p = mem_realloc(chunk->p, chunk->cap, 1);
	}
	memcpy(chunk->p + chunk->n, p, n);
	chunk->n += n;
	return n;
}

enum rc spool_new(struct store *store, struct reactor *reactor, void (*on_drain)(void *arg), void *arg,
	struct spool **ret_spool)
{
	enum rc rc = space_for_mail(store);
	if (rc != RC_OK)
		return rc;
	if (atomic_load(&store->bytes->spool_memory) >= store->settings.spool_memory_max)
		return RC_BUSY;
	struct spool *spool = mem_zalloc(sizeof(*spool));
	spool->store = store;
	spool->reactor = reactor;
	spool->on_drain = on_drain;
	spool->arg = arg;
	spool->fd = -1;
	*ret_spool = spool;
	return RC_OK;
}

enum rc spool_charge(struct spool *spool, struct account *account, uint64_t size)
{
	if (!spool_account_take(account, size))
		return RC_LIMIT;
	spool_account_give(account, size);
	if (!spool->account)
		spool->account = account_ref(account);
	return RC_OK;
}

static bool spool_pay(struct spool *spool, uint64_t n)
{
	if (!spool->account)
		return true;
	if (!spool_account_take(spool->account, n))
		return false;
	spool->charged += n;
	return true;
}

void spool_add(struct spool *spool, const void *p, size_t n)
{
	const char *next = p;
	reactor_assert(spool->reactor);
	if (n == 0)
		return;
	spool->last = next[n - 1];
	spool->size += n;
	if (spool->rc == RC_OK && spool->size > spool->store->settings.message_max)
		spool->rc = RC_LIMIT;
	if (spool->rc == RC_OK && !spool_pay(spool, n))
		spool->rc = RC_LIMIT;
	if (spool->rc == RC_OK && !spool_memory_take(spool->store, n))
		spool->rc = RC_BUSY;
	if (spool->rc != RC_OK)
		return;
	if (!spool->strand) {
		size_t max = spool->store->settings.inline_max;
		size_t taken = max > 0 ? spool_fill(spool, next, n, max) : 0;
		next += taken;
		n -= taken;
		if (n == 0)
			return;
		spool_to_strand(spool);
	}
	while (n > 0) {
		size_t taken = spool_fill(spool, next, n, SPOOL_CHUNK);
		next += taken;
		n -= taken;
		if (spool->filling->n == SPOOL_CHUNK)
			spool_send_filling(spool);
	}
	spool->full = spool->full || spool_full(spool);
}

void spool_add_text(struct spool *spool, const void *p, size_t n)
{
	const char *from = p;
	const char *end = from + n;
	const char *at = from;
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf)
			break;
		char before = lf > from ? lf[-1] : spool->last;
		if (before != '\r') {
			spool_add(spool, from, (size_t)(lf - from));
			spool_add(spool, "\r", 1);
			from = lf;
		}
		at = lf + 1;
	}
	spool_add(spool, from, (size_t)(end - from));
}

uint64_t spool_size(const struct spool *spool)
{
	return spool->size;
}

bool spool_full(const struct spool *spool)
{
	return spool->flight > SPOOL_FLIGHT_MAX;
}

/* Finishes a message that is still in memory: the content is made at once. */
static void spool_finish_memory(
	struct spool *spool, void (*done)(void *, enum rc, struct content *), void *arg)
{
	struct content *content = NULL;
	enum rc rc = spool->rc;
	if (rc == RC_OK) {
		struct chunk *chunk = spool->filling;
		size_t n = chunk ? chunk->n : 0;
		char *bytes = mem_realloc(chunk ? chunk->p : NULL, n + 1, 1);
		spool->filling = NULL;
		if (chunk)
			chunk->p = NULL;
		chunk_free(chunk);
		struct mime_scan *scan = mime_scan_new(NULL);
		mime_scan_feed(scan, bytes, n);
		content = content_new(spool->store, bytes, NULL, n, SUM_NONE, scan);
		content_charge(content, spool->account, spool->charged);
		spool->account = NULL;
		mime_scan_free(&scan);
	}
	spool_free(spool);
	done(arg, rc, content);
}

void spool_finish(
	struct spool *spool, void (*done)(void *arg, enum rc rc, struct content *content), void *arg)
{
	reactor_assert(spool->reactor);
	if (!spool->strand) {
		spool_finish_memory(spool, done, arg);
		return;
	}
	spool->ended = true;
	spool->done = done;
	spool->done_arg = arg;
	if (spool->rc == RC_OK)
		spool_send_filling(spool);
	spool_send(spool, chunk_new(spool, spool->rc == RC_OK ? CHUNK_FINISH : CHUNK_ABORT));
}

void spool_abort(struct spool **spool)
{
	struct spool *s = *spool;
	*spool = NULL;
	if (!s)
		return;
	reactor_assert(s->reactor);
	if (!s->strand) {
		spool_free(s);
		return;
	}
	/* If spool_finish was called, the last chunk is on the way, and its receipt frees the spool. */
	s->done = NULL;
	if (s->ended)
		return;
	s->ended = true;
	spool_send(s, chunk_new(s, CHUNK_ABORT));
}

/* Empties the spool folder at start: nothing in it outlives the process. */
static void spool_clean(struct store *store, const char *path)
{
	const struct io *io = store->io;
	DIR *entries = io->opendir(io->ctx, path);
	if (!entries)
		return;
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
		char file[PATH_ROOM];
		if (entry->d_name[0] == '.')
			continue;
		int n = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (n > 0 && (size_t)n < sizeof(file))
			(void)io->unlink(io->ctx, file);
	}
	(void)closedir(entries);
}

enum rc spool_store_new(struct store *store)
{
	const struct io *io = store->io;
	char path[PATH_ROOM];
	int n = snprintf(path, sizeof(path), "%s/spool", store->root);
	if (n < 0 || (size_t)n >= sizeof(path))
		return RC_INVALID;
	if (io->mkdir(io->ctx, path, 0700) != 0 && errno != EEXIST) {
		int error = errno;
		log_error(store->log, "the spool folder cannot be made path=%s error=%s", path,
			strerror(error));
		return io_rc(error);
	}
	spool_clean(store, path);
	store->bytes = mem_zalloc(sizeof(*store->bytes));
	store->bytes->trash = strand_new(store->pool, SIZE_MAX, trash_run, store);
	return RC_OK;
}

void spool_store_free(struct store *store)
{
	if (!store->bytes)
		return;
	strand_release(&store->bytes->trash);
	free(store->bytes);
	store->bytes = NULL;
}
