/*
 * The file "owner" in an account's folder: whose the folder is, with a random identity that the user's row in
 * server.db has, too, and all that is needed to make that row again (users_check.h). Written whenever the row
 * changes, before that is committed. A folder whose owner is not the row's is not opened.
 */
#ifndef COID_STORE_OWNER_H
#define COID_STORE_OWNER_H

#include "base/arena.h"
#include "base/log.h"
#include "base/rc.h"
#include "store/io.h"
#include "store/users.h"

#define OWNER_IDENTITY_DIGITS 32
#define OWNER_FILE "owner"
#define OWNER_FILE_NEW "owner.new" /* until the commit that makes the row */

/* "<root>/users/<xx>/<id>" into path[PATH_MAX]; RC_INVALID: too long. */
enum rc owner_folder(char *path, size_t room, const char *root, int64_t id) MUST_CHECK;

/* Random hexadecimal digits, in the arena. */
struct strv owner_identity_new(struct arena *arena);
/* A checksum of all that the file holds: the same number for the same row. */
uint64_t owner_sum(const struct user_record *record);
/* Of name and identity alone. */
uint64_t owner_tag(const struct user_record *record);

/*
 * Makes the account's folder if there is none, writes the file (OWNER_FILE or OWNER_FILE_NEW), syncs both and
 * the names that lead to it. `sync` false: the caller makes it all durable by one syncfs.
 */
enum rc owner_write(const struct io *io, struct log *log, const char *root, const struct user_record *record,
	const char *name, bool sync) MUST_CHECK;
/* last_login is 0. RC_NOT_FOUND: no such file (nor folder); RC_CORRUPT. Views live in the arena. */
enum rc owner_read(const struct io *io, struct log *log, const char *folder, const char *name,
	struct arena *arena, struct user_record *ret_record) MUST_CHECK;
/* The row is there: OWNER_FILE_NEW gets its name. Not synced: until then either is good. */
enum rc owner_confirm(const struct io *io, struct log *log, const char *folder) MUST_CHECK;
/* The row was not made after all: the folder goes, if nothing else is in it. */
void owner_withdraw(const struct io *io, const char *folder);

/* Calls fn for each folder of an account, in no order; fn false ends. */
enum rc owner_each_folder(const struct io *io, struct log *log, const char *root,
	bool (*fn)(void *arg, int64_t id, const char *folder), void *arg) MUST_CHECK;
/* Whether an account was ever opened in this folder, so that there may be mail. */
bool owner_folder_used(const struct io *io, const char *folder);

#endif
