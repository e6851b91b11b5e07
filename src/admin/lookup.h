/*
 * Finds the account that a request names: checks the name, asks the users strand for its id, and calls back
 * on the admin's reactor. A verb embeds it in its own request. All calls on the admin's reactor.
 */
#ifndef COID_ADMIN_LOOKUP_H
#define COID_ADMIN_LOOKUP_H

#include "base/arena.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/users.h"

struct admin;

struct lookup {
	struct users_job job;
	struct arena *arena; /* own */
	struct strv name; /* canonical once it has been checked; before that as given */
	int64_t id; /* of the account; with RC_OK only */
	/* RC_OK, RC_NOT_FOUND, or another error of users_find. */
	void (*done)(struct lookup *lookup, enum rc rc);
};

/*
 * Begins the lookup. `name` lives as long as the lookup. RC_OK: `done` will be called. RC_INVALID: the name
 * is no address; any other error: the users strand takes no job; then `done` is not called. Call lookup_fini
 * in any case.
 */
enum rc lookup_submit(struct lookup *lookup, struct admin *admin, struct strv name,
	void (*done)(struct lookup *lookup, enum rc rc)) MUST_CHECK;
void lookup_fini(struct lookup *lookup);

#endif
