/*
 * The rows of push_owed in account.db. A delivery writes them, they are deleted once the pushes are stored,
 * and those of a crashed process are found again.
 */
#include "store/push_owed.h"

#include "store/store_priv.h"

enum rc push_owed_add(struct account *account, int64_t mailbox, uint32_t uid)
{
	return db_run(account->db, "INSERT OR REPLACE INTO push_owed (mailbox, uid, run) VALUES (?1, ?2, ?3)",
		"idi", mailbox, uid, account->store->run);
}

enum rc push_owed_remove(struct account *account, const struct push_owed_row *rows, size_t count)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = db_run(account->db, "DELETE FROM push_owed WHERE mailbox = ?1 AND uid = ?2", "id",
			rows[i].mailbox, rows[i].uid);
	return rc;
}

enum rc push_owed_take(struct account *account, struct push_owed_row *rows, size_t max, size_t *ret_count)
{
	size_t count = 0;
	sqlite3_stmt *stmt;

	enum rc rc = db_query(account->db, &stmt,
		"SELECT mailbox, uid FROM push_owed WHERE run <> ?1 ORDER BY mailbox, uid LIMIT ?2", "ii",
		account->store->run, (int64_t)max);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt))
		rows[count++] = (struct push_owed_row){ db_i64(stmt, 0), db_u32(stmt, 1) };
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = push_owed_add(account, rows[i].mailbox, rows[i].uid);
	if (rc == RC_OK)
		*ret_count = count;
	return rc;
}

void store_on_push_owed(struct store *store, void (*fn)(void *ctx, struct account *account), void *ctx)
{
	store->owed_fn = fn;
	store->owed_ctx = ctx;
}

void push_owed_sweep(struct account *account)
{
	sqlite3_stmt *stmt;

	if (!account->store->owed_fn)
		return;
	/* If this can't be read, the account is damaged in other ways, which other jobs report. */
	enum rc rc = db_one(account->db, &stmt, "SELECT 1 FROM push_owed WHERE run <> ?1 LIMIT 1", "i",
		account->store->run);
	if (rc != RC_OK)
		return;
	db_reset(stmt);
	account->store->owed_fn(account->store->owed_ctx, account);
}
