/*
 * Accounts that are locked: closed, with all of them in their files, and left alone until they are unlocked
 * or the server starts anew, so that whoever administers the server can replace their folders. Jobs are
 * answered with RC_UNAVAILABLE meanwhile, also those of the kind JOB_ALONE.
 */
#ifndef COID_STORE_LOCK_H
#define COID_STORE_LOCK_H

#include "base/buf.h"
#include "store/store.h"

/*
 * [strand], from the run of a JOB_CLOSED. The account is closed in order and its WAL emptied; sessions get
 * CHANGE_RESET. RC_OK also if it is locked already or can't be opened. Lines "key: value" for `report`: the
 * folder, and whether all of it is in account.db (else account.db-wal belongs to it).
 */
enum rc account_lock(struct account *account, struct buf *report) MUST_CHECK;
/*
 * The same; what is in the folder now is opened. RC_NOT_FOUND: it is not locked. Any other error: unlocked,
 * but it can't be opened.
 */
enum rc account_unlock(struct account *account) MUST_CHECK;
/* Any thread. */
bool account_locked(const struct account *account);
/* The same by id, without making a handle. Any thread. */
bool store_account_locked(struct store *store, int64_t id);
/* How many there are. Any thread. */
unsigned store_locked_count(struct store *store);

#endif
