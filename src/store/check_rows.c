/*
 * Repairs rows of a database from other rows: a message that has lost its row comes into "Recovered",
 * references and counters are counted anew, numbers are brought into their limits. These functions run SQL
 * only, in the caller's transaction. They serve the account's own database, without updating its memory, and
 * a database that is being made.
 */
#include "store/check_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/mail_priv.h"
#include "store/msg_sql.h"
#include "store/server_state.h"

#include <stdlib.h>

/* Takes the next UIDVALIDITY of the server, and notes it as the account's last one. */
static enum rc rows_uidvalidity(struct store *store, struct db *db, uint32_t *ret_next)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(db, &stmt, "SELECT uidvalidity FROM account", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	uint32_t last = db_u32(stmt, 0);
	db_reset(stmt);
	rc = server_state_uidvalidity_next(store->state, last, ret_next);
	return rc == RC_OK ? db_run(db, "UPDATE account SET uidvalidity = ?1", "d", *ret_next) : rc;
}

/* The mailbox "Recovered"; a new one is given the next UIDVALIDITY. */
static enum rc rows_mailbox(struct store *store, struct db *db, int64_t *ret_id)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(db, &stmt, "SELECT id FROM mailbox WHERE name = ?1", "t", STRV(CHECK_MAILBOX));
	if (rc == RC_OK) {
		*ret_id = db_i64(stmt, 0);
		db_reset(stmt);
		/* The name may have existed without being a mailbox (\Noselect). */
		return db_run(db, "UPDATE mailbox SET attrs = attrs & ~?2 WHERE id = ?1", "ii", *ret_id,
			(int64_t)MBOX_NOSELECT);
	}
	if (rc != RC_NOT_FOUND)
		return rc;
	uint32_t next;
	rc = rows_uidvalidity(store, db, &next);
	if (rc == RC_OK)
		rc = db_run(db,
			"INSERT INTO mailbox (name, attrs, uidvalidity, uidnext, highestmodseq, modseq_floor,"
			" first_recent, recent, messages, unseen, deleted, size, log_rows, log_since)"
			" SELECT ?1, 0, uidvalidity, 1, max(modseq, 1), 0, 1, 0, 0, 0, 0, 0, 0, max(modseq, "
			"1) FROM"
			" account",
			"t", STRV(CHECK_MAILBOX));
	*ret_id = db_last_id(db);
	return rc;
}

/* Bytes in the database without a row of `blob` are a message: they get a row. */
static enum rc rows_stray_bytes(struct db *db)
{
	return db_run(db,
		"INSERT INTO blob (id, refs, size, stored, thread) SELECT i.blob, 1, length(i.bytes), 0, 0 "
		"FROM"
		" blob_inline i WHERE i.blob > 0 AND length(i.bytes) > 0 AND i.blob NOT IN (SELECT id FROM "
		"blob)",
		"");
}

/* SQL that puts messages into mailbox ?1 behind those that it has. */
#define INSERT_MESSAGES                                                                                      \
	"INSERT INTO msg (mailbox, uid, flags, keywords, modseq, size, internaldate, zone, savedate, blob) "
#define LAST_UID                                                                                             \
	"(SELECT max(coalesce(max(uid) + 1, 1), (SELECT uidnext FROM mailbox WHERE id = ?1)) - 1"            \
	" FROM msg WHERE mailbox = ?1)"

/* Finds blobs with references that no message has. Blobs that were removed stay removed. */
static enum rc rows_lost_messages(struct store *store, struct db *db, uint64_t *ret_count)
{
	sqlite3_stmt *stmt;
	int64_t mailbox;
	enum rc rc = db_one(db, &stmt,
		"SELECT 1 FROM blob WHERE refs > 0 AND removed_at IS NULL AND id NOT IN (SELECT blob FROM "
		"msg) LIMIT 1",
		"");
	*ret_count = 0;
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	db_reset(stmt);
	rc = rows_mailbox(store, db, &mailbox);
	if (rc == RC_OK)
		rc = db_run(db,
			INSERT_MESSAGES
			"SELECT ?1, " LAST_UID " + row_number() OVER (ORDER BY b.id), 0, 0, a.modseq, b.size,"
			" CASE WHEN b.stored > 0 THEN b.stored / 1000 ELSE ?2 END, 0, ?2, b.id FROM blob b, "
			"account a"
			" WHERE b.refs > 0 AND b.removed_at IS NULL AND b.id NOT IN (SELECT blob FROM msg)",
			"ii", mailbox, clock_wall());
	*ret_count = rc == RC_OK ? (uint64_t)db_changes(db) : 0;
	return rc;
}

