/*
 * Where the bytes of messages lie: rows of table blob, counted by the msg rows that refer to them, with the
 * bytes in the database (inline) or in a file msg/<xx>/<file>. Everything here is [strand] and needs the
 * account open; blob_put, blob_ref and blob_unref also need the write transaction of a job. Internal to the
 * store.
 *
 * refs counts rows of msg only. The expunge log may name a blob, but does not hold it: when refs falls to 0
 * the row gets removed_at and lives on for undelete_age_s, then the sweep takes row, cache row and file. Ids
 * are never used again (AUTOINCREMENT), so a log row can't point to another message's bytes.
 *
 *	CREATE TABLE blob (
 *		id INTEGER PRIMARY KEY AUTOINCREMENT,
 *		refs INTEGER NOT NULL,		-- rows of msg with this blob
 *		size INTEGER NOT NULL,		-- octets of the message: prefix and content
 *		file INTEGER,			-- NULL: inline; else the name of the file
 *		stored INTEGER NOT NULL,	-- milliseconds since 1970
 *		removed_at INTEGER,		-- seconds since 1970 when refs became 0, else NULL
 *		thread INTEGER NOT NULL DEFAULT 0,	-- conversation.h
 *		sum INTEGER			-- sum.h, of all octets; NULL: stored by an older version
 *	);
 *	CREATE TABLE blob_inline (blob INTEGER PRIMARY KEY, bytes BLOB NOT NULL); -- whole message
 *	CREATE TABLE blob_prefix (blob INTEGER PRIMARY KEY, bytes BLOB NOT NULL); -- before a file
 *
 * The sweep also deletes from table cache the row with cache.blob = blob.id.
 */
#ifndef COID_STORE_BLOB_H
#define COID_STORE_BLOB_H

#include "store/content.h"

/* The CREATE statements above, to be run once by the schema. */
extern const char blob_schema_sql[];
/* What of it came with version 6. */
#define BLOB_SUM_INDEX "CREATE INDEX blob_unsummed ON blob(id) WHERE sum IS NULL;"

/*
 * Stores prefix and content as one message with refs = 1. A large content is linked into msg/ and its
 * directory synced before this returns, so that the bytes are on disk before the commit. If the transaction
 * is undone the file is an orphan: blob_batch_end removes it.
 */
enum rc blob_put(
	struct account *account, struct content *content, struct strv prefix, int64_t *ret_id) MUST_CHECK;
/* One reference more or less. RC_CORRUPT: no such row. blob_ref takes removed_at away again. */
enum rc blob_ref(struct account *account, int64_t id) MUST_CHECK;
enum rc blob_unref(struct account *account, int64_t id) MUST_CHECK;
/*
 * RC_CORRUPT: row, bytes or file are missing, of the wrong size, or not those that were stored (checksum:
 * always of bytes in the database, of a file if store_settings.verify_reads). That and RC_IO are told to
 * damage.h. The reader needs neither strand nor transaction.
 */
enum rc blob_open(struct account *account, int64_t id, struct reader **ret_reader) MUST_CHECK;

#define BLOB_VERIFIED 16

/*
 * Reads all bytes and compares them with their checksum, if it is known. RC_CORRUPT, RC_IO: not told to
 * damage.h.
 */
enum rc blob_verify(struct account *account, int64_t id) MUST_CHECK;

/* A file made by blob_put whose transaction has not ended yet. */
struct blob_made {
	int64_t blob;
	int64_t file;
};

/*
 * What struct account holds for its blobs while it is open: a member of it named `blobs`. Only blob.c,
 * moveout.c and sweep.c look inside.
 */
struct blob_state {
	struct blob_made *made; /* own */
	size_t made_count;
	size_t made_cap;
	uint64_t inline_bytes; /* no less than there are: for the decision to move out */
	uint8_t dirs[32]; /* bit xx: msg/<xx> exists and its name is on disk */
	bool msg_dir; /* the same for msg/ */
	bool dirs_trusted; /* closed in order: a directory that exists is on disk */
	bool dirs_doubtful; /* a sync of one has failed: not to be trusted next time */
	uint64_t file_number; /* files so far, about: says which directory is next */
	int64_t *known; /* own: sorted names of all files with a row, while orphans are looked for */
	size_t known_count;
	unsigned scan_dir; /* the next directory to look for orphans in */
	bool scan; /* orphans are to be looked for */
	uint32_t prefix; /* of new files: file_name_new */
	uint32_t prefix_opened; /* the one when the account was opened: what a crash has left has it */
	bool prefix_used; /* a file was named since it was read */
	bool prefix_changed; /* the running transaction names another one */
	bool adopts; /* the next file to be put lies in place already (a repair): */
	int64_t adopted; /* its name */
	bool remove_failed; /* a file of nobody may be there (blob_doubt_files) */
	bool marker; /* file BLOB_MARKER exists */
	int64_t verified
		[BLOB_VERIFIED]; /* blobs whose files were compared with their checksums last; 0: none */
	unsigned verified_next;
	int64_t filled; /* blobs up to this id have been looked at for missing checksums */
	int64_t *damaged; /* own: blobs in table damage (damage.h) */
	size_t damaged_count;
	uint8_t unlinked[32]; /* bit xx: names removed from msg/<xx> are not synced yet */
};

/*
 * For the account's life cycle: blob_open_account once the database is open, outside a transaction (`clean`:
 * the last process closed it in order; else orphaned files are swept later, in the background),
 * blob_close_account before the database is closed, blob_batch_end after each COMMIT or ROLLBACK whose
 * outcome is known.
 */
enum rc blob_open_account(struct account *account, bool clean) MUST_CHECK;
void blob_close_account(struct account *account);
void blob_batch_end(struct account *account);
/*
 * Instead of blob_close_account: the folder is another one by now. Takes away only what the last transaction
 * has put there.
 */
void blob_abandon_account(struct account *account);
/* Last statement of a transaction that has changed something. */
enum rc blob_prepare_commit(struct account *account) MUST_CHECK;

/*
 * Background work. blob.c wishes it by account_background. The functions are the bodies of strand turns of
 * their own, outside a transaction; they commit by job_transaction. RC_AGAIN: a slice is done and there is
 * more to do now.
 */
enum rc blob_moveout(struct account *account) MUST_CHECK;
enum rc blob_sweep(struct account *account) MUST_CHECK;
/* Computes checksums that are not known yet, of messages that an older version has stored. */
enum rc blob_fill_sums(struct account *account) MUST_CHECK;
/* Only its second half: files that no row names, if some are to be looked for. */
enum rc blob_sweep_orphans(struct account *account) MUST_CHECK;

#endif
