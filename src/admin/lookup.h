/*
 * Finds the account that a request names: checks the name, asks the users strand for its id, and comes back
 * on the admin's reactor. A verb embeds it in what it keeps of its request. All calls on the admin's
 * reactor.
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
	struct strv name; /* canonical once it is known to be good, as given until then */
	int64_t id; /* of the account; with RC_OK only */
	/* RC_OK, RC_NOT_FOUND, or another error of users_find. */
	void (*done)(struct lookup *lookup, enum rc rc);
};

/*
 * `name` lives as long as the lookup. RC_OK: `done` will be called. RC_INVALID: the name is no address; any
 * other: the users strand takes no job; then `done` is not called. lookup_fini is due in any case.
 */
enum rc lookup_submit(struct lookup *lookup, struct admin *admin, struct strv name,
	void (*done)(struct lookup *lookup, enum rc rc)) MUST_CHECK;
void lookup_fini(struct lookup *lookup);

#endif
