/*
 * The declarations that the files of the bytes part share (io, vfs, blob, spool, content, reader, moveout,
 * sweep, lost, check). The core and the mail part see only blob.h.
 */
#ifndef COID_STORE_BYTES_H
#define COID_STORE_BYTES_H

#include "store/blob.h"
#include "store/content.h"
#include "store/io.h"
#include "store/store_priv.h"
#include "store/sum.h"

#include <stdatomic.h>

#define SPOOL_CHUNK (64 * 1024)
#define SPOOL_FLIGHT_MAX (256 * 1024) /* above it the reactor stops reading */
#define BLOB_DIRS 256
#define BLOB_DIR_FILES 256 /* new files in one directory before the next one is taken */
#define SWEEP_DELAY_MS 5000 /* gathers what is removed in a short time into one sweep */
#define SWEEP_RETRY_MS 60000
#define SWEEP_ROWS 256 /* of one transaction */
#define MOVEOUT_FILES 128 /* of one turn */
#define MOVEOUT_BYTES (2 * 1024 * 1024)
#define MOVEOUT_RETRY_MS 60000
#define REMOVED_DIRS 4 /* directories synced one by one; more: one syncfs */
#define UNDELETE_SHORT_S 3600 /* removed inline rows that go sooner than this never become files */

/* A part of struct store. Any thread. */
struct bytes_store {
	atomic_uint_fast64_t spool_memory; /* bytes of received messages in memory */
	atomic_uint_fast64_t spool_number; /* names spool files */
	struct strand *trash; /* own: removes spool files */
};

/* spool.c */

/* Counts n more bytes; false if the bound would be passed (then nothing is counted). */
bool spool_memory_take(struct store *store, uint64_t n);
void spool_memory_give(struct store *store, uint64_t n);
/* Counts n more bytes for an account. False: its limit would be passed, and nothing is counted. */
bool spool_account_take(struct account *account, uint64_t n);
void spool_account_give(struct account *account, uint64_t n);
/* A path for a new spool file; the caller frees it. */
char *spool_path_new(struct store *store);
/* Removes a spool file without waiting for it; takes over path. */
void spool_file_remove(struct store *store, char *path);

/* content.c */

/*
 * Makes a content with one reference; takes over bytes or path, and the result of the scan. bytes NULL: the
 * content is file `path`, which is unlinked together with the content, and `sum` is the checksum of its
 * bytes. (The checksum of bytes in memory is computed on a worker when it is needed.) The bytes have been
 * counted by spool_memory_take; the content gives them back.
 */
struct content *content_new(
	struct store *store, char *bytes, char *path, uint64_t size, uint32_t sum, struct mime_scan *scan);
/*
 * Takes over the handle: n bytes count for the account as long as the content lives. account NULL: they count
 * for no account.
 */
void content_charge(struct content *content, struct account *account, uint64_t n);
uint32_t content_sum(const struct content *content);
/* The bytes, or an empty view with p NULL if the content is a file. */
struct strv content_bytes(const struct content *content);
/* NULL if the content is in memory. */
const char *content_path(const struct content *content);

/* reader.c */

/* Takes over bytes, a whole message in memory. */
struct reader *reader_new_bytes(char *bytes, uint64_t size);
/* Takes over fd and prefix (may be NULL). The message is the prefix, then `file_size` bytes of fd. */
struct reader *reader_new_file(
	const struct io *io, int fd, uint64_t file_size, char *prefix, size_t prefix_size);
/* Reads everything and computes its checksum. RC_IO, RC_CORRUPT: it can't be read to its end. */
enum rc reader_sum(struct reader *reader, uint32_t *ret_sum) MUST_CHECK;

/*
 * blob.c: removes the rows that a blob has in other tables: inline bytes, prefix and cache row. Call this in
 * a write transaction.
 */
enum rc blob_rows_remove(struct db *db, int64_t blob) MUST_CHECK;
/*
 * Tells that files without a row may be left below msg/: they could not be removed, or the database could not
 * tell. The sweep looks for them soon. Until then the prefix in the database stays, by which the sweep knows
 * that nobody was told of them.
 */
