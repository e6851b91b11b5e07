/*
 * Setting right what the check has found: first rows from other rows, then messages that have lost their bytes. Nothing that can still
 * be read is thrown away: a message whose bytes have another length than the index says comes back as a new one.
 */
#include "store/check_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/mailbox.h"
#include "store/message.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

enum rc check_mailbox(struct account *account, struct strv name, int64_t *ret_id)
{
	struct mbox_info info;
	enum rc rc = mbox_find(account, name, &info);
	if (rc == RC_NOT_FOUND)
		return mbox_create(account, name, 0, ret_id);
	if (rc == RC_OK && (info.attrs & MBOX_NOSELECT))
		return mbox_create(account, name, 0, ret_id);
	if (rc == RC_OK)
		*ret_id = info.id;
	return rc;
}

/* Rows of a mailbox that does not exist go to another one. Its counters are set right later. */
static enum rc fix_no_mailbox(struct account *account, const struct check_problem *problem)
{
	int64_t to;
	enum rc rc = check_mailbox(account, STRV(CHECK_MAILBOX), &to);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"INSERT INTO msg (mailbox, uid, flags, keywords, modseq, size, internaldate, zone, "
			"savedate, blob)"
			" SELECT ?2, (SELECT max(coalesce(max(uid) + 1, 1), (SELECT uidnext FROM mailbox "
			"WHERE id = ?2))"
			"  FROM msg WHERE mailbox = ?2) - 1 + row_number() OVER (ORDER BY uid),"
			" flags, 0, modseq, size, internaldate, zone, savedate, blob FROM msg WHERE mailbox "
			"= ?1",
			"ii", problem->id, to);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM msg WHERE mailbox = ?1", "i", problem->id);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM keyword_more WHERE mailbox = ?1", "i", problem->id);
	return rc;
}

struct holder {
	int64_t mailbox;
	uint32_t uid;
	uint32_t flags;
	int64_t internaldate;
	int16_t zone;
};

/* All messages that have this blob; *ret_holders is the caller's. */
static enum rc holders_find(
	struct account *account, int64_t blob, struct holder **ret_holders, size_t *ret_count)
{
	struct holder *holders = NULL;
	size_t count = 0;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT mailbox, uid, flags, internaldate, zone FROM msg WHERE blob = ?1", "i", blob);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		holders = mem_realloc(holders, count + 1, sizeof(*holders));
		holders[count++] = (struct holder){ db_i64(stmt, 0), db_u32(stmt, 1), db_u32(stmt, 2),
			db_i64(stmt, 3), (int16_t)db_i64(stmt, 4) };
	}
	if (rc != RC_NOT_FOUND) {
		free(holders);
		return rc;
	}
	*ret_holders = holders;
	*ret_count = count;
	return RC_OK;
}

static enum rc holder_expunge(struct account *account, const struct holder *holder)
{
	struct seqset uids, removed;
	seqset_init(&uids);
	seqset_add(&uids, holder->uid);
	enum rc rc = msg_expunge(account, holder->mailbox, &uids, true, &removed);
	seqset_fini(&uids);
	if (rc == RC_OK)
		seqset_fini(&removed);
	return rc;
}

static enum rc holder_append(struct account *account, const struct holder *holder, struct content *content)
{
	struct msg_new msg = { .content = content,
		.flags = holder->flags,
		.internaldate = holder->internaldate,
		.zone = holder->zone };
	uint32_t uid;
	return msg_append(account, holder->mailbox, &msg, &uid);
}

/* What is there of a blob, whatever its row says about the size. */
static enum rc blob_salvage(struct account *account, int64_t blob, struct content **ret_content)
{
	sqlite3_stmt *stmt;
	struct buf bytes;
	enum rc rc = db_one(account->db, &stmt,
		"SELECT b.file, i.bytes, p.bytes FROM blob b LEFT JOIN blob_inline i ON i.blob = b.id"
		" LEFT JOIN blob_prefix p ON p.blob = b.id WHERE b.id = ?1",
		"i", blob);
	if (rc != RC_OK)
		return rc;
	buf_init(&bytes, account->store->settings.message_max);
	bool in_file = !db_is_null(stmt, 0);
	int64_t file = db_i64(stmt, 0);
	buf_addv(&bytes, db_blob(stmt, in_file ? 2 : 1));
	db_reset(stmt);
	size_t prefix = bytes.len;
	if (in_file) {
		const struct io *io = account->store->io;
		char *path = file_path(account, file);
		struct stat st;
		int fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
		free(path);
		char *room = fd >= 0 && fstat(fd, &st) == 0 ? buf_reserve(&bytes, (size_t)st.st_size) : NULL;
		ssize_t got = room ? io_read_all(io, fd, room, (size_t)st.st_size, 0) : -1;
		if (got > 0)
			buf_commit(&bytes, (size_t)got);
		if (fd >= 0)
			(void)io->close(io->ctx, fd);
	}
	rc = bytes.len > (in_file ? prefix : 0) ? RC_OK : RC_NOT_FOUND;
	if (rc == RC_OK)
		*ret_content = content_from_bytes(account->store, buf_strv(&bytes));
	buf_fini(&bytes);
	return rc;
}

