/*
 * The bytes of messages: rows of table blob, counted by the msg rows that refer to them, with the bytes in
 * the database (inline) or in a file msg/<xx>/<file>. Everything here is [strand] and needs the account open;
 * blob_put, blob_ref and blob_unref also need the write transaction of a job. Internal to the store.
 *
 * refs counts rows of msg only. The expunge log may name a blob, but does not hold it: when refs falls to 0
 * the row gets removed_at and lives on for undelete_age_s; then the sweep removes row, cache row and file.
 * Ids are never used again (AUTOINCREMENT), so a row of the log can't point to another message's bytes.
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
/* The index that came with version 6 of the schema. */
#define BLOB_SUM_INDEX "CREATE INDEX blob_unsummed ON blob(id) WHERE sum IS NULL;"

/*
 * Stores prefix and content as one message with refs = 1. A large content is linked into msg/ and the
 * directory is synced before this returns, so that the bytes are on disk before the commit. If the
 * transaction is undone the file is an orphan: blob_batch_end removes it.
 */
enum rc blob_put(
	struct account *account, struct content *content, struct strv prefix, int64_t *ret_id) MUST_CHECK;
/* Adds or removes one reference. RC_CORRUPT: no such row. blob_ref also clears removed_at. */
enum rc blob_ref(struct account *account, int64_t id) MUST_CHECK;
enum rc blob_unref(struct account *account, int64_t id) MUST_CHECK;
/*
 * Opens the bytes of a message. RC_CORRUPT: row, bytes or file are missing, have a wrong size, or do not
 * match the checksum (which is compared for bytes in the database always, for a file if
 * store_settings.verify_reads). RC_CORRUPT and RC_IO are reported to damage.h. The reader needs neither
 * strand nor transaction.
 */
enum rc blob_open(struct account *account, int64_t id, struct reader **ret_reader) MUST_CHECK;

#define BLOB_VERIFIED 16

/*
 * Reads all bytes and compares them with their checksum, if it is known. RC_CORRUPT and RC_IO are not
 * reported to damage.h.
 */
enum rc blob_verify(struct account *account, int64_t id) MUST_CHECK;

/* A file made by blob_put whose transaction has not ended yet. */
struct blob_made {
	int64_t blob;
	int64_t file;
};

/*
 * The memory that struct account holds for its blobs while it is open: its member `blobs`. Only blob.c,
 * moveout.c and sweep.c look inside.
 */
struct blob_state {
	struct blob_made *made; /* own */
	size_t made_count;
	size_t made_cap;
	uint64_t inline_bytes; /* an upper bound, for the decision to move out */
	uint8_t dirs[32]; /* bit xx: msg/<xx> exists and its name is on disk */
	bool msg_dir; /* the same for msg/ */
	bool dirs_trusted; /* the account was closed in order, so a directory that exists is on disk */
	bool dirs_doubtful; /* a sync of one has failed, so the next opening must not trust them */
	uint64_t file_number; /* about the number of files made so far: it selects the next directory */
	int64_t *known; /* own: sorted names of all files with a row, while orphans are looked for */
	size_t known_count;
	unsigned scan_dir; /* the next directory to look for orphans in */
	bool scan; /* orphans are to be looked for */
	uint32_t prefix; /* of new files: file_name_new */
	uint32_t prefix_opened; /* when the account was opened; files that a crash left have it */
	bool prefix_used; /* a file was named since it was read */
	bool prefix_changed; /* the running transaction names another one */
	bool adopts; /* a repair: the next file to be put is in place already, */
	int64_t adopted; /* and has this name */
	bool remove_failed; /* a file without a row may exist (blob_doubt_files) */
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
 * The account's life cycle. Call blob_open_account outside a transaction once the database is open (`clean`:
 * the last process closed it in order; else orphaned files are swept later, in the background),
 * blob_close_account before the database is closed, and blob_batch_end after each COMMIT or ROLLBACK whose
 * outcome is known.
 */
enum rc blob_open_account(struct account *account, bool clean) MUST_CHECK;
void blob_close_account(struct account *account);
void blob_batch_end(struct account *account);
/*
 * Called instead of blob_close_account if the folder has been replaced. Removes only the files that the last
 * transaction has put there.
 */
void blob_abandon_account(struct account *account);
/* Call this as the last statement of a transaction that has changed something. */
enum rc blob_prepare_commit(struct account *account) MUST_CHECK;

/*
 * Background work, requested through account_background. The functions are bodies of strand turns of their
 * own, outside a transaction; they commit by job_transaction. RC_AGAIN: a slice is done and more can be done
 * now.
 */
enum rc blob_moveout(struct account *account) MUST_CHECK;
enum rc blob_sweep(struct account *account) MUST_CHECK;
/* Computes the checksums of messages that an older version has stored. */
enum rc blob_fill_sums(struct account *account) MUST_CHECK;
/*
 * Does only the second half of blob_sweep: handles files that no row names, if such files are to be looked
 * for.
 */
enum rc blob_sweep_orphans(struct account *account) MUST_CHECK;

#endif
