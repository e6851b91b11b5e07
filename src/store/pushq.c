/*
 * The strand of push.db and its jobs, which are grouped like those of server.db (users.c). The first job
 * opens the database.
 */
#include "store/pushq.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/pushq_priv.h"

#define PUSHQ_BATCH_MAX 256
#define PUSHQ_RETRY_MS 1000
#define PUSHQ_SYNC_MS 1000
#define PUSHQ_SENT_S                                                                                         \
	300 /* how long a message without pushes left is remembered; its row in push_owed is deleted sooner */
#define PUSHQ_SENT_MS 60000 /* between two removals of what need not be remembered */

static enum rc pushq_ready(struct pushq *pushq)
{
	if (pushq->db)
		return RC_OK;
	if (pushq->retry_at && clock_mono_ms() < pushq->retry_at)
		return RC_UNAVAILABLE;
	pushq->retry_at = clock_mono_ms() + PUSHQ_RETRY_MS;
	return pushq_open_db(pushq) == RC_OK ? RC_OK : RC_UNAVAILABLE;
}

/* Jobs. */

static void pushq_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct pushq_job *job = CONTAINER_OF(msg, struct pushq_job, msg);
	(void)reactor;
	job->done(job);
}

static void pushq_deliver(struct pushq_job *job)
{
	if (job->home) {
		job->msg.fn = pushq_arrived;
		reactor_post(job->home, &job->msg);
	} else {
		job->done(job);
	}
}

/*
 * Runs a job within a transaction of several. RC_OK: the transaction goes on, whether the job succeeded or
 * not.
 */
static enum rc pushq_try_one(struct pushq *pushq, struct pushq_job *job)
{
	enum rc rc = db_savepoint(pushq->db);
	if (rc != RC_OK)
		return rc;
	job->rc = job->run(pushq, job);
	if (!db_in_transaction(pushq->db))
		return job->rc == RC_OK ? RC_IO : job->rc;
	return job->rc == RC_OK ? db_release(pushq->db) : db_rollback_to(pushq->db);
}

/* Runs the jobs in one transaction. On error nothing has happened. */
static enum rc pushq_try(struct pushq *pushq, struct pushq_job **jobs, size_t n)
{
	enum rc rc = db_begin(pushq->db, false);
	for (size_t i = 0; rc == RC_OK && i < n; i++)
		rc = pushq_try_one(pushq, jobs[i]);
	if (rc == RC_OK)
		rc = db_commit(pushq->db);
	db_rollback(pushq->db);
	pushq->dirty = pushq->dirty || rc == RC_OK;
	return rc;
}

/* Runs the jobs until each has its result. */
static void pushq_settle(struct pushq *pushq, struct pushq_job **jobs, size_t n)
{
	enum rc rc = pushq_ready(pushq);
	if (rc == RC_OK)
		rc = pushq_try(pushq, jobs, n);
	if (rc == RC_OK)
		return;
	if (n > 1 && pushq->db) {
		for (size_t i = 0; i < n; i++)
			pushq_settle(pushq, &jobs[i], 1);
		return;
	}
	for (size_t i = 0; i < n; i++)
		jobs[i]->rc = rc;
}

/*
 * If a job has met damage, the database is closed, so that the next job opens and examines it. If it is found
 * whole, it is not examined at once again.
 */
static void pushq_look_for_damage(struct pushq *pushq, struct pushq_job **jobs, size_t n)
{
	bool damaged = false;

	for (size_t i = 0; i < n; i++)
		damaged = damaged || jobs[i]->rc == RC_CORRUPT;
	if (!damaged || !pushq->db)
		return;
	db_close(&pushq->db);
	if (!pushq->suspect)
		pushq->retry_at = 0;
	pushq->suspect = true;
}

/*
 * Syncs everything that was committed. After a failed sync the frames have to be written anew to be on disk
 * for sure.
 */
static enum rc pushq_sync(struct pushq *pushq)
{
	enum rc rc = RC_OK;

