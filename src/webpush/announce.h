/*
 * Turns events of accounts into pushes: deliveries, new and removed subscriptions, removed accounts. A sink
 * sees each commit on the worker; a job of the account makes the pushes (compose.h); the push thread takes
 * them into the queue.
 *
 *	commit -> sink -> [strand] job: compose.h -> [push] queue.h
 *
 * Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_ANNOUNCE_H
#define COID_WEBPUSH_ANNOUNCE_H

#include "base/rc.h"
#include "store/store.h"

#include <stdint.h>

struct core;
struct owed;
struct queue;
struct recovery;
struct server_key;

struct announce {
	struct core *core; /* borrowed, as the next ones */
	struct server_key *key;
	struct queue *queue;
	struct owed *owed;
	const struct recovery *recovery;
	struct change_sink sink;
};

/*
 * Call this before the first job: watches all accounts of the store, and each account that owes pushes when
 * it is opened.
 */
void announce_watch(struct announce *announce);
/*
 * [strand] Call this in the transaction that has stored a delivered message: if the account wants pushes, it
 * notes that they are owed, so that a crash loses none.
 */
enum rc announce_deliver(
	struct announce *announce, struct account *account, int64_t mailbox, uint32_t uid) MUST_CHECK;

#endif
