/*
 * A recording struct io. It works on a real folder, but syncs nothing: instead it logs every change of a file
 * or of a directory and every sync, and can tell from the log what a power cut at any point may leave: what
 * was synced is there; each write that was not is there, lost, or torn at sectors; each name that was not
 * synced in its directory is as before or as after. Nothing is assumed about the order in which unsynced
 * things reach the disk.
 *
 * It also makes calls fail, and counts syncs. After a sync of a file has failed, what was written to the file
 * before may be lost for good, as in Linux: later syncs that succeed say nothing of it. After a syncfs has
 * failed the next sync of each file that had something to sync fails, too, and then no more. Any thread;
 * rec_cut only while nothing else works on the io.
 */
#ifndef COID_TESTS_REC_IO_H
#define COID_TESTS_REC_IO_H

#include "store/io.h"

#include <stdint.h>

struct rec;

/* `root` exists and is empty. Without a trailing slash. */
struct rec *rec_new(const char *root);
void rec_free(struct rec **rec);
struct io *rec_io(struct rec *rec);

/* How many entries the log has: a point in time. */
size_t rec_point(struct rec *rec);

enum rec_sync_kind {
	REC_SYNC_WAL, /* fdatasync of a -wal file */
	REC_SYNC_DB, /* of a database */
	REC_SYNC_SPOOL, /* of a file in spool/ */
	REC_SYNC_MESSAGE, /* of a file in msg/ */
	REC_SYNC_OTHER, /* of any other file */
	REC_SYNC_DIR_XX, /* of a directory msg/<xx> */
	REC_SYNC_DIR_MSG, /* of msg/ */
	REC_SYNC_DIR_HOME, /* of an account's folder */
	REC_SYNC_DIR, /* of any other directory */
	REC_SYNC_FS, /* syncfs */
	REC_SYNC_KINDS
};

const char *rec_sync_name(enum rec_sync_kind kind);
/* Syncs between two points. */
void rec_count(struct rec *rec, size_t from, size_t to, unsigned ret_counts[REC_SYNC_KINDS]);
/* The first sync at or after `from`: its point, or SIZE_MAX. */
size_t rec_next_sync(struct rec *rec, size_t from, enum rec_sync_kind *ret_kind);
/* What the entry is, for messages: lives until the next call. */
const char *rec_describe(struct rec *rec, size_t point);

enum rec_choice {
	REC_NONE, /* nothing that was not synced is there */
	REC_ALL, /* everything is there: a killed process */
	REC_FILES, /* all data, no name */
	REC_NAMES, /* all names, no data */
	REC_FIRST, /* the older half of it */
	REC_LAST, /* the newer half of it */
	REC_RANDOM, /* each one or not */
	REC_TORN, /* each one or not, writes sector by sector */
	REC_CHOICES
};

/* 512 or 4096: where writes tear. */
void rec_sector(struct rec *rec, size_t size);

/*
 * Builds in folder `to` (made, must not exist) what a power cut after the first `point` entries leaves.
 * `seed`: for the random choices. `without`: a sync that is taken as not made (SIZE_MAX: none). Returns a
 * number that is the same for the same result.
 */
uint64_t rec_cut(
	struct rec *rec, size_t point, enum rec_choice choice, uint64_t seed, size_t without, const char *to);
/* The number alone, without building. */
uint64_t rec_cut_hash(struct rec *rec, size_t point, enum rec_choice choice, uint64_t seed, size_t without);

enum rec_op {
	REC_OP_OPEN,
	REC_OP_READ,
	REC_OP_WRITE,
	REC_OP_TRUNCATE,
	REC_OP_SYNC,
	REC_OP_RENAME,
	REC_OP_LINK,
	REC_OP_UNLINK,
	REC_OP_MKDIR
};

/* From now on the nth (1..) such call on a path that contains `substring` fails, and with `on` all later
 * ones. One rule at a time; error 0 ends it. A failed write may have written its first half. */
void rec_fail(struct rec *rec, enum rec_op op, const char *substring, int error, unsigned nth, bool on);
/*
 * The same for a sync, and with it the process dies: nothing that it does afterwards changes anything, until
 * rec_fail is called again. It can still read.
 */
void rec_die(struct rec *rec, const char *substring, int error, unsigned nth);
/* How often the rule has struck. */
unsigned rec_failures(struct rec *rec);

#endif
