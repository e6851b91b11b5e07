/*
 * The sweep removes data without references. It removes files first, syncs their directories, then deletes
 * their rows: a crash in between leaves rows without references whose files are gone, which the next sweep
 * deletes. Files without a row are looked for only after an unclean end, directory by directory: a file of a
 * transaction that never committed is removed (file_name_new says how that is known), any other is set aside
 * (lost.c).
 */
#include "store/bytes.h"

#include "base/clock.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define SWEEP_SCAN_MS 10 /* of one turn of looking for orphans */
#define SWEEP_AHEAD_S 60 /* a removal this far in the future was dated by a wrong clock */

struct swept_row {
	int64_t blob;
	int64_t file;
	bool in_file;
	uint64_t size;
};

struct swept {
	struct swept_row rows[SWEEP_ROWS];
	size_t count;
	bool more;
	bool ahead; /* some have a removal time in the future: their time begins now */
	int64_t next; /* when the oldest one left was removed, s since 1970; 0: none */
};

uint64_t sweep_wait(const struct account *account, int64_t removed_at)
{
	int64_t age = (int64_t)account->store->settings.undelete_age_s;
	int64_t wait = removed_at + age - clock_wall();
	if (wait > age)
		wait = age;
	return wait > 0 ? (uint64_t)wait * 1000 : 0;
}

static enum rc sweep_ahead(struct account *account, int64_t now, struct swept *swept)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT 1 FROM blob WHERE removed_at > ?1 LIMIT 1", "i",
		now + SWEEP_AHEAD_S);
	if (rc == RC_OK)
		db_reset(stmt);
	swept->ahead = rc == RC_OK;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc sweep_collect(struct account *account, struct swept *swept)
{
	int64_t now = clock_wall();
	int64_t until = now - (int64_t)account->store->settings.undelete_age_s;
	enum rc ahead = sweep_ahead(account, now, swept);
	if (ahead != RC_OK)
		return ahead;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT id, file, size, removed_at FROM blob WHERE removed_at IS NOT NULL ORDER BY "
		"removed_at",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		if (db_i64(stmt, 3) > until) {
			swept->next = swept->ahead && db_i64(stmt, 3) > now ? now : db_i64(stmt, 3);
			break;
		}
		if (swept->count == SWEEP_ROWS) {
			swept->more = true;
			break;
		}
		swept->rows[swept->count++] = (struct swept_row){ db_i64(stmt, 0), db_i64(stmt, 1),
			!db_is_null(stmt, 1), db_u64(stmt, 2) };
	}
	db_reset(stmt);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc sweep_row(struct db *db, int64_t blob)
{
	enum rc rc = db_run(db, "DELETE FROM blob WHERE id = ?1 AND refs = 0", "i", blob);
	if (rc == RC_OK && db_changes(db) == 0)
		return RC_CORRUPT;
	if (rc == RC_OK)
		rc = blob_rows_remove(db, blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM damage WHERE blob = ?1", "i", blob);
	return rc;
}

static enum rc sweep_rows(struct account *account, void *arg)
{
	const struct swept *swept = arg;
	enum rc rc = RC_OK;
	if (swept->ahead)
		rc = db_run(account->db, "UPDATE blob SET removed_at = ?1 WHERE removed_at > ?1", "i",
			clock_wall());
	for (size_t i = 0; rc == RC_OK && i < swept->count; i++)
		rc = sweep_row(account->db, swept->rows[i].blob);
	return rc;
}

/* Removes the files. Rows whose file can't be removed stay. */
static enum rc sweep_files(struct account *account, struct swept *swept, bool *ret_all)
{
	size_t kept = 0;
	for (size_t i = 0; i < swept->count; i++) {
		if (!swept->rows[i].in_file || file_remove(account, swept->rows[i].file))
			swept->rows[kept++] = swept->rows[i];
	}
	*ret_all = kept == swept->count;
	swept->count = kept;
	return file_removed_sync(account);
}

static void sweep_count(struct account *account, const struct swept *swept)
{
	uint64_t bytes = 0, left = account->blobs.inline_bytes;
	for (size_t i = 0; i < swept->count; i++)
		bytes += swept->rows[i].in_file ? 0 : swept->rows[i].size;
	account->blobs.inline_bytes = bytes < left ? left - bytes : 0;
}

static enum rc sweep_removed(struct account *account)
{
	struct swept *swept = mem_zalloc(sizeof(*swept));
	bool all = true;
	enum rc rc = sweep_collect(account, swept);
	if (rc == RC_OK)
		rc = sweep_files(account, swept, &all);
	if (rc == RC_OK && (swept->count > 0 || swept->ahead))
		rc = job_transaction(account, sweep_rows, swept);
	if (rc == RC_OK) {
		sweep_count(account, swept);
		if (swept->next)
			account_background(account, BACKGROUND_SWEEP,
				clock_mono_ms() + SWEEP_DELAY_MS + sweep_wait(account, swept->next));
		if (!all)
			rc = RC_IO;
		else if (swept->more)
			rc = RC_AGAIN;
	}
	free(swept);
	return rc;
}

/* Orphans. */

static int sweep_file_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static bool file_known(const struct blob_state *state, int64_t file)
{
	return state->known_count > 0 &&
	       bsearch(&file, state->known, state->known_count, sizeof(file), sweep_file_compare) != NULL;
}

static enum rc scan_load(struct account *account)
{
	struct blob_state *state = &account->blobs;
	size_t cap = 0;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt, "SELECT file FROM blob WHERE file IS NOT NULL", "");
	if (rc != RC_OK)
		return rc;
	free(state->known);
	state->known = NULL;
	state->known_count = 0;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		if (state->known_count == cap)
			state->known = mem_grow(state->known, &cap, sizeof(*state->known));
		state->known[state->known_count++] = db_i64(stmt, 0);
	}
	db_reset(stmt);
	if (state->known_count > 0)
		qsort(state->known, state->known_count, sizeof(*state->known), sweep_file_compare);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/*
 * The list of known files may be some turns old, so a file that is not on it is looked up in a new list. No
 * transaction is open, so every file that must stay has a row.
 */