/* The file of a blob that goes away, if it has one, belongs to nobody then. `saved`: its bytes are elsewhere. */
static enum rc file_forget(struct check *check, int64_t blob, bool saved)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(check->account->db, &stmt,
		"SELECT file FROM blob WHERE id = ?1 AND file IS NOT NULL", "i", blob);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	struct check_problem problem = { .kind = CHECK_DROP, .file = db_i64(stmt, 0), .length = saved };
	db_reset(stmt);
	check_add(check, &problem);
	return RC_OK;
}

static enum rc fix_no_bytes(struct check *check, const struct check_problem *problem)
{
	struct account *account = check->account;
	struct holder *holders = NULL;
	size_t count = 0;
	struct content *content = NULL;
	enum rc rc = holders_find(account, problem->blob, &holders, &count);
	if (rc == RC_OK && count > 0 && problem->length != UINT64_MAX) {
		rc = blob_salvage(account, problem->blob, &content);
		if (rc == RC_NOT_FOUND)
			rc = RC_OK;
	}
	for (size_t i = 0; rc == RC_OK && i < count; i++) {
		if (content)
			rc = holder_append(account, &holders[i], content);
		if (rc == RC_OK)
			rc = holder_expunge(account, &holders[i]);
		check_note(check, "message %" PRIu32 " of mailbox %" PRId64 ": %s", holders[i].uid,
			holders[i].mailbox, content ? "has come back as a new one" : "is lost");
	}
	bool saved = content != NULL || count == 0;
	content_unref(&content);
	free(holders);
	if (rc == RC_OK)
		rc = file_forget(check, problem->blob, saved);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM blob WHERE id = ?1", "i", problem->blob);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM blob_inline WHERE blob = ?1", "i", problem->blob);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM blob_prefix WHERE blob = ?1", "i", problem->blob);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM cache WHERE blob = ?1", "i", problem->blob);
	return rc;
}

/* A row for the blob, so that its messages can be removed in the ordinary way. */
static enum rc fix_no_blob(struct check *check, const struct check_problem *problem)
{
	struct account *account = check->account;
	enum rc rc = db_run(account->db,
		"INSERT OR IGNORE INTO blob (id, refs, size, stored)"
		" SELECT ?1, count(*), max(size), 0 FROM msg WHERE blob = ?1",
		"i", problem->blob);
	struct check_problem bytes = { .kind = CHECK_NO_BYTES, .blob = problem->blob, .length = UINT64_MAX };
	return rc == RC_OK ? fix_no_bytes(check, &bytes) : rc;
}

static enum rc fix_two_places(struct account *account, const struct check_problem *problem)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT size FROM blob WHERE id = ?1", "i", problem->blob);
	if (rc != RC_OK)
		return rc;
	bool file_good = problem->length == db_u64(stmt, 0);
	db_reset(stmt);
	if (file_good)
		return db_run(account->db, "DELETE FROM blob_inline WHERE blob = ?1", "i", problem->blob);
	rc = db_run(account->db, "UPDATE blob SET file = NULL WHERE id = ?1", "i", problem->blob);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM blob_prefix WHERE blob = ?1", "i", problem->blob);
	return rc;
}

static enum rc fix_refs(struct account *account)
{
	return db_run(account->db,
		"UPDATE blob SET refs = n, removed_at = CASE WHEN n = 0 THEN coalesce(removed_at, ?1) END "
		"FROM"
		" (SELECT b.id AS wrong, coalesce(m.n, 0) AS n FROM blob b LEFT JOIN"
		"  (SELECT blob, count(*) AS n FROM msg GROUP BY blob) m ON m.blob = b.id"
		"  WHERE b.refs != coalesce(m.n, 0) OR (b.refs = 0) != (b.removed_at IS NOT NULL))"
		" WHERE id = wrong",
		"i", clock_wall());
}

static enum rc fix_stray(struct account *account, const struct check_problem *problem)
{
	enum rc rc = db_run(account->db, "DELETE FROM blob_inline WHERE blob = ?1", "i", problem->blob);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM blob_prefix WHERE blob = ?1", "i", problem->blob);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM cache WHERE blob = ?1", "i", problem->blob);
	return rc;
}

