/*
 * On a disk that has little room a database gives its free pages back, which it would otherwise keep for
 * later: space that was expunged is then free for others. The pages are released in one synced transaction,
 * the end of the file is cut by the checkpoint after it.
 */
#include "store/bytes.h"

#define SHRINK_PAGES_MIN 16 /* fewer are not worth the writes */
#define SHRINK_SCRIPT "PRAGMA incremental_vacuum(1024)" /* pages of one transaction */

static enum rc shrink_free_pages(struct account *account, int64_t *ret_pages)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "PRAGMA freelist_count", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	*ret_pages = db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

static enum rc shrink_run(struct account *account, void *arg)
{
	(void)arg;
	return db_script(account->db, SHRINK_SCRIPT);
}

enum rc shrink_blob(struct account *account)
{
	int64_t before = 0, after = 0;
	if (space_state(account->store) == SPACE_PLENTY)
		return RC_OK;
	enum rc rc = shrink_free_pages(account, &before);
	if (rc != RC_OK || before < SHRINK_PAGES_MIN)
		return rc;
	rc = job_transaction(account, shrink_run, NULL);
	if (rc == RC_OK)
		account_background_now(account, BACKGROUND_CHECKPOINT);
	if (rc == RC_OK)
		rc = shrink_free_pages(account, &after);
	if (rc != RC_OK)
		return rc;
	return after >= SHRINK_PAGES_MIN && after < before ? RC_AGAIN : RC_OK;
}
