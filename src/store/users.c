/*
 * server.db and its strand: jobs are grouped as those of an account (job.c), but there is no memory that would have to
 * follow a rollback.
 */
#include "store/users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store_priv.h"

#define USERS_VERSION 1
#define USERS_WAITING_MAX 4096
#define USERS_BATCH_MAX 64
#define USERS_RETRY_MS 1000
#define LOGIN_TOUCH_S 86400
#define REMOVED_MAX 256 /* taken up at a start; the rest at the next */

static const char users_schema[] =
	"CREATE TABLE user ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE,"
	" password TEXT NOT NULL,"
	" scram TEXT NOT NULL,"
	" enabled INTEGER NOT NULL,"
	" quota_storage INTEGER NOT NULL," /* -1: the default */
	" quota_messages INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" last_login INTEGER NOT NULL"
	");"
	"CREATE TABLE removed (id INTEGER PRIMARY KEY);" /* the folder is still to be removed */
	"CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE marker (number INTEGER NOT NULL);"
	"INSERT INTO marker VALUES (0);"
	"PRAGMA user_version = 1;";

#define USER_COLUMNS                                                                                         \
	"id, name, password, scram, enabled, quota_storage, quota_messages, created, last_login FROM user "

struct users {
	struct store *store; /* borrowed */
	struct strand *strand; /* own */
	struct db *db; /* own; NULL: it could not be opened again after a failure */
	uint64_t retry_at; /* ms */
	bool suspect;
	bool doubtful; /* a sync has failed, and the frames of its commit have not been overwritten: no more than reads */
	uint64_t write_retry_at; /* ms */
};

/* The database. */

static enum rc users_create(struct users *users)
{
	enum rc rc = db_begin(users->db, true);
	if (rc == RC_OK)
		rc = db_script(users->db, users_schema);
	if (rc == RC_OK)
		rc = db_commit(users->db);
	if (rc != RC_OK)
		db_rollback(users->db);
	return rc;
}

/* As account_examine: what can't be written into the database now can be read all the same. */
static enum rc users_examine(struct users *users)
{
	enum rc rc = db_quick_check(users->db);
	if (rc != RC_OK)
		return rc;
	rc = db_checkpoint(users->db, true);
	users->suspect = rc != RC_OK;
	return storage_rc(rc) ? RC_OK : rc;
}

static enum rc users_open_db(struct users *users)
{
	struct store *store = users->store;
	char path[PATH_ROOM];
	int version = 0;
	snprintf(path, sizeof(path), "%s/server.db", store->root);
	enum rc rc = db_open(path, vfs_name(store->vfs), true, "server", store->log, &users->db);
	if (rc == RC_OK && users->suspect)
		rc = users_examine(users);
	if (rc == RC_OK)
		rc = db_version(users->db, &version);
	if (rc == RC_OK && version == 0)
		rc = users_create(users);
	if (rc == RC_OK && version > USERS_VERSION) {
		log_error(store->log, "server.db was made by a newer program version=%d", version);
		rc = RC_UNAVAILABLE;
	}
	if (rc != RC_OK)
		db_close(&users->db);
	return rc;
}

static enum rc users_ready(struct users *users)
{
	if (users->db)
		return RC_OK;
	if (clock_mono_ms() < users->retry_at)
		return RC_UNAVAILABLE;
	users->retry_at = clock_mono_ms() + USERS_RETRY_MS;
	return users_open_db(users) == RC_OK ? RC_OK : RC_UNAVAILABLE;
}

/* The marker, and the database opened anew. Until that works it is left open as it is, for reading. */
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

/* RC_OK, or why nothing can be changed now. */
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

/* As account_recover. */
static enum rc users_recover(struct users *users)
{
	users->suspect = users->doubtful = true;
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

/* Within a transaction of several. RC_OK: it goes on, whatever the job said. */
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

/* One transaction. Not RC_OK: nothing of it has happened, unless *ret_uncertain. */
static enum rc users_try(struct users *users, struct users_job **jobs, size_t n, bool *ret_uncertain)
{
	enum rc rc = db_begin(users->db, true);
	for (size_t i = 0; rc == RC_OK && i < n; i++)
		rc = users_try_one(users, jobs[i]);
	if (rc == RC_OK) {
		rc = db_commit(users->db);
		*ret_uncertain = rc != RC_OK && db_commit_uncertain(users->db);
	}
	db_rollback(users->db);
	return rc;
}

/* Gives every job its rc. */
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
	/* Nothing keeps reads from what is there. */
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
	store->users = users;
	users->strand = strand_new(store->pool, USERS_WAITING_MAX, users_turn, users);
	return users_open_db(users);
}

void users_close(struct store *store)
{
	struct users *users = store->users;
	if (!users)
		return;
	store->users = NULL;
	strand_release(&users->strand);
	db_close(&users->db);
	free(users);
}

/* Queries. */

static void record_read(sqlite3_stmt *stmt, struct arena *arena, struct user_record *ret_user)
{
	struct strv text[3];
	for (int i = 0; i < 3; i++)
		text[i] = arena ? arena_strv(arena, db_text(stmt, i + 1)) : db_text(stmt, i + 1);
	*ret_user = (struct user_record){
		.id = db_i64(stmt, 0),
		.name = text[0],
		.password = text[1],
		.scram = text[2],
		.enabled = db_i64(stmt, 4) != 0,
		.quota_storage = db_u64(stmt, 5),
		.quota_messages = db_u64(stmt, 6),
		.created = db_i64(stmt, 7),
		.last_login = db_i64(stmt, 8),
	};
}