	if (!pushq->db)
		return RC_UNAVAILABLE;
	pushq->synced_at = clock_mono_ms();
	if (pushq->doubtful)
		rc = db_checkpoint_doubtful(pushq->db);
	else if (pushq->dirty)
		rc = db_sync_wal(pushq->db);
	pushq->doubtful = rc != RC_OK;
	pushq->dirty = rc != RC_OK;
	return rc;
}

/* Makes one sync for all jobs that must be on disk when they are answered. */
static void pushq_sync_wanted(struct pushq *pushq, struct pushq_job **jobs, size_t n)
{
	bool wanted = false;

	for (size_t i = 0; i < n; i++)
		wanted = wanted || (jobs[i]->sync && jobs[i]->rc == RC_OK);
	enum rc rc = wanted ? pushq_sync(pushq) : RC_OK;
	for (size_t i = 0; rc != RC_OK && i < n; i++) {
		if (jobs[i]->sync && jobs[i]->rc == RC_OK)
			jobs[i]->rc = rc;
	}
}

/* Forgets old sent pushes, in a transaction of its own. */
static enum rc pushq_forget_sent(struct pushq *pushq)
{
	enum rc rc = db_begin(pushq->db, false);

	if (rc == RC_OK)
		rc = db_run(pushq->db, "DELETE FROM sent WHERE at < ?1", "i", clock_wall() - PUSHQ_SENT_S);
	if (rc == RC_OK)
		rc = db_commit(pushq->db);
	db_rollback(pushq->db);
	pushq->dirty = pushq->dirty || rc == RC_OK;
	return rc;
}

static void pushq_checkpoint(struct pushq *pushq)
{
	/* Frames in doubt are not copied here: the next pushq_sync writes them anew first. */
	if (pushq->doubtful || db_wal_frames(pushq->db) < CHECKPOINT_FRAMES ||
		db_checkpoint(pushq->db, false) == RC_OK)
		return;
	/* It may be the sync of the WAL that has failed. */
	pushq->dirty = pushq->doubtful = true;
	log_warn(pushq->store->log, "checkpoint of push.db failed, tried again later");
}

/* Syncs relaxed commits at the first turn a second later; closing the file syncs them, too. */
static void pushq_keep_house(struct pushq *pushq)
{
	if (!pushq->db)
		return;
	if (clock_mono_ms() - pushq->forgot_at >= PUSHQ_SENT_MS) {
		pushq->forgot_at = clock_mono_ms();
		if (pushq_forget_sent(pushq) != RC_OK)
			log_warn(pushq->store->log, "sent pushes not forgotten, tried again later");
	}
	if (pushq->dirty && clock_mono_ms() - pushq->synced_at >= PUSHQ_SYNC_MS) {
		enum rc rc = pushq_sync(pushq);
		(void)rc; /* tried again at the next turn */
	}
	pushq_checkpoint(pushq);
}

static void pushq_turn(struct strand *strand, void *ctx)
{
	struct pushq *pushq = ctx;
	struct pushq_job *jobs[PUSHQ_BATCH_MAX];
	size_t n = 0;
	bool write = false;

	while (n < PUSHQ_BATCH_MAX) {
		struct strand_item *item = strand_next(strand);
		if (!item)
			break;
		jobs[n] = CONTAINER_OF(item, struct pushq_job, item);
		write = write || jobs[n]->write;
		n++;
	}
	if (write) {
		pushq_settle(pushq, jobs, n);
		pushq_sync_wanted(pushq, jobs, n);
	} else {
		enum rc rc = pushq_ready(pushq);
		for (size_t i = 0; i < n; i++)
			jobs[i]->rc = rc == RC_OK ? jobs[i]->run(pushq, jobs[i]) : rc;
	}
	pushq_look_for_damage(pushq, jobs, n);
	for (size_t i = 0; i < n; i++)
		pushq_deliver(jobs[i]);
	pushq_keep_house(pushq);
}

void pushq_submit(struct store *store, struct pushq_job *job)
{
	strand_add_always(store->pushq->strand, &job->item);
}

