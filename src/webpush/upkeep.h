/*
 * Changes of a subscription that follow from the results of its pushes, each made by a job of the account.
 * The job reads the subscription again: if the client has registered meanwhile with another endpoint, the
 * subscription stays. Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_UPKEEP_H
#define COID_WEBPUSH_UPKEEP_H

#include <stdint.h>

struct core;
struct server_key;
struct writeback;

struct upkeep {
	struct core *core; /* borrowed, as the next ones */
	struct server_key *key;
	struct writeback *writeback;
};

enum upkeep_kind {
	UPKEEP_ACCEPTED, /* the push service has taken the validation push: the client's window begins */
	UPKEEP_GONE, /* the push service does not know it, or it has failed for long: it is dropped */
	UPKEEP_EXPIRE, /* it is dropped and counted if it was not validated in time */
	UPKEEP_DEVICE_GONE /* the notifier does not know the device token: it is dropped */
};

/*
 * Submits the change. Any thread; strings are copied. `subscription` is its name within the account
 * (UPKEEP_DEVICE_GONE: the token's). It may be gone already. Other errors are logged, and nothing is changed.
 */
void upkeep_submit(struct upkeep *upkeep, enum upkeep_kind kind, int64_t account, const char *subscription,
	const char *endpoint);

#endif
