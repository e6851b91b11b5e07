/*
 * Decides which password is hashed next. Items wait in lanes: first accounts at addresses from which they are
 * known, then addresses that have not failed, then those that have. Within a lane addresses take turns, so
 * that a thousand guesses from one address delay a stranger by one. Only a few items of one address, and of
 * one account, run at a time. Any thread; takes no other locks, except in `look`, which is called with the
 * lock held.
 */
#ifndef COID_AUTH_LANES_H
#define COID_AUTH_LANES_H

#include "base/list.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stddef.h>

enum lane { LANE_KNOWN, LANE_CLEAN, LANE_FAILED, LANE_COUNT };

enum lane_look {
	LANE_RUN,
	LANE_LATER, /* it stays where it is until lanes_next is called again */
	LANE_DEMOTE /* its address has failed meanwhile, so it goes to LANE_FAILED */
};

#define LANES_DEPTH 8 /* items of one address that are looked at for one that may run */

struct lane_group;

/* Embedded in its owner, who fills in the first four fields. */
struct lane_item {
	enum lane lane;
	const char *address; /* whose turn it takes; borrowed while it waits or runs */
	const char *account; /* likewise; NULL: of no account */
	bool free; /* limits of its address do not apply: LANE_KNOWN, trusted networks */

	struct list_node node;
	struct lane_group *address_group;
	struct lane_group *account_group;
	bool waiting;
};

struct lanes_limits {
	unsigned workers; /* items in work at a time */
	unsigned per_address;
	unsigned per_account;
	size_t waiting_max; /* items in LANE_KNOWN, and items in the other two together */
};

struct lanes;

struct lanes *lanes_new(const struct lanes_limits *limits,
	enum lane_look (*look)(void *ctx, struct lane_item *item), void *ctx);
/* Call this when no item is left. */
void lanes_free(struct lanes **lanes);
void lanes_set_limits(struct lanes *lanes, const struct lanes_limits *limits);
/*
 * Adds an item. RC_BUSY: the lanes are full, and no item is in a worse lane. *ret_victim: an item of the
 * worst lane that was removed for it, or NULL.
 */
enum rc lanes_add(struct lanes *lanes, struct lane_item *item, struct lane_item **ret_victim) MUST_CHECK;
/*
 * The next item to run, or NULL: all workers are busy, or no item may run now. Call lanes_done when it has
 * ended.
 */
struct lane_item *lanes_next(struct lanes *lanes);
void lanes_done(struct lanes *lanes, struct lane_item *item);
/* Removes a waiting item. False: it does not wait. */
bool lanes_remove(struct lanes *lanes, struct lane_item *item);
/* Removes any waiting item, at the end; NULL: there is none. */
struct lane_item *lanes_pop(struct lanes *lanes);
size_t lanes_waiting(struct lanes *lanes);

#endif
