/*
 * The declarations that pushq.c (the strand, its jobs, the rows) and pushq_open.c (making, opening, setting
 * aside) share.
 */
#ifndef COID_STORE_PUSHQ_PRIV_H
#define COID_STORE_PUSHQ_PRIV_H

#include "store/pushq.h"
#include "store/store_priv.h"

struct pushq {
	struct store *store; /* borrowed */
	struct strand *strand; /* own */
	struct db *db; /* own; NULL: not opened yet, or not again after a failure */
	uint64_t retry_at; /* ms */
	uint64_t synced_at; /* ms */
	uint64_t forgot_at; /* ms */
	bool dirty; /* there are commits that have not been synced */
	bool doubtful; /* a sync has failed: the WAL can be read, but may not be on disk */
	bool suspect; /* jobs have met damage in it */
	bool was_clean; /* before this process opened it */
};

/*
 * Opens push.db or makes it. A file that fails the check is set aside with its WAL, as push.db.damaged-<n>,
 * and a new one is made. RC_UNAVAILABLE: the file was made by a newer program.
 */
enum rc pushq_open_db(struct pushq *pushq) MUST_CHECK;

#endif