void pushq_open(struct store *store)
{
	struct pushq *pushq = mem_zalloc(sizeof(*pushq));

	pushq->store = store;
	pushq->strand = strand_new(store->pool, SIZE_MAX, pushq_turn, pushq);
	store->pushq = pushq;
}

void pushq_close(struct store *store)
{
	struct pushq *pushq = store->pushq;

	if (!pushq)
		return;
	store->pushq = NULL;
	strand_release(&pushq->strand);
	if (pushq->db && pushq->dirty && pushq_sync(pushq) != RC_OK)
		log_warn(store->log, "push.db could not be synced at the end");
	db_close(&pushq->db);
	free(pushq);
}

/* Queries. */

enum rc pushq_add(struct pushq *pushq, const struct push_record *record, int64_t *ret_id)
{
	enum rc rc = db_run(pushq->db,
		"INSERT INTO push (account, kind, flags, subscription, endpoint, keys, plain, created, "
		"expires, due,"
		" tries, mailbox, uid, vapid)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
		"iddttbbiiididt", record->account, record->kind, record->flags, record->subscription,
		record->endpoint, record->keys, record->plain, record->created, record->expires, record->due,
		record->tries, record->mailbox, record->uid, record->vapid);
	if (rc == RC_OK)
		*ret_id = db_last_id(pushq->db);
	return rc;
}

enum rc pushq_remove(struct pushq *pushq, int64_t id)
{
	return db_run(pushq->db, "DELETE FROM push WHERE id = ?1", "i", id);
}

enum rc pushq_sent(struct pushq *pushq, const struct push_record *record, int64_t now)
{
	enum rc rc = pushq_remove(pushq, record->id);

	if (rc == RC_OK)
		rc = db_run(pushq->db,
			"INSERT OR REPLACE INTO sent (account, mailbox, uid, at) VALUES (?1, ?2, ?3, ?4)",
			"iidi", record->account, record->mailbox, record->uid, now);
	return rc;
}

enum rc pushq_sent_list(
	struct pushq *pushq, void (*fn)(void *arg, int64_t account, int64_t mailbox, uint32_t uid), void *arg)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_query(pushq->db, &stmt, "SELECT account, mailbox, uid FROM sent", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(pushq->db, stmt); rc == RC_OK; rc = db_step(pushq->db, stmt))
		fn(arg, db_i64(stmt, 0), db_i64(stmt, 1), db_u32(stmt, 2));
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc pushq_remove_of(struct pushq *pushq, int64_t account, struct strv subscription)
{
	if (subscription.n == 0) {
		enum rc rc = db_run(pushq->db, "DELETE FROM push WHERE account = ?1", "i", account);
		if (rc == RC_OK)
			rc = db_run(pushq->db, "DELETE FROM failing WHERE account = ?1", "i", account);
		if (rc == RC_OK)
			rc = db_run(pushq->db, "DELETE FROM expiry WHERE account = ?1", "i", account);
		return rc == RC_OK ? pushq_subscriber(pushq, account, false) : rc;
	}
	enum rc rc = db_run(pushq->db, "DELETE FROM push WHERE account = ?1 AND subscription = ?2", "it",
		account, subscription);
	return rc == RC_OK ? pushq_worked(pushq, account, subscription) : rc;
}

enum rc pushq_remove_expired(struct pushq *pushq, int64_t now)
{
	return db_run(pushq->db, "DELETE FROM push WHERE expires <= ?1", "i", now);
}

enum rc pushq_delay(
	struct pushq *pushq, int64_t id, int64_t due, uint32_t tries, uint32_t flags, struct strv plain)
{
	enum rc rc = db_run(pushq->db, "UPDATE push SET due = ?2, tries = ?3, flags = ?4 WHERE id = ?1",
		"iidd", id, due, tries, flags);
	if (rc == RC_OK && plain.p)
		rc = db_run(pushq->db, "UPDATE push SET plain = ?2 WHERE id = ?1", "ib", id, plain);
	return rc;
}

