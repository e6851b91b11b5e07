/*
 * A recording struct io. It works on a real folder, but syncs nothing: it logs every change of a file or of a
 * directory and every sync, and finds from the log what a power cut at any point may leave. Synced data are
 * there; each write that was not synced is there, lost, or torn at sectors; each name that was not synced in
 * its directory is as before or as after. Unsynced changes may reach the disk in any order.
 *
 * It also makes calls fail, and counts syncs. After a failed sync of a file, earlier writes to the file may
 * be lost for good, as in Linux: later syncs that succeed do not help. After a failed syncfs the next sync of
 * each file that had something to sync fails once as well. Any thread; rec_cut only while no other code works
 * on the io.
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

/* The number of entries in the log, which is a point in time. */
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
/* A description of the entry for messages; valid until the next call. */
const char *rec_describe(struct rec *rec, size_t point);

enum rec_choice {
	REC_NONE, /* no unsynced change is there */
	REC_ALL, /* everything is there: a killed process */
	REC_FILES, /* all data, no name */
	REC_NAMES, /* all names, no data */
	REC_FIRST, /* the older half of the unsynced changes */
	REC_LAST, /* the newer half of them */
	REC_RANDOM, /* each of them or not, at random */
	REC_TORN, /* the same, and writes sector by sector */
	REC_CHOICES
};

/* The size of the sectors at which writes tear: 512 or 4096. */
void rec_sector(struct rec *rec, size_t size);

/*
 * Builds in folder `to` (which must not exist) what a power cut after the first `point` entries leaves.
 * `seed`: for the random choices. `without`: a sync that counts as not made (SIZE_MAX: none). Returns a
 * number that is the same for the same result.
 */
uint64_t rec_cut(
	struct rec *rec, size_t point, enum rec_choice choice, uint64_t seed, size_t without, const char *to);
/* Returns that number without building. */
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

/*
 * Makes the nth (from 1) such call on a path with `substring` fail and, with `on`, all later ones. One rule
 * at a time; error 0 ends it. A failed write may have written its first half.
 */
void rec_fail(struct rec *rec, enum rec_op op, const char *substring, int error, unsigned nth, bool on);
/*
 * Does the same for a sync, and the process dies with it: nothing that it does afterwards changes anything
 * until rec_fail is called again. It can still read.
 */
void rec_die(struct rec *rec, const char *substring, int error, unsigned nth);
/* The number of calls that the rule has made fail. */
unsigned rec_failures(struct rec *rec);

#endif
