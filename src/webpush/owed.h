/*
 * From an owed push to a stored one. A delivery notes in its own transaction that its message is owed pushes
 * (store/push_owed.h). When the pushes are in push.db, and that is synced, the note is deleted. This is
 * gathered over a second, so that many deliveries share a sync, and the notes of an account a commit. Notes
 * of batches that are given up stay in the account and are found at the next start, which knows by a mark in
 * push.db whether there are any.
 *
 *	struct owed_batch: owed_batch_new -> queue (push.db) -> owed_settle -> sync -> notes deleted
 *	                                                     \-> owed_lose: the notes stay
 *
 * Owned by webpush.c; a batch by the code that handles it.
 */
#ifndef COID_WEBPUSH_OWED_H
#define COID_WEBPUSH_OWED_H

#include "base/list.h"
#include "store/push_owed.h"
#include "work/reactor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWED_MAX 100000 /* batches that wait for a sync of push.db; more are given up */

struct core;

struct owed {
	struct core *core; /* borrowed */
	atomic_uint owing; /* batches that are not settled, and searches for left-over notes */
	atomic_bool lost; /* a batch was given up: the next start has to look for notes */
	/* [push], as the next ones: batches whose pushes are in push.db, but not synced */
	struct list waiting;
	unsigned count;
	struct timer timer;
	bool syncing;
	bool clean_told; /* push.db has got the mark */
};

/* Delivered messages of one account, on their way from a commit to a synced push.db. */
struct owed_batch {
	struct list_node node; /* owed.c's */
	struct owed *owed; /* borrowed */
	int64_t account;
	struct push_owed_row *rows; /* own */
	size_t count;
};

/* `core` is borrowed. */
void owed_init(struct owed *owed, struct core *core);
/*
 * [push] Call this when no mail is delivered any more: syncs waiting batches now, and marks push.db once
 * nothing is owed.
 */
void owed_stop(struct owed *owed);
void owed_fini(struct owed *owed);

/* Makes a batch; takes over `rows`. Any thread; so the next two. */
struct owed_batch *owed_batch_new(
	struct owed *owed, int64_t account, struct push_owed_row *rows, size_t count);
/* Call this when a search for notes of an earlier process begins; push.db gets no mark until owed_less. */
void owed_more(struct owed *owed);
/* Notes that a message stays owed, so that the next start looks for it. */
void owed_note_lost(struct owed *owed);
/* Call this when the search is over. [push], as the next ones. */
void owed_less(struct owed *owed);
/* Call this when the pushes of the batch are in push.db, or it needs none. */
void owed_settle(struct owed_batch **batch);
/* Gives up the batch. Accepts NULL. */
void owed_lose(struct owed_batch **batch);

#endif
