/*
 * A passwd-style file: lines "name:{SCHEME}hash" or "name:$crypt$hash", '#' comments; further colon-separated
 * fields are ignored. It is read as a whole; immutable; lookups on any thread.
 */
#ifndef COID_AUTH_USERS_FILE_H
#define COID_AUTH_USERS_FILE_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

#define USERS_FILE_MAX (64u << 20) /* octets */

struct users_file;

/* Reads the file. All errors are reported, as "file:line: message". */
enum rc users_file_read(const char *path, struct buf *errors, struct users_file **ret_file) MUST_CHECK;
void users_file_free(struct users_file **file);
/* Finds a user. RC_NOT_FOUND. The view lives as long as the file. A NULL file is empty. */
enum rc users_file_find(
	const struct users_file *file, struct strv name, struct strv *ret_password) MUST_CHECK;

/* Calls fn for each name of `old` that `new` lacks, or that has another password there. NULL files are
 * empty. */
void users_file_compare(const struct users_file *old, const struct users_file *new,
	void (*fn)(void *ctx, struct strv name, bool gone), void *ctx);

/* Calls fn for each name, in no order, until fn returns false. A NULL file is empty. */
void users_file_each(const struct users_file *file, bool (*fn)(void *ctx, struct strv name), void *ctx);

#endif
