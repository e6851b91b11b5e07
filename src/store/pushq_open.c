/* Opens push.db: its tables, their migration, and setting the file aside if it is damaged. */
#include "store/pushq_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>

#define PUSHQ_VERSION 3
#define PUSHQ_ASIDE_MAX 8 /* damaged ones that are kept */
#define PUSHQ_NAME_ROOM (PATH_ROOM + 32)

static const char pushq_schema[] = "CREATE TABLE push ("
				   " id INTEGER PRIMARY KEY AUTOINCREMENT,"
				   " account INTEGER NOT NULL,"
				   " kind INTEGER NOT NULL,"
				   " flags INTEGER NOT NULL,"
				   " subscription TEXT NOT NULL,"
				   " endpoint TEXT NOT NULL,"
				   " keys BLOB NOT NULL,"
				   " plain BLOB NOT NULL,"
				   " created INTEGER NOT NULL,"
				   " expires INTEGER NOT NULL,"
				   " due INTEGER NOT NULL,"
				   " tries INTEGER NOT NULL"
				   ");"
				   "CREATE INDEX push_account ON push (account, subscription);"
				   "CREATE INDEX push_expires ON push (expires);"
				   /* Subscriptions whose last tries have failed. */
				   "CREATE TABLE failing ("
				   " account INTEGER NOT NULL,"
				   " subscription TEXT NOT NULL,"
				   " count INTEGER NOT NULL,"
				   " since INTEGER NOT NULL,"
				   " PRIMARY KEY (account, subscription)"
				   ") WITHOUT ROWID;"
				   "CREATE TABLE marker (number INTEGER NOT NULL);"
				   "INSERT INTO marker VALUES (0);";

/* The tables and columns that came with version 2. */
static const char pushq_schema_2[] = /* The message of a push; 0: none. */
	"ALTER TABLE push ADD COLUMN mailbox INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE push ADD COLUMN uid INTEGER NOT NULL DEFAULT 0;"
	/* Accounts that may have subscriptions: no account that owes pushes is missing. */
	"CREATE TABLE subscriber (account INTEGER PRIMARY KEY);"
	/* Subscriptions that are not validated, and when they are to be discarded. */
	"CREATE TABLE expiry ("
	" account INTEGER NOT NULL,"
	" subscription TEXT NOT NULL,"
	" endpoint TEXT NOT NULL,"
	" due INTEGER NOT NULL,"
	" PRIMARY KEY (account, subscription)"
	") WITHOUT ROWID;"
	/* 1: closed with nothing left to be told. */
	"CREATE TABLE life (clean INTEGER NOT NULL);"
	"INSERT INTO life VALUES (0);"
	"PRAGMA user_version = 2;";

/* The tables and columns that came with version 3. */
static const char pushq_schema_3[] = /* The key that the subscription was made for. */
	"ALTER TABLE push ADD COLUMN vapid TEXT NOT NULL DEFAULT '';"
	/*
	 * Messages whose pushes have been sent or dropped lately: whoever finds them owed after a crash
	 * pushes nothing.
	 */
	"CREATE TABLE sent ("
	" account INTEGER NOT NULL,"
	" mailbox INTEGER NOT NULL,"
	" uid INTEGER NOT NULL,"
	" at INTEGER NOT NULL,"
	" PRIMARY KEY (account, mailbox, uid)"
	") WITHOUT ROWID;"
	"CREATE INDEX sent_at ON sent (at);"
	"PRAGMA user_version = 3;";

static enum rc pushq_make_tables(struct pushq *pushq, int version)
{
	enum rc rc = db_begin(pushq->db, true);
	if (rc == RC_OK && version == 0)
		rc = db_script(pushq->db, pushq_schema);
	if (rc == RC_OK && version < 2)
		rc = db_script(pushq->db, pushq_schema_2);
	if (rc == RC_OK)
		rc = db_script(pushq->db, pushq_schema_3);
	if (rc == RC_OK)
		rc = db_commit(pushq->db);
	if (rc != RC_OK)
		db_rollback(pushq->db);
	return rc;
}

/* Notes that pushes may be owed from now on, until pushq_set_clean. */
static enum rc pushq_begin_life(struct pushq *pushq)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(pushq->db, &stmt, "SELECT clean FROM life", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	pushq->was_clean = db_i64(stmt, 0) == 1;
	db_reset(stmt);
	rc = db_begin(pushq->db, true);
	if (rc == RC_OK)
		rc = db_run(pushq->db, "UPDATE life SET clean = 0", "");
	if (rc == RC_OK)
		rc = db_commit(pushq->db);
	if (rc != RC_OK)
		db_rollback(pushq->db);
	return rc;
}

/* Examines the whole file with its indexes: damage may lie where opening does not look. The file is small. */
static enum rc pushq_examine(struct pushq *pushq)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(pushq->db, &stmt, "PRAGMA integrity_check(1)", "");

	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	struct strv answer = db_text(stmt, 0);
	bool ok = strv_eq(answer, STRV("ok"));
	if (!ok)
		log_error(pushq->store->log, "push.db is damaged error=%s", LOG_V(answer));
	db_reset(stmt);
	return ok ? RC_OK : RC_CORRUPT;
}

