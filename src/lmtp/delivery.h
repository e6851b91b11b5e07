/*
 * One delivery: a received message for the account of one recipient. The job chooses the target mailbox,
 * flags and keywords on the account's strand before it stores the message, so that the message is written
 * once and appears only where it belongs.
 *
 * It is made on the reactor and submitted to the account's strand; the job's `done` frees it.
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
	struct strv mailbox; /* result: the mailbox that has the message; in the arena */
	uint32_t uid; /* result */
	struct arena *arena; /* own */
	void *ctx; /* the submitter's */
};

/*
 * Makes a delivery with the present time as INTERNALDATE. Takes a reference to content; copies the strings.
 */
struct delivery *delivery_new(struct content *content, struct strv prefix, struct strv detail);
void delivery_free(struct delivery **delivery);
/*
 * [strand] The run of the job. RC_QUOTA, RC_NOSPACE and the like: nothing is stored. May run more than once.
 */
enum rc delivery_run(struct account *account, struct job *job);

#endif
