/*
 * Does server.db say what the folders of the accounts say? For `coidctl check --server`, without the daemon:
 * nobody else may have the store open. Blocks; one thread.
 */
#ifndef COID_STORE_USERS_CHECK_H
#define COID_STORE_USERS_CHECK_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct users_check_result {
	uint64_t users;
	uint64_t folders;
	unsigned problems; /* found */
	unsigned left; /* of them after the repair */
};

/*
 * Compares server.db with itself, with the owner files (owner.h) and with server.state. A line of text for
 * each problem goes to `report`, and for each name that could not be given to a new account; what does not
 * fit is left out.
 *
 * `repair`: if there is any problem, server.db is set aside as server.db.lost-<n>, and a new one is made of
 * what can be read: rows of the old one that are whole, owner files, server.db.copy. The folder decides whose
 * it is. A folder of which nobody knows whose it is gets the disabled user lost-<id>@lost.invalid.
 *
 * RC_INUSE: the server is running. RC_OK whatever was found. Other errors: the folders can't be read, or the
 * repair failed.
 */
enum rc users_check(const char *root, bool repair, struct log *log, struct buf *report,
	struct users_check_result *ret_result) MUST_CHECK;

#endif
