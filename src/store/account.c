/*
 * Handles of accounts, and opening and closing what is behind them.
 *
 * The account row of the database holds a synced ceiling above every modseq that anybody has seen, the boot
 * id under which the file was last written, and whether it was closed in order. The first commit after
 * opening marks the row as "in use"; if that commit is a relaxed one it is synced for once, so that a lost
 * one is always noticed (promise 5).
 */
#include "store/conversation.h"
#include "store/owners.h"
#include "store/store_priv.h"
#include "store/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct gone_id {
	UT_hash_handle hh;
	int64_t id;
};

#define SHOWN_ROOM 256 /* octets of an address in log lines */

/* Handles. */

static bool id_is_gone(struct store *store, int64_t id)
{
	struct gone_id *gone = NULL;
	HASH_FIND(hh, store->gone, &id, sizeof(id), gone);
	return gone != NULL;
}

static struct account *account_new(struct store *store, int64_t id)
{
	char path[PATH_ROOM];
	struct account *account = mem_zalloc(sizeof(*account));
	account->store = store;
	account->id = id;
	snprintf(path, sizeof(path), "%s/users/%02x/%" PRId64, store->root, (unsigned)(id & 0xff), id);
	account->path = mem_strdup(path);
	account->strand = strand_new(store->pool, store->settings.strand_max, job_turn, account);
	atomic_init(&account->refs, 0);
	pthread_mutex_init(&account->watch_lock, NULL);
	account->state = id_is_gone(store, id) ? ACCOUNT_GONE : ACCOUNT_CLOSED;
	account->fail_rc = RC_UNAVAILABLE;
	account->job_arena = arena_new(0);
	account->ledger.fd = -1;
	return account;
}

static void account_free(struct account *account)
{
	strand_release(&account->strand);
	arena_free(&account->job_arena);
	pthread_mutex_destroy(&account->watch_lock);
	free(account->watches);
	free(account->path);
	free(account);
}

struct account *account_get(struct store *store, int64_t account_id)
{
	struct account *account = NULL;
	pthread_mutex_lock(&store->lock);
	HASH_FIND(hh, store->accounts, &account_id, sizeof(account_id), account);
	if (!account) {
		account = account_new(store, account_id);
		HASH_ADD(hh, store->accounts, id, sizeof(account->id), account);
	}
	account_ref(account);
	pthread_mutex_unlock(&store->lock);
	return account;
}

struct account *account_ref(struct account *account)
{
	atomic_fetch_add_explicit(&account->refs, 1, memory_order_relaxed);
	return account;
}

void account_unref(struct account **account)
{
	struct account *a = *account;
	if (!a)
		return;
	*account = NULL;
	/* All but the last reference go without the lock. */
	unsigned refs = atomic_load_explicit(&a->refs, memory_order_relaxed);
	while (refs > 1)
		if (atomic_compare_exchange_weak_explicit(
			    &a->refs, &refs, refs - 1, memory_order_acq_rel, memory_order_relaxed))
			return;
	struct store *store = a->store;
	pthread_mutex_lock(&store->lock);
	bool last = atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1;
	if (last)
		HASH_DELETE(hh, store->accounts, a);
	pthread_mutex_unlock(&store->lock);
	if (last)
		account_free(a);
}

int64_t account_id(const struct account *account)
{
	return account->id;
}

struct store *account_store(const struct account *account)
{
	return account->store;
}

struct log *account_log(const struct account *account)
{
	return account->store->log;
}

const char *store_account_shown(const struct store *store, int64_t account_id)
{
	char name[SHOWN_ROOM];
	if (!owners_name(store->owners, account_id, name, sizeof(name)))
		snprintf(name, sizeof(name), "%" PRId64, account_id);
	return log_escape(strv_cstr(name));
}

const char *account_shown(const struct account *account)
{
	return store_account_shown(account->store, account->id);
}

const char *account_path(const struct account *account)
{
	return account->path;
}

struct arena *account_arena(struct account *account)
{
	strand_assert(account->strand);
	return account->job_arena;
}

uint64_t account_origin(const struct account *account)
{
	return account->job ? account->job->origin : 0;
}

bool account_full(struct account *account)
{
	return strand_full(account->strand);
}

bool account_borrow(struct account *account, struct reactor *reactor)
{
	if (!strand_borrow(account->strand))
		return false;
	if (account->state != ACCOUNT_OPEN || !reactor_inbox_empty(reactor)) {
		strand_return(account->strand);
		return false;
	}
	atomic_store_explicit(&account->last_used, clock_mono_ms(), memory_order_relaxed);
	arena_reset(account->job_arena);
	return true;
}

