/*
 * Repairs what the check has found: first rows that follow from other rows, then messages that have lost
 * their bytes. Nothing that can still be read is thrown away: a message whose bytes have another length than
 * the index says comes back as a new one.
 */
#include "store/check_priv.h"

#include "base/mem.h"
#include "store/mail_priv.h"

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

struct holder {
	int64_t mailbox;
	uint32_t uid;
	uint32_t size;
};

/* Finds all messages that have this blob; the caller frees *ret_holders. */
static enum rc holders_find(
	struct account *account, int64_t blob, struct holder **ret_holders, size_t *ret_count)
{
	struct holder *holders = NULL;
	size_t count = 0;
	sqlite3_stmt *stmt;
	enum rc rc =
		db_query(account->db, &stmt, "SELECT mailbox, uid, size FROM msg WHERE blob = ?1", "i", blob);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		holders = mem_realloc(holders, count + 1, sizeof(*holders));
		holders[count++] = (struct holder){ db_i64(stmt, 0), db_u32(stmt, 1), db_u32(stmt, 2) };
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

/*
 * Gives the existing bytes a blob of their own, and its messages new UIDs, because the message behind a UID
 * or EMAILID never changes. The bytes stay where they are.
 */
static enum rc blob_renew(struct account *account, int64_t blob, uint64_t size, int64_t *ret_id)
{
	struct db *db = account->db;
	struct reader *reader = NULL;
	uint32_t sum = SUM_NONE;
	enum rc rc = db_run(db,
		"INSERT INTO blob (refs, size, file, stored, removed_at, thread)"
		" SELECT refs, ?2, file, stored, removed_at, thread FROM blob WHERE id = ?1",
		"iu", blob, size);
	int64_t id = db_last_id(db);
	if (rc == RC_OK)
		rc = db_run(db, "UPDATE blob_inline SET blob = ?2 WHERE blob = ?1", "ii", blob, id);
	if (rc == RC_OK)
		rc = db_run(db, "UPDATE blob_prefix SET blob = ?2 WHERE blob = ?1", "ii", blob, id);
	if (rc == RC_OK)
		rc = db_run(db, "UPDATE msg SET blob = ?2, size = ?3 WHERE blob = ?1", "iiu", blob, id, size);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM blob WHERE id = ?1", "i", blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM cache WHERE blob = ?1", "i", blob);
	if (rc == RC_OK)
		rc = blob_open(account, id, &reader);
	if (rc == RC_OK)
		rc = reader_sum(reader, &sum);
	reader_close(&reader);
	if (rc == RC_OK)
		rc = db_run(db, "UPDATE blob SET sum = ?2 WHERE id = ?1", "id", id, sum);
	if (rc == RC_OK)
		*ret_id = id;
	return rc;
}

/* Follows a change of a message's size in the table: memory is updated, and the message gets a new UID. */
static enum rc holder_renew(struct account *account, const struct holder *holder, uint64_t size)
{
	struct mbox *mbox = mail_mbox_by_id(account, holder->mailbox);
	struct seqset uids;
	struct copy_result copied;
	if (!mbox)
		return RC_CORRUPT;
	mail_mbox_touch(account, mbox);
	index_drop(account, mbox);
	mbox->size += size - holder->size;
	account->mail->storage += size - holder->size;
	seqset_init(&uids);
	seqset_add(&uids, holder->uid);
	enum rc rc = msg_copy(account, holder->mailbox, &uids, holder->mailbox, true, &copied);
	seqset_fini(&uids);
	if (rc == RC_OK) {
		seqset_fini(&copied.src);
		seqset_fini(&copied.dst);
	}
	return rc;
}

/* Notes that the file of a removed blob, if it has one, has no row any more. */
static enum rc file_forget(struct check *check, int64_t blob)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(check->account->db, &stmt,
		"SELECT file FROM blob WHERE id = ?1 AND file IS NOT NULL", "i", blob);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	struct check_problem problem = { .kind = CHECK_DROP, .file = db_i64(stmt, 0) };
	db_reset(stmt);
	check_add(check, &problem);
	return RC_OK;
}

