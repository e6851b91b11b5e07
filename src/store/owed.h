/*
 * Pushes that are owed: a row of account.db for each delivered message of which push.db does not have on disk yet whom to
 * tell. It is written in the delivery's own transaction, so a message that was acknowledged cannot lose its push, and taken
 * away once push.db is synced. Rows carry the run of the server that wrote them: those of an earlier one are left over.
 * docs/storage.md has the argument. [strand]
 */
#ifndef COID_STORE_OWED_H
#define COID_STORE_OWED_H

#include "store/store.h"

struct owed_row {
	int64_t mailbox;
	uint32_t uid;
};

/* In the transaction of the delivery. */
enum rc owed_add(struct account *account, int64_t mailbox, uint32_t uid) MUST_CHECK;
/* In a write transaction. Rows that are not there are no error. */
enum rc owed_remove(struct account *account, const struct owed_row *rows, size_t count) MUST_CHECK;
/*
 * In a write transaction: up to `max` rows that an earlier run has left, which are this run's from now on. `rows` has room for
 * them; in the order of mailbox and UID.
 */
enum rc owed_take(struct account *account, struct owed_row *rows, size_t max, size_t *ret_count) MUST_CHECK;

/* Called on the strand whenever an account has been opened in which an earlier run has left rows. Before the first job. */
void store_on_owed(struct store *store, void (*fn)(void *ctx, struct account *account), void *ctx);

#endif
