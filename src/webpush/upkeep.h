/*
 * Changes of a subscription that follow from what happens to its pushes, each made by a job of the account.
 * The job looks again: a client that has registered anew meanwhile, with another endpoint, keeps its
 * subscription. Owned by webpush.c.
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
	UPKEEP_EXPIRE, /* it is dropped if it was not validated in time, and counted as such */
	UPKEEP_DEVICE_GONE /* the notifier does not know the device token: it is dropped */
};

/*
 * Any thread; strings are copied. `subscription` is its name within the account (UPKEEP_DEVICE_GONE: the
 * token's). What is not there any more is no error; others are logged, and nothing is changed.
 */
void upkeep_submit(struct upkeep *upkeep, enum upkeep_kind kind, int64_t account, const char *subscription,
	const char *endpoint);

#endif