static enum rc blob_delete(struct check *check, int64_t blob)
{
	struct db *db = check->account->db;
	enum rc rc = file_forget(check, blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM blob WHERE id = ?1", "i", blob);
	if (rc == RC_OK)
		rc = blob_rows_remove(db, blob);
	return rc;
}

static enum rc fix_no_bytes(struct check *check, const struct check_problem *problem)
{
	struct account *account = check->account;
	struct holder *holders = NULL;
	size_t count = 0;
	int64_t id;
	bool there = problem->length != UINT64_MAX && problem->length > 0 && problem->length <= UINT32_MAX;
	enum rc rc = holders_find(account, problem->blob, &holders, &count);
	if (rc == RC_OK && there)
		rc = blob_renew(account, problem->blob, problem->length, &id);
	for (size_t i = 0; rc == RC_OK && i < count; i++) {
		rc = there ? holder_renew(account, &holders[i], problem->length)
			   : holder_expunge(account, &holders[i]);
		check_note(check, "message %" PRIu32 " of mailbox %" PRId64 ": %s", holders[i].uid,
			holders[i].mailbox, there ? "has come back as a new one" : "is lost");
	}
	free(holders);
	return rc == RC_OK && !there ? blob_delete(check, problem->blob) : rc;
}

/* Adds a row for the blob, so that its messages can be removed in the ordinary way. */
static enum rc fix_no_blob(struct check *check, const struct check_problem *problem)
{
	struct account *account = check->account;
	enum rc rc = db_run(account->db,
		"INSERT OR IGNORE INTO blob (id, refs, size, stored)"
		" SELECT ?1, count(*), max(size), 0 FROM msg WHERE blob = ?1",
		"i", problem->blob);
	struct check_problem bytes = { .kind = CHECK_NO_BYTES, .blob = problem->blob, .length = UINT64_MAX };
	/* The row exists again: it was made from bytes in the database. */
	if (rc == RC_OK && db_changes(account->db) == 0)
		return RC_OK;
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

/* Repairs rows that follow from other rows. */
static enum rc repair_rows(struct account *account, void *arg)
{
	struct check *check = arg;
	enum rc rc = RC_OK;
	uint64_t recovered = 0;
	for (size_t i = 0; rc == RC_OK && i < check->count; i++) {
		const struct check_problem *problem = &check->problems[i];
		if (problem->kind == CHECK_TWO_PLACES)
			rc = fix_two_places(account, problem);
		else if (problem->kind == CHECK_CACHE)
			rc = db_run(account->db, "DELETE FROM cache WHERE blob = ?1", "i", problem->blob);
	}
	if (rc == RC_OK)
		rc = check_rows_fix(account->store, account->db, &recovered);
	if (rc == RC_OK && recovered > 0)
		check_note(check,
			"%" PRIu64 " messages that had lost their rows are in " CHECK_MAILBOX " now",
			recovered);
	/* Messages that are still damaged will be found again. */
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM damage", "");
	return rc;
}

/* Repairs messages whose bytes are wrong. Memory and rows agree at this point. */
static enum rc repair_messages(struct account *account, void *arg)
{
	struct check *check = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < check->count; i++) {
		/* The loop works on a copy, since the list may grow meanwhile. */
		struct check_problem problem = check->problems[i];
		if (problem.kind == CHECK_NO_BLOB)
			rc = fix_no_blob(check, &problem);
		else if (problem.kind == CHECK_NO_BYTES)
			rc = fix_no_bytes(check, &problem);
	}
	(void)account;
	return rc;
}

/* Opens the account again, since the rows were changed without its memory. */
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
	enum rc rc = repair_reopen(account, job_transaction(account, repair_rows, check));
	if (rc == RC_OK)
		rc = repair_reopen(account, job_transaction(account, repair_messages, check));
	if (rc == RC_OK)
		rc = check_orphans(check);
	return rc;
}