static enum rc rows_of_no_mailbox(struct store *store, struct db *db)
{
	sqlite3_stmt *stmt;
	int64_t mailbox;
	enum rc rc = db_one(
		db, &stmt, "SELECT 1 FROM msg WHERE mailbox NOT IN (SELECT id FROM mailbox) LIMIT 1", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	db_reset(stmt);
	rc = rows_mailbox(store, db, &mailbox);
	if (rc == RC_OK)
		rc = db_run(db,
			INSERT_MESSAGES "SELECT ?1, " LAST_UID " + row_number() OVER (ORDER BY mailbox, uid),"
					" flags & " MSG_SQL_FLAGS_CLIENT
					", 0, modseq, size, internaldate, zone, savedate, blob FROM msg"
					" WHERE mailbox NOT IN (SELECT id FROM mailbox)",
			"i", mailbox);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM msg WHERE mailbox NOT IN (SELECT id FROM mailbox)", "");
	return rc;
}

static enum rc rows_strays(struct db *db)
{
	enum rc rc = db_run(db, "DELETE FROM blob_inline WHERE blob NOT IN (SELECT id FROM blob)", "");
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM blob_prefix WHERE blob NOT IN (SELECT id FROM blob)", "");
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM cache WHERE blob NOT IN (SELECT id FROM blob)", "");
	if (rc == RC_OK)
		rc = db_run(db,
			"DELETE FROM keyword_more WHERE NOT EXISTS (SELECT 1 FROM msg WHERE msg.mailbox ="
			" keyword_more.mailbox AND msg.uid = keyword_more.uid)",
			"");
	return rc;
}

static enum rc rows_sizes(struct db *db)
{
	return db_run(db,
		"UPDATE msg SET size = b.size FROM (SELECT id, size FROM blob) b WHERE b.id = msg.blob AND "
		"b.size != "
		"msg.size",
		"");
}

static enum rc rows_refs(struct db *db)
{
	return db_run(db,
		"UPDATE blob SET refs = n, removed_at = CASE WHEN n = 0 THEN coalesce(removed_at, ?1) END "
		"FROM"
		" (SELECT b.id AS wrong, coalesce(m.n, 0) AS n FROM blob b LEFT JOIN"
		"  (SELECT blob, count(*) AS n FROM msg GROUP BY blob) m ON m.blob = b.id"
		"  WHERE b.refs != coalesce(m.n, 0) OR (b.refs = 0) != (b.removed_at IS NOT NULL))"
		" WHERE id = wrong",
		"i", clock_wall());
}

static enum rc rows_counters(struct db *db)
{
	return db_run(db,
		"UPDATE mailbox SET messages = m.n, unseen = m.unseen, deleted = m.deleted, size = m.size,"
		" uidnext = max(uidnext, m.uid + 1), highestmodseq = max(highestmodseq, m.modseq), log_rows "
		"= m.log,"
		" recent = (SELECT count(*) FROM msg r WHERE r.mailbox = mailbox.id AND r.uid >= "
		"first_recent) FROM"
		" (SELECT b.id AS mailbox, count(x.uid) AS n, coalesce(sum((x.flags & " MSG_SQL_SEEN
		") = 0), 0) AS unseen,"
		"  coalesce(sum((x.flags & " MSG_SQL_DELETED
		") != 0), 0) AS deleted, coalesce(sum(x.size), 0) AS "
		"size,"
		"  max(coalesce(max(x.uid), 0), coalesce((SELECT "
		"max(uid) FROM expunged e WHERE e.mailbox = "
		"b.id), 0)) AS uid,"
		"  max(coalesce(max(x.modseq), 0),"
		"   coalesce((SELECT max(modseq) FROM expunged e "
		"WHERE e.mailbox = b.id), 0)) AS modseq,"
		"  (SELECT count(*) FROM expunged e WHERE e.mailbox = "
		"b.id) AS log"
		"  FROM mailbox b LEFT JOIN msg x ON x.mailbox = b.id "
		"GROUP BY b.id) m WHERE m.mailbox = "
		"mailbox.id",
		"");
}

static enum rc rows_ceiling(struct db *db)
{
	return db_run(db,
		"UPDATE account SET modseq_ceiling = max(modseq_ceiling,"
		" (SELECT coalesce(max(highestmodseq), 0) FROM mailbox) + ?1)"
		" WHERE modseq_ceiling < (SELECT coalesce(max(highestmodseq), 0) FROM mailbox)",
		"i", (int64_t)MODSEQ_STEP);
}

/*
 * Handles numbers that this program can't have written: a flipped bit of a UID or modseq must not use up the
 * numbers that are left. The messages come into "Recovered" by their bytes.
 */
static enum rc rows_limits(struct db *db)
{
	static const char *const sql[] = {
		"DELETE FROM msg WHERE typeof(uid) != 'integer' OR uid < 1 OR uid >= 4294967295"
		" OR typeof(modseq) != 'integer' OR modseq < 0 OR modseq > 4611686018427387904"
		" OR typeof(blob) != 'integer' OR typeof(size) != 'integer' OR typeof(flags) != 'integer'"
		" OR typeof(keywords) != 'integer' OR typeof(internaldate) != 'integer'",
		"DELETE FROM expunged WHERE typeof(uid) != 'integer' OR uid < 1 OR uid >= 4294967295"
		" OR typeof(modseq) != 'integer' OR modseq < 0 OR modseq > 4611686018427387904",
		"DELETE FROM blob WHERE typeof(refs) != 'integer' OR typeof(size) != 'integer' OR size < 0"
		" OR size > 4294967295 OR typeof(file) NOT IN ('integer', 'null') OR id < 1",
		"UPDATE blob SET sum = NULL WHERE typeof(sum) != 'integer' OR sum < 0 OR sum > 4294967295",
		"UPDATE msg SET flags = flags & " MSG_SQL_FLAGS_STORED,
		"UPDATE mailbox SET uidnext = 1 WHERE typeof(uidnext) != 'integer' OR uidnext < 1 OR uidnext "
		"> 4294967295",
		"UPDATE mailbox SET highestmodseq = 1 WHERE typeof(highestmodseq) != 'integer' OR "
		"highestmodseq < 1"
		" OR highestmodseq > 4611686018427387904",
		"UPDATE mailbox SET modseq_floor = 0 WHERE typeof(modseq_floor) != 'integer' OR modseq_floor "
		"< 0"
		" OR modseq_floor > highestmodseq",
		"UPDATE mailbox SET log_since = highestmodseq WHERE typeof(log_since) != 'integer' OR "
		"log_since < 0"
		" OR log_since > highestmodseq",
		"UPDATE mailbox SET attrs = 0 WHERE typeof(attrs) != 'integer'",
		"UPDATE mailbox SET first_recent = uidnext, recent = 0 WHERE typeof(first_recent) != "
		"'integer'"
		" OR first_recent < 1 OR first_recent > uidnext OR typeof(recent) != 'integer' OR recent < 0",
	};
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < COUNT_OF(sql); i++)
		rc = db_run(db, sql[i], "");
	return rc;
}

