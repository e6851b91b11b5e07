/*
 * Removes messages: EXPUNGE, and the source of a MOVE. For each removed row the expunge log gets one. The log
 * is bounded; the mailbox remembers the modseq from which on it is complete.
 */
#include "store/mail_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* The log may grow this far beyond its limit before it is cut, so that not every message causes a cut. */
#define LOG_SLACK(max) ((max) / 8 + 1)

/* Corrects the count of log rows from the table. */
static enum rc log_recount(struct account *account, struct mbox *mbox)
{
	sqlite3_stmt *stmt;

	log_error(account_log(account), "expunge log was counted wrong account=%s mailbox=%" PRId64,
		account_shown(account), mbox->id);
	enum rc rc =
		db_one(account->db, &stmt, "SELECT count(*) FROM expunged WHERE mailbox = ?1", "i", mbox->id);
	if (rc != RC_OK)
		return rc;
	mbox->log_rows = db_u64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

/* Cuts the log to its newest rows. Rows of one modseq are kept all or none. */
static enum rc log_cut(struct account *account, struct mbox *mbox)
{
	uint64_t max = account->store->settings.expunge_log_max;
	sqlite3_stmt *stmt;

	if (mbox->log_rows <= max + LOG_SLACK(max))
		return RC_OK;
	enum rc rc = db_one(account->db, &stmt,
		"SELECT modseq FROM expunged WHERE mailbox = ?1 ORDER BY modseq, uid LIMIT 1 OFFSET ?2", "iu",
		mbox->id, mbox->log_rows - max - 1);
	if (rc == RC_NOT_FOUND)
		return log_recount(account, mbox);
	if (rc != RC_OK)
		return rc;
	uint64_t modseq = db_u64(stmt, 0);
	db_reset(stmt);
	rc = db_run(account->db, "DELETE FROM expunged WHERE mailbox = ?1 AND modseq <= ?2", "iu", mbox->id,
		modseq);
	if (rc != RC_OK)
		return rc;
	mbox->log_rows -= (uint64_t)db_changes(account->db);
	mbox->log_since = modseq;
	return RC_OK;
}

static enum rc remove_row(struct account *account, struct mbox *mbox, const struct msg_row *row, bool moved,
	uint64_t modseq, int64_t now)
{
	struct msg_state state = { row->uid, row->flags, row->keywords, modseq, NULL };

	enum rc rc = db_run(
		account->db, "DELETE FROM msg WHERE mailbox = ?1 AND uid = ?2", "id", mbox->id, row->uid);
	if (rc == RC_OK && row->flags & MSG_MORE_KEYWORDS)
		rc = keywords_more_store(account, mbox, row->uid, NULL);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"INSERT INTO expunged (mailbox, modseq, uid, expunged_at, blob, flags, internaldate, "
			"zone)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			"iudiidii", mbox->id, modseq, row->uid, now, moved ? (int64_t)0 : row->blob,
			row->flags & ~(uint32_t)MSG_MORE_KEYWORDS, row->internaldate, (int64_t)row->zone);
	if (rc == RC_OK && !moved)
		rc = blob_unref(account, row->blob);
	if (rc != RC_OK)
		return rc;
	mail_mbox_count(account, mbox, row, -1);
	mbox->log_rows++;
	change_msg(account, CHANGE_EXPUNGE, mbox->id, &state);
	return RC_OK;
}

enum rc expunge_remove(struct account *account, struct mbox *mbox, const struct msg_row *rows, size_t count,
	bool moved, uint64_t modseq)
{
	int64_t now = clock_wall();

	mail_mbox_touch(account, mbox);
	for (size_t i = 0; i < count; i++) {
		enum rc rc = remove_row(account, mbox, &rows[i], moved, modseq, now);
		if (rc != RC_OK)
			return rc;
	}
	mbox->highestmodseq = modseq;
	enum rc rc = log_cut(account, mbox);
	return rc == RC_OK ? mail_mbox_save(account, mbox) : rc;
}

/* Copies the rows to remove, since rows of the index move while others are still to be read. */
static size_t expunge_pick(
	const struct index *index, const struct seqset *uids, bool any_flags, struct msg_row *picked)
{
	size_t n = 0;

	for (size_t r = 0; r < uids->n; r++) {
		size_t i = msg_lower_bound(index->rows, index->count, uids->v[r].lo);
		for (; i < index->count && index->rows[i].uid <= uids->v[r].hi; i++) {
			if (any_flags || (index->rows[i].flags & MSG_DELETED))
				picked[n++] = index->rows[i];
		}
	}
	return n;
}

