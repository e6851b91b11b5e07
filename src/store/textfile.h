/*
 * Small text files that are complete or not valid: lines "key: value", and a last line with a checksum of
 * everything before it. They are written under another name, synced and renamed. Mode 0600. Any thread;
 * nothing stays open.
 */
#ifndef COID_STORE_TEXTFILE_H
#define COID_STORE_TEXTFILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/io.h"

#define TEXTFILE_MAX 16384 /* octets, the last line included */

/* The checksum that the last line will hold. */
uint64_t textfile_sum(struct strv text);
/*
 * Replaces the file. With `sync` the new bytes are on disk before the rename; the caller makes the name
 * durable, too (io_sync_dir). Errors are logged.
 */
enum rc textfile_write(
	const struct io *io, struct log *log, const char *path, struct strv text, bool sync) MUST_CHECK;
/*
 * Reads the text without its last line, into the arena. RC_NOT_FOUND is not logged. RC_CORRUPT: the checksum
 * is wrong.
 */
enum rc textfile_read(const struct io *io, struct log *log, const char *path, struct arena *arena,
	struct strv *ret_text) MUST_CHECK;
/* The value after "key: ". RC_NOT_FOUND: no line has this key. */
enum rc textfile_value(struct strv text, const char *key, struct strv *ret_value) MUST_CHECK;

#endif