static enum rc scan_confirm(struct account *account, bool *reloaded)
{
	if (*reloaded)
		return RC_OK;
	*reloaded = true;
	return scan_load(account);
}

/* Handles a file that has no row. */
static enum rc scan_orphan(struct account *account, int64_t file)
{
	const struct blob_state *state = &account->blobs;
	if (file_prefix(file) != state->prefix_opened && file_prefix(file) != state->prefix)
		return lost_add(account, file);
	log_info(account->store->log,
		"file of a message that was never acknowledged removed account=%s file=%016" PRIx64,
		account_shown(account), (uint64_t)file);
	/* If removing fails the folder is searched again later. */
	account->blobs.remove_failed = !file_remove(account, file) || account->blobs.remove_failed;
	return RC_OK;
}

static enum rc scan_directory(struct account *account, unsigned dir, bool *reloaded)
{
	const struct io *io = account->store->io;
	char *path = file_dir_path(account, dir);
	DIR *entries = io->opendir(io->ctx, path);
	int error = errno;
	free(path);
	if (!entries)
		return error == ENOENT ? RC_OK : io_rc(error);
	enum rc rc = RC_OK;
	for (struct dirent *entry = readdir(entries); rc == RC_OK && entry; entry = readdir(entries)) {
		int64_t file;
		if (!file_name_parse(strv_cstr(entry->d_name), &file) || file_dir(file) != dir)
			continue;
		if (file_known(&account->blobs, file))
			continue;
		rc = scan_confirm(account, reloaded);
		if (rc == RC_OK && !file_known(&account->blobs, file))
			rc = scan_orphan(account, file);
	}
	(void)closedir(entries);
	return rc;
}

/*
 * Lets blob_prepare_commit draw a new prefix: files committed during the search have the old one, by which
 * orphans are known.
 */
static enum rc scan_rotate(struct account *account, void *arg)
{
	(void)arg;
	return db_run(account->db, "UPDATE account SET file_prefix = file_prefix", "");
}

static enum rc sweep_orphans(struct account *account)
{
	struct blob_state *state = &account->blobs;
	uint64_t end = clock_mono_ms() + SWEEP_SCAN_MS;
	bool reloaded = false;
	enum rc rc = RC_OK;
	if (!state->known)
		rc = scan_confirm(account, &reloaded);
	while (rc == RC_OK && state->scan_dir < BLOB_DIRS && clock_mono_ms() < end) {
		rc = scan_directory(account, state->scan_dir, &reloaded);
		if (rc == RC_OK)
			state->scan_dir++;
	}
	if (rc == RC_OK && state->scan_dir < BLOB_DIRS)
		return RC_AGAIN;
	if (rc != RC_OK)
		return rc;
	free(state->known);
	state->known = NULL;
	state->known_count = 0;
	rc = file_removed_sync(account);
	if (rc != RC_OK)
		return rc;
	state->scan = false;
	marker_remove(account);
	return state->prefix_used ? job_transaction(account, scan_rotate, NULL) : RC_OK;
}

enum rc blob_sweep_orphans(struct account *account)
{
	struct blob_state *state = &account->blobs;
	if (state->remove_failed) {
		state->remove_failed = false;
		state->scan = true;
		state->scan_dir = 0;
	}
	return state->scan ? sweep_orphans(account) : RC_OK;
}

enum rc blob_sweep(struct account *account)
{
	enum rc rc = sweep_removed(account);
	if (rc == RC_OK)
		rc = blob_sweep_orphans(account);
	if (rc == RC_OK)
		rc = lost_expire(account);
	if (rc == RC_OK)
		rc = shrink_blob(account);
	if (rc != RC_OK && rc != RC_AGAIN && account->db)
		account_background(account, BACKGROUND_SWEEP, clock_mono_ms() + SWEEP_RETRY_MS);
	return rc;
}
