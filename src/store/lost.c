/*
 * The folder <account>/lost has files that no row names. A readable file is never thrown away only because
 * the index does not know it: it is set aside here as <file>-<seconds since 1970>, kept for a configured
 * time, listed by the check, and brought back by a repair.
 */
#include "store/bytes.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOST_LOOK_MS (S_PER_DAY * UINT64_C(1000)) /* between two removals of old files in an open account */
#define LOST_AHEAD_S 60 /* a stamp so far in the future was made by a wrong clock */
#define LOST_FIRST_LOOK_MS 60000

static void lost_dir(const struct account *account, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/lost", account->path);
}

static void lost_path(const struct account *account, int64_t file, int64_t since, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/lost/%016" PRIx64 "-%" PRId64, account->path, (uint64_t)file, since);
}

static enum rc lost_fail(struct account *account, const char *what, const char *path)
{
	int error = errno;
	log_error(account->store->log, "%s account=%s path=%s error=%s", what, account_shown(account), path,
		strerror(error));
	return io_rc(error);
}

static bool lost_name_parse(struct strv name, struct lost_file *ret_lost)
{
	uint64_t since;
	if (name.n < 18 || name.p[16] != '-' || !file_name_parse(strv_make(name.p, 16), &ret_lost->file))
		return false;
	if (str_u64(strv_make(name.p + 17, name.n - 17), &since) != RC_OK || since > INT64_MAX)
		return false;
	ret_lost->since = (int64_t)since;
	return true;
}

bool lost_any(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	struct stat st;
	lost_dir(account, path);
	return io->stat(io->ctx, path, &st) == 0;
}

static enum rc lost_dir_make(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	lost_dir(account, path);
	if (io->mkdir(io->ctx, path, 0700) != 0)
		return errno == EEXIST ? RC_OK : lost_fail(account, "folder cannot be made", path);
	if (io_sync_dir(io, account->path))
		return RC_OK;
	enum rc rc = lost_fail(account, "folder cannot be synced", account->path);
	(void)io->rmdir(io->ctx, path);
	return rc;
}

enum rc lost_add(struct account *account, int64_t file)
{
	const struct io *io = account->store->io;
	char to[PATH_ROOM], dir[PATH_ROOM];
	enum rc rc = lost_dir_make(account);
	if (rc != RC_OK)
		return rc;
	lost_dir(account, dir);
	lost_path(account, file, clock_wall(), to);
	char *from = file_path(account, file);
	if (io->rename(io->ctx, from, to) != 0)
		rc = errno == ENOENT ? RC_OK : lost_fail(account, "file of nobody cannot be set aside", from);
	else
		log_warn(account->store->log, "file without a row set aside account=%s path=%s",
			account_shown(account), to);
	free(from);
	if (rc == RC_OK && !io_sync_dir(io, dir))
		rc = lost_fail(account, "folder cannot be synced", dir);
	if (rc == RC_OK)
		file_gone(account, file);
	return rc;
}

enum rc lost_back(struct account *account, const struct lost_file *lost)
{
	const struct io *io = account->store->io;
	char from[PATH_ROOM];
	enum rc rc = file_dir_make(account, file_dir(lost->file), true);
	if (rc != RC_OK)
		return rc;
	lost_path(account, lost->file, lost->since, from);
	char *to = file_path(account, lost->file);
	if (io->link(io->ctx, from, to) != 0)
		rc = errno == EEXIST ? RC_EXISTS : lost_fail(account, "file cannot be brought back", from);
	free(to);
	return rc;
}

enum rc lost_drop(struct account *account, const struct lost_file *lost)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	lost_path(account, lost->file, lost->since, path);
	if (io->unlink(io->ctx, path) != 0 && errno != ENOENT)
		return lost_fail(account, "file cannot be removed", path);
	lost_dir(account, path);
	/* The folder is removed if this was its last file. */
	(void)io->rmdir(io->ctx, path);
	return RC_OK;
}

uint64_t lost_size(struct account *account, const struct lost_file *lost)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	struct stat st;
	lost_path(account, lost->file, lost->since, path);
	return io->stat(io->ctx, path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

enum rc lost_walk(struct account *account, lost_fn *fn, void *arg)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	lost_dir(account, path);
	DIR *entries = io->opendir(io->ctx, path);
	if (!entries)
		return errno == ENOENT ? RC_OK : lost_fail(account, "folder cannot be read", path);
	enum rc rc = RC_OK;
	for (struct dirent *entry = readdir(entries); rc == RC_OK && entry; entry = readdir(entries)) {
		struct lost_file lost;
		if (lost_name_parse(strv_cstr(entry->d_name), &lost))
			rc = fn(account, &lost, arg);
	}
	(void)closedir(entries);
	return rc;
}

/* If a file's stamp lies in the future, its real age is unknown, so its time begins anew. */
static enum rc lost_stamp(struct account *account, const struct lost_file *lost, int64_t now)
{
	const struct io *io = account->store->io;
	char from[PATH_ROOM], to[PATH_ROOM];
	lost_path(account, lost->file, lost->since, from);
	lost_path(account, lost->file, now, to);
	if (io->rename(io->ctx, from, to) == 0 || errno == ENOENT)
		return RC_OK;
	return lost_fail(account, "file cannot be renamed", from);
}

static enum rc lost_expire_one(struct account *account, const struct lost_file *lost, void *arg)
{
	int64_t now = *(const int64_t *)arg;
	if (lost->since > now + LOST_AHEAD_S)
		return lost_stamp(account, lost, now);
	if (now - lost->since < (int64_t)account->store->settings.lost_keep_s)
		return RC_OK;
	log_info(account->store->log, "file without a row removed after its time account=%s file=%016" PRIx64,
		account_shown(account), (uint64_t)lost->file);
	return lost_drop(account, lost);
}

enum rc lost_expire(struct account *account)
{
	int64_t now = clock_wall();
	if (!lost_any(account))
		return RC_OK;
	account_background(account, BACKGROUND_SWEEP, clock_mono_ms() + LOST_LOOK_MS);
	return lost_walk(account, lost_expire_one, &now);
}

void lost_wish(struct account *account)
{
	if (lost_any(account))
		account_background(account, BACKGROUND_SWEEP, clock_mono_ms() + LOST_FIRST_LOOK_MS);
}