void account_return(struct account *account)
{
	strand_return(account->strand);
}

/* Modseqs. */

uint64_t account_modseq_next(struct account *account)
{
	return ++account->modseq;
}

uint64_t account_modseq_last(const struct account *account)
{
	return account->modseq;
}

enum rc account_row_write(struct account *account, uint64_t ceiling, bool clean)
{
	return db_run(account->db, "UPDATE account SET modseq_ceiling = ?1, boot_id = ?2, clean = ?3", "uti",
		ceiling, strv_cstr(account->store->boot_id), (int64_t)clean);
}

enum rc account_prepare_commit(struct account *account, bool *ret_sync)
{
	uint64_t ceiling = account->ceiling;
	/*
	 * The modseq stays below the ceiling: after a power cut every message gets the ceiling as its modseq,
	 * and clients must take that for a change.
	 */
	if (account->modseq + 1 >= ceiling)
		ceiling = account->modseq + MODSEQ_STEP;
	account->next_ceiling = ceiling;
	enum rc rc = blob_prepare_commit(account);
	if (rc != RC_OK || (account->use_noted && ceiling == account->ceiling))
		return rc;
	rc = account_row_write(account, ceiling, false);
	if (rc == RC_OK)
		*ret_sync = true;
	return rc;
}

void account_synced(struct account *account, uint64_t number)
{
	uint64_t seen = atomic_load(&account->synced_number);
	while (seen < number && !atomic_compare_exchange_weak(&account->synced_number, &seen, number))
		;
}

bool account_dirty(struct account *account)
{
	return atomic_load(&account->dirty_number) != atomic_load(&account->synced_number);
}

void account_committed(struct account *account, bool synced)
{
	account->committed_ms = clock_mono_ms();
	if (synced) {
		account->use_noted = true;
		account->ceiling = account->next_ceiling;
		account_synced(account, atomic_load(&account->dirty_number));
		ledger_note(account);
	} else {
		atomic_fetch_add(&account->dirty_number, 1);
	}
}

/* Opening. */

static enum rc row_read(struct account *account, bool *ret_clean, bool *ret_same_boot)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT modseq_ceiling, boot_id, clean FROM account", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	account->ceiling = db_u64(stmt, 0);
	*ret_same_boot = strv_eq(db_text(stmt, 1), strv_cstr(account->store->boot_id));
	*ret_clean = db_i64(stmt, 2) == 1;
	db_reset(stmt);
	return RC_OK;
}

static enum rc migrate_in_transaction(struct account *account, int version)
{
	enum rc rc = db_begin(account->db, true);
	if (rc != RC_OK)
		return rc;
	rc = schema_migrate(db_handle(account->db), version, account->store->log);
	if (rc == RC_OK && version < 2)
		rc = conversation_put_all(account);
	if (rc == RC_OK && version < 6)
		rc = schema_renew_cache(db_handle(account->db), account->store->log);
	if (rc == RC_OK)
		rc = db_commit(account->db);
	if (rc != RC_OK)
		db_rollback(account->db);
	return rc;
}

static enum rc account_migrate(struct account *account)
{
	int version;
	enum rc rc = db_version(account->db, &version);
	if (rc != RC_OK || version == SCHEMA_VERSION)
		return rc;
	/* The version is not ours, but the tables are: somebody has changed the number. */
	if (schema_is_ours(db_handle(account->db))) {
		log_error(account->store->log,
			"version in the header of a database is damaged account=%s version=%d",
			account_shown(account), version);
		return RC_CORRUPT;
	}
	if (version > 0 && version < SCHEMA_VERSION) {
		char path[PATH_ROOM];
		snprintf(path, sizeof(path), "%s/account.db.v%d", account->path, version);
		const struct io *io = account->store->io;
		if (io->unlink(io->ctx, path) != 0 && errno != ENOENT)
			return io_rc(errno);
		rc = db_backup(account->db, path, vfs_name(account->store->vfs));
		if (rc != RC_OK)
			return rc;
	}
	return migrate_in_transaction(account, version);
}

/*
 * After a crash of the machine, flags that clients have seen may be lost. So every message gets a new modseq.
 */