/* Renames a mailbox with an impossible name to "Recovered-<id>". */
static enum rc rows_names(struct store *store, struct db *db)
{
	struct arena *arena = arena_new(0);
	sqlite3_stmt *stmt;
	int64_t bad[64];
	size_t count = 0;
	enum rc rc = db_query(db, &stmt, "SELECT id, name, typeof(name) FROM mailbox", "");
	for (rc = rc == RC_OK ? db_step(db, stmt) : rc; rc == RC_OK; rc = db_step(db, stmt)) {
		struct strv name = db_text(stmt, 1), checked;
		bool good = strv_eq(db_text(stmt, 2), STRV("text")) &&
			    mbox_name_check(store, name, arena, &checked) == RC_OK && strv_eq(name, checked);
		/* A name beyond the limits is valid if an earlier configuration allowed it. */
		good = good || (name.n > 0 && mbox_name_check(store, name, arena, &checked) == RC_LIMIT);
		if (!good && count < COUNT_OF(bad))
			bad[count++] = db_i64(stmt, 0);
	}
	rc = rc == RC_NOT_FOUND ? RC_OK : rc;
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = db_run(db, "UPDATE OR IGNORE mailbox SET name = 'Recovered-' || id WHERE id = ?1", "i",
			bad[i]);
	arena_free(&arena);
	return rc;
}

enum rc check_rows_sound(struct store *store, struct db *db)
{
	enum rc rc = rows_limits(db);
	return rc == RC_OK ? rows_names(store, db) : rc;
}

enum rc check_rows_fix(struct store *store, struct db *db, uint64_t *ret_recovered)
{
	enum rc rc = rows_stray_bytes(db);
	if (rc == RC_OK)
		rc = rows_of_no_mailbox(store, db);
	if (rc == RC_OK)
		rc = rows_strays(db);
	if (rc == RC_OK)
		rc = rows_lost_messages(store, db, ret_recovered);
	if (rc == RC_OK)
		rc = rows_sizes(db);
	if (rc == RC_OK)
		rc = rows_refs(db);
	if (rc == RC_OK)
		rc = rows_counters(db);
	return rc == RC_OK ? rows_ceiling(db) : rc;
}

static enum rc rows_renumber_one(struct store *store, struct db *db, int64_t mailbox)
{
	uint32_t next;
	enum rc rc = rows_uidvalidity(store, db, &next);
	return rc == RC_OK
		       ? db_run(db, "UPDATE mailbox SET uidvalidity = ?2 WHERE id = ?1", "id", mailbox, next)
		       : rc;
}

/* Gives UIDVALIDITYs above all that were ever given out. */
enum rc check_rows_renumber(struct store *store, struct db *db)
{
	sqlite3_stmt *stmt;
	int64_t last = INT64_MIN;
	enum rc rc = db_run(db,
		"UPDATE account SET uidvalidity = max(uidvalidity, (SELECT coalesce(max(uidvalidity), 0) "
		"FROM mailbox"
		" WHERE uidvalidity BETWEEN 1 AND ?1))",
		"i", (int64_t)(UINT32_MAX - CHECK_UIDVALIDITY_ROOM));
	while (rc == RC_OK) {
		rc = db_one(db, &stmt, "SELECT id FROM mailbox WHERE id > ?1 ORDER BY id LIMIT 1", "i", last);
		if (rc != RC_OK)
			break;
		last = db_i64(stmt, 0);
		db_reset(stmt);
		rc = rows_renumber_one(store, db, last);
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}
