/*
 * Annotations (RFC 5464) as the store keeps them: octets by mailbox (0: the account itself) and entry name.
 * The folder src/metadata decides which names are valid, who may set them and how many there may be. All
 * functions are [strand]; strings handed out live until the job ends.
 */
#ifndef COID_STORE_ANNOT_H
#define COID_STORE_ANNOT_H

#include "store/store.h"

/* RC_NOT_FOUND: there is no such entry. */
enum rc annot_get(
	struct account *account, int64_t mailbox, struct strv name, struct strv *ret_value) MUST_CHECK;
/*
 * Walks over the entry `name` and, if `below`, over all entries whose names begin with it and a '/', in the
 * order of their octets. The walk ends when fn returns false. fn may not change annotations.
 */
enum rc annot_list(struct account *account, int64_t mailbox, struct strv name, bool below,
	bool (*fn)(void *arg, struct strv name, struct strv value), void *arg) MUST_CHECK;
/*
 * Sets the entry; value.p NULL removes it (RC_OK also if it does not exist). The entry counts in the
 * account's quota. RC_QUOTA: `within_quota` is set, and the quota would be passed. Raises the mailbox's
 * HIGHESTMODSEQ. RC_NOT_FOUND: no such mailbox.
 */
enum rc annot_set(struct account *account, int64_t mailbox, struct strv name, struct strv value,
	bool within_quota) MUST_CHECK;
/* Tells that an entry kept elsewhere has changed: does what annot_set does, but stores nothing. */
enum rc annot_changed(struct account *account, int64_t mailbox, struct strv name) MUST_CHECK;
/* The number of entries of the account and all its mailboxes. memory. */
uint64_t annot_count(struct account *account);

#endif
