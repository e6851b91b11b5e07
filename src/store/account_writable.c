/*
 * Accounts that can be read and not written: the disk is full or read-only, or a sync and its cure have
 * failed. Reading needs no write, so such an account stays open. Changes are answered with the reason, and
 * writing is tried again after a pause that grows.
 *
 * After a failed sync the connection stays as it is: it shows the state before the commit whose outcome is
 * not known. The database is opened anew only after the frames of that commit have been overwritten.
 */
#include "store/store_priv.h"

#include "base/clock.h"

bool store_storage_rc(enum rc rc)
{
	return rc == RC_NOSPACE || rc == RC_READONLY || rc == RC_IO || rc == RC_UNAVAILABLE;
}

void account_reads_only(struct account *account, enum rc rc)
{
	if (account->write_retry_ms == 0) {
		account->write_retry_ms = ACCOUNT_RETRY_MIN_MS;
		log_error(account->store->log, "account can be read only for now account=%s rc=%s",
			account_shown(account), rc_name(rc));
	} else if (account->write_retry_ms < WRITE_RETRY_MAX_MS / 2) {
		account->write_retry_ms *= 2;
	} else {
		account->write_retry_ms = WRITE_RETRY_MAX_MS;
	}
	account->write_rc = rc;
	account->write_retry_at = clock_mono_ms() + account->write_retry_ms;
}

/* Commits one small synced transaction, whose frames overwrite those that were not synced. */
enum rc account_marker_write(struct account *account)
{
	/* The failed commit may have raised the ceiling. */
	uint64_t ceiling =
		account->ceiling > account->next_ceiling ? account->ceiling : account->next_ceiling;
	enum rc rc = db_begin(account->db, true);
	if (rc == RC_OK)
		rc = account_row_write(account, ceiling + 1, false);
	if (rc == RC_OK)
		rc = db_commit(account->db);
	if (rc != RC_OK) {
		db_rollback(account->db);
		return rc;
	}
	account->next_ceiling = ceiling + 1;
	account->doubtful = false;
	/* The rows of the failed commit are known to be absent now, so files made for them can be removed. */
	blob_batch_end(account);
	return RC_OK;
}

static enum rc account_mend(struct account *account)
{
	if (account->doubtful) {
		enum rc rc = account_marker_write(account);
		if (rc != RC_OK) {
			account_reads_only(account, account->write_rc);
			return account->write_rc;
		}
	}
	account_reopen(account);
	if (account->state != ACCOUNT_OPEN)
		return account->fail_rc;
	if (account->write_rc == RC_OK)
		log_warn(account->store->log, "account can be written again account=%s",
			account_shown(account));
	return account->write_rc;
}

enum rc account_writable(struct account *account)
{
	if (account->write_rc == RC_OK)
		return RC_OK;
	if (clock_mono_ms() < account->write_retry_at)
		return account->write_rc;
	return account_mend(account);
}
