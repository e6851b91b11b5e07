/*
 * Finds out that somebody has removed or replaced files of an account under the running server, as a restore
 * from a backup does. The open files then have no name: what is written into them is gone with the process.
 * So the names are looked up before a commit is answered, and once a second for every open account.
 */
#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define WAL_HEADER 32
#define WAL_FRAME (24 + 4096)

struct replaced {
	UT_hash_handle hh;
	int64_t id;
	uint64_t modseq;
	uint32_t uidvalidity; /* the last one given out */
};

static const char *const file_names[2] = { "account.db", "account.db-wal" };

uint64_t replaced_file_id(const struct stat *st)
{
	uint64_t id = (uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 40;
	return id ? id : 1;
}

void replaced_note(struct account *account)
{
	struct stat st[2];
	bool known = db_files(account->db, &st[0], &st[1]) == RC_OK;
	for (unsigned i = 0; i < 2; i++)
		account->file_ids[i] = known ? replaced_file_id(&st[i]) : 0;
	atomic_store(&account->db_file_id, account->file_ids[0]);
}

/*
 * Tells whether the name leads to another file, or to none. If it can't be looked up for another reason, the
 * answer is no.
 */
static bool name_replaced(struct account *account, unsigned which, struct stat *ret_stat)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/%s", account->path, file_names[which]);
	ret_stat->st_size = -1;
	if (io->stat(io->ctx, path, ret_stat) != 0)
		return errno == ENOENT || errno == ENOTDIR;
	return replaced_file_id(ret_stat) != account->file_ids[which];
}

bool replaced_seen(struct account *account)
{
	struct stat db, wal;
	uint64_t frames = db_wal_frames(account->db);
	if (account->file_ids[0] == 0)
		return false;
	if (name_replaced(account, 0, &db) || name_replaced(account, 1, &wal))
		return true;
	return frames > 0 && wal.st_size >= 0 && (uint64_t)wal.st_size < WAL_HEADER + frames * WAL_FRAME;
}

static struct replaced *replaced_find(struct store *store, int64_t id)
{
	struct replaced *entry = NULL;
	HASH_FIND(hh, store->replaced, &id, sizeof(id), entry);
	return entry;
}

void replaced_remember(struct account *account)
{
	struct store *store = account->store;
	uint64_t modseq = mail_modseq_stored(account);
	uint32_t uidvalidity = mail_uidvalidity(account);
	pthread_mutex_lock(&store->lock);
	struct replaced *entry = replaced_find(store, account->id);
	if (!entry) {
		entry = mem_zalloc(sizeof(*entry));
		entry->id = account->id;
		HASH_ADD(hh, store->replaced, id, sizeof(entry->id), entry);
	}
	if (modseq > entry->modseq)
		entry->modseq = modseq;
	if (uidvalidity > entry->uidvalidity)
		entry->uidvalidity = uidvalidity;
	pthread_mutex_unlock(&store->lock);
}

static bool replaced_get(struct account *account, struct replaced *ret_copy)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	const struct replaced *entry = replaced_find(store, account->id);
	if (entry)
		*ret_copy = *entry;
	pthread_mutex_unlock(&store->lock);
	return entry != NULL;
}

static void replaced_forget(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	struct replaced *entry = replaced_find(store, account->id);
	if (entry)
		HASH_DELETE(hh, store->replaced, entry);
	pthread_mutex_unlock(&store->lock);
	free(entry);
}

void replaced_free(struct store *store)
{
	struct replaced *entry, *next;
	HASH_ITER (hh, store->replaced, entry, next) {
		HASH_DELETE(hh, store->replaced, entry);
		free(entry);
	}
}

void replaced_close(struct account *account)
{
	log_error(account->store->log,
		"files of an account were replaced, it is opened again from what is there account=%s",
		account_shown(account));
	replaced_remember(account);
	account_abandon(account);
}

enum rc replaced_look_run(struct account *account)
{
	if (replaced_seen(account))
		replaced_close(account);
	return RC_OK;
}

struct looked {
	struct account *account; /* counted */
	uint64_t id;
};

void replaced_look(struct store *store)
{
	const struct io *io = store->io;
	pthread_mutex_lock(&store->lock);
	size_t n = 0;
	struct looked *looked = mem_alloc((store->open_count + 1) * sizeof(*looked));
	LIST_EACH (node, &store->open_accounts) {
		struct account *account = CONTAINER_OF(node, struct account, open_node);
		uint64_t id = atomic_load(&account->db_file_id);
		if (id)
			looked[n++] = (struct looked){ account_ref(account), id };
	}
	pthread_mutex_unlock(&store->lock);
	for (size_t i = 0; i < n; i++) {
		struct account *account = looked[i].account;
		char path[PATH_ROOM];
		struct stat st;
		snprintf(path, sizeof(path), "%s/%s", account->path, file_names[0]);
		bool gone = io->stat(io->ctx, path, &st) != 0 ? errno == ENOENT || errno == ENOTDIR
							      : replaced_file_id(&st) != looked[i].id;
		/* The account may have been closed meanwhile, so its strand looks again. */
		if (gone && atomic_load(&account->db_file_id) == looked[i].id)
			account_background_want(account, BACKGROUND_LOOK);
		account_unref(&looked[i].account);
	}
	free(looked);
}

static enum rc replaced_renew_mail(struct account *account, void *arg)
{
	return mail_renew(account, *(const uint32_t *)arg);
}

enum rc replaced_renew(struct account *account)
{
	struct replaced before;
	if (!replaced_get(account, &before))
		return RC_OK;
	enum rc rc = RC_OK;
	if (mail_modseq_stored(account) < before.modseq) {
		log_warn(account->store->log,
			"account is older than it was, its mailboxes get new UIDVALIDITYs account=%s",
			account_shown(account));
		rc = mail_transaction(account, replaced_renew_mail, &before.uidvalidity);
	}
	if (rc == RC_OK)
		replaced_forget(account);
	return rc;
}
