/*
 * Empties the WALs of quiet accounts. Some seconds after the last commit the whole WAL goes into the database
 * file and is emptied, so that one damaged sector of it costs little, and an account that nobody uses can be
 * opened cheaply. That takes four syncs, which nobody waits for; therefore the number of accounts a second is
 * limited, and an account that has to be closed earlier is opened again for it later.
 */
#include "store/store_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/wal.h"

#define SETTLE_QUIET_MS 3000 /* since the last commit */
#define SETTLE_SPREAD_MS 2000 /* accounts that fell quiet together are not settled together */
#define SETTLE_TOKENS 100 /* accounts settled in one second */
#define SETTLE_AGAIN 20 /* at most this many of them for accounts that are closed */
#define SETTLE_WAIT_MS 1000 /* the wait if no token is left */
#define SETTLE_FAILED_MS 10000 /* the wait after a failure, such as a full disk */
#define SETTLE_REST_MS 10000
#define UNSETTLED_MAX 1000000

struct unsettled {
	UT_hash_handle hh;
	int64_t id;
};

static bool token_take(struct store *store)
{
	unsigned left = atomic_load(&store->settle_tokens);
	while (left > 0)
		if (atomic_compare_exchange_weak(&store->settle_tokens, &left, left - 1))
			return true;
	return false;
}

/*
 * Checks the checksums of all frames: SQLite does not look at them again, and damage since then would go into
 * the database.
 */
static enum rc wal_whole(struct account *account, unsigned frames)
{
	struct wal_scan scan;
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/account.db-wal", account->path);
	enum rc rc = wal_scan(account->store->io, path, &scan);
	if (rc != RC_OK || (scan.header && scan.frames >= frames))
		return rc;
	log_error(account->store->log, "WAL of an open account is damaged account=%s frames=%u written=%u",
		account_shown(account), scan.frames, frames);
	return RC_CORRUPT;
}

enum rc settle_checkpoint(struct account *account, bool truncate)
{
	unsigned frames = db_wal_frames(account->db);
	enum rc rc = frames > 0 ? wal_whole(account, frames) : RC_OK;
	if (rc == RC_OK)
		rc = db_checkpoint(account->db, false);
	if (rc != RC_OK || db_wal_frames(account->db) > 0)
		return rc;
	rc = ledger_settle(account, frames);
	account->wal_held = rc != RC_OK;
	if (rc != RC_OK || !truncate)
		return rc;
	/* Even if the WAL is not emptied, it begins anew. */
	rc = db_checkpoint(account->db, true);
	if (rc == RC_OK)
		rc = db_sync_wal(account->db);
	if (rc == RC_OK)
		ledger_emptied(account);
	return RC_OK;
}

static uint64_t settle_spread(const struct account *account)
{
	return (uint64_t)account->id * UINT64_C(0x9e3779b97f4a7c15) % SETTLE_SPREAD_MS;
}

static enum rc settle_failed(struct account *account, enum rc rc)
{
	if (account->state != ACCOUNT_OPEN)
		return rc;
	if (rc == RC_CORRUPT) {
		account_fail(account, rc, true);
		return rc;
	}
	if (account->wal_held)
		account_reopen(account);
	account->checkpoint_ms = clock_mono_ms() + SETTLE_FAILED_MS;
	if (account->state == ACCOUNT_OPEN)
		account_background(account, BACKGROUND_CHECKPOINT, account->checkpoint_ms);
	return rc;
}

enum rc settle_run(struct account *account)
{
	uint64_t now = clock_mono_ms(), number = atomic_load(&account->dirty_number);
	unsigned frames = db_wal_frames(account->db);
	bool low = space_state(account->store) != SPACE_PLENTY;
	bool many = frames >= (low ? CHECKPOINT_FRAMES_LOW : CHECKPOINT_FRAMES);
	if (frames == 0)
		return RC_OK;
	if (!many && now < account->committed_ms + SETTLE_QUIET_MS) {
		account_background(account, BACKGROUND_CHECKPOINT,
			account->committed_ms + SETTLE_QUIET_MS + settle_spread(account));
		return RC_OK;
	}
	if (!many && !token_take(account->store)) {
		account_background(
			account, BACKGROUND_CHECKPOINT, now + SETTLE_WAIT_MS + settle_spread(account));
		return RC_OK;
	}
	/* An empty WAL needs no room on the disk. */
	enum rc rc = settle_checkpoint(account, !many || low);
	if (rc == RC_OK || !(account->wal_held || rc == RC_CORRUPT))
		account_background_synced(account, rc, number);
	return rc == RC_OK ? rc : settle_failed(account, rc);
}

