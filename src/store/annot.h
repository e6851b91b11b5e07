/*
 * Annotations (RFC 5464) as the store keeps them: octets by mailbox (0: the account itself) and entry name.
 * What a name may be, who may set it and how many there may be is decided above (src/metadata). All functions
 * are [strand]; strings handed out live until the job ends.
 */
#ifndef COID_STORE_ANNOT_H
#define COID_STORE_ANNOT_H

#include "store/store.h"

/* RC_NOT_FOUND: there is no such entry. */
enum rc annot_get(
	struct account *account, int64_t mailbox, struct strv name, struct strv *ret_value) MUST_CHECK;
/*
 * The entry `name` and, if `below`, all whose names begin with it and a '/', in the order of their octets. fn
 * returning false ends the walk; it may not change annotations.
 */
enum rc annot_list(struct account *account, int64_t mailbox, struct strv name, bool below,
	bool (*fn)(void *arg, struct strv name, struct strv value), void *arg) MUST_CHECK;
/*
 * value.p NULL removes it (RC_OK also if it is not there). Counted in the account's quota: RC_QUOTA if it
 * would grow beyond, and `within_quota`. Raises the mailbox's HIGHESTMODSEQ. RC_NOT_FOUND: no such mailbox.
 */
enum rc annot_set(struct account *account, int64_t mailbox, struct strv name, struct strv value,
	bool within_quota) MUST_CHECK;
/* Says that an entry kept elsewhere has changed: as annot_set does, without storing anything. */
enum rc annot_changed(struct account *account, int64_t mailbox, struct strv name) MUST_CHECK;
/* How many entries the account has in all. memory. */
uint64_t annot_count(struct account *account);

#endif