static enum rc account_raise(struct account *account)
{
	uint64_t modseq = account->ceiling > account->modseq ? account->ceiling : account->modseq + 1;
	enum rc rc = db_begin(account->db, true);
	if (rc != RC_OK)
		return rc;
	account->modseq = modseq;
	rc = mail_raise_modseq(account, modseq);
	if (rc == RC_OK)
		rc = account_row_write(account, modseq + MODSEQ_STEP, false);
	if (rc == RC_OK)
		rc = db_commit(account->db);
	if (rc != RC_OK) {
		db_rollback(account->db);
		return rc;
	}
	mail_committed(account);
	account->ceiling = modseq + MODSEQ_STEP;
	account->use_noted = true;
	log_info(account->store->log,
		"account was not closed before the machine went down account=%s modseq=%" PRIu64,
		account_shown(account), modseq);
	return RC_OK;
}

/* Reads names and counters. A new account gets its mailboxes here. */
static enum rc open_mail(struct account *account, bool created)
{
	enum rc rc = created ? db_begin(account->db, false) : RC_OK;
	if (rc != RC_OK)
		return rc;
	rc = mail_open(account);
	if (rc == RC_OK && created)
		rc = db_commit(account->db);
	if (rc != RC_OK) {
		db_rollback(account->db);
		return rc;
	}
	if (created) {
		mail_committed(account);
		/*
		 * The commit was not synced, so the account counts as dirty. No client has been told anything
		 * of it yet.
		 */
		atomic_fetch_add(&account->dirty_number, 1);
	}
	uint64_t modseq = mail_modseq(account);
	if (modseq > account->modseq)
		account->modseq = modseq;
	return RC_OK;
}

/*
 * After a failed sync the WAL may be readable and yet not be on disk. So it is written anew, its contents go
 * into the database file, which is synced, and the WAL begins anew.
 */
static enum rc account_examine(struct account *account)
{
	enum rc rc = db_quick_check(account->db);
	if (rc != RC_OK)
		return rc;
	rc = db_wal_rewrite(account->db);
	if (rc == RC_OK)
		rc = settle_checkpoint(account, true);
	if (rc == RC_OK)
		marker_doubt_remove(account);
	else if (store_storage_rc(rc) && !account->wal_held)
		account_reads_only(account, rc);
	else
		return rc;
	return RC_OK;
}

/*
 * If the modseqs can't be raised now, they are raised before the first change. Until then the old ones are as
 * good.
 */
static enum rc open_raised(struct account *account)
{
	enum rc rc = account_raise(account);
	if (!store_storage_rc(rc))
		return rc;
	account_reads_only(account, rc);
	return mail_reload(account);
}

/* Opens the database if it and its WAL are what the ledger says. */
static enum rc open_db(struct account *account, bool *ret_created)
{
	char path[PATH_ROOM];
	unsigned frames = 0;
	account->damage = NULL;
	snprintf(path, sizeof(path), "%s/account.db", account->path);
	enum rc rc = account_owner_check(account);
	if (rc == RC_OK)
		rc = swap_finish(account);
	if (rc == RC_OK)
		rc = folder_account_make(account, path, ret_created);
	if (rc == RC_OK)
		rc = ledger_open(account);
	if (rc == RC_OK)
		rc = ledger_examine(account, &frames);
	if (rc == RC_OK)
		rc = db_spare_open(account->store->spares, path, account_shown(account), account->store->log,
			&account->db);
	if (rc != RC_OK)
		return rc;
	db_wal_found(account->db, frames);
	account->wal_held = false;
	replaced_note(account);
	if (ledger_wal_blank(account))
		db_wal_blank(account->db);
	return rc;
}

static enum rc open_parts(struct account *account)
{
	bool created = false, clean = true, same_boot = true;
	enum rc rc = open_db(account, &created);
	if (rc != RC_OK)
		return rc;
	account->write_rc = RC_OK;
	account->suspect = account->suspect || marker_doubt_exists(account);
	if (db_read_only(account->db))
		account_reads_only(account, RC_READONLY);
	else if (account->suspect)
		rc = account_examine(account);
	if (rc == RC_OK)
		rc = account_migrate(account);
	if (rc == RC_OK)
		rc = row_read(account, &clean, &same_boot);
	if (rc == RC_OK)
		rc = blob_open_account(account, clean);
	if (rc != RC_OK)
		return rc;
	account->blobs_open = true;
	rc = open_mail(account, created);
	if (rc == RC_OK)
		rc = ledger_examine_modseq(account);
	if (rc == RC_OK && account->write_rc == RC_OK)
		rc = replaced_renew(account);
	if (rc != RC_OK || clean || account->write_rc != RC_OK)
		return rc;
	if (!same_boot)
		return open_raised(account);
	/*
	 * An earlier opening ended without closing the account, so the WAL may hold commits that are not
	 * synced.
	 */
	account->use_noted = true;
	atomic_fetch_add(&account->dirty_number, 1);
	return RC_OK;
}

