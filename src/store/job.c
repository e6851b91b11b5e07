/*
 * Runs an account's jobs: reads one by one, waiting writes together in one transaction (a batch).
 * Transactions of an account begin and end here and, for the account's own row, in account.c, nowhere else.
 *
 *	strand		W1 R1 W2 W3 R2		jobs in the order in which they came
 *	batch		W1 R1 W2 W3		first to last write that waits; R2 stays in the strand
 *
 *	BEGIN
 *	  SAVEPOINT  W1.run  RELEASE		W1 has succeeded
 *	  R1.run				sees what W1 has done
 *	  SAVEPOINT  W2.run  ROLLBACK TO	W2 has failed: only its own changes are undone
 *	  SAVEPOINT  W3.run  RELEASE
 *	COMMIT					synced once for all, if a job of the batch wants that
 *	deliver W1, R1, W2, W3			change list, then `done`, one job after the other
 *
 * Ways in which a batch can fail, and what follows (ARCHITECTURE.md, promises 2 to 4):
 *  - A job fails by itself: its savepoint is rolled back, the memory is loaded again, and the batch goes on.
 *  - SQLite rolls the transaction back, or COMMIT fails before its sync: every job runs again, alone.
 *  - COMMIT fails in its sync: its frames may be on disk. account_recover makes sure that they are not, then
 *    every job gets an error. A relaxed commit is visible already, only its sync has failed: account_recover
 *    makes it durable.
 *  - The files of the account were replaced meanwhile: nothing was written to the account, and every job gets
 *    an error.
 */
#include "store/store_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define BATCH_MAX 256 /* upper bound of store.batch_jobs, since the entries are on the stack */

struct entry {
	struct job *job;
	struct effects effects;
};

struct batch {
	struct entry *v; /* borrowed: on the stack of job_carry_out */
	size_t n;
	bool full; /* the commit is synced */
	bool uncertain; /* the sync has failed: nobody knows what is on disk */
	bool committed; /* with uncertain: the rows can be read */
	bool replaced; /* it was written to files that are no longer the account's */
};

static void job_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct job *job = CONTAINER_OF(msg, struct job, msg);
	struct account *account = job->account;
	(void)reactor;
	job->done(job);
	account_unref(&account);
}

/* Publishes what the job has changed, and hands it back. */
static void entry_deliver(struct account *account, struct entry *entry)
{
	struct job *job = entry->job;
	if (job->rc == RC_OK)
		change_effects_publish(account, &entry->effects);
	else
		change_effects_drop(&entry->effects);
	job->change = account->change;
	if (job->home) {
		job->msg.fn = job_arrived;
		reactor_post(job->home, &job->msg);
		return;
	}
	struct account *held = job->account;
	job->done(job);
	account_unref(&held);
}

static void entry_run(struct account *account, struct entry *entry)
{
	struct job *job = entry->job;
	arena_reset(account->job_arena);
	account->job = job;
	account->run_number++;
	account->effects = &entry->effects;
	job->rc = job->run(account, job);
	account->job = NULL;
	account->effects = NULL;
	if (job->rc != RC_OK)
		change_effects_drop(&entry->effects);
}

/* Runs a read outside a transaction. */
static void read_run(struct account *account, struct entry *entry)
{
	entry_run(account, entry);
	if (account->db && db_in_transaction(account->db))
		abort();
}

/* Reads the memory again after a rollback. On error it does not match the database. */
static enum rc memory_reload(struct account *account)
{
	enum rc rc = mail_reload(account);
	if (rc != RC_OK)
		log_error(account->store->log, "memory of an account cannot be reloaded account=%s rc=%s",
			account_shown(account), rc_name(rc));
	return rc;
}

/* Runs a write within a batch of several. RC_OK: the batch goes on, whether the job has succeeded or not. */
static enum rc entry_try(struct account *account, struct entry *entry)
{
	struct db *db = account->db;
	enum rc rc = db_savepoint(db);
	if (rc != RC_OK)
		return rc;
	entry_run(account, entry);
	/* This is asked even if the job says RC_OK: it may have taken an error for an answer. */
	if (!db_in_transaction(db))
		return entry->job->rc == RC_OK ? RC_IO : entry->job->rc;
	if (entry->job->rc == RC_OK)
		return db_release(db);
	rc = db_rollback_to(db);
	return rc == RC_OK ? memory_reload(account) : rc;
}

/* Runs the only write of a transaction: its result is that of the transaction. */
static enum rc entry_only(struct account *account, struct entry *entry)
{
	entry_run(account, entry);
	if (entry->job->rc == RC_OK && !db_in_transaction(account->db))
		return RC_IO;
	return entry->job->rc;
}

