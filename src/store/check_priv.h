/* The declarations that check.c and its parts share. */
#ifndef COID_STORE_CHECK_PRIV_H
#define COID_STORE_CHECK_PRIV_H

#include "store/db_format.h"
#include "store/bytes.h"
#include "store/check.h"
#include "store/swap.h"

#define CHECK_MAILBOX "Recovered"
#define CHECK_INTEGRITY_ROWS 100
#define CHECK_BATCH 32 /* messages of one transaction of a repair */
#define CHECK_HEAD_MAX 1000 /* octets in which the name of the first header field must end */
#define CHECK_MODSEQ_MAX ((int64_t)1 << 62) /* numbers above are damage */
#define CHECK_ID_MAX ((int64_t)1 << 53)
#define CHECK_UIDVALIDITY_ROOM 1000000 /* a UIDVALIDITY closer than this to the highest one is damage, too */

enum check_kind {
	CHECK_DATABASE, /* integrity_check */
	CHECK_NO_MAILBOX, /* id: mailbox without a row, uid: how many messages */
	CHECK_NO_BLOB, /* id: mailbox, uid, blob: without a row */
	/* blob: wrong length or checksum; `length`: as found, UINT64_MAX: the bytes are gone */
	CHECK_NO_BYTES,
	CHECK_UNREADABLE, /* blob: reading fails */
	CHECK_CACHE, /* blob: its cache row is not what was written */
	CHECK_TWO_PLACES, /* blob: it is both inline and a file */
	CHECK_SIZE, /* id, uid, blob: message and blob differ in size */
	CHECK_REFS, /* blob; length: how many messages have it */
	CHECK_STRAY, /* blob: rows of other tables without it */
	CHECK_KEYWORDS, /* id: mailbox; rows of keyword_more without a message */
	CHECK_COUNTERS, /* id: mailbox */
	CHECK_MODSEQ, /* the account's ceiling is too low */
	CHECK_FILE, /* file: it has no row */
	CHECK_DROP, /* file: its blob was removed by the repair */
	CHECK_ASIDE /* file: it has no row and is in folder lost since `id` */
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

/*
 * check_add notes a problem without a line in the report, check_found with one. check_note writes a line
 * only.
 */
void check_add(struct check *check, const struct check_problem *problem);
void check_found(struct check *check, const struct check_problem *problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void check_note(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* check_bytes.c */
enum rc check_blobs(struct check *check) MUST_CHECK;
enum rc check_cache(struct check *check) MUST_CHECK;

/* check_repair.c: repairs everything that was found except CHECK_DATABASE. */
enum rc check_repair(struct check *check) MUST_CHECK;
/* The id of mailbox "Recovered", which is made if it does not exist. Call this in a write transaction. */
enum rc check_mailbox(struct account *account, struct strv name, int64_t *ret_id) MUST_CHECK;

/* check_orphan.c */

/* Finds files that were set aside. */
enum rc check_aside(struct check *check) MUST_CHECK;
/* Puts files that are messages into "Recovered"; sets all other files without a row aside. */
enum rc check_orphans(struct check *check) MUST_CHECK;
/* Reads the file once for the scan; the content has a link of its own. NULL: the file can't be read. */
struct content *check_content(struct account *account, const char *path, int64_t *ret_date);

/* check_schema.c */

/*
 * check_header compares the header of the file octet by octet, after a checkpoint; check_schema compares
 * tables and indexes.
 */
enum rc check_header(struct check *check) MUST_CHECK;
enum rc check_schema(struct check *check) MUST_CHECK;
/*
 * Counts the parts of the header that differ from what this program writes. check NULL: no report.
 * RC_NOT_FOUND, RC_CORRUPT: there is no header.
 */
enum rc check_header_read(struct account *account, struct check *check, unsigned *ret_bad) MUST_CHECK;
/* Changes the header so that SQLite can read the rest of the file. */
void check_header_mend(const struct store *store, unsigned char head[DB_FORMAT_HEADER], uint64_t file_size);

/* check_rows.c: functions for a write transaction of `db` */

/* Deletes rows that can't have been written, and brings numbers into their limits. */
enum rc check_rows_sound(struct store *store, struct db *db) MUST_CHECK;
/* Mends rows that follow from other rows. *ret_recovered: the number of messages put into "Recovered". */
enum rc check_rows_fix(struct store *store, struct db *db, uint64_t *ret_recovered) MUST_CHECK;
/* Gives all mailboxes new UIDVALIDITYs. */
enum rc check_rows_renumber(struct store *store, struct db *db) MUST_CHECK;

/*
 * The result of a call that reads an old database. RC_OK: damage may be the reason of a failure, and the
 * reader skips it. An error: reading is impossible now for want of memory, descriptors or rights; nothing may
 * be left out because of that.
 */
enum rc check_read_rc(int code) MUST_CHECK;
/*
 * check_copy.c: copies all rows that can be read. *ret_whole: every row of the important tables was copied.
 * Call this in a write transaction of `new`.
 */
enum rc check_copy(sqlite3 *old, struct db *new, bool *ret_whole) MUST_CHECK;

/*
 * check_rebuild.c: makes a new database from what is left. The account may be closed before; it is open
 * afterwards.
 */
enum rc check_rebuild(struct check *check) MUST_CHECK;

#endif