enum rc pushq_list(struct pushq *pushq, int64_t after,
	bool (*fn)(void *arg, const struct push_record *record), void *arg)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_query(pushq->db, &stmt,
		"SELECT id, account, kind, flags, subscription, endpoint, keys, plain, created, expires, "
		"due, tries, mailbox, uid, vapid"
		" FROM push WHERE id > ?1 ORDER BY id",
		"i", after);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(pushq->db, stmt); rc == RC_OK; rc = db_step(pushq->db, stmt)) {
		struct push_record record = {
			.id = db_i64(stmt, 0),
			.account = db_i64(stmt, 1),
			.kind = db_u32(stmt, 2),
			.flags = db_u32(stmt, 3),
			.subscription = db_text(stmt, 4),
			.endpoint = db_text(stmt, 5),
			.keys = db_blob(stmt, 6),
			.plain = db_blob(stmt, 7),
			.created = db_i64(stmt, 8),
			.expires = db_i64(stmt, 9),
			.due = db_i64(stmt, 10),
			.tries = db_u32(stmt, 11),
			.mailbox = db_i64(stmt, 12),
			.uid = db_u32(stmt, 13),
			.vapid = db_text(stmt, 14),
		};
		if (!fn(arg, &record)) {
			db_reset(stmt);
			return RC_OK;
		}
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc pushq_failed(struct pushq *pushq, int64_t account, struct strv subscription, int64_t now,
	uint32_t *ret_count, int64_t *ret_since)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_run(pushq->db,
		"INSERT INTO failing (account, subscription, count, since) VALUES (?1, ?2, 1, ?3)"
		" ON CONFLICT (account, subscription) DO UPDATE SET count = count + 1",
		"iti", account, subscription, now);
	if (rc == RC_OK)
		rc = db_one(pushq->db, &stmt,
			"SELECT count, since FROM failing WHERE account = ?1 AND subscription = ?2", "it",
			account, subscription);
	if (rc != RC_OK)
		return rc;
	*ret_count = db_u32(stmt, 0);
	*ret_since = db_i64(stmt, 1);
	db_reset(stmt);
	return RC_OK;
}

enum rc pushq_worked(struct pushq *pushq, int64_t account, struct strv subscription)
{
	return db_run(pushq->db, "DELETE FROM failing WHERE account = ?1 AND subscription = ?2", "it",
		account, subscription);
}

enum rc pushq_subscriber(struct pushq *pushq, int64_t account, bool on)
{
	return on ? db_run(pushq->db, "INSERT OR IGNORE INTO subscriber (account) VALUES (?1)", "i", account)
		  : db_run(pushq->db, "DELETE FROM subscriber WHERE account = ?1", "i", account);
}

enum rc pushq_subscribers(struct pushq *pushq, void (*fn)(void *arg, int64_t account), void *arg)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_query(pushq->db, &stmt, "SELECT account FROM subscriber ORDER BY account", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(pushq->db, stmt); rc == RC_OK; rc = db_step(pushq->db, stmt))
		fn(arg, db_i64(stmt, 0));
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc pushq_expiry(
	struct pushq *pushq, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	if (!endpoint.p)
		return db_run(pushq->db,
			"DELETE FROM expiry WHERE account = ?1 AND subscription = ?2 AND due <= ?3", "iti",
			account, subscription, due);
	return db_run(pushq->db,
		"INSERT OR REPLACE INTO expiry (account, subscription, endpoint, due) VALUES (?1, ?2, ?3, "
		"?4)",
		"itti", account, subscription, endpoint, due);
}

enum rc pushq_expiries(struct pushq *pushq,
	void (*fn)(void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due),
	void *arg)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_query(
		pushq->db, &stmt, "SELECT account, subscription, endpoint, due FROM expiry ORDER BY due", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(pushq->db, stmt); rc == RC_OK; rc = db_step(pushq->db, stmt))
		fn(arg, db_i64(stmt, 0), db_text(stmt, 1), db_text(stmt, 2), db_i64(stmt, 3));
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

bool pushq_was_clean(const struct pushq *pushq)
{
	return pushq->was_clean;
}

enum rc pushq_set_clean(struct pushq *pushq)
{
	return db_run(pushq->db, "UPDATE life SET clean = 1", "");
}
