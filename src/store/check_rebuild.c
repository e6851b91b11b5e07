/*
 * A new database in place of a lost or damaged one. The old one is set aside as account.db.lost-<n>, msg/ as msg.lost;
 * then every message that can be read comes back: first those of which the old database still tells mailbox, flags and
 * date, then inline bytes and files that it does not mention. What has come back is linked anew, so until the end
 * msg.lost is complete, and a rebuild that was interrupted can begin again (some messages are then there twice).
 */
#include "store/check_priv.h"

#include "base/mem.h"
#include "store/mailbox.h"
#include "store/message.h"
#include "store/thread.h"
#include "store/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SALVAGE_PIECE (64 * 1024)
#define LOST_MAX 100 /* databases set aside */

struct ids {
	int64_t *v; /* own */
	size_t count;
	size_t cap;
	size_t sorted; /* the first of them are in order */
};

struct rebuild {
	struct check *check;
	struct account *account;
	struct db *old; /* own; NULL: none can be read */
	struct ids files; /* what has come back already, or had been removed */
	struct ids inlines; /* blobs in the old database; the same */
	uint64_t recovered;
	uint64_t failed;
};

/* A message to come back. */
struct found {
	char *mailbox; /* own; NULL: unknown */
	struct content *content; /* own */
	struct strv prefix; /* own */
	uint32_t flags;
	int64_t internaldate;
	int16_t zone;
};

struct batch_found {
	struct rebuild *rebuild;
	struct found v[CHECK_BATCH];
	size_t n;
};

static void path_of(const struct account *account, const char *name, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/%s", account->path, name);
}

static bool exists(const struct account *account, const char *name)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	struct stat st;
	path_of(account, name, path);
	return io->stat(io->ctx, path, &st) == 0;
}

bool check_rebuild_waits(struct account *account)
{
	return exists(account, "msg.lost");
}

static enum rc rename_in(struct account *account, const char *from, const char *to)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM], target[PATH_ROOM];
	path_of(account, from, path);
	path_of(account, to, target);
	if (io->rename(io->ctx, path, target) == 0 || errno == ENOENT)
		return RC_OK;
	int error = errno;
	log_error(account->store->log, "rename failed account=%s from=%s to=%s error=%s", account->name, from,
		to, strerror(error));
	return io_rc(error);
}

/* The name of the newest database that was set aside; false: there is none. */
static bool lost_name(const struct account *account, bool next, char name[64])
{
	unsigned n = 1;
	snprintf(name, 64, "account.db.lost-%u", n);
	while (n < LOST_MAX && exists(account, name))
		snprintf(name, 64, "account.db.lost-%u", ++n);
	if (next)
		return true;
	snprintf(name, 64, "account.db.lost-%u", n - 1);
	return n > 1;
}

/* msg/ to msg.lost; file by file if an earlier rebuild has not come to its end. */
static enum rc files_set_aside(struct account *account)
{
	const struct io *io = account->store->io;
	char from[PATH_ROOM], to[PATH_ROOM], old[PATH_ROOM], new[PATH_ROOM];
	if (!exists(account, "msg"))
		return RC_OK;
	if (!exists(account, "msg.lost"))
		return rename_in(account, "msg", "msg.lost");
	for (unsigned dir = 0; dir < BLOB_DIRS; dir++) {
		snprintf(from, sizeof(from), "%s/msg/%02x", account->path, dir);
		snprintf(to, sizeof(to), "%s/msg.lost/%02x", account->path, dir);
		DIR *entries = io->opendir(io->ctx, from);
		if (!entries)
			continue;
		bool ok = io->mkdir(io->ctx, to, 0700) == 0 || errno == EEXIST;
		for (struct dirent *entry = readdir(entries); ok && entry; entry = readdir(entries)) {
			if (entry->d_name[0] == '.' ||
				snprintf(old, sizeof(old), "%s/%s", from, entry->d_name) >=
					(int)sizeof(old) ||
				snprintf(new, sizeof(new), "%s/%s", to, entry->d_name) >= (int)sizeof(new))
				continue;
			ok = io->rename(io->ctx, old, new) == 0;
		}
		int error = errno;
		(void)closedir(entries);
		if (!ok)
			return io_rc(error);
		(void)io->rmdir(io->ctx, from);
	}
	path_of(account, "msg", from);
	return io->rmdir(io->ctx, from) == 0 ? RC_OK : io_rc(errno);
}