static bool batch_enough(struct account *account, uint64_t began)
{
	const struct store_settings *settings = &account->store->settings;
	return db_pending_bytes(account->db) >= settings->batch_wal_bytes ||
	       clock_mono_ms() - began >= settings->batch_ms;
}

/* Runs the entries. Entries for which the batch has no room go back to the strand. */
static enum rc batch_run(struct account *account, struct batch *batch)
{
	uint64_t began = clock_mono_ms();
	for (size_t i = 0; i < batch->n; i++) {
		struct entry *entry = &batch->v[i];
		if (i > 0 && batch_enough(account, began)) {
			while (batch->n > i)
				strand_unshift(account->strand, &batch->v[--batch->n].job->item);
			break;
		}
		enum rc rc = RC_OK;
		if (batch->n == 1)
			rc = entry_only(account, entry);
		else if (entry->job->kind == JOB_READ)
			entry_run(account, entry);
		else
			rc = entry_try(account, entry);
		if (rc == RC_OK && !db_in_transaction(account->db))
			rc = RC_IO;
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc batch_commit(struct account *account, struct batch *batch)
{
	struct db *db = account->db;
	bool wrote = db_pending_bytes(db) > 0;
	bool sync = false;
	enum rc rc = RC_OK;
	if (wrote)
		rc = account_prepare_commit(account, &sync);
	if (rc == RC_OK)
		rc = db_commit(db);
	if (rc != RC_OK) {
		batch->uncertain = db_commit_uncertain(db);
		return rc;
	}
	if (wrote && replaced_seen(account)) {
		batch->replaced = true;
		return RC_UNAVAILABLE;
	}
	mail_committed(account);
	blob_batch_end(account);
	if (sync && !batch->full) {
		rc = db_sync_wal(db);
		batch->uncertain = batch->committed = rc != RC_OK;
	}
	if (rc == RC_OK && wrote)
		account_committed(account, batch->full || sync);
	return rc;
}

/*
 * Runs the batch in one transaction. On error nothing of it has happened, unless batch->uncertain or
 * batch->replaced.
 */
static enum rc batch_try(struct account *account, struct batch *batch)
{
	enum rc rc = db_begin(account->db, batch->full);
	if (rc == RC_OK)
		rc = batch_run(account, batch);
	if (rc == RC_OK)
		rc = batch_commit(account, batch);
	if (rc == RC_OK || batch->uncertain || batch->replaced)
		return rc;
	db_rollback(account->db);
	for (size_t i = 0; i < batch->n; i++)
		change_effects_drop(&batch->v[i].effects);
	/* The files of the batch first: they are looked up in the rows as they are before the reload. */
	blob_batch_end(account);
	if (memory_reload(account) != RC_OK)
		account_reopen(account);
	return rc;
}

static bool batch_wants_sync(struct account *account, const struct batch *batch)
{
	if (account->store->settings.sync_flags_always)
		return true;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->v[i].job->kind == JOB_WRITE)
			return true;
	return false;
}

/* After a failed sync: gives every job of the batch its result. */
static void batch_recover(struct account *account, struct batch *batch)
{
	enum rc rc = account_recover(account);
	for (size_t i = 0; i < batch->n; i++) {
		struct entry *entry = &batch->v[i];
		/* A relaxed commit can be seen, whether it is on disk or not. */
		if (account->state == ACCOUNT_OPEN && batch->committed)
			continue;
		change_effects_drop(&entry->effects);
		entry->job->rc = rc == RC_OK ? RC_IO : RC_UNAVAILABLE;
		/* The job has read rows that are no longer there. */
		if (account->state == ACCOUNT_OPEN && entry->job->kind == JOB_READ)
			read_run(account, entry);
	}
}

static void batch_settle(struct account *account, struct batch *batch);

/* Runs the batch if the account can be written. */
static void job_write_run(struct account *account, struct batch *batch)
{
	enum rc rc = account_writable(account);
	if (rc == RC_OK) {
		batch_settle(account, batch);
		return;
	}
	for (size_t i = 0; i < batch->n; i++)
		batch->v[i].job->rc = rc;
}

/* The batch was written to files that are no longer the account's: none of it has happened. */
static void batch_replaced(struct account *account, struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		change_effects_drop(&batch->v[i].effects);
		batch->v[i].job->rc = RC_UNAVAILABLE;
	}
	replaced_close(account);
}

