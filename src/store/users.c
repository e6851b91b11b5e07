/*
 * server.db and its strand. Jobs are grouped as those of an account are (job.c), but no memory has to follow
 * a rollback.
 */
#include "store/users.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/users_priv.h"

#define USERS_WAITING_MAX 4096
#define USERS_BATCH_MAX 64
#define USERS_RETRY_MS 1000

static enum rc users_ready(struct users *users)
{
	if (users->db)
		return RC_OK;
	if (atomic_load(&users->lost) || clock_mono_ms() < users->retry_at)
		return RC_UNAVAILABLE;
	users->retry_at = clock_mono_ms() + USERS_RETRY_MS;
	return users_file_there(users) && users_open_db(users) == RC_OK ? RC_OK : RC_UNAVAILABLE;
}

/* Commits the marker and opens the database anew. Until both succeed the database stays open for reading. */
static enum rc users_mend(struct users *users)
{
	enum rc rc = RC_OK;
	users->write_retry_at = clock_mono_ms() + USERS_RETRY_MS;
	if (users->doubtful) {
		rc = db_begin(users->db, true);
		if (rc == RC_OK)
			rc = db_run(users->db, "UPDATE marker SET number = number + 1", "");
		if (rc == RC_OK)
			rc = db_commit(users->db);
		if (rc != RC_OK) {
			db_rollback(users->db);
			return rc;
		}
	}
	users->doubtful = false;
	users->retry_at = 0;
	db_close(&users->db);
	return users_ready(users);
}

/* RC_OK, or the reason why nothing can be changed now. */
static enum rc users_writable(struct users *users)
{
	enum rc rc = users_ready(users);
	if (rc != RC_OK)
		return rc;
	if (!users->suspect && !db_read_only(users->db))
		return RC_OK;
	if (clock_mono_ms() < users->write_retry_at)
		return RC_UNAVAILABLE;
	rc = users_mend(users);
	return rc == RC_OK && !users->suspect && !db_read_only(users->db) ? RC_OK : RC_UNAVAILABLE;
}

/* Does for server.db what account_recover does for an account. */
static enum rc users_recover(struct users *users)
{
	users->suspect = users->doubtful = true;
	users->loaded = false;
	enum rc rc = users_mend(users);
	if (rc != RC_OK)
		log_error(users->store->log, "outcome of a commit in server.db is unknown");
	return rc == RC_OK && !users->suspect ? RC_OK : RC_UNAVAILABLE;
}

/* Jobs. */

static void users_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct users_job *job = CONTAINER_OF(msg, struct users_job, msg);
	(void)reactor;
	job->done(job);
}

static void users_deliver(struct users_job *job)
{
	if (job->home) {
		job->msg.fn = users_arrived;
		reactor_post(job->home, &job->msg);
	} else {
		job->done(job);
	}
}

/*
 * Runs a job within a transaction of several. RC_OK: the transaction goes on, whether the job succeeded or
 * not.
 */
static enum rc users_try_one(struct users *users, struct users_job *job)
{
	enum rc rc = db_savepoint(users->db);
	if (rc != RC_OK)
		return rc;
	job->rc = job->run(users, job);
	if (!db_in_transaction(users->db))
		return job->rc == RC_OK ? RC_IO : job->rc;
	return job->rc == RC_OK ? db_release(users->db) : db_rollback_to(users->db);
}

/* Runs the jobs in one transaction. On error nothing has happened, unless *ret_uncertain. */
static enum rc users_try(struct users *users, struct users_job **jobs, size_t n, bool *ret_uncertain)
{
	enum rc rc = db_begin(users->db, true);
	for (size_t i = 0; rc == RC_OK && i < n; i++)
		rc = users_try_one(users, jobs[i]);
	if (rc == RC_OK)
		rc = users_owners_write(users);
	if (rc == RC_OK) {
		rc = db_commit(users->db);
		*ret_uncertain = rc != RC_OK && db_commit_uncertain(users->db);
	}
	db_rollback(users->db);
	/*
	 * If the file was replaced, the commit went into a file without a name. The folders of new users are
	 * handled when the new file is opened.
	 */
	bool nowhere = rc == RC_OK && users_file_leave(users);
	users_owners_settle(users, rc == RC_OK && !nowhere, *ret_uncertain || nowhere);
	return nowhere ? RC_UNAVAILABLE : rc;
}

/* Runs the jobs until each has its result. */
static void users_settle(struct users *users, struct users_job **jobs, size_t n)
{
	bool uncertain = false;
	enum rc rc = users_writable(users);
	if (rc == RC_OK)
		rc = users_try(users, jobs, n, &uncertain);
	if (rc == RC_OK)
		return;
	if (uncertain)
		rc = users_recover(users) == RC_OK ? RC_IO : RC_UNAVAILABLE;
	else if (n > 1) {
		for (size_t i = 0; i < n; i++)
			users_settle(users, &jobs[i], 1);
		return;
	}
	/* Reads work although nothing can be written. */
	for (size_t i = 0; i < n; i++)
		jobs[i]->rc = users->db && !jobs[i]->write ? jobs[i]->run(users, jobs[i]) : rc;
}

