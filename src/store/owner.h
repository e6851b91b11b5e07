/*
 * The file "owner" in an account's folder says whose the folder is. It has a random identity that is also in
 * the user's row of server.db, and everything that is needed to make that row again (users_check.h). It is
 * written whenever the row changes, before that change is committed. A folder whose owner is not the row's is
 * not opened.
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

/* Writes "<root>/users/<xx>/<id>" into path[room]. RC_INVALID: it is too long. */
enum rc owner_folder(char *path, size_t room, const char *root, int64_t id) MUST_CHECK;

/* Random hexadecimal digits, in the arena. */
struct strv owner_identity_new(struct arena *arena);
/* A checksum of everything in the file: the same number for the same row. */
uint64_t owner_sum(const struct user_record *record);
/* A checksum of name and identity alone. */
uint64_t owner_tag(const struct user_record *record);

/*
 * Makes the account's folder if it does not exist, writes the file (OWNER_FILE or OWNER_FILE_NEW), syncs both
 * and the names that lead to it. `sync` false: the caller makes everything durable by one syncfs.
 */
enum rc owner_write(const struct io *io, struct log *log, const char *root, const struct user_record *record,
	const char *name, bool sync) MUST_CHECK;
/*
 * Reads the file. last_login is 0. RC_NOT_FOUND: no such file or folder; RC_CORRUPT. Views live in the arena.
 */
enum rc owner_read(const struct io *io, struct log *log, const char *folder, const char *name,
	struct arena *arena, struct user_record *ret_record) MUST_CHECK;
/* Renames OWNER_FILE_NEW once the row is committed. Not synced: both names are valid meanwhile. */
enum rc owner_confirm(const struct io *io, struct log *log, const char *folder) MUST_CHECK;
/* Removes the file if the row was not made after all, and the folder if nothing else is in it. */
void owner_withdraw(const struct io *io, const char *folder);

/* Calls fn for each folder of an account, in no order, until fn returns false. */
enum rc owner_each_folder(const struct io *io, struct log *log, const char *root,
	bool (*fn)(void *arg, int64_t id, const char *folder), void *arg) MUST_CHECK;
/* Tells whether an account was ever opened in this folder, so that there may be mail. */
bool owner_folder_used(const struct io *io, const char *folder);

#endif
