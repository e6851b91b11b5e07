/*
 * Puts a repaired database in place of the damaged one. The file account.db.new is complete and on disk. Its
 * existence is the decision: from then on the next opening finishes the steps that are left, whatever
 * happens.
 */
#include "store/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void swap_path(const struct account *account, const char *name, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/%s", account->path, name);
}

static bool swap_stat(const struct account *account, const char *name, struct stat *ret_st)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	swap_path(account, name, path);
	return io->stat(io->ctx, path, ret_st) == 0;
}

static enum rc swap_fail(struct account *account, const char *what, const char *name)
{
	int error = errno;
	log_error(account->store->log, "%s account=%s file=%s error=%s", what, account_shown(account), name,
		strerror(error));
	return io_rc(error);
}

static enum rc swap_rename(struct account *account, const char *from, const char *to)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM], target[PATH_ROOM];
	swap_path(account, from, path);
	swap_path(account, to, target);
	return io->rename(io->ctx, path, target) == 0 ? RC_OK : swap_fail(account, "rename failed", from);
}

enum rc swap_decide(struct account *account)
{
	enum rc rc = swap_rename(account, SWAP_BUILD, SWAP_NEW);
	return rc == RC_OK ? folder_sync(account->store, account->path) : rc;
}

/*
 * The number under which the old database is kept. If an interrupted attempt has kept it already, that
 * number.
 */
static unsigned swap_number(const struct account *account, const struct stat *old, bool *ret_linked)
{
	char name[64];
	struct stat st;
	unsigned n = 1;
	*ret_linked = false;
	for (; n < SWAP_LOST_MAX; n++) {
		snprintf(name, sizeof(name), "account.db.lost-%u", n);
		if (!swap_stat(account, name, &st))
			break;
		*ret_linked = st.st_ino == old->st_ino && st.st_dev == old->st_dev;
		if (*ret_linked)
			break;
	}
	return n;
}

/*
 * Gives the old database a second name, and renames its WAL, which would otherwise be taken for that of the
 * new one.
 */
static enum rc swap_set_aside(struct account *account)
{
	const struct io *io = account->store->io;
	char name[64], wal[80], path[PATH_ROOM], target[PATH_ROOM];
	struct stat st = { 0 };
	bool linked = false;
	bool there = swap_stat(account, "account.db", &st);
	unsigned n = swap_number(account, &st, &linked);
	snprintf(name, sizeof(name), "account.db.lost-%u", n);
	snprintf(wal, sizeof(wal), "%s-wal", name);
	swap_path(account, "account.db", path);
	swap_path(account, name, target);
	if (there && !linked && io->link(io->ctx, path, target) != 0)
		return swap_fail(account, "old database cannot be kept", name);
	if (swap_stat(account, "account.db-wal", &st) && st.st_size > 0)
		return swap_rename(account, "account.db-wal", wal);
	return RC_OK;
}

/* Makes an empty WAL, so that its name is synced with the others and not by the first commit. */
static enum rc swap_wal(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	swap_path(account, "account.db-wal", path);
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return swap_fail(account, "WAL cannot be made", "account.db-wal");
	(void)io->close(io->ctx, fd);
	return RC_OK;
}

enum rc swap_finish(struct account *account)
{
	struct stat st;
	if (!swap_stat(account, SWAP_NEW, &st))
		return RC_OK;
	enum rc rc = swap_set_aside(account);
	if (rc == RC_OK)
		rc = swap_wal(account);
	/* The claim of the ledger is about the old database. */
	if (rc == RC_OK)
		rc = ledger_forget(account);
	if (rc == RC_OK)
		rc = folder_sync(account->store, account->path);
	if (rc == RC_OK)
		rc = swap_rename(account, SWAP_NEW, "account.db");
	if (rc == RC_OK)
		rc = folder_sync(account->store, account->path);
	if (rc == RC_OK)
		log_warn(account->store->log, "a repaired database has taken its place account=%s",
			account_shown(account));
	return rc;
}