/* Notes an account that has to be closed now. Its WAL is emptied when there is time. */
static void unsettled_add(struct account *account)
{
	struct store *store = account->store;
	struct unsettled *entry = NULL;
	pthread_mutex_lock(&store->lock);
	HASH_FIND(hh, store->unsettled, &account->id, sizeof(account->id), entry);
	if (!entry && HASH_COUNT(store->unsettled) < UNSETTLED_MAX) {
		entry = mem_zalloc(sizeof(*entry));
		entry->id = account->id;
		HASH_ADD(hh, store->unsettled, id, sizeof(entry->id), entry);
	}
	pthread_mutex_unlock(&store->lock);
}

unsigned settle_waiting(const struct store *store)
{
	return HASH_COUNT(store->unsettled);
}

static struct unsettled *unsettled_take(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	struct unsettled *entry = store->unsettled;
	if (entry)
		HASH_DELETE(hh, store->unsettled, entry);
	pthread_mutex_unlock(&store->lock);
	return entry;
}

bool settle_may_close(const struct account *account)
{
	return !account->doubtful && strand_length(account->strand) == 0;
}

void settle_close(struct account *account)
{
	if (db_wal_frames(account->db) == 0 || token_take(account->store)) {
		account_close(account);
		return;
	}
	unsettled_add(account);
	account_close_quickly(account);
}

enum rc settle_close_run(struct account *account)
{
	/* After a reopening the account would show a commit that nobody has been told of. */
	if (account->doubtful && account_writable(account) != RC_OK)
		return RC_OK;
	/* If a new job needs the account, it stays open. */
	if (settle_may_close(account))
		settle_close(account);
	return RC_OK;
}

void settle_wish(struct account *account)
{
	unsigned frames = db_wal_frames(account->db);
	uint64_t now = clock_mono_ms();
	bool idle = strand_length(account->strand) == 0;
	if (frames == 0 || now < account->checkpoint_ms)
		return;
	bool low = space_state(account->store) != SPACE_PLENTY;
	unsigned many = low ? CHECKPOINT_FRAMES_LOW : CHECKPOINT_FRAMES;
	unsigned busy = low ? CHECKPOINT_FRAMES : CHECKPOINT_FRAMES_BUSY;
	if (frames >= busy || (frames >= many && idle))
		account_background_want(account, BACKGROUND_CHECKPOINT);
	else if (account->due[BACKGROUND_CHECKPOINT] == 0)
		account_background(
			account, BACKGROUND_CHECKPOINT, now + SETTLE_QUIET_MS + settle_spread(account));
}

static enum rc again_run(struct account *account, struct job *job)
{
	(void)job;
	if (account->state == ACCOUNT_OPEN)
		account_background(account, BACKGROUND_CHECKPOINT, clock_mono_ms());
	return RC_OK;
}

static void again_done(struct job *job)
{
	free(job);
}

void settle_tick(struct store *store)
{
	atomic_store(&store->settle_tokens, SETTLE_TOKENS);
	for (unsigned i = 0; i < SETTLE_AGAIN; i++) {
		struct unsettled *entry = unsettled_take(store);
		if (!entry)
			return;
		struct account *account = account_get(store, entry->id);
		struct job *job = mem_zalloc(sizeof(*job));
		job->kind = JOB_READ;
		job->run = again_run;
		job->done = again_done;
		job_submit_always(account, job);
		account_unref(&account);
		free(entry);
	}
}

void settle_rest(struct store *store)
{
	uint64_t end = clock_mono_ms() + SETTLE_REST_MS;
	struct unsettled *entry = unsettled_take(store);
	while (entry && clock_mono_ms() < end) {
		struct account *account = account_get(store, entry->id);
		if (strand_borrow(account->strand)) {
			if (account->state == ACCOUNT_CLOSED && account_open(account) == RC_OK)
				account_close(account);
			strand_return(account->strand);
		}
		account_unref(&account);
		free(entry);
		entry = unsettled_take(store);
	}
	free(entry);
}

void settle_free(struct store *store)
{
	struct unsettled *entry, *next;
	HASH_ITER (hh, store->unsettled, entry, next) {
		HASH_DELETE(hh, store->unsettled, entry);
		free(entry);
	}
}
