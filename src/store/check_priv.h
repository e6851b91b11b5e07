/*
 * What check.c, check_repair.c and check_rebuild.c share.
 */
#ifndef COID_STORE_CHECK_PRIV_H
#define COID_STORE_CHECK_PRIV_H

#include "store/bytes.h"
#include "store/check.h"
#include "store/swap.h"

#define CHECK_MAILBOX "Recovered"
#define CHECK_INTEGRITY_ROWS 100
#define CHECK_BATCH 32 /* messages of one transaction of a repair */
#define CHECK_HEADER 100 /* octets of the header of a database */
#define CHECK_MODSEQ_MAX ((int64_t)1 << 62) /* numbers above are damage */
#define CHECK_ID_MAX ((int64_t)1 << 53)
#define CHECK_UIDVALIDITY_ROOM 1000000 /* a UIDVALIDITY so near the last one that there is, too */

enum check_kind {
	CHECK_DATABASE, /* integrity_check */
	CHECK_NO_MAILBOX, /* id: mailbox without a row, uid: how many messages */
	CHECK_NO_BLOB, /* id: mailbox, uid, blob: without a row */
	/* blob: bytes are gone, or others, in number (`length`, UINT64_MAX: gone) or by their sum */
	CHECK_NO_BYTES,
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
	CHECK_DROP, /* file: of a blob that the repair has removed */
	CHECK_ASIDE /* file: the same, in folder lost since `id` */
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

/* check_schema.c */

/* The header of the file, octet by octet, after a checkpoint; tables and indexes. */
enum rc check_header(struct check *check) MUST_CHECK;
enum rc check_schema(struct check *check) MUST_CHECK;
/*
 * How many parts of the header are not as this program writes them. check NULL: no report. RC_NOT_FOUND,
 * RC_CORRUPT: none.
 */
enum rc check_header_read(struct account *account, struct check *check, unsigned *ret_bad) MUST_CHECK;
/* A header with which the rest of the file can be read. */
void check_header_mend(const struct store *store, unsigned char head[CHECK_HEADER], uint64_t file_size);

/* check_rows.c: in a write transaction of `db` */

/* Rows that can't have been written are deleted, numbers brought into their limits. */
enum rc check_rows_sound(struct store *store, struct db *db) MUST_CHECK;
/* What follows from other rows. *ret_recovered: messages that are in "Recovered" now. */
enum rc check_rows_fix(struct store *store, struct db *db, uint64_t *ret_recovered) MUST_CHECK;
/* New UIDVALIDITYs. */
enum rc check_rows_renumber(struct store *store, struct db *db) MUST_CHECK;

/*
 * What a call that reads an old database says: RC_OK if damage can be its reason, which is read around; an
 * error if it can't be read now, for want of memory, descriptors or rights: nothing is left out for that.
 */
enum rc check_read_rc(int code) MUST_CHECK;
/*
 * check_copy.c: all rows that can be read. *ret_whole: every row of the tables that matter. In a write
 * transaction of `new`.
 */
enum rc check_copy(sqlite3 *old, struct db *new, bool *ret_whole) MUST_CHECK;

/* check_rebuild.c: a new database from what is left. The account may be closed; it is open afterwards. */
enum rc check_rebuild(struct check *check) MUST_CHECK;

#endif
