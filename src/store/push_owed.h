/*
 * Pushes that an account owes: account.db has a row for each delivered message whose pushes are not on disk
 * in push.db yet. The delivery writes the row in its own transaction, so a message that was acknowledged
 * cannot lose its push. The row goes away once push.db is synced. Each row carries the run of the server that
 * wrote it: rows of an earlier run are left over from a crash. docs/storage.md has the argument. The account
 * owns the rows; all functions are [strand] unless they say otherwise.
 */
#ifndef COID_STORE_PUSH_OWED_H
#define COID_STORE_PUSH_OWED_H

#include "store/store.h"

struct push_owed_row {
	int64_t mailbox;
	uint32_t uid;
};

/* Call this in the transaction of the delivery. */
enum rc push_owed_add(struct account *account, int64_t mailbox, uint32_t uid) MUST_CHECK;
/* Call this in a write transaction. Rows that do not exist are no error. */
enum rc push_owed_remove(struct account *account, const struct push_owed_row *rows, size_t count) MUST_CHECK;
/*
 * Call this in a write transaction. Reads up to `max` rows that an earlier run has left, in the order of
 * mailbox and UID, and makes them rows of this run. `rows` has room for `max`.
 */
enum rc push_owed_take(
	struct account *account, struct push_owed_row *rows, size_t max, size_t *ret_count) MUST_CHECK;

/*
 * Sets the function that is called, on the strand, whenever an account is opened in which an earlier run has
 * left rows. Any thread, but before the first job.
 */
void store_on_push_owed(struct store *store, void (*fn)(void *ctx, struct account *account), void *ctx);

#endif