/*
 * Writes that the account was closed in order, unless something is in doubt. If the row is lost, clients only
 * fetch the flags again.
 */
static void mark_clean(struct account *account)
{
	enum rc rc = RC_OK;
	if (!account->use_noted || account->suspect || account->write_rc != RC_OK)
		return;
	if (account_dirty(account)) {
		uint64_t number = atomic_load(&account->dirty_number);
		rc = db_sync_wal(account->db);
		if (rc == RC_OK)
			account_synced(account, number);
		/*
		 * A second sync would succeed although the data may not be on disk, so the doubt is kept in a
		 * file.
		 */
		if (rc != RC_OK)
			marker_doubt_set(account);
	}
	if (rc == RC_OK)
		rc = db_begin(account->db, false);
	if (rc == RC_OK)
		rc = account_row_write(account, account->ceiling, true);
	if (rc == RC_OK)
		rc = db_commit(account->db);
	if (rc != RC_OK) {
		db_rollback(account->db);
		log_warn(account->store->log, "account cannot be closed in order account=%s rc=%s",
			account_shown(account), rc_name(rc));
	}
}

/* The state in which an orderly close leaves the WAL. */
enum close_wal {
	CLOSE_WAL_LEFT,
	CLOSE_WAL_SETTLED, /* emptied, but for the mark that all is well */
	CLOSE_WAL_EMPTIED
};

static void close_settled(struct account *account)
{
	if (account->suspect || account->write_rc != RC_OK)
		return;
	enum rc rc = settle_checkpoint(account, true);
	if (rc == RC_OK)
		return;
	marker_doubt_set(account);
	log_warn(account->store->log, "WAL of an account is left as it is account=%s rc=%s",
		account_shown(account), rc_name(rc));
}

static void close_parts(struct account *account, bool in_order, enum close_wal wal)
{
	if (account->db)
		db_rollback(account->db);
	mail_close(account);
	if (account->blobs_open)
		blob_close_account(account);
	account->blobs_open = false;
	/*
	 * The WAL may stay if the mark of the orderly close is all that it holds: losing that mark does no
	 * harm.
	 */
	bool empty = account->db && db_wal_frames(account->db) == 0;
	if (account->db && in_order)
		mark_clean(account);
	if (account->db && in_order && (wal == CLOSE_WAL_EMPTIED || (wal == CLOSE_WAL_SETTLED && !empty)))
		close_settled(account);
	if (in_order)
		db_spare_close(account->store->spares, &account->db);
	db_close(&account->db);
	ledger_close(account);
	atomic_store(&account->db_file_id, 0);
	account->use_noted = false;
	for (int kind = 0; kind < BACKGROUND_KINDS; kind++)
		account->due[kind] = 0;
	atomic_store(&account->next_due, 0);
	atomic_store(&account->synced_number, atomic_load(&account->dirty_number));
}

enum rc account_open(struct account *account)
{
	account_place_take(account);
	enum rc rc = open_parts(account);
	if (rc != RC_OK) {
		account_place_return(account);
		log_error(account->store->log, "account cannot be opened account=%s rc=%s",
			account_shown(account), rc_name(rc));
		/* Descriptors or memory have run out; other accounts may hold some. */
		if (rc == RC_UNAVAILABLE)
			store_evict_some(account->store);
		account_fail(account, rc, false);
		return rc;
	}
	bool had_failed = account->state == ACCOUNT_FAILED;
	account->state = ACCOUNT_OPEN;
	account->retry_ms = 0;
	if (account->write_rc == RC_OK)
		account->write_retry_ms = 0;
	if (had_failed)
		account_mended(account);
	account_opened(account);
	marked_sweep(account);
	push_owed_sweep(account);
	return RC_OK;
}

static void account_close_how(struct account *account, enum close_wal wal)
{
	enum account_state was = account->state;
	close_parts(account, was == ACCOUNT_OPEN, wal);
	if (was == ACCOUNT_GONE)
		return;
	if (was == ACCOUNT_OPEN && account->suspect) {
		/*
		 * The suspicion is kept in memory as a failure, so that the next opening examines the
		 * database.
		 */
		account_fail(account, RC_UNAVAILABLE, false);
		account->retry_at = account->retry_ms = 0;
		return;
	}
	account->state = ACCOUNT_CLOSED;
	if (was == ACCOUNT_OPEN)
		account_closed(account);
	else if (was == ACCOUNT_FAILED || was == ACCOUNT_LOCKED)
		account_mended(account);
	if (was == ACCOUNT_LOCKED)
		account_lock_ended(account);
}

