/*
 * Blobs: the rows, and putting bytes where they belong. A new message up to the inline limit is a row; a
 * larger one is a link to the spool file, on disk with its name before the transaction commits.
 */
#include "store/damage.h"

#include "store/bytes.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#define NAME_TRIES 8 /* names are random: even a second try is never seen */

const char blob_schema_sql[] =
	"CREATE TABLE blob ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" refs INTEGER NOT NULL," /* rows of msg with this blob */
	" size INTEGER NOT NULL," /* octets of the message: prefix and content */
	" file INTEGER," /* NULL: inline; else the name of the file */
	" stored INTEGER NOT NULL," /* milliseconds since 1970 */
	" removed_at INTEGER," /* seconds since 1970 when refs became 0 */
	" thread INTEGER NOT NULL DEFAULT 0," /* thread.h */
	" sum INTEGER" /* sum.h, of all octets; NULL: not known yet */
	");"
	"CREATE INDEX blob_removed ON blob(removed_at) WHERE removed_at IS NOT NULL;" BLOB_SUM_INDEX
	"CREATE TABLE blob_inline (blob INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
	"CREATE TABLE blob_prefix (blob INTEGER PRIMARY KEY, bytes BLOB NOT NULL);";

static enum rc put_row(
	struct account *account, uint64_t size, uint32_t sum, bool in_file, int64_t file, int64_t *ret_id)
{
	int64_t now = clock_wall_us() / 1000;
	enum rc rc;
	if (in_file)
		rc = db_run(account->db,
			"INSERT INTO blob(refs, size, file, stored, sum) VALUES(1, ?1, ?2, ?3, ?4)", "uiid",
			size, file, now, sum);
	else
		rc = db_run(account->db, "INSERT INTO blob(refs, size, stored, sum) VALUES(1, ?1, ?2, ?3)",
			"uid", size, now, sum);
	if (rc == RC_OK)
		*ret_id = db_last_id(account->db);
	return rc;
}

static enum rc put_inline(struct account *account, struct strv prefix, struct strv bytes, int64_t *ret_id)
{
	struct blob_state *state = &account->blobs;
	size_t size = prefix.n + bytes.n;
	int64_t id;
	char *whole = mem_alloc(size + 1);
	if (prefix.n > 0)
		memcpy(whole, prefix.p, prefix.n);
	if (bytes.n > 0)
		memcpy(whole + prefix.n, bytes.p, bytes.n);
	struct strv all = strv_make(whole, size);
	enum rc rc = put_row(account, size, sum_of(all), false, 0, &id);
	if (rc == RC_OK)
		rc = db_run(
			account->db, "INSERT INTO blob_inline(blob, bytes) VALUES(?1, ?2)", "ib", id, all);
	free(whole);
	if (rc != RC_OK)
		return rc;
	state->inline_bytes += size;
	if (state->inline_bytes > account->store->settings.inline_total_max)
		account_background_now(account, BACKGROUND_MOVE_OUT);
	else
		account_background(account, BACKGROUND_MOVE_OUT,
			clock_mono_ms() + account->store->settings.inline_age_ms);
	*ret_id = id;
	return RC_OK;
}

static void made_add(struct blob_state *state, int64_t file)
{
	if (state->made_count == state->made_cap)
		state->made = mem_grow(state->made, &state->made_cap, sizeof(*state->made));
	state->made[state->made_count++] = (struct blob_made){ 0, file };
}

/* Links the spool file to its name below msg/. */
static enum rc file_link(struct account *account, const char *from, int64_t file)
{
	const struct io *io = account->store->io;
	char *path = file_path(account, file);
	int result = io->link(io->ctx, from, path);
	int error = errno;
	free(path);
	if (result == 0)
		return RC_OK;
	if (error == EEXIST)
		return RC_EXISTS;
	log_error(account->store->log, "a message cannot be linked account=%s error=%s",
		account_shown(account), strerror(error));
	return io_rc(error);
}

/* Makes the file; its name and data are on disk when this returns. */
static enum rc put_file(struct account *account, const struct content *content, int64_t *ret_file)
{
	const struct io *io = account->store->io;
	int64_t file = 0;
	enum rc rc = account->use_noted ? RC_OK : marker_set(account, true);
	if (rc != RC_OK)
		return rc;
	rc = RC_EXISTS;
	if (account->blobs.adopts) {
		file = account->blobs.adopted;
		rc = RC_OK;
	}
	for (unsigned i = 0; rc == RC_EXISTS && i < NAME_TRIES; i++) {
		file = file_name_new(account);
		rc = file_dir_make(account, file_dir(file), true);
		if (rc != RC_OK)
			return rc;
		rc = content_path(content) ? file_link(account, content_path(content), file)
					   : file_write(account, file, content_bytes(content), true);
	}
	if (rc != RC_OK)
		return rc == RC_EXISTS || rc == RC_NOT_FOUND ? RC_IO : rc;
	if (!account->blobs.adopts)
		made_add(&account->blobs, file);
	char *dir = file_dir_path(account, file_dir(file));
	if (!io_sync_dir(io, dir)) {
		rc = io_rc(errno);
		log_error(account->store->log, "sync of a directory failed account=%s path=%s",
			account_shown(account), dir);
	}
	free(dir);
	*ret_file = file;
	return rc;
}