static enum rc fix_counters(struct account *account)
{
	enum rc rc = db_run(account->db,
		"UPDATE mailbox SET messages = m.n, unseen = m.unseen, deleted = m.deleted, size = m.size,"
		" uidnext = max(uidnext, m.uid + 1), highestmodseq = max(highestmodseq, m.modseq), log_rows "
		"= m.log,"
		" recent = min(recent, m.n) FROM"
		" (SELECT b.id AS mailbox, count(x.uid) AS n, coalesce(sum((x.flags & 1) = 0), 0) AS unseen,"
		"  coalesce(sum((x.flags & 8) != 0), 0) AS deleted, coalesce(sum(x.size), 0) AS size,"
		"  max(coalesce(max(x.uid), 0), coalesce((SELECT max(uid) FROM expunged e WHERE e.mailbox = "
		"b.id), 0)) AS uid,"
		"  max(coalesce(max(x.modseq), 0),"
		"   coalesce((SELECT max(modseq) FROM expunged e WHERE e.mailbox = b.id), 0)) AS modseq,"
		"  (SELECT count(*) FROM expunged e WHERE e.mailbox = b.id) AS log"
		"  FROM mailbox b LEFT JOIN msg x ON x.mailbox = b.id GROUP BY b.id) m WHERE m.mailbox = "
		"mailbox.id",
		"");
	return rc;
}

static enum rc fix_ceiling(struct account *account)
{
	return db_run(account->db,
		"UPDATE account SET modseq_ceiling = max(modseq_ceiling,"
		" (SELECT coalesce(max(highestmodseq), 0) FROM mailbox) + ?1)",
		"i", (int64_t)MODSEQ_STEP);
}

/* Rows only: what follows from other rows. */
static enum rc repair_rows(struct account *account, void *arg)
{
	const struct check *check = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < check->count; i++) {
		const struct check_problem *problem = &check->problems[i];
		switch (problem->kind) {
		case CHECK_NO_MAILBOX:
			rc = fix_no_mailbox(account, problem);
			break;
		case CHECK_TWO_PLACES:
			rc = fix_two_places(account, problem);
			break;
		case CHECK_SIZE:
			rc = db_run(account->db,
				"UPDATE msg SET size = (SELECT size FROM blob WHERE id = ?3)"
				" WHERE mailbox = ?1 AND uid = ?2",
				"iii", problem->id, problem->uid, problem->blob);
			break;
		case CHECK_STRAY:
			rc = fix_stray(account, problem);
			break;
		case CHECK_KEYWORDS:
			rc = db_run(account->db,
				"DELETE FROM keyword_more WHERE mailbox = ?1 AND NOT EXISTS (SELECT 1 FROM "
				"msg m"
				" WHERE m.mailbox = ?1 AND m.uid = keyword_more.uid)",
				"i", problem->id);
			break;
		case CHECK_DATABASE:
		case CHECK_NO_BLOB:
		case CHECK_NO_BYTES:
		case CHECK_REFS:
		case CHECK_COUNTERS:
		case CHECK_MODSEQ:
		case CHECK_FILE:
		case CHECK_DROP:
		case CHECK_ASIDE:
		case CHECK_LOST:
			break;
		}
	}
	if (rc == RC_OK)
		rc = fix_refs(account);
	if (rc == RC_OK)
		rc = fix_counters(account);
	return rc == RC_OK ? fix_ceiling(account) : rc;
}

/* Messages whose bytes are not what they should be. The memory must agree with the rows by now. */
static enum rc repair_messages(struct account *account, void *arg)
{
	struct check *check = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < check->count; i++) {
		/* A copy: the list grows meanwhile. */
		struct check_problem problem = check->problems[i];
		if (problem.kind == CHECK_NO_BLOB)
			rc = fix_no_blob(check, &problem);
		else if (problem.kind == CHECK_NO_BYTES)
			rc = fix_no_bytes(check, &problem);
	}
	(void)account;
	return rc;
}

/* Counters were changed behind the memory's back. */
static enum rc repair_reopen(struct account *account, enum rc rc)
{
	if (account->db)
		account_reopen(account);
	if (rc != RC_OK)
		return rc;
	return account->db ? RC_OK : RC_UNAVAILABLE;
}

enum rc check_repair(struct check *check)
{
	struct account *account = check->account;
	bool lost = false;
	for (size_t i = 0; i < check->count; i++)
		lost = lost || check->problems[i].kind == CHECK_LOST;
	enum rc rc = repair_reopen(account, account_transaction(account, repair_rows, check));
	if (rc == RC_OK)
		rc = repair_reopen(account, account_transaction(account, repair_messages, check));
	if (rc == RC_OK)
		rc = check_orphans(check);
	if (rc == RC_OK && lost)
		rc = check_rebuild(check, true);
	return rc;
}