/* Runs the batch until every job has its result and its effects. */
static void batch_settle(struct account *account, struct batch *batch)
{
	batch->full = batch_wants_sync(account, batch);
	enum rc rc = batch_try(account, batch);
	if (rc == RC_OK)
		return;
	if (batch->uncertain) {
		batch_recover(account, batch);
		return;
	}
	if (batch->replaced) {
		batch_replaced(account, batch);
		return;
	}
	if (batch->n == 1) {
		batch->v[0].job->rc = rc;
		return;
	}
	log_warn(account->store->log, "group of jobs failed, runs again one by one account=%s jobs=%zu rc=%s",
		account_shown(account), batch->n, rc_name(rc));
	for (size_t i = 0; i < batch->n; i++) {
		struct batch alone = { .v = &batch->v[i], .n = 1 };
		rc = account_ready(account);
		if (rc != RC_OK)
			batch->v[i].job->rc = rc;
		else if (batch->v[i].job->kind == JOB_READ)
			read_run(account, &batch->v[i]);
		else
			job_write_run(account, &alone);
	}
}

/* Adds the jobs that wait behind the first write, up to the last write among them. */
static void batch_collect(struct account *account, struct batch *batch)
{
	size_t max = account->store->settings.batch_jobs;
	size_t writes_end = 1;
	if (max > BATCH_MAX)
		max = BATCH_MAX;
	while (batch->n < max) {
		struct strand_item *item = strand_next(account->strand);
		if (!item)
			break;
		if (!account_item_is_job(account, item)) {
			strand_unshift(account->strand, item);
			break;
		}
		struct job *job = CONTAINER_OF(item, struct job, item);
		if (job->kind == JOB_ALONE || job->kind == JOB_CLOSED) {
			strand_unshift(account->strand, item);
			break;
		}
		batch->v[batch->n++] = (struct entry){ .job = job };
		if (job->kind != JOB_READ)
			writes_end = batch->n;
	}
	while (batch->n > writes_end)
		strand_unshift(account->strand, &batch->v[--batch->n].job->item);
}

static void job_carry_out(struct account *account, struct job *job)
{
	struct entry entries[BATCH_MAX];
	struct batch batch = { .v = entries, .n = 1 };
	entries[0] = (struct entry){ .job = job };
	job->rc = job->kind == JOB_CLOSED ? RC_OK : account_ready(account);
	bool barred = account->state == ACCOUNT_GONE || account->state == ACCOUNT_LOCKED;
	bool always = job->kind == JOB_CLOSED || (job->kind == JOB_ALONE && !barred);
	if (always || (job->rc == RC_OK && job->kind == JOB_READ)) {
		read_run(account, &entries[0]);
	} else if (job->rc == RC_OK) {
		job->rc = account_writable(account);
		if (job->rc == RC_OK) {
			batch_collect(account, &batch);
			batch_settle(account, &batch);
		}
	}
	atomic_store_explicit(&account->last_used, clock_mono_ms(), memory_order_relaxed);
	for (size_t i = 0; i < batch.n; i++)
		entry_deliver(account, &entries[i]);
}

void job_turn(struct strand *strand, void *ctx)
{
	struct account *account = ctx;
	uint64_t began = clock_mono_us();
	/* A reference of our own: `done` may give the last one back. */
	account_ref(account);
	struct strand_item *item = strand_next(strand);
	while (item) {
		if (account_item_is_job(account, item))
			job_carry_out(account, CONTAINER_OF(item, struct job, item));
		else
			account_item_run(account, item);
		if (clock_mono_us() - began >= READ_TURN_MS * 1000)
			break;
		item = strand_next(strand);
	}
	account_turn_ends(account);
	account_unref(&account);
}

enum rc job_submit(struct account *account, struct job *job)
{
	job->account = account_ref(account);
	job->item.slow = job->slow;
	enum rc rc = strand_add(account->strand, &job->item);
	if (rc != RC_OK)
		account_unref(&job->account);
	return rc;
}

void job_submit_always(struct account *account, struct job *job)
{
	job->account = account_ref(account);
	job->item.slow = job->slow;
	strand_add_always(account->strand, &job->item);
}

struct transaction {
	struct job job;
	enum rc (*fn)(struct account *account, void *arg);
	void *arg;
};

static enum rc transaction_run(struct account *account, struct job *job)
{
	struct transaction *transaction = CONTAINER_OF(job, struct transaction, job);
	return transaction->fn(account, transaction->arg);
}

enum rc job_transaction(struct account *account, enum rc (*fn)(struct account *account, void *arg), void *arg)
{
	struct transaction transaction = {
		.job = { .kind = JOB_WRITE, .run = transaction_run }, .fn = fn, .arg = arg
	};
	struct entry entry = { .job = &transaction.job };
	struct batch batch = { .v = &entry, .n = 1 };
	strand_assert(account->strand);
	job_write_run(account, &batch);
	if (transaction.job.rc == RC_OK)
		change_effects_publish(account, &entry.effects);
	else
		change_effects_drop(&entry.effects);
	return transaction.job.rc;
}