enum rc blob_put(struct account *account, struct content *content, struct strv prefix, int64_t *ret_id)
{
	int64_t file, id;
	struct strv bytes = content_bytes(content);
	enum rc rc = space_for_mail(account->store);
	if (rc != RC_OK)
		return rc;
	if (bytes.p && bytes.n <= account->store->settings.inline_max)
		return put_inline(account, prefix, bytes, ret_id);
	rc = put_file(account, content, &file);
	if (rc == RC_OK) {
		uint32_t sum = sum_join(sum_of(prefix), content_sum(content), content_size(content));
		rc = put_row(account, prefix.n + content_size(content), sum, true, file, &id);
	}
	if (rc == RC_OK && prefix.n > 0)
		rc = db_run(
			account->db, "INSERT INTO blob_prefix(blob, bytes) VALUES(?1, ?2)", "ib", id, prefix);
	if (rc != RC_OK)
		return rc;
	if (!account->blobs.adopts)
		account->blobs.made[account->blobs.made_count - 1].blob = id;
	*ret_id = id;
	return RC_OK;
}

static enum rc blob_missing(struct account *account, int64_t id, const char *what)
{
	log_error(account->store->log, "%s account=%s blob=%" PRId64, what, account_shown(account), id);
	return RC_CORRUPT;
}

/* The columns of a row that are needed to read the bytes. */
struct blob_row {
	int64_t id;
	uint64_t size;
	int64_t file;
	bool in_file;
	uint32_t sum;
	bool has_sum;
};

enum rc blob_ref(struct account *account, int64_t id)
{
	enum rc rc = db_run(
		account->db, "UPDATE blob SET refs = refs + 1, removed_at = NULL WHERE id = ?1", "i", id);
	if (rc == RC_OK && db_changes(account->db) == 0)
		return blob_missing(account, id, "a blob to be shared has no row");
	return rc;
}

enum rc blob_unref(struct account *account, int64_t id)
{
	enum rc rc = db_run(account->db,
		"UPDATE blob SET refs = refs - 1, removed_at = CASE refs WHEN 1 THEN ?2 END WHERE id = ?1 "
		"AND refs > 0",
		"ii", id, clock_wall());
	if (rc == RC_OK && db_changes(account->db) == 0)
		return blob_missing(account, id, "a blob to be released has no row or no reference");
	if (rc == RC_OK)
		account_background(account, BACKGROUND_SWEEP,
			clock_mono_ms() + account->store->settings.undelete_age_s * 1000 + SWEEP_DELAY_MS);
	return rc;
}

/*
 * Reads the bytes of one row of blob_inline or blob_prefix; the caller frees *ret_bytes. RC_NOT_FOUND: no
 * such row.
 */
static enum rc blob_bytes(
	struct account *account, const char *sql, int64_t id, char **ret_bytes, size_t *ret_size)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, sql, "i", id);
	if (rc != RC_OK)
		return rc;
	struct strv bytes = db_blob(stmt, 0);
	*ret_bytes = mem_strndup(bytes.p ? bytes.p : "", bytes.n);
	*ret_size = bytes.n;
	db_reset(stmt);
	return RC_OK;
}

static enum rc open_inline(struct account *account, const struct blob_row *row, struct reader **ret_reader)
{
	char *bytes;
	size_t n;
	enum rc rc =
		blob_bytes(account, "SELECT bytes FROM blob_inline WHERE blob = ?1", row->id, &bytes, &n);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	if (n != row->size || (row->has_sum && sum_of(strv_make(bytes, n)) != row->sum)) {
		free(bytes);
		return RC_CORRUPT;
	}
	*ret_reader = reader_new_bytes(bytes, n);
	return RC_OK;
}

/*
 * Compares a file with its checksum. Clients fetch a large message in pieces, so a file that was compared a
 * moment ago is not read as a whole again.
 */