/* Moves database and files out of the way and opens the account anew. */
static enum rc set_aside(struct account *account)
{
	char name[64], wal[80];
	(void)lost_name(account, true, name);
	snprintf(wal, sizeof(wal), "%s-wal", name);
	if (account->db)
		account_close_quickly(account);
	/* The WAL first: with its database gone it would be taken for the new one's. */
	enum rc rc = rename_in(account, "account.db-wal", wal);
	if (rc == RC_OK)
		rc = rename_in(account, "account.db", name);
	if (rc == RC_OK)
		rc = files_set_aside(account);
	/* Now that the database has gone: until then it tells that this one can't be trusted. */
	if (rc == RC_OK)
		rc = ledger_forget(account);
	if (rc == RC_OK)
		rc = folder_sync(account->store, account->path);
	account->retry_at = 0;
	account->suspect = false;
	return rc == RC_OK ? account_ready(account) : rc;
}

static char *lost_file_path(const struct account *account, int64_t file)
{
	size_t n = strlen(account->path) + 64;
	char *path = mem_alloc(n);
	snprintf(path, n, "%s/msg.lost/%02x/%016" PRIx64, account->path, file_dir(file), (uint64_t)file);
	return path;
}

static int id_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void ids_add(struct ids *ids, int64_t id)
{
	if (ids->count == ids->cap) {
		ids->cap = ids->cap ? ids->cap * 2 : 64;
		ids->v = mem_realloc(ids->v, ids->cap, sizeof(int64_t));
	}
	ids->v[ids->count++] = id;
}

static void ids_sort(struct ids *ids)
{
	if (ids->count > 0)
		qsort(ids->v, ids->count, sizeof(int64_t), id_compare);
	ids->sorted = ids->count;
}

static bool ids_contain(const struct ids *ids, int64_t id)
{
	return ids->sorted > 0 && bsearch(&id, ids->v, ids->sorted, sizeof(int64_t), id_compare);
}

static void found_fini(struct found *found)
{
	content_unref(&found->content);
	free(found->mailbox);
	free((char *)(uintptr_t)found->prefix.p);
}

static enum rc found_append(struct account *account, const struct found *found)
{
	int64_t id = 0;
	uint32_t uid;
	struct msg_new msg = { .content = found->content,
		.prefix = found->prefix,
		.flags = found->flags,
		.internaldate = found->internaldate,
		.zone = found->zone };
	enum rc rc = RC_NOT_FOUND;
	if (found->mailbox)
		rc = check_mailbox(account, strv_cstr(found->mailbox), &id);
	if (rc != RC_OK)
		rc = check_mailbox(account, STRV(CHECK_MAILBOX), &id);
	return rc == RC_OK ? msg_append(account, id, &msg, &uid) : rc;
}

static enum rc batch_append(struct account *account, void *arg)
{
	const struct batch_found *batch = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < batch->n; i++)
		rc = found_append(account, &batch->v[i]);
	return rc;
}

static enum rc batch_flush(struct batch_found *batch)
{
	struct rebuild *rebuild = batch->rebuild;
	if (batch->n == 0)
		return RC_OK;
	enum rc rc = account_transaction(rebuild->account, batch_append, batch);
	if (rc == RC_OK)
		rebuild->recovered += batch->n;
	for (size_t i = 0; i < batch->n; i++)
		found_fini(&batch->v[i]);
	batch->n = 0;
	return rebuild->account->db ? rc : RC_UNAVAILABLE;
}

/* Takes what `found` owns. */
static enum rc batch_add(struct batch_found *batch, const struct found *found)
{
	batch->v[batch->n++] = *found;
	return batch->n == CHECK_BATCH ? batch_flush(batch) : RC_OK;
}

static struct strv strv_own(struct strv v)
{
	return strv_make(mem_strndup(v.p ? v.p : "", v.n), v.n);
}

/* Columns: mailbox name, flags, internaldate, zone, file, inline bytes, prefix, blob. RC_NOT_FOUND: nothing to read. */
static enum rc recover_row(struct rebuild *rebuild, struct batch_found *batch, sqlite3_stmt *stmt)
{
	struct account *account = rebuild->account;
	struct found found = {
		.flags = db_u32(stmt, 1), .internaldate = db_i64(stmt, 2), .zone = (int16_t)db_i64(stmt, 3)
	};
	int64_t date;
	if (db_is_null(stmt, 4)) {
		if (db_is_null(stmt, 5))
			return RC_NOT_FOUND;
		found.content = content_from_bytes(account->store, db_blob(stmt, 5));
		ids_add(&rebuild->inlines, db_i64(stmt, 7));
	} else {
		char *path = lost_file_path(account, db_i64(stmt, 4));
		found.content = check_content(account, path, &date);
		free(path);
		if (!found.content)
			return RC_NOT_FOUND;
		ids_add(&rebuild->files, db_i64(stmt, 4));
		found.prefix = strv_own(db_blob(stmt, 6));
	}
	struct strv name = db_text(stmt, 0);
	if (name.p)
		found.mailbox = mem_strndup(name.p, name.n);
	return batch_add(batch, &found);
}

