/*
 * Puts a repaired database in place of a damaged one. Internal to the store. [strand]; the account is closed.
 */
#ifndef COID_STORE_SWAP_H
#define COID_STORE_SWAP_H

#include "store/store_priv.h"

#define SWAP_BUILD "account.db.build" /* being made; worth nothing */
#define SWAP_COPY "account.db.copy" /* of a database with a bad header, for reading; worth nothing */
#define SWAP_NEW "account.db.new" /* complete: it will take the place of account.db */
#define SWAP_LOST_MAX 1000 /* old databases that are kept */

/* Call this when the file SWAP_BUILD is complete and its data are synced: it becomes SWAP_NEW, durably. */
enum rc swap_decide(struct account *account) MUST_CHECK;
/*
 * If SWAP_NEW exists: keeps the old database as account.db.lost-<n>, and renames SWAP_NEW. Call this before
 * each opening.
 */
enum rc swap_finish(struct account *account) MUST_CHECK;

#endif
