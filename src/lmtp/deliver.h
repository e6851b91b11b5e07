/*
 * One delivery: a received message into the account of one recipient. The target mailbox, flags and keywords are chosen
 * inside the account's job, before the message is stored, so that it is written once and seen only where it belongs.
 */
#ifndef COID_LMTP_DELIVER_H
#define COID_LMTP_DELIVER_H

#include "store/content.h"
#include "store/store.h"

struct coi;
struct webpush;

struct delivery {
	struct job job; /* first */
	struct content *content; /* own reference */
	struct strv prefix; /* header lines of this recipient's copy; in the arena */
	struct strv detail; /* subaddress: a mailbox name, or empty */
	const struct coi *coi; /* borrowed; may be NULL */
	struct webpush *webpush; /* borrowed; may be NULL */
	int64_t received; /* INTERNALDATE, seconds since 1970 */
	unsigned index; /* of the recipient in his transaction */
	const char *recipient; /* his address as given; in the arena */
	struct strv mailbox; /* result: where it went; in the arena */
	uint32_t uid; /* result */
	struct arena *arena; /* own */
	void *ctx; /* of whoever asked */
};

/* Takes a reference on content; copies the strings. */
struct delivery *delivery_new(struct content *content, struct strv prefix, struct strv detail);
void delivery_free(struct delivery **delivery);
/* The job's run. */
enum rc delivery_run(struct account *account, struct job *job);

#endif