/*
 * Messages that the old database knows. Any error of it ends the walk: what it did not tell is found among the inline
 * bytes and the files.
 */
static enum rc recover_rows(struct rebuild *rebuild, const char *sql, bool skip_known)
{
	struct batch_found batch = { .rebuild = rebuild };
	sqlite3_stmt *stmt;
	enum rc rc = RC_OK;
	if (!rebuild->old || db_query(rebuild->old, &stmt, sql, "") != RC_OK)
		return RC_OK;
	ids_sort(&rebuild->inlines);
	ids_sort(&rebuild->files);
	while (rc == RC_OK && db_step(rebuild->old, stmt) == RC_OK) {
		bool in_file = !db_is_null(stmt, 4);
		if (skip_known && ids_contain(in_file ? &rebuild->files : &rebuild->inlines,
					  db_i64(stmt, in_file ? 4 : 7)))
			continue;
		rc = recover_row(rebuild, &batch, stmt);
		if (rc == RC_NOT_FOUND) {
			rebuild->failed++;
			rc = RC_OK;
		}
	}
	db_reset(stmt);
	enum rc last = batch_flush(&batch);
	return rc == RC_OK ? last : rc;
}

/* What nobody referred to any more does not come back. */
static void removed_skip(struct rebuild *rebuild)
{
	sqlite3_stmt *stmt;
	if (!rebuild->old ||
		db_query(rebuild->old, &stmt, "SELECT id, file FROM blob WHERE refs = 0", "") != RC_OK)
		return;
	while (db_step(rebuild->old, stmt) == RC_OK)
		ids_add(db_is_null(stmt, 1) ? &rebuild->inlines : &rebuild->files,
			db_i64(stmt, db_is_null(stmt, 1) ? 0 : 1));
	db_reset(stmt);
}

static enum rc recover_directory(
	struct rebuild *rebuild, struct batch_found *batch, const char *path, unsigned dir)
{
	const struct io *io = rebuild->account->store->io;
	DIR *entries = io->opendir(io->ctx, path);
	if (!entries)
		return errno == ENOENT ? RC_OK : io_rc(errno);
	enum rc rc = RC_OK;
	for (struct dirent *entry = readdir(entries); rc == RC_OK && entry; entry = readdir(entries)) {
		struct found found = { 0 };
		int64_t file;
		if (!file_name_parse(strv_cstr(entry->d_name), &file) || file_dir(file) != dir)
			continue;
		if (ids_contain(&rebuild->files, file))
			continue;
		char *name = lost_file_path(rebuild->account, file);
		found.content = check_content(rebuild->account, name, &found.internaldate);
		free(name);
		if (!found.content) {
			rebuild->failed++;
			continue;
		}
		rc = batch_add(batch, &found);
	}
	(void)closedir(entries);
	return rc;
}

static enum rc recover_files(struct rebuild *rebuild)
{
	struct batch_found batch = { .rebuild = rebuild };
	enum rc rc = RC_OK;
	ids_sort(&rebuild->files);
	for (unsigned dir = 0; rc == RC_OK && dir < BLOB_DIRS; dir++) {
		char path[PATH_ROOM];
		snprintf(path, sizeof(path), "%s/msg.lost/%02x", rebuild->account->path, dir);
		rc = recover_directory(rebuild, &batch, path, dir);
	}
	enum rc last = batch_flush(&batch);
	return rc == RC_OK ? last : rc;
}

/* All its messages lie elsewhere now. */
static void lost_files_remove(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM], name[PATH_ROOM];
	for (unsigned dir = 0; dir < BLOB_DIRS; dir++) {
		snprintf(path, sizeof(path), "%s/msg.lost/%02x", account->path, dir);
		DIR *entries = io->opendir(io->ctx, path);
		if (!entries)
			continue;
		for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
			if (entry->d_name[0] == '.')
				continue;
			if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) < (int)sizeof(name))
				(void)io->unlink(io->ctx, name);
		}
		(void)closedir(entries);
		(void)io->rmdir(io->ctx, path);
	}
	path_of(account, "msg.lost", path);
	if (io->rmdir(io->ctx, path) != 0 && errno != ENOENT)
		log_warn(account->store->log, "folder msg.lost cannot be removed account=%s error=%s",
			account->name, strerror(errno));
}

