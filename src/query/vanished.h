/*
 * Finds the messages that a resynchronising client has to forget: VANISHED (EARLIER) of RFC 7162, for SELECT
 * (QRESYNC ...) and UID FETCH (CHANGEDSINCE n VANISHED). [strand]
 */
#ifndef COID_QUERY_VANISHED_H
#define COID_QUERY_VANISHED_H

#include "base/seqset.h"
#include "store/store.h"

/*
 * [strand] Finds the UIDs of `asked` that were removed with a modseq above `since`. If the expunge log does
 * not reach back that far: all of `asked` that were once given to a message and do not exist. Reads from disk
 * unless nothing has changed since. The caller owns *ret_uids.
 */
enum rc vanished_since(struct account *account, int64_t mailbox, uint64_t since, const struct seqset *asked,
	struct seqset *ret_uids) MUST_CHECK;

/*
 * [strand] Message sequence match data: the nth number of `seqs` and the nth of `uids` are a pair that the
 * client knows. Returns the highest UID up to which the client's knowledge agrees with the mailbox; 0: none.
 * Both sets are in ascending order and have the same count.
 */
enum rc vanished_match(struct account *account, int64_t mailbox, const struct seqset *seqs,
	const struct seqset *uids, uint32_t *ret_uid) MUST_CHECK;

#endif
