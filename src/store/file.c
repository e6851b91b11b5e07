/*
 * The files below msg/ of an account. A name is 16 hex digits: two for the directory, eight for the
 * transaction that made it, the others random. Directories are taken in turn, so that none grows too long.
 */
#include "store/bytes.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME_LENGTH 16

int64_t file_name_new(struct account *account)
{
	struct blob_state *state = &account->blobs;
	uint64_t dir = state->file_number++ / BLOB_DIR_FILES % BLOB_DIRS;
	state->prefix_used = true;
	return (int64_t)(dir << 56 | (uint64_t)state->prefix << 24 | rand_u64() >> 40);
}

uint32_t file_prefix(int64_t file)
{
	return (uint32_t)((uint64_t)file >> 24);
}

unsigned file_dir(int64_t file)
{
	return (unsigned)((uint64_t)file >> 56);
}

char *file_path(const struct account *account, int64_t file)
{
	size_t n = strlen(account->path) + sizeof("/msg/xx/") + FILE_NAME_LENGTH;
	char *path = mem_alloc(n);
	snprintf(path, n, "%s/msg/%02x/%016" PRIx64, account->path, file_dir(file), (uint64_t)file);
	return path;
}

char *file_dir_path(const struct account *account, unsigned dir)
{
	size_t n = strlen(account->path) + sizeof("/msg/xx");
	char *path = mem_alloc(n);
	if (dir < BLOB_DIRS)
		snprintf(path, n, "%s/msg/%02x", account->path, dir);
	else
		snprintf(path, n, "%s/msg", account->path);
	return path;
}

bool file_name_parse(struct strv name, int64_t *ret_file)
{
	uint64_t file = 0;
	if (name.n != FILE_NAME_LENGTH)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		unsigned digit;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else
			return false;
		file = file << 4 | digit;
	}
	*ret_file = (int64_t)file;
	return true;
}

static enum rc file_fail(struct account *account, const char *what, const char *path)
{
	int error = errno;
	log_error(account->store->log, "%s failed account=%s path=%s error=%s", what, account_shown(account),
		path, strerror(error));
	return io_rc(error);
}

/* Makes one directory. `durable`: syncs its name in `parent`. */
static enum rc dir_make(struct account *account, const char *path, const char *parent, bool durable)
{
	const struct io *io = account->store->io;
	bool made = io->mkdir(io->ctx, path, 0700) == 0;
	if (!made && errno != EEXIST)
		return file_fail(account, "mkdir", path);
	/* An existing directory is synced, too: the process that made it may have died before its sync. */
	if (!durable || (!made && account->blobs.dirs_trusted))
		return RC_OK;
	if (io_sync_dir(io, parent))
		return RC_OK;
	account->blobs.dirs_doubtful = true;
	account->blobs.dirs_trusted = false;
	return file_fail(account, "sync of a directory", parent);
}

enum rc file_dir_make(struct account *account, unsigned dir, bool durable)
{
	struct blob_state *state = &account->blobs;
	unsigned char bit = (unsigned char)(1u << (dir % 8));
	if (state->dirs[dir / 8] & bit)
		return RC_OK;
	char *msg = file_dir_path(account, BLOB_DIRS);
	char *path = file_dir_path(account, dir);
	enum rc rc = RC_OK;
	if (!state->msg_dir)
		rc = dir_make(account, msg, account->path, durable);
	if (rc == RC_OK)
		rc = dir_make(account, path, msg, durable);
	if (rc == RC_OK && durable) {
		state->msg_dir = true;
		state->dirs[dir / 8] |= bit;
	}
	free(msg);
	free(path);
	return rc;
}

enum rc file_write(struct account *account, int64_t file, struct strv bytes, bool sync)
{
	const struct io *io = account->store->io;
	char *path = file_path(account, file);
	enum rc rc = RC_OK;
	int fd = io->open(io->ctx, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = file_fail(account, "open", path);
		free(path);
		return rc;
	}
	if (!io_write_all(io, fd, bytes.p, bytes.n, 0))
		rc = file_fail(account, "write", path);
	else if (sync && io->fdatasync(io->ctx, fd) != 0)
		rc = file_fail(account, "sync", path);
	(void)io->close(io->ctx, fd);
	if (rc != RC_OK)
		(void)io->unlink(io->ctx, path);
	free(path);
	return rc;
}

void file_gone(struct account *account, int64_t file)
{
	unsigned dir = file_dir(file);
	account->blobs.unlinked[dir / 8] |= (uint8_t)(1u << (dir % 8));
}

bool file_remove(struct account *account, int64_t file)
{
	const struct io *io = account->store->io;
	char *path = file_path(account, file);
	bool gone = io->unlink(io->ctx, path) == 0;
	if (gone) {
		file_gone(account, file);
	} else if (errno == ENOENT) {
		gone = true;
	} else {
		(void)file_fail(account, "unlink", path);
		account_background(account, BACKGROUND_SWEEP, clock_mono_ms() + SWEEP_RETRY_MS);
	}
	free(path);
	return gone;
}

static bool dir_unlinked(const struct account *account, unsigned dir)
{
	return (account->blobs.unlinked[dir / 8] & (1u << (dir % 8))) != 0;
}

/* Syncs a few directories one by one, many by one syncfs. */
enum rc file_removed_sync(struct account *account)
{
	const struct io *io = account->store->io;
	unsigned count = 0;
	bool ok = true;
	for (unsigned dir = 0; dir < BLOB_DIRS; dir++)
		count += dir_unlinked(account, dir);
	if (count == 0)
		return RC_OK;
	if (count > REMOVED_DIRS) {
		int fd = io->open(io->ctx, account->path, O_RDONLY | O_DIRECTORY, 0);
		ok = fd >= 0 && io->syncfs(io->ctx, fd) == 0;
		int error = errno;
		if (fd >= 0)
			(void)io->close(io->ctx, fd);
		errno = error;
	}
	for (unsigned dir = 0; ok && count <= REMOVED_DIRS && dir < BLOB_DIRS; dir++) {
		if (!dir_unlinked(account, dir))
			continue;
		char *path = file_dir_path(account, dir);
		ok = io_sync_dir(io, path);
		free(path);
	}
	if (!ok)
		return file_fail(account, "sync of removed names", account->path);
	memset(account->blobs.unlinked, 0, sizeof(account->blobs.unlinked));
	return RC_OK;
}