#define SALVAGE "account.db.salvage"

static void salvage_remove(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	path_of(account, SALVAGE, path);
	(void)io->unlink(io->ctx, path);
	path_of(account, SALVAGE "-wal", path);
	(void)io->unlink(io->ctx, path);
}

/*
 * The database that was set aside, with all pages of its WAL that are whole: SQLite itself would take none behind a damaged
 * one. False: there is nothing of that kind.
 */
static bool salvage_make(struct account *account, const char *name)
{
	const struct io *io = account->store->io;
	char from[PATH_ROOM], to[PATH_ROOM], wal[PATH_ROOM];
	uint64_t pages = 0, offset = 0;
	path_of(account, name, from);
	path_of(account, SALVAGE, to);
	snprintf(wal, sizeof(wal), "%s/%s-wal", account->path, name);
	salvage_remove(account);
	int in = io->open(io->ctx, from, O_RDONLY, 0);
	int out = in < 0 ? -1 : io->open(io->ctx, to, O_RDWR | O_CREAT | O_EXCL, 0600);
	char *piece = mem_alloc(SALVAGE_PIECE);
	ssize_t got = out < 0 ? -1 : io_read_all(io, in, piece, SALVAGE_PIECE, 0);
	while (got > 0 && io_write_all(io, out, piece, (size_t)got, offset)) {
		offset += (uint64_t)got;
		got = io_read_all(io, in, piece, SALVAGE_PIECE, offset);
	}
	free(piece);
	if (in >= 0)
		(void)io->close(io->ctx, in);
	if (out >= 0)
		(void)io->close(io->ctx, out);
	return got == 0 && wal_salvage(io, wal, to, &pages) == RC_OK && pages > 0;
}

static void old_open(struct rebuild *rebuild, const char *name)
{
	struct account *account = rebuild->account;
	char path[PATH_ROOM];
	path_of(account, name, path);
	if (db_open(path, vfs_name(account->store->vfs), false, account->name, account->store->log,
		    &rebuild->old) != RC_OK)
		rebuild->old = NULL;
}

/* All that this database tells. `again`: another one has been asked before. */
static enum rc old_recover(struct rebuild *rebuild, bool again)
{
	removed_skip(rebuild);
	enum rc rc = again ? RC_OK : thread_restore(rebuild->account, rebuild->old);
	if (rc == RC_OK)
		rc = recover_rows(rebuild,
			"SELECT n.name, m.flags, m.internaldate, m.zone, b.file, i.bytes, p.bytes, b.id FROM "
			"msg m"
			" JOIN blob b ON b.id = m.blob LEFT JOIN mailbox n ON n.id = m.mailbox"
			" LEFT JOIN blob_inline i ON i.blob = b.id LEFT JOIN blob_prefix p ON p.blob = b.id",
			again);
	if (rc == RC_OK)
		rc = recover_rows(
			rebuild, "SELECT NULL, 0, 0, 0, NULL, bytes, NULL, blob FROM blob_inline", true);
	db_close(&rebuild->old);
	return rc;
}

/* First with all of the WAL that can be read, then as SQLite sees it. */
static enum rc olds_recover(struct rebuild *rebuild)
{
	struct account *account = rebuild->account;
	char name[64];
	if (!lost_name(account, false, name) || !exists(account, name))
		return old_recover(rebuild, false);
	bool salvaged = salvage_make(account, name);
	enum rc rc = RC_OK;
	if (salvaged) {
		old_open(rebuild, SALVAGE);
		rc = old_recover(rebuild, false);
	}
	if (rc == RC_OK) {
		old_open(rebuild, name);
		rc = old_recover(rebuild, salvaged);
	}
	salvage_remove(account);
	return rc;
}

enum rc check_rebuild(struct check *check, bool resume)
{
	struct account *account = check->account;
	struct rebuild rebuild = { .check = check, .account = account };
	enum rc rc = resume ? RC_OK : set_aside(account);
	if (rc != RC_OK)
		return rc;
	check->result.rebuilt = true;
	rc = olds_recover(&rebuild);
	if (rc == RC_OK)
		rc = recover_files(&rebuild);
	free(rebuild.files.v);
	free(rebuild.inlines.v);
	check_note(check, "%" PRIu64 " messages have come back, %" PRIu64 " could not be read",
		rebuild.recovered, rebuild.failed);
	if (rc == RC_OK && rebuild.failed == 0)
		lost_files_remove(account);
	return rc;
}
