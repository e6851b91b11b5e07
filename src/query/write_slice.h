/*
 * Cuts changes of many messages into jobs, so that one command delays neither other sessions of the account
 * nor, since such jobs are slow ones (work/pool.h), other accounts. EXPUNGE, CLOSE, STORE and MOVE may be
 * cut: each message is handled or not (RFC 6851 section 3.3). COPY is all or nothing: it is one job, and a
 * slow one if it is large.
 */
#ifndef COID_QUERY_WRITE_SLICE_H
#define COID_QUERY_WRITE_SLICE_H

#include "base/seqset.h"
#include "store/store.h"

#include <stdbool.h>

#define WRITE_QUICK 256 /* a job of up to this number of messages is not slow */
#define WRITE_SLICE 2048 /* messages of one slow job: some tens of milliseconds */

/* Tells whether a job that changes them is slow. */
bool write_slice_slow(const struct seqset *uids);
/*
 * Takes the lowest UIDs for one job: all if they are few, else at most WRITE_SLICE. The caller owns
 * *ret_part.
 */
void write_slice_take(struct seqset *left, struct seqset *ret_part);
/*
 * [strand] Finds the lowest `max` of `uids` that are \Deleted; max 0: all of them. *ret_more: there are
 * others. Replaces the contents of *ret_chosen.
 */
enum rc write_slice_deleted(struct account *account, int64_t mailbox, const struct seqset *uids, uint64_t max,
	struct seqset *ret_chosen, bool *ret_more) MUST_CHECK;

#endif
