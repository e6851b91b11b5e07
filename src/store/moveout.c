/*
 * Moves inline messages to files. Up to 128 files are written, one syncfs makes them durable with their
 * names, one transaction changes the rows. All this is one turn of the strand, so no row changes in between.
 * Before the commit the files are orphans; after it the inline bytes are gone: the message has its bytes at
 * every instant.
 */
#include "store/bytes.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct moved {
	int64_t blob;
	int64_t file;
};

struct moveout {
	struct moved moved[MOVEOUT_FILES];
	size_t count;
	uint64_t bytes;
	bool more;
	uint64_t next; /* when the oldest one left was stored, ms since 1970; 0: none is left */
};

/* Writes the file of one message. Neither data nor name is durable yet. */
static enum rc moveout_write(struct account *account, struct moveout *out, int64_t blob, struct strv bytes)
{
	int64_t file = file_name_new(account);
	enum rc rc = file_dir_make(account, file_dir(file), false);
	if (rc == RC_OK)
		rc = file_write(account, file, bytes, false);
	if (rc != RC_OK)
		return rc;
	out->moved[out->count++] = (struct moved){ blob, file };
	out->bytes += bytes.n;
	return RC_OK;
}

/*
 * Collects messages, oldest first, that are due by age or because the inline bytes are too many. Messages
 * without references are left to the sweep if it removes them soon.
 */
static enum rc moveout_collect(struct account *account, struct moveout *out)
{
	const struct store_settings *settings = &account->store->settings;
	uint64_t now = (uint64_t)clock_wall_us() / 1000;
	bool skip_removed = settings->undelete_age_s < UNDELETE_SHORT_S;
	bool crowded = account->blobs.inline_bytes > settings->inline_total_max;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT i.blob, b.stored, b.refs, i.bytes FROM blob_inline i JOIN blob b ON b.id = i.blob"
		" ORDER BY i.blob",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		if (db_i64(stmt, 2) == 0 && skip_removed)
			continue;
		uint64_t stored = db_u64(stmt, 1);
		if (!crowded && stored <= now && now - stored < settings->inline_age_ms) {
			out->next = stored;
			break;
		}
		if (out->count == MOVEOUT_FILES || out->bytes >= MOVEOUT_BYTES) {
			out->more = true;
			break;
		}
		rc = moveout_write(account, out, db_i64(stmt, 0), db_blob(stmt, 3));
		if (rc != RC_OK)
			break;
	}
	db_reset(stmt);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc moveout_sync(struct account *account)
{
	const struct io *io = account->store->io;
	int fd = io->open(io->ctx, account->path, O_RDONLY | O_DIRECTORY, 0);
	int result = fd < 0 ? -1 : io->syncfs(io->ctx, fd);
	int error = errno;
	if (fd >= 0)
		(void)io->close(io->ctx, fd);
	if (result == 0)
		return RC_OK;
	log_error(account->store->log, "sync of moved messages failed account=%s error=%s",
		account_shown(account), strerror(error));
	return io_rc(error);
}

static enum rc moveout_rows(struct account *account, void *arg)
{
	const struct moveout *out = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < out->count; i++) {
		rc = db_run(account->db, "UPDATE blob SET file = ?2 WHERE id = ?1", "ii", out->moved[i].blob,
			out->moved[i].file);
		if (rc == RC_OK)
			rc = db_run(account->db, "DELETE FROM blob_inline WHERE blob = ?1", "i",
				out->moved[i].blob);
	}
	return rc;
}

static void moveout_undo(struct account *account, const struct moveout *out)
{
	for (size_t i = 0; i < out->count; i++)
		if (!file_remove(account, out->moved[i].file))
			blob_doubt_files(account);
}

/*
 * Removes the files only if the rows are unchanged: a commit that failed may be on disk nevertheless. If the
 * database can't tell now, the sweep asks again.
 */
static void moveout_undo_failed(struct account *account, const struct moveout *out)
{
	sqlite3_stmt *stmt;
	/* A closed account looks for such files when it is opened. */
	if (!account->db)
		return;
	enum rc rc =
		db_one(account->db, &stmt, "SELECT file FROM blob WHERE id = ?1", "i", out->moved[0].blob);
	if (rc != RC_OK) {
		blob_doubt_files(account);
		return;
	}
	bool undone = db_is_null(stmt, 0);
	db_reset(stmt);
	if (undone)
		moveout_undo(account, out);
}

static void moveout_wish(struct account *account, const struct moveout *out)
{
	uint64_t now = (uint64_t)clock_wall_us() / 1000, age = account->store->settings.inline_age_ms;
	if (out->next == 0)
		return;
	uint64_t due = out->next + age;
	account_background(account, BACKGROUND_MOVE_OUT, clock_mono_ms() + (due > now ? due - now : 0));
}

enum rc blob_moveout(struct account *account)
{
	/* Moving bytes from the database into files frees no room on the disk. */
	if (space_state(account->store) != SPACE_PLENTY) {
		account_background(account, BACKGROUND_MOVE_OUT, clock_mono_ms() + MOVEOUT_RETRY_MS);
		return RC_OK;
	}
	struct moveout *out = mem_zalloc(sizeof(*out));
	enum rc rc = moveout_collect(account, out);
	if (rc == RC_OK && out->count > 0)
		rc = moveout_sync(account);
	if (rc != RC_OK) {
		/* Directories may have been made and not synced. */
		account->blobs.dirs_doubtful = true;
		account->blobs.dirs_trusted = false;
		moveout_undo(account, out);
	} else if (out->count > 0) {
		rc = job_transaction(account, moveout_rows, out);
		if (rc != RC_OK)
			moveout_undo_failed(account, out);
	}
	if (rc == RC_OK) {
		uint64_t left = account->blobs.inline_bytes;
		bool all = !out->more && out->next == 0;
		account->blobs.inline_bytes = all || out->bytes > left ? 0 : left - out->bytes;
		moveout_wish(account, out);
	} else if (account->db) {
		/*
		 * The disk is full, for example. The messages stay in the database; it is tried again later.
		 */
		account_background(account, BACKGROUND_MOVE_OUT, clock_mono_ms() + MOVEOUT_RETRY_MS);
	}
	if (rc == RC_OK && out->more)
		rc = RC_AGAIN;
	free(out);
	return rc;
}