/*
 * An earlier sync may have failed, in this process or in one before: then the WAL is in the kernel's memory
 * only, and no later sync reports that. So everything is written anew. The same can happen to the names,
 * which are synced again.
 */
static enum rc pushq_settle_doubts(struct pushq *pushq)
{
	enum rc rc = db_checkpoint_doubtful(pushq->db);
	if (rc == RC_OK)
		rc = folder_sync(pushq->store, pushq->store->root);
	return rc;
}

static enum rc pushq_try_open(struct pushq *pushq, const char *path)
{
	struct store *store = pushq->store;
	int version = 0;

	enum rc rc = db_open(path, vfs_name(store->vfs), true, "push", store->log, &pushq->db);
	if (rc == RC_OK)
		rc = db_version(pushq->db, &version);
	if (rc == RC_OK && version > 0)
		rc = pushq_examine(pushq);
	if (rc == RC_OK && version <= PUSHQ_VERSION)
		rc = pushq_settle_doubts(pushq);
	if (rc == RC_OK && version < PUSHQ_VERSION)
		rc = pushq_make_tables(pushq, version);
	if (rc == RC_OK && version > PUSHQ_VERSION) {
		log_error(store->log, "push.db was made by a newer program version=%d", version);
		rc = RC_UNAVAILABLE;
	}
	if (rc == RC_OK)
		rc = pushq_begin_life(pushq);
	if (rc != RC_OK)
		db_close(&pushq->db);
	else
		pushq->dirty = pushq->doubtful = false;
	return rc;
}

/* Setting aside. */

static void pushq_aside_name(
	const struct pushq *pushq, unsigned number, const char *suffix, char path[PUSHQ_NAME_ROOM])
{
	snprintf(path, PUSHQ_NAME_ROOM, "%s/push.db.damaged-%u%s", pushq->store->root, number, suffix);
}

/* The time of the last write. INT64_MIN: the number is free. */
static int64_t pushq_aside_age(const struct pushq *pushq, unsigned number)
{
	static const char *const suffixes[] = { "", "-wal" };
	const struct io *io = pushq->store->io;
	char path[PUSHQ_NAME_ROOM];
	int64_t age = INT64_MIN;

	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		struct stat st;
		pushq_aside_name(pushq, number, suffixes[i], path);
		if (io->stat(io->ctx, path, &st) == 0)
			age = (int64_t)st.st_mtime > age ? (int64_t)st.st_mtime : age;
		else if (errno != ENOENT && age == INT64_MIN)
			age = INT64_MAX;
	}
	return age;
}

/* A free number, or that of the oldest file: the pushes in it would be too old to be sent. */
static unsigned pushq_aside_number(const struct pushq *pushq)
{
	unsigned best = 1;
	int64_t best_age = INT64_MAX;

	for (unsigned number = 1; number <= PUSHQ_ASIDE_MAX; number++) {
		int64_t age = pushq_aside_age(pushq, number);
		if (age >= best_age)
			continue;
		best = number;
		best_age = age;
	}
	return best;
}

/* Renames a file; an older one of that name is removed. */
static bool pushq_aside_move(
	struct pushq *pushq, const char *path, const char *suffix, unsigned number, bool required)
{
	const struct io *io = pushq->store->io;
	char from[PUSHQ_NAME_ROOM], to[PUSHQ_NAME_ROOM];

	snprintf(from, sizeof(from), "%s%s", path, suffix);
	pushq_aside_name(pushq, number, suffix, to);
	if (io->unlink(io->ctx, to) != 0 && errno != ENOENT)
		return false;
	return io->rename(io->ctx, from, to) == 0 || (!required && errno == ENOENT);
}

/*
 * Sets database and WAL aside together, for later inspection. The WAL goes first: SQLite would take a WAL
 * that is left behind for that of the new file. The names need no sync here: the first sync of the new file
 * syncs the folder, too, before anything is in that file.
 */
static bool pushq_put_aside(struct pushq *pushq, const char *path)
{
	unsigned number = pushq_aside_number(pushq);
	bool ok = pushq_aside_move(pushq, path, "-wal", number, false) &&
		  pushq_aside_move(pushq, path, "", number, true);

	log_error(pushq->store->log,
		"push.db is damaged: waiting pushes are lost set_aside=%d path=%s.damaged-%u", ok, path,
		number);
	return ok;
}

enum rc pushq_open_db(struct pushq *pushq)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/push.db", pushq->store->root);
	enum rc rc = pushq_try_open(pushq, path);
	/*
	 * A single failed read looks like damage, too, so it is tried twice before the waiting pushes are
	 * given up.
	 */
	if (rc == RC_CORRUPT)
		rc = pushq_try_open(pushq, path);
	if (rc == RC_CORRUPT && pushq_put_aside(pushq, path)) {
		pushq->suspect = false;
		rc = pushq_try_open(pushq, path);
	}
	return rc;
}