enum rc msg_expunge(struct account *account, int64_t mailbox, const struct seqset *uids, bool any_flags,
	struct seqset *ret_uids)
{
	struct seqset removed = SEQSET_EMPTY;
	struct mbox *mbox;
	struct index *index;

	enum rc rc = mail_mbox_selectable(account, mailbox, &mbox);
	if (rc != RC_OK)
		return rc;
	if (!any_flags && mbox->deleted == 0) {
		*ret_uids = removed;
		return RC_OK;
	}
	rc = index_get(account, mbox, &index);
	if (rc != RC_OK)
		return rc;
	size_t room = any_flags ? mbox->messages : mbox->deleted;
	struct msg_row *picked = mem_alloc(room * sizeof(*picked));
	size_t n = expunge_pick(index, uids ? uids : &index->uids, any_flags, picked);
	for (size_t i = 0; i < n; i++)
		seqset_add(&removed, picked[i].uid);
	if (n > 0)
		rc = expunge_remove(account, mbox, picked, n, false, account_modseq_next(account));
	free(picked);
	if (rc != RC_OK) {
		seqset_fini(&removed);
		return rc;
	}
	index_remove(index, &removed);
	*ret_uids = removed;
	return RC_OK;
}

enum rc msg_expunged_since(
	struct account *account, int64_t mailbox, uint64_t since, struct seqset *ret_uids, bool *ret_complete)
{
	struct seqset uids = SEQSET_EMPTY;
	struct mbox *mbox;
	sqlite3_stmt *stmt;

	enum rc rc = mail_mbox_selectable(account, mailbox, &mbox);
	if (rc != RC_OK)
		return rc;
	if (since < mbox->highestmodseq) {
		rc = db_query(account->db, &stmt,
			"SELECT uid FROM expunged WHERE mailbox = ?1 AND modseq > ?2 ORDER BY uid", "iu",
			mailbox, since);
		if (rc == RC_OK)
			rc = db_uids(account->db, stmt, &uids);
		if (rc != RC_OK)
			return rc;
	}
	*ret_uids = uids;
	*ret_complete = since >= mbox->log_since;
	return RC_OK;
}

static enum rc unref_all(struct account *account, struct mbox *mbox)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_query(account->db, &stmt, "SELECT blob FROM msg WHERE mailbox = ?1", "i", mbox->id);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		rc = blob_unref(account, db_i64(stmt, 0));
		if (rc != RC_OK) {
			db_reset(stmt);
			return rc;
		}
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Removes deleted mailboxes, and their logs, when their messages can't be brought back any more. */
static enum rc forget_gone(struct account *account, int64_t now)
{
	int64_t before = now - (int64_t)account->store->settings.undelete_age_s;

	/* A deletion time in the future comes from a wrong clock, so the wait begins now. */
	enum rc rc = db_run(
		account->db, "UPDATE mailbox_gone SET deleted_at = ?1 WHERE deleted_at > ?1", "i", now);
	if (rc != RC_OK)
		return rc;
	rc = db_run(account->db,
		"DELETE FROM expunged WHERE mailbox IN (SELECT id FROM mailbox_gone WHERE deleted_at <= ?1)",
		"i", before);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM mailbox_gone WHERE deleted_at <= ?1", "i", before);
	return rc;
}

enum rc expunge_remove_all(struct account *account, struct mbox *mbox, uint64_t modseq)
{
	int64_t now = clock_wall();

	enum rc rc = unref_all(account, mbox);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"INSERT INTO expunged (mailbox, modseq, uid, expunged_at, blob, flags, internaldate, "
			"zone)"
			" SELECT mailbox, ?2, uid, ?3, blob, flags, internaldate, zone FROM msg WHERE "
			"mailbox = ?1",
			"iui", mbox->id, modseq, now);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM msg WHERE mailbox = ?1", "i", mbox->id);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM keyword_more WHERE mailbox = ?1", "i", mbox->id);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"INSERT INTO mailbox_gone (id, name, deleted_at) VALUES (?1, ?2, ?3)", "iti",
			mbox->id, mbox->name, now);
	return rc == RC_OK ? forget_gone(account, now) : rc;
}
