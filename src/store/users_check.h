/*
 * Compares server.db with the folders of the accounts, for `coidctl check --server`, without the daemon: no
 * other process may have the store open. Blocks; one thread.
 */
#ifndef COID_STORE_USERS_CHECK_H
#define COID_STORE_USERS_CHECK_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct io;

struct users_check_result {
	uint64_t users;
	uint64_t folders;
	unsigned problems; /* found */
	unsigned left; /* problems that remain after the repair */
};

/*
 * Compares server.db with itself, with the owner files (owner.h) and with server.state. Writes a line of text
 * into `report` for each problem, and for each name that could not be given to a new account; lines that do
 * not fit are left out.
 *
 * `repair`: if there is any problem, server.db is set aside as server.db.lost-<n>, and a new one is made from
 * what can be read: whole rows of the old one, owner files, server.db.copy. The folder decides who its owner
 * is. A folder with an unknown owner gets the disabled user lost-<id>@lost.invalid.
 *
 * RC_INUSE: the server is running. RC_OK whatever was found. Other errors: the folders can't be read, or the
 * repair failed.
 */
enum rc users_check(const char *root, bool repair, struct log *log, struct buf *report,
	struct users_check_result *ret_result) MUST_CHECK;
/* The same with other file operations than the real ones. */
enum rc users_check_on(struct io *io, const char *root, bool repair, struct log *log, struct buf *report,
	struct users_check_result *ret_result) MUST_CHECK;

#endif
