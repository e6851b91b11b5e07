/*
 * What check.c, check_repair.c and check_rebuild.c share.
 */
#ifndef COID_STORE_CHECK_PRIV_H
#define COID_STORE_CHECK_PRIV_H

#include "store/bytes.h"
#include "store/check.h"

#define CHECK_MAILBOX "Recovered"
#define CHECK_INTEGRITY_ROWS 100
#define CHECK_BATCH 32 /* messages of one transaction of a rebuild */

enum check_kind {
	CHECK_DATABASE, /* integrity_check */
	CHECK_NO_MAILBOX, /* id: mailbox without a row, uid: how many messages */
	CHECK_NO_BLOB, /* id: mailbox, uid, blob: without a row */
	CHECK_NO_BYTES, /* blob: bytes are gone, or others, in number (`length`, UINT64_MAX: gone) or by their sum */
	CHECK_UNREADABLE, /* blob: the disk says no */
	CHECK_CACHE, /* blob: what is cached of it is not what was written */
	CHECK_TWO_PLACES, /* blob: is inline and a file */
	CHECK_SIZE, /* id, uid, blob: message and blob differ in size */
	CHECK_REFS, /* blob; length: how many messages have it */
	CHECK_STRAY, /* blob: rows of other tables without it */
	CHECK_KEYWORDS, /* id: mailbox; rows of keyword_more without a message */
	CHECK_COUNTERS, /* id: mailbox */
	CHECK_MODSEQ, /* the account's ceiling is too low */
	CHECK_FILE, /* file: without a row */
	CHECK_DROP, /* file: of a blob that the repair has removed; length 0: its bytes could not be read */
	CHECK_ASIDE, /* file: the same, in folder lost since `id` */
	CHECK_LOST /* an earlier rebuild did not come to its end */
};

struct check_problem {
	enum check_kind kind;
	int64_t id;
	int64_t uid;
	int64_t blob;
	int64_t file;
	uint64_t length;
};

struct check {
	struct account *account; /* borrowed */
	struct buf *report; /* borrowed; NULL: silent */
	struct check_result result;
	struct check_problem *problems; /* own */
	size_t count;
	size_t cap;
};

/* With a line of the report, or without. */
void check_add(struct check *check, const struct check_problem *problem);
void check_found(struct check *check, const struct check_problem *problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void check_note(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* check_bytes.c */
enum rc check_blobs(struct check *check) MUST_CHECK;
enum rc check_cache(struct check *check) MUST_CHECK;

/* check_repair.c: sets right what was found, without CHECK_DATABASE. */
enum rc check_repair(struct check *check) MUST_CHECK;
/* The id of mailbox "Recovered", which is made if there is none. In a write transaction. */
enum rc check_mailbox(struct account *account, struct strv name, int64_t *ret_id) MUST_CHECK;

/* check_orphan.c */

/* Files that were set aside. */
enum rc check_aside(struct check *check) MUST_CHECK;
/* What is a message comes back into "Recovered"; any other file of nobody is set aside. */
enum rc check_orphans(struct check *check) MUST_CHECK;
/* Reads the file once for the scan; the content has a link of its own. NULL: it can't be read. */
struct content *check_content(struct account *account, const char *path, int64_t *ret_date);

/* check_rebuild.c: a new database from what is left. The account may be closed; it is open afterwards. `resume`: the new
 * database is there, only msg.lost waits. */
enum rc check_rebuild(struct check *check, bool resume) MUST_CHECK;
/* Whether files of an unfinished rebuild are waiting. */
bool check_rebuild_waits(struct account *account);

#endif
