/*
 * Where the bytes of messages lie: rows of table blob, counted by the msg rows that refer to them, with the bytes in
 * the database (inline) or in a file msg/<xx>/<file>. Everything here is [strand] and needs the account open; blob_put,
 * blob_ref and blob_unref also need the write transaction of a job. Internal to the store.
 *
 * refs counts rows of msg only. The expunge log may name a blob, but does not hold it: when refs falls to 0 the row
 * gets removed_at and lives on for undelete_age_s, then the sweep takes row, cache row and file. Ids are never used
 * again (AUTOINCREMENT), so a log row can't point to another message's bytes.
 *
 *	CREATE TABLE blob (
 *		id INTEGER PRIMARY KEY AUTOINCREMENT,
 *		refs INTEGER NOT NULL,		-- rows of msg with this blob
 *		size INTEGER NOT NULL,		-- octets of the message: prefix and content
 *		file INTEGER,			-- NULL: inline; else the name of the file
 *		stored INTEGER NOT NULL,	-- milliseconds since 1970
 *		removed_at INTEGER		-- seconds since 1970 when refs became 0, else NULL
 *	);
 *	CREATE TABLE blob_data (
 *		blob INTEGER PRIMARY KEY,
 *		bytes BLOB NOT NULL		-- inline: the whole message; file: the prefix, if there is one
 *	);
 *
 * The sweep also deletes from table cache the row with cache.blob = blob.id.
 */
#ifndef COID_STORE_BLOB_H
#define COID_STORE_BLOB_H

#include "store/content.h"
#include "store/io.h"

/* The CREATE statements above, to be run once by the schema. */
extern const char blob_schema_sql[];

/*
 * Stores prefix and content as one message with refs = 1. A large content is linked into msg/ and its directory synced
 * before this returns, so that the bytes are on disk before the commit. If the transaction is undone the file is an
 * orphan: blob_batch_end removes it.
 */
enum rc blob_put(
	struct account *account, struct content *content, struct strv prefix, int64_t *ret_id) MUST_CHECK;
/* One reference more or less. RC_CORRUPT: no such row. blob_ref takes removed_at away again. */
enum rc blob_ref(struct account *account, int64_t id) MUST_CHECK;
enum rc blob_unref(struct account *account, int64_t id) MUST_CHECK;
/* RC_CORRUPT: row, bytes or file are missing or of the wrong size. The reader needs neither strand nor transaction. */
enum rc blob_open(struct account *account, int64_t id, struct reader **ret_reader) MUST_CHECK;

/* A file made by blob_put whose transaction has not ended yet. */
struct blob_made {
	int64_t blob;
	int64_t file;
};

/* What struct account holds for its blobs while it is open: a member of it named `blobs`. */
struct blob_state {
	struct blob_made *made; /* own */
	size_t made_count;
	size_t made_cap;
	uint64_t inline_bytes; /* about: for the decision when to move out */
	int64_t inline_oldest; /* milliseconds since 1970; 0: no inline row */
	uint8_t dirs[32]; /* bit xx: directory msg/<xx> exists and is on disk */
	bool msg_dir; /* msg/ itself */
};

/*
 * For the account's life cycle: blob_open_account once the database is open, outside a transaction (`clean`: the last
 * process closed it in order; else orphaned files are swept), blob_close_account before the database is closed,
 * blob_batch_end after each COMMIT or ROLLBACK whose outcome is known.
 */
enum rc blob_open_account(struct account *account, bool clean) MUST_CHECK;
void blob_close_account(struct account *account);
void blob_batch_end(struct account *account);

/*
 * Background work. *_due: whether it should run now (any time on the strand; cheap). The functions are the bodies of strand
 * turns of their own, outside a transaction; they begin and commit their own FULL ones. RC_AGAIN: a slice is done and
 * there is more.
 */
bool blob_moveout_due(struct account *account);
enum rc blob_moveout(struct account *account) MUST_CHECK;
bool blob_sweep_due(struct account *account);
enum rc blob_sweep(struct account *account) MUST_CHECK;

/* "msg/<xx>/<file>" below the account's folder. */
#define BLOB_PATH_MAX 32
void blob_file_name(int64_t file, char ret_path[BLOB_PATH_MAX]);

#endif
