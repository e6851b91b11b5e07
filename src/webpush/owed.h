/*
 * From an owed push to a kept one. A delivery notes in its own transaction that its message is owed pushes
 * (store/push_owed.h). When the pushes are in push.db, and that is synced, the note is taken away: gathered
 * over a second, so that many deliveries share a sync, and the notes of an account a commit. Notes that are
 * given up on the way stay in the account and are found at the next start, which knows by a mark in push.db
 * whether there is anything to find.
 *
 *	struct owed_batch: owed_batch_new -> queue (push.db) -> owed_settle -> sync -> notes taken away
 *	                                                     \-> owed_lose: the notes stay
 *
 * Owned by webpush.c; a batch by whoever has it in hand.
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
	atomic_uint owing; /* batches that are not settled, and searches for what is left over */
	atomic_bool lost; /* something was given up: the next start has to look for it */
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
/* [push] Nobody delivers any more: what waits is synced now, and push.db is marked once nothing is owing. */
void owed_stop(struct owed *owed);
void owed_fini(struct owed *owed);

/* Any thread, as the next two. Takes over `rows`. */
struct owed_batch *owed_batch_new(
	struct owed *owed, int64_t account, struct push_owed_row *rows, size_t count);
/* A search for what an earlier process has left begins; until owed_less push.db gets no mark. */
void owed_more(struct owed *owed);
/* Something stays owed: the next start has to look for it. */
void owed_note_lost(struct owed *owed);
/* [push], as the next ones. The search is over. */
void owed_less(struct owed *owed);
/* The pushes of the batch are in push.db, or it needs none. */
void owed_settle(struct owed_batch **batch);
/* The batch is given up. Accepts NULL. */
void owed_lose(struct owed_batch **batch);

#endif