static enum rc file_verify(struct account *account, const struct blob_row *row, struct reader *reader)
{
	struct blob_state *state = &account->blobs;
	uint32_t sum = SUM_NONE;
	bool known = damage_known(account, row->id);
	if (!known && (!row->has_sum || !account->store->settings.verify_reads))
		return RC_OK;
	for (unsigned i = 0; i < BLOB_VERIFIED; i++)
		if (state->verified[i] == row->id)
			return RC_OK;
	enum rc rc = reader_sum(reader, &sum);
	if (rc == RC_OK && row->has_sum && sum != row->sum)
		rc = RC_CORRUPT;
	if (rc != RC_OK)
		return rc;
	state->verified[state->verified_next++ % BLOB_VERIFIED] = row->id;
	return RC_OK;
}

static enum rc open_file(struct account *account, const struct blob_row *row, struct reader **ret_reader)
{
	const struct io *io = account->store->io;
	char *prefix = NULL;
	size_t prefix_size = 0;
	enum rc rc = blob_bytes(
		account, "SELECT bytes FROM blob_prefix WHERE blob = ?1", row->id, &prefix, &prefix_size);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	char *path = file_path(account, row->file);
	int fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	int error = errno;
	struct stat st;
	free(path);
	if (fd < 0) {
		free(prefix);
		/* ELOOP: it is a symbolic link, which the server never makes. */
		return error == ENOENT || error == ELOOP ? RC_CORRUPT : io_rc(error);
	}
	bool whole =
		fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size + prefix_size == row->size;
	struct reader *reader = reader_new_file(io, fd, row->size - prefix_size, prefix, prefix_size);
	rc = whole ? file_verify(account, row, reader) : RC_CORRUPT;
	if (rc == RC_OK)
		*ret_reader = reader;
	else
		reader_close(&reader);
	return rc;
}

static enum rc blob_row_read(struct account *account, int64_t id, struct blob_row *ret_row)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT size, file, sum FROM blob WHERE id = ?1", "i", id);
	if (rc != RC_OK)
		return rc;
	*ret_row = (struct blob_row){ .id = id,
		.size = db_u64(stmt, 0),
		.in_file = !db_is_null(stmt, 1),
		.file = db_i64(stmt, 1),
		.has_sum = !db_is_null(stmt, 2),
		.sum = db_u32(stmt, 2) };
	db_reset(stmt);
	return RC_OK;
}

