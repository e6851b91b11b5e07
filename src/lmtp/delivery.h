/*
 * One delivery: a received message into the account of one recipient. The job chooses the target mailbox,
 * flags and keywords on the account's strand before it stores the message, so that the message is written
 * once and seen only where it belongs.
 *
 * Made on the reactor; the strand has it from account_submit until the job's done, which frees it.
 */
#ifndef COID_LMTP_DELIVERY_H
#define COID_LMTP_DELIVERY_H

#include "store/content.h"
#include "store/store.h"

struct coi;
struct webpush;

struct delivery {
	struct job job;
	struct content *content; /* own reference */
	struct strv prefix; /* header lines of this recipient's copy; in the arena */
	struct strv detail; /* subaddress: a mailbox name, or empty */
	const struct coi *coi; /* borrowed; may be NULL */
	struct webpush *webpush; /* borrowed; may be NULL */
	int64_t received; /* INTERNALDATE, seconds since 1970 */
	unsigned index; /* of the recipient in its transaction */
	const char *recipient; /* the address as given; in the arena */
	struct strv mailbox; /* result: where it went; in the arena */
	uint32_t uid; /* result */
	struct arena *arena; /* own */
	void *ctx; /* the asker's */
};

/* Takes a reference on content; copies the strings. Received now. */
struct delivery *delivery_new(struct content *content, struct strv prefix, struct strv detail);
void delivery_free(struct delivery **delivery);
/* [strand] Run of the job; RC_QUOTA, RC_NOSPACE and the like: nothing is stored. May run more than once. */
enum rc delivery_run(struct account *account, struct job *job);

#endif
