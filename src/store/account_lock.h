/*
 * Locked accounts. Such an account is closed, with all its data in its files, and the server leaves its
 * folder alone until the account is unlocked or the server is started again. Meanwhile the administrator can
 * replace the folder. Jobs, JOB_ALONE included, are answered with RC_UNAVAILABLE.
 */
#ifndef COID_STORE_LOCK_H
#define COID_STORE_LOCK_H

#include "base/buf.h"
#include "store/store.h"

/*
 * [strand], from the run of a JOB_CLOSED. Closes the account in order and empties its WAL; sessions get
 * CHANGE_RESET. Returns RC_OK also if the account is locked already or can't be opened. Writes lines "key:
 * value" into `report`: the folder, and whether account.db holds everything (else account.db-wal belongs to
 * it).
 */
enum rc account_lock(struct account *account, struct buf *report) MUST_CHECK;
/*
 * [strand], from the run of a JOB_CLOSED. Unlocks the account and opens what its folder holds now.
 * RC_NOT_FOUND: it is not locked. After any other error it is unlocked, but can't be opened.
 */
enum rc account_unlock(struct account *account) MUST_CHECK;
/* Any thread. */
bool account_locked(const struct account *account);
/* Does the same by id, without making a handle. Any thread. */
bool store_account_locked(struct store *store, int64_t id);
/* The number of locked accounts. Any thread. */
unsigned store_locked_count(struct store *store);

#endif