void blob_doubt_files(struct account *account);

/* file.c: msg/<xx>/<file> of an account. */

/*
 * A name for a new file: directory (8 bits), prefix (32), random (24). Several files in a row get the same
 * directory, so that few have to be made. The prefix is the one that the committed database names as that of
 * the next transaction (account.file_prefix); the transaction that stores the file's row names another one.
 * So a file without a row whose prefix is in the database was left by a transaction that never committed; any
 * other file without a row has lost its row.
 */
int64_t file_name_new(struct account *account);
uint32_t file_prefix(int64_t file);
unsigned file_dir(int64_t file);
/* The full path; the caller frees it. */
char *file_path(const struct account *account, int64_t file);
char *file_dir_path(const struct account *account, unsigned dir);
/* Reads the name of a directory entry. */
bool file_name_parse(struct strv name, int64_t *ret_file);
/* Makes msg/ and msg/<xx> if they do not exist. `durable`: also syncs their names, and remembers that. */
enum rc file_dir_make(struct account *account, unsigned dir, bool durable) MUST_CHECK;
/* Makes a file with these bytes; `sync`: also syncs its data. If this fails the file does not exist. */
enum rc file_write(struct account *account, int64_t file, struct strv bytes, bool sync) MUST_CHECK;
/*
 * Removes the file. Before file_removed_sync its name may come back after a power cut. False: the file could
 * not be removed, and a sweep is requested.
 */
bool file_remove(struct account *account, int64_t file);
enum rc file_removed_sync(struct account *account) MUST_CHECK;
/* Tells that a name has left its directory without file_remove. */
void file_gone(struct account *account, int64_t file);

/* lost.c: <account>/lost, files that no row names. */

struct lost_file {
	int64_t file;
	int64_t since; /* when it was set aside, s since 1970 */
};
typedef enum rc lost_fn(struct account *account, const struct lost_file *lost, void *arg);

/*
 * Moves msg/<xx>/<file> into the folder; only the removal of the old name is not durable yet
 * (file_removed_sync). RC_OK also if the file does not exist.
 */
enum rc lost_add(struct account *account, int64_t file) MUST_CHECK;
/*
 * Gives the file its name msg/<xx>/<file> as a second one, not synced. RC_EXISTS: another file has that name.
 */
enum rc lost_back(struct account *account, const struct lost_file *lost) MUST_CHECK;
/* Removes it for ever. */
enum rc lost_drop(struct account *account, const struct lost_file *lost) MUST_CHECK;
uint64_t lost_size(struct account *account, const struct lost_file *lost);
bool lost_any(struct account *account);
/* Calls fn for each until one says other than RC_OK. fn may remove the file. */
enum rc lost_walk(struct account *account, lost_fn *fn, void *arg) MUST_CHECK;
/* Removes files that have been there for lost_keep_s, and requests the next look in a day. */
enum rc lost_expire(struct account *account) MUST_CHECK;
/* Called when the account was opened: requests a sweep if the folder is not empty. */
void lost_wish(struct account *account);

/* sweep.c: milliseconds until a blob that was removed at that time may be swept. */
uint64_t sweep_wait(const struct account *account, int64_t removed_at);

/* shrink.c: gives free pages of the database back if the disk has little room. RC_AGAIN: there are more. */
enum rc shrink_blob(struct account *account) MUST_CHECK;

/* fill.c */

/* Requests blob_fill_sums if some checksums are not known. */
enum rc fill_open(struct account *account) MUST_CHECK;

/* marker.c */

/*
 * The file <account>/unclean says that files without a row may exist, whatever the database says. It covers
 * the time in which files are made already while the database is still marked as closed in order: that mark
 * goes only with the first commit. `durable`: the file's name is synced.
 */
enum rc marker_set(struct account *account, bool durable) MUST_CHECK;
bool marker_exists(struct account *account);
void marker_remove(struct account *account);

#endif
