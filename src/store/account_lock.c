/*
 * A locked account is closed and stays closed. It is held in the list of failed accounts, so that it is not
 * forgotten when nobody has a handle on it.
 */
#include "store/account_lock.h"

#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>

static bool lock_wal_empty(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	struct stat st;
	snprintf(path, sizeof(path), "%s/account.db-wal", account->path);
	if (io->stat(io->ctx, path, &st) != 0)
		return errno == ENOENT;
	return st.st_size == 0;
}

static void lock_set(struct account *account, bool locked)
{
	struct store *store = account->store;
	if (atomic_exchange(&account->locked, locked) == locked)
		return;
	if (locked)
		atomic_fetch_add(&store->locked_count, 1);
	else
		atomic_fetch_sub(&store->locked_count, 1);
}

enum rc account_lock(struct account *account, struct buf *report)
{
	strand_assert(account->strand);
	if (account->state == ACCOUNT_GONE)
		return RC_GONE;
	if (account->state != ACCOUNT_LOCKED) {
		/*
		 * An account that can't be opened is locked all the same: it may be the one that has to be
		 * restored.
		 */
		enum rc rc = account_ready(account);
		if (rc == RC_OK)
			replaced_remember(account);
		account_close_locked(account);
		lock_set(account, true);
		log_info(account->store->log, "account locked account=%s", account_shown(account));
	}
	buf_printf(
		report, "folder: %s\nwal-empty: %s\n", account->path, lock_wal_empty(account) ? "yes" : "no");
	return RC_OK;
}

enum rc account_unlock(struct account *account)
{
	strand_assert(account->strand);
	if (account->state == ACCOUNT_GONE)
		return RC_GONE;
	if (account->state != ACCOUNT_LOCKED)
		return RC_NOT_FOUND;
	account_close(account);
	log_info(account->store->log, "account unlocked account=%s", account_shown(account));
	return account_ready(account);
}

void account_lock_ended(struct account *account)
{
	lock_set(account, false);
}

bool account_locked(const struct account *account)
{
	return atomic_load(&account->locked);
}

bool store_account_locked(struct store *store, int64_t id)
{
	struct account *account = NULL;
	pthread_mutex_lock(&store->lock);
	HASH_FIND(hh, store->accounts, &id, sizeof(id), account);
	bool locked = account && account_locked(account);
	pthread_mutex_unlock(&store->lock);
	return locked;
}

unsigned store_locked_count(struct store *store)
{
	return atomic_load(&store->locked_count);
}
