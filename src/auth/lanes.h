/*
 * Which password is hashed next. Items wait in lanes: accounts at addresses that they are known from, then
 * addresses that have not failed, then those that have. Within a lane addresses take turns, so that a
 * thousand guesses from one of them delay a stranger by one. Few items of one address, and of one account,
 * are in work at a time. Any thread; holds no locks of others but for `look`, which is called with the lock
 * held.
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
	LANE_DEMOTE /* its address has failed since: to LANE_FAILED */
};

#define LANES_DEPTH 8 /* items of one address that are looked at for one that may run */

struct lane_group;

/* Embedded in its owner, who fills in the first four. */
struct lane_item {
	enum lane lane;
	const char *address; /* whose turn it takes; borrowed while it waits or runs */
	const char *account; /* likewise; NULL: of no account */
	bool free; /* no limit of its address counts: LANE_KNOWN, trusted networks */

	struct list_node node;
	struct lane_group *address_group;
	struct lane_group *account_group;
	bool waiting;
};

struct lanes_limits {
	unsigned workers; /* items in work at a time */
	unsigned per_address;
	unsigned per_account;
	size_t waiting_max; /* of LANE_KNOWN, and of the other two together */
};

struct lanes;

struct lanes *lanes_new(const struct lanes_limits *limits,
	enum lane_look (*look)(void *ctx, struct lane_item *item), void *ctx);
/* Nothing may be left in it. */
void lanes_free(struct lanes **lanes);
void lanes_set_limits(struct lanes *lanes, const struct lanes_limits *limits);
/*
 * RC_BUSY: full, and nobody is in a worse lane. *ret_victim: who had to leave for it, or NULL; an item of the
 * worst lane.
 */
enum rc lanes_add(struct lanes *lanes, struct lane_item *item, struct lane_item **ret_victim) MUST_CHECK;
/* The next item to be worked on, or NULL: all workers are busy, or nothing may run now. lanes_done when it is
 * over. */
struct lane_item *lanes_next(struct lanes *lanes);
void lanes_done(struct lanes *lanes, struct lane_item *item);
/* Takes out an item that still waits; false: it does not. */
bool lanes_remove(struct lanes *lanes, struct lane_item *item);
/* Takes out any item that waits, or NULL: for the end. */
struct lane_item *lanes_pop(struct lanes *lanes);
size_t lanes_waiting(struct lanes *lanes);

#endif
