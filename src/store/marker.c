/*
 * The files <account>/unclean and <account>/doubt.
 */
#include "store/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static void marker_path(const struct account *account, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/unclean", account->path);
}

enum rc marker_set(struct account *account, bool durable)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	if (account->blobs.marker)
		return RC_OK;
	marker_path(account, path);
	int fd = io->open(io->ctx, path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
	bool ok = fd >= 0;
	if (ok)
		(void)io->close(io->ctx, fd);
	if (ok && durable)
		ok = io_sync_dir(io, account->path);
	int error = errno;
	if (ok) {
		account->blobs.marker = true;
		return RC_OK;
	}
	log_error(account->store->log, "marker cannot be made account=%s path=%s error=%s",
		account_shown(account), path, strerror(error));
	return io_rc(error);
}

bool marker_exists(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	struct stat st;
	marker_path(account, path);
	return io->stat(io->ctx, path, &st) == 0;
}

void marker_remove(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	if (!account->blobs.marker)
		return;
	marker_path(account, path);
	if (io->unlink(io->ctx, path) == 0 || errno == ENOENT)
		account->blobs.marker = false;
}

static void doubt_path(const struct account *account, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/doubt", account->path);
}

void marker_doubt_set(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	account->suspect = true;
	doubt_path(account, path);
	int fd = io->open(io->ctx, path, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		(void)io->close(io->ctx, fd);
	else
		log_error(account->store->log, "a failed sync cannot be noted account=%s path=%s error=%s",
			account_shown(account), path, strerror(errno));
}

bool marker_doubt_exists(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	struct stat st;
	doubt_path(account, path);
	return io->stat(io->ctx, path, &st) == 0;
}

void marker_doubt_remove(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	doubt_path(account, path);
	account->suspect = false;
	if (io->unlink(io->ctx, path) != 0 && errno != ENOENT)
		log_warn(account->store->log, "file cannot be removed account=%s path=%s error=%s",
			account_shown(account), path, strerror(errno));
}