static void users_turn(struct strand *strand, void *ctx)
{
	struct users *users = ctx;
	struct users_job *jobs[USERS_BATCH_MAX];
	size_t n = 0;
	bool write = false;
	while (n < USERS_BATCH_MAX) {
		struct strand_item *item = strand_next(strand);
		if (!item)
			break;
		jobs[n] = CONTAINER_OF(item, struct users_job, item);
		write = write || jobs[n]->write;
		n++;
	}
	(void)users_file_leave(users);
	if (write) {
		users_settle(users, jobs, n);
	} else {
		enum rc rc = users_ready(users);
		for (size_t i = 0; i < n; i++)
			jobs[i]->rc = rc == RC_OK ? jobs[i]->run(users, jobs[i]) : rc;
	}
	for (size_t i = 0; i < n; i++)
		users_deliver(jobs[i]);
	if (users->db && db_wal_frames(users->db) >= CHECKPOINT_FRAMES &&
		db_checkpoint(users->db, false) != RC_OK)
		log_warn(users->store->log, "checkpoint of server.db failed, tried again later");
}

enum rc users_submit(struct store *store, struct users_job *job)
{
	job->store = store;
	return strand_add(store->users->strand, &job->item);
}

enum rc users_open(struct store *store)
{
	struct users *users = mem_zalloc(sizeof(*users));
	users->store = store;
	users->arena = arena_new(0);
	/* An earlier process may have failed to sync the WAL, so it is written into the database anew. */
	users->suspect = true;
	store->users = users;
	users->strand = strand_new(store->pool, USERS_WAITING_MAX, users_turn, users);
	/*
	 * If server.db can't be opened the server starts nevertheless: nobody is served, but no user is
	 * refused for good.
	 */
	if (users_open_db(users) != RC_OK && !atomic_load(&users->lost))
		log_error(store->log,
			"server.db cannot be opened, tried again later: mail is deferred and nobody "
			"can log in");
	return RC_OK;
}

bool users_lost(struct store *store)
{
	return atomic_load(&store->users->lost);
}

void users_close(struct store *store)
{
	struct users *users = store->users;
	if (!users)
		return;
	store->users = NULL;
	strand_release(&users->strand);
	if (users->db && atomic_load(&users->copy_due) && users_copy_make(users) != RC_OK)
		log_warn(store->log, "server.db could not be copied at the end");
	db_close(&users->db);
	db_close(&users->left);
	users_alias_forget(users);
	arena_free(&users->arena);
	free(users->changes);
	free(users);
}

/* Removed accounts. */

struct removed_job {
	struct users_job job;
	int64_t ids[USERS_REMOVED_MAX];
	size_t count;
};

static enum rc removed_find(struct users *users, struct users_job *job)
{
	struct removed_job *removed = CONTAINER_OF(job, struct removed_job, job);
	sqlite3_stmt *stmt;
	removed->count = 0;
	enum rc rc = db_query(users->db, &stmt, "SELECT id FROM removed", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(users->db, stmt); rc == RC_OK; rc = db_step(users->db, stmt)) {
		removed->ids[removed->count++] = db_i64(stmt, 0);
		if (removed->count == USERS_REMOVED_MAX) {
			db_reset(stmt);
			return RC_OK;
		}
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void removed_found(struct users_job *job)
{
	struct removed_job *removed = CONTAINER_OF(job, struct removed_job, job);
	for (size_t i = 0; job->rc == RC_OK && i < removed->count; i++) {
		struct account *account = account_get(job->store, removed->ids[i]);
		account_destroy(account);
		account_unref(&account);
	}
	free(removed);
}

static enum rc removed_delete(struct users *users, struct users_job *job)
{
	struct removed_job *removed = CONTAINER_OF(job, struct removed_job, job);
	return db_run(users->db, "DELETE FROM removed WHERE id = ?1", "i", removed->ids[0]);
}

static void removed_deleted(struct users_job *job)
{
	/* If the job failed, the next start finds that the folder is gone, and removes the row. */
	free(CONTAINER_OF(job, struct removed_job, job));
}

static void removed_submit(struct store *store, struct removed_job *removed)
{
	removed->job.store = store;
	strand_add_always(store->users->strand, &removed->job.item);
}

void users_removed_start(struct store *store)
{
	struct removed_job *removed = mem_zalloc(sizeof(*removed));
	removed->job.run = removed_find;
	removed->job.done = removed_found;
	removed_submit(store, removed);
}

void users_removed_done(struct store *store, int64_t id)
{
	struct removed_job *removed = mem_zalloc(sizeof(*removed));
	removed->job.run = removed_delete;
	removed->job.done = removed_deleted;
	removed->job.write = true;
	removed->ids[0] = id;
	removed_submit(store, removed);
}