enum rc users_find(struct users *users, struct strv name, struct arena *arena, struct user_record *ret_user)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT " USER_COLUMNS "WHERE name = ?1", "t", name);
	if (rc != RC_OK)
		return rc;
	record_read(stmt, arena, ret_user);
	db_reset(stmt);
	return RC_OK;
}

enum rc users_find_id(struct users *users, int64_t id, struct arena *arena, struct user_record *ret_user)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT " USER_COLUMNS "WHERE id = ?1", "i", id);
	if (rc != RC_OK)
		return rc;
	record_read(stmt, arena, ret_user);
	db_reset(stmt);
	return RC_OK;
}

enum rc users_add(struct users *users, const struct user_record *record, int64_t *ret_id)
{
	enum rc rc = db_run(users->db,
		"INSERT INTO user (name, password, scram, enabled, quota_storage, quota_messages, created, "
		"last_login)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		"tttiuuii", record->name, record->password, record->scram, (int64_t)record->enabled,
		record->quota_storage, record->quota_messages, record->created, record->last_login);
	if (rc == RC_OK)
		*ret_id = db_last_id(users->db);
	return rc;
}

/* What an UPDATE or DELETE of one user comes to. */
static enum rc found(struct users *users, enum rc rc)
{
	if (rc == RC_OK && db_changes(users->db) == 0)
		return RC_NOT_FOUND;
	return rc;
}

enum rc users_set_password(struct users *users, struct strv name, struct strv password, struct strv scram)
{
	return found(users, db_run(users->db, "UPDATE user SET password = ?2, scram = ?3 WHERE name = ?1",
				    "ttt", name, password, scram));
}

enum rc users_set_quota(struct users *users, struct strv name, uint64_t storage, uint64_t messages)
{
	return found(users,
		db_run(users->db, "UPDATE user SET quota_storage = ?2, quota_messages = ?3 WHERE name = ?1",
			"tuu", name, storage, messages));
}

enum rc users_set_enabled(struct users *users, struct strv name, bool enabled)
{
	return found(users, db_run(users->db, "UPDATE user SET enabled = ?2 WHERE name = ?1", "ti", name,
				    (int64_t)enabled));
}

enum rc users_touch_login(struct users *users, int64_t id, int64_t now)
{
	return db_run(users->db, "UPDATE user SET last_login = ?2 WHERE id = ?1 AND last_login <= ?3", "iii",
		id, now, now - LOGIN_TOUCH_S);
}

enum rc users_remove(struct users *users, struct strv name, int64_t *ret_id)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT id FROM user WHERE name = ?1", "t", name);
	if (rc != RC_OK)
		return rc;
	int64_t id = db_i64(stmt, 0);
	db_reset(stmt);
	rc = db_run(users->db, "DELETE FROM user WHERE id = ?1", "i", id);
	/* Remembered until the folder is gone. */
	if (rc == RC_OK)
		rc = db_run(users->db, "INSERT INTO removed VALUES (?1)", "i", id);
	if (rc == RC_OK)
		*ret_id = id;
	return rc;
}

enum rc users_list(struct users *users, struct strv after,
	bool (*fn)(void *arg, const struct user_record *user), void *arg)
{
	sqlite3_stmt *stmt;
	struct user_record record;
	enum rc rc = db_query(
		users->db, &stmt, "SELECT " USER_COLUMNS "WHERE name > ?1 ORDER BY name", "t", after);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(users->db, stmt); rc == RC_OK; rc = db_step(users->db, stmt)) {
		record_read(stmt, NULL, &record);
		if (!fn(arg, &record)) {
			db_reset(stmt);
			return RC_OK;
		}
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc users_setting_get(struct users *users, const char *key, struct arena *arena, struct strv *ret_value)
{
	sqlite3_stmt *stmt;
	enum rc rc =
		db_one(users->db, &stmt, "SELECT value FROM setting WHERE key = ?1", "t", strv_cstr(key));
	if (rc != RC_OK)
		return rc;
	*ret_value = arena_strv(arena, db_blob(stmt, 0));
	db_reset(stmt);
	return RC_OK;
}

enum rc users_setting_set(struct users *users, const char *key, struct strv value)
{
	if (value.n == 0)
		return db_run(users->db, "DELETE FROM setting WHERE key = ?1", "t", strv_cstr(key));
	return db_run(
		users->db, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)", "tb", strv_cstr(key), value);
}

/* Removed accounts. */

struct removed_job {
	struct users_job job;
	int64_t ids[REMOVED_MAX];
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
		if (removed->count == REMOVED_MAX) {
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
	/* If it failed, the next start finds a folder that is gone, which is as good. */
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

/* Names. */

enum rc user_name_check(struct strv name, struct arena *arena, struct strv *ret_name)
{
	size_t at = strv_index(name, '@');
	if (name.n > USER_NAME_MAX || at == 0 || at + 1 >= name.n)
		return RC_INVALID;
	if (strv_index(strv_sub(name, at + 1, name.n), '@') != name.n - at - 1 || !str_utf8_valid(name))
		return RC_INVALID;
	char *lower = arena_strndup(arena, name.p, name.n);
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)lower[i];
		if (c <= ' ' || c == 0x7f)
			return RC_INVALID;
		if (c >= 'A' && c <= 'Z')
			lower[i] = (char)(c - 'A' + 'a');
	}
	*ret_name = strv_make(lower, name.n);
	return RC_OK;
}