enum rc blob_open(struct account *account, int64_t id, struct reader **ret_reader)
{
	struct blob_row row;
	enum rc rc = blob_row_read(account, id, &row);
	/* Any other error says nothing about the message: the database can't be read. */
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	if (rc == RC_OK)
		rc = row.in_file ? open_file(account, &row, ret_reader)
				 : open_inline(account, &row, ret_reader);
	if (rc == RC_CORRUPT || rc == RC_IO || rc == RC_NOT_FOUND)
		damage_found(account, id);
	return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

enum rc blob_verify(struct account *account, int64_t id)
{
	struct reader *reader = NULL;
	struct blob_row row;
	uint32_t sum = SUM_NONE;
	enum rc rc = blob_row_read(account, id, &row);
	if (rc == RC_OK)
		rc = row.in_file ? open_file(account, &row, &reader) : open_inline(account, &row, &reader);
	if (rc == RC_OK)
		rc = reader_sum(reader, &sum);
	reader_close(&reader);
	if (rc == RC_OK && row.has_sum && sum != row.sum)
		return RC_CORRUPT;
	return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

/* Looks whether a file that was made has no row. */
static enum rc made_look(struct account *account, const struct blob_made *made, bool *ret_lost)
{
	sqlite3_stmt *stmt;
	*ret_lost = true;
	if (made->blob == 0)
		return RC_OK;
	enum rc rc = db_one(account->db, &stmt, "SELECT file FROM blob WHERE id = ?1", "i", made->blob);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	*ret_lost = db_is_null(stmt, 0) || db_i64(stmt, 0) != made->file;
	db_reset(stmt);
	return RC_OK;
}

/*
 * Removes a file whose row was not committed. If the database can't tell now, the file stays, and the sweep
 * asks again.
 */
static void made_settle(struct account *account, const struct blob_made *made)
{
	bool lost;
	bool known = made_look(account, made, &lost) == RC_OK;
	if (!known || (lost && !file_remove(account, made->file)))
		blob_doubt_files(account);
}

void blob_doubt_files(struct account *account)
{
	account->blobs.remove_failed = true;
	account_background(account, BACKGROUND_SWEEP, clock_mono_ms() + SWEEP_RETRY_MS);
}

static enum rc prefix_read(struct account *account)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT file_prefix FROM account", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	account->blobs.prefix = db_u32(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

enum rc blob_prepare_commit(struct account *account)
{
	struct blob_state *state = &account->blobs;
	uint32_t prefix = (uint32_t)rand_u64();
	/*
	 * The prefix in the database stays the same while files of a transaction that never committed may
	 * exist: they are known by it.
	 */
	if (!state->prefix_used || state->scan || state->remove_failed)
		return RC_OK;
	state->prefix_changed = true;
	return db_run(account->db, "UPDATE account SET file_prefix = ?1", "i", (int64_t)prefix);
}

void blob_batch_end(struct account *account)
{
	struct blob_state *state = &account->blobs;
	/*
	 * If the prefix can't be read, new files keep the old one. They would only be kept longer if they
	 * lost their rows.
	 */
	if (state->prefix_changed && prefix_read(account) == RC_OK)
		state->prefix_used = state->prefix_changed = false;
	for (size_t i = 0; i < state->made_count; i++)
		made_settle(account, &state->made[i]);
	state->made_count = 0;
}

/* Asks for the background work that the rows need. */
static enum rc open_wishes(struct account *account)
{
	const struct store_settings *settings = &account->store->settings;
	uint64_t now_ms = (uint64_t)clock_wall_us() / 1000, now = clock_mono_ms();
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt,
		"SELECT min(b.stored), coalesce(sum(b.size), 0) FROM blob_inline i JOIN blob b ON b.id = "
		"i.blob",
		"");
	if (rc != RC_OK)
		return rc;
	uint64_t oldest = db_u64(stmt, 0);
	bool none = db_is_null(stmt, 0);
	account->blobs.inline_bytes = db_u64(stmt, 1);
	db_reset(stmt);
	if (!none) {
		uint64_t age = now_ms > oldest ? now_ms - oldest : 0;
		uint64_t left = age < settings->inline_age_ms ? settings->inline_age_ms - age : 0;
		account_background(account, BACKGROUND_MOVE_OUT, now + left);
	}
	rc = db_one(account->db, &stmt, "SELECT min(removed_at) FROM blob WHERE removed_at IS NOT NULL", "");
	if (rc != RC_OK)
		return rc;
	int64_t removed = db_i64(stmt, 0);
	none = db_is_null(stmt, 0);
	db_reset(stmt);
	if (!none)
		account_background(
			account, BACKGROUND_SWEEP, now + SWEEP_DELAY_MS + sweep_wait(account, removed));
	return RC_OK;
}

static enum rc open_number(struct account *account)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT coalesce(max(id), 0) FROM blob", "");
	if (rc != RC_OK)
		return rc;
	account->blobs.file_number = db_u64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

enum rc blob_rows_remove(struct db *db, int64_t blob)
{
	enum rc rc = db_run(db, "DELETE FROM blob_inline WHERE blob = ?1", "i", blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM blob_prefix WHERE blob = ?1", "i", blob);
	if (rc == RC_OK)
		rc = db_run(db, "DELETE FROM cache WHERE blob = ?1", "i", blob);
	return rc;
}

enum rc blob_open_account(struct account *account, bool clean)
{
	memset(&account->blobs, 0, sizeof(account->blobs));
	account->blobs.marker = marker_exists(account);
	enum rc rc = open_wishes(account);
	if (rc == RC_OK)
		rc = prefix_read(account);
	account->blobs.prefix_opened = account->blobs.prefix;
	lost_wish(account);
	if (rc == RC_OK)
		rc = open_number(account);
	if (rc == RC_OK)
		rc = damage_open(account);
	if (rc == RC_OK)
		rc = fill_open(account);
	account->blobs.dirs_trusted = clean && !account->blobs.marker;
	if (rc != RC_OK || account->blobs.dirs_trusted)
		return rc;
	account->blobs.scan = true;
	account_background(account, BACKGROUND_SWEEP, clock_mono_ms());
	return RC_OK;
}

/* Writes or removes the marker that tells the next opening to look for orphans. */
static void close_marker(struct account *account)
{
	struct blob_state *state = &account->blobs;
	bool settled = state->made_count == 0 && !state->scan && !state->remove_failed &&
		       !state->dirs_doubtful && file_removed_sync(account) == RC_OK;
	if (settled) {
		marker_remove(account);
		return;
	}
	enum rc rc = marker_set(account, true);
	if (rc != RC_OK)
		log_warn(account->store->log, "files without a row may stay until the next check account=%s",
			account_shown(account));
}

void blob_close_account(struct account *account)
{
	close_marker(account);
	free(account->blobs.made);
	free(account->blobs.known);
	free(account->blobs.damaged);
	memset(&account->blobs, 0, sizeof(account->blobs));
}

void blob_abandon_account(struct account *account)
{
	struct blob_state *state = &account->blobs;
	for (size_t i = 0; i < state->made_count; i++)
		(void)file_remove(account, state->made[i].file);
	free(state->made);
	free(state->known);
	free(state->damaged);
	memset(state, 0, sizeof(*state));
}
