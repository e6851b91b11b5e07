/*
 * The sweep: takes what nobody refers to any more. Rows first, in a synced transaction; then their files. A crash in
 * between leaves orphans, which are looked for after an unclean end only, directory by directory.
 */
#include "store/bytes.h"

#include "base/clock.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define SWEEP_SCAN_MS 10 /* of one turn of looking for orphans */

struct swept {
	int64_t blobs[SWEEP_ROWS];
	size_t blob_count;
	int64_t files[SWEEP_ROWS];
	size_t file_count;
	uint64_t inline_bytes;
	bool more;
	int64_t next; /* when the oldest one left was removed, s since 1970; 0: none */
};

static enum rc sweep_collect(struct account *account, struct swept *swept)
{
	int64_t until = clock_wall() - (int64_t)account->store->settings.undelete_age_s;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT id, file, size, removed_at FROM blob WHERE removed_at IS NOT NULL ORDER BY "
		"removed_at",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		if (db_i64(stmt, 3) > until) {
			swept->next = db_i64(stmt, 3);
			break;
		}
		if (swept->blob_count == SWEEP_ROWS) {
			swept->more = true;
			break;
		}
		swept->blobs[swept->blob_count++] = db_i64(stmt, 0);
		if (db_is_null(stmt, 1))
			swept->inline_bytes += db_u64(stmt, 2);
		else
			swept->files[swept->file_count++] = db_i64(stmt, 1);
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
		rc = db_run(db, "DELETE FROM blob_inline WHERE blob = ?1", "i", blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM blob_prefix WHERE blob = ?1", "i", blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM cache WHERE blob = ?1", "i", blob);
	return rc;
}

static enum rc sweep_rows(struct account *account, void *arg)
{
	const struct swept *swept = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < swept->blob_count; i++)
		rc = sweep_row(account->db, swept->blobs[i]);
	return rc;
}

static enum rc sweep_removed(struct account *account)
{
	struct swept *swept = mem_zalloc(sizeof(*swept));
	enum rc rc = sweep_collect(account, swept);
	if (rc == RC_OK && swept->blob_count > 0)
		rc = account_transaction(account, sweep_rows, swept);
	if (rc == RC_OK) {
		struct blob_state *state = &account->blobs;
		for (size_t i = 0; i < swept->file_count; i++)
			file_remove(account, swept->files[i]);
		rc = file_removed_sync(account);
		state->inline_bytes -=
			swept->inline_bytes < state->inline_bytes ? swept->inline_bytes : state->inline_bytes;
		if (swept->next) {
			int64_t wait =
				swept->next + (int64_t)account->store->settings.undelete_age_s - clock_wall();
			account_background(account, BACKGROUND_SWEEP,
				clock_mono_ms() + SWEEP_DELAY_MS + (wait > 0 ? (uint64_t)wait * 1000 : 0));
		}
		if (rc == RC_OK && swept->more)
			rc = RC_AGAIN;
	}
	free(swept);
	return rc;
}

/* Orphans. */

static int file_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static bool file_known(const struct blob_state *state, int64_t file)
{
	return state->known_count > 0 &&
	       bsearch(&file, state->known, state->known_count, sizeof(file), file_compare) != NULL;
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
		if (state->known_count == cap) {
			cap = cap ? cap * 2 : 256;
			state->known = mem_realloc(state->known, cap, sizeof(*state->known));
		}
		state->known[state->known_count++] = db_i64(stmt, 0);
	}
	db_reset(stmt);
	if (state->known_count > 0)
		qsort(state->known, state->known_count, sizeof(*state->known), file_compare);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/*
 * The list of known files may be some turns old: what is not on it is looked up once more, in a list of this moment. No
 * transaction is open, so every file that is meant to stay has a row.
 */
static enum rc scan_confirm(struct account *account, bool *reloaded)
{
	if (*reloaded)
		return RC_OK;
	*reloaded = true;
	return scan_load(account);
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
		if (rc == RC_OK && !file_known(&account->blobs, file)) {
			log_info(account->store->log,
				"file of a message that was never acknowledged removed account=%s "
				"file=%016llx",
				account->name, (unsigned long long)file);
			file_remove(account, file);
		}
	}
	(void)closedir(entries);
	return rc;
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
	return RC_OK;
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
	if (rc != RC_OK && rc != RC_AGAIN && account->db)
		account_background(account, BACKGROUND_SWEEP, clock_mono_ms() + SWEEP_RETRY_MS);
	return rc;
}