void account_close(struct account *account)
{
	account_close_how(account, CLOSE_WAL_SETTLED);
}

void account_close_quickly(struct account *account)
{
	account_close_how(account, CLOSE_WAL_LEFT);
}

void account_close_locked(struct account *account)
{
	account_close_how(account, CLOSE_WAL_EMPTIED);
	/* An account that has failed is in the list of failed accounts already. */
	if (account->state != ACCOUNT_FAILED)
		account_failed(account);
	account->retry_at = account->retry_ms = 0;
	account->state = ACCOUNT_LOCKED;
	change_publish_kind(account, CHANGE_RESET);
}

enum rc account_ready(struct account *account)
{
	switch (account->state) {
	case ACCOUNT_OPEN:
		return RC_OK;
	case ACCOUNT_CLOSED:
		return account_open(account);
	case ACCOUNT_FAILED:
		if (clock_mono_ms() < account->retry_at)
			return account->fail_rc;
		return account_open(account);
	case ACCOUNT_LOCKED:
		return RC_UNAVAILABLE;
	case ACCOUNT_GONE:
		return RC_GONE;
	}
	abort();
}

void account_fail(struct account *account, enum rc rc, bool tell)
{
	bool was_open = account->state == ACCOUNT_OPEN;
	bool had_failed = account->state == ACCOUNT_FAILED;
	close_parts(account, false, CLOSE_WAL_LEFT);
	if (account->retry_ms == 0)
		account->retry_ms = ACCOUNT_RETRY_MIN_MS;
	else if (account->retry_ms < ACCOUNT_RETRY_MAX_MS / 2)
		account->retry_ms *= 2;
	else
		account->retry_ms = ACCOUNT_RETRY_MAX_MS;
	account->retry_at = clock_mono_ms() + account->retry_ms;
	account->fail_rc = rc;
	account->state = ACCOUNT_FAILED;
	if (tell)
		change_publish_kind(account, CHANGE_RESET);
	if (was_open)
		account_closed(account);
	if (!had_failed)
		account_failed(account);
}

void account_abandon(struct account *account)
{
	if (account->blobs_open)
		blob_abandon_account(account);
	account->blobs_open = false;
	close_parts(account, false, CLOSE_WAL_LEFT);
	account->state = ACCOUNT_CLOSED;
	change_publish_kind(account, CHANGE_RESET);
	account_closed(account);
}

void account_reopen(struct account *account)
{
	close_parts(account, false, CLOSE_WAL_LEFT);
	account->state = ACCOUNT_CLOSED;
	account_closed(account);
	enum rc rc = account_open(account);
	/* The sessions have seen what the database holds. They are told only if it can't be read again. */
	if (rc != RC_OK)
		change_publish_kind(account, CHANGE_RESET);
}

enum rc account_recover(struct account *account)
{
	marker_doubt_set(account);
	account->doubtful = true;
	enum rc rc = account_marker_write(account);
	if (rc != RC_OK && mail_reload(account) == RC_OK) {
		account_reads_only(account, RC_UNAVAILABLE);
		return RC_UNAVAILABLE;
	}
	if (rc == RC_OK) {
		uint64_t ceiling = account->next_ceiling;
		close_parts(account, false, CLOSE_WAL_LEFT);
		account->state = ACCOUNT_CLOSED;
		account_closed(account);
		rc = account_open(account);
		if (rc == RC_OK && account->ceiling != ceiling)
			rc = RC_CORRUPT;
		if (rc == RC_OK) {
			log_warn(account->store->log, "account recovered after a failed sync account=%s",
				account_shown(account));
			return RC_OK;
		}
	}
	log_error(account->store->log, "outcome of a commit is unknown, sessions end account=%s rc=%s",
		account_shown(account), rc_name(rc));
	account->suspect = true;
	account_fail(account, RC_UNAVAILABLE, true);
	return RC_UNAVAILABLE;
}

/* Removal. */

void account_mark_gone(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	if (!id_is_gone(store, account->id)) {
		struct gone_id *gone = mem_zalloc(sizeof(*gone));
		gone->id = account->id;
		HASH_ADD(hh, store->gone, id, sizeof(gone->id), gone);
	}
	pthread_mutex_unlock(&store->lock);
	account->state = ACCOUNT_GONE;
}

void store_gone_free(struct store *store)
{
	struct gone_id *gone, *next;
	HASH_ITER (hh, store->gone, gone, next) {
		HASH_DELETE(hh, store->gone, gone);
		free(gone);
	}
}
