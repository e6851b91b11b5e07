/*
 * The folders of accounts: they are made from a template database that is built once at start and kept in
 * memory, and removed.
 */
#include "store/db_format.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FOLDER_DEPTH_MAX 3 /* msg/xx/file */

static enum rc path_make(char path[PATH_ROOM], const char *folder, const char *name)
{
	int n = snprintf(path, PATH_ROOM, "%s/%s", folder, name);
	return n > 0 && n < PATH_ROOM ? RC_OK : RC_INVALID;
}

static enum rc account_folder_fail(struct store *store, const char *what, const char *path)
{
	int error = errno;
	log_error(store->log, "%s path=%s error=%s", what, path, strerror(error));
	return io_rc(error);
}

enum rc folder_make(struct store *store, const char *path)
{
	if (store->io->mkdir(store->io->ctx, path, 0700) == 0 || errno == EEXIST)
		return RC_OK;
	return account_folder_fail(store, "folder cannot be made", path);
}

enum rc folder_sync(struct store *store, const char *path)
{
	return io_sync_dir(store->io, path) ? RC_OK
					    : account_folder_fail(store, "folder cannot be synced", path);
}

static enum rc file_unlink(struct store *store, const char *path)
{
	if (store->io->unlink(store->io->ctx, path) == 0 || errno == ENOENT)
		return RC_OK;
	return account_folder_fail(store, "file cannot be removed", path);
}

/* The template. */

static enum rc template_fill(struct store *store, struct db *db)
{
	enum rc rc = db_begin(db, false);
	if (rc == RC_OK)
		rc = schema_create(db_handle(db), store->log);
	if (rc == RC_OK)
		rc = db_run(db, "UPDATE account SET modseq_ceiling = ?1", "i", (int64_t)MODSEQ_STEP);
	if (rc == RC_OK)
		rc = db_commit(db);
	return rc;
}

/*
 * Builds the template in memory, because the server has to start on a full disk, too. Only two bytes
 * distinguish the file from one in WAL mode.
 */
static enum rc template_take(struct store *store, struct db *db)
{
	sqlite3_int64 size = 0;
	unsigned char *p = sqlite3_serialize(db_handle(db), "main", &size, 0);
	if (!p || size < DB_FORMAT_PAGE)
		return RC_UNAVAILABLE;
	p[DB_FORMAT_WRITE_VERSION] = p[DB_FORMAT_READ_VERSION] = DB_FORMAT_WAL;
	store->template_size = (size_t)size;
	store->template = mem_alloc(store->template_size);
	memcpy(store->template, p, store->template_size);
	sqlite3_free(p);
	return RC_OK;
}

enum rc folder_template_make(struct store *store)
{
	struct db *db = NULL;
	enum rc rc = db_open(":memory:", NULL, true, "template", store->log, &db);
	if (rc == RC_OK)
		rc = template_fill(store, db);
	if (rc == RC_OK)
		rc = template_take(store, db);
	db_close(&db);
	return rc;
}

/* A new account. */

static enum rc file_create(struct store *store, const char *path, const void *p, size_t n)
{
	const struct io *io = store->io;
	enum rc rc = file_unlink(store, path);
	if (rc != RC_OK)
		return rc;
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return account_folder_fail(store, "file cannot be made", path);
	if (!io_write_all(io, fd, p, n, 0) || (n > 0 && io->fdatasync(io->ctx, fd) != 0))
		rc = account_folder_fail(store, "file cannot be written", path);
	if (io->close(io->ctx, fd) != 0 && rc == RC_OK)
		rc = account_folder_fail(store, "file cannot be written", path);
	return rc;
}

/*
 * A folder with messages but without a database has lost it: a new database would hide the messages, and the
 * WAL still holds data of the lost one.
 */
static enum rc check_unused(struct account *account, const char *wal)
{
	const struct io *io = account->store->io;
	char msg[PATH_ROOM];
	struct stat st;
	enum rc rc = path_make(msg, account->path, "msg");
	if (rc != RC_OK)
		return rc;
	bool used = io->stat(io->ctx, msg, &st) == 0;
	used = used || (io->stat(io->ctx, wal, &st) == 0 && st.st_size > 0) || ledger_claims(account);
	if (!used)
		return RC_OK;
	log_error(account->store->log, "database of an account is missing account=%s path=%s",
		account_shown(account), account->path);
	return RC_CORRUPT;
}

static enum rc fill_folder(struct account *account, const char *db_path)
{
	struct store *store = account->store;
	char temp[PATH_ROOM], wal[PATH_ROOM], ledger[PATH_ROOM];
	enum rc rc = path_make(temp, account->path, "account.db.tmp");
	if (rc == RC_OK)
		rc = path_make(ledger, account->path, "account.ledger");
	if (rc == RC_OK)
		rc = path_make(wal, account->path, "account.db-wal");
	if (rc == RC_OK)
		rc = check_unused(account, wal);
	if (rc == RC_OK)
		rc = file_create(store, temp, store->template, store->template_size);
	/*
	 * The empty WAL is made now, so that its name is synced with the others and not by the first commit.
	 */
	if (rc == RC_OK)
		rc = file_create(store, wal, "", 0);
	if (rc == RC_OK)
		rc = file_create(store, ledger, "", 0);
	if (rc == RC_OK && store->io->rename(store->io->ctx, temp, db_path) != 0)
		rc = account_folder_fail(store, "file cannot be renamed", temp);
	return rc;
}

/* Syncs the folder's name and the names of the folders above it. */
static enum rc account_folder_names_sync(struct account *account, const char *parent, const char *users)
{
	struct store *store = account->store;
	enum rc rc = folder_sync(store, account->path);
	if (rc == RC_OK)
		rc = folder_sync(store, parent);
	return rc == RC_OK ? folder_sync(store, users) : rc;
}

enum rc folder_account_make(struct account *account, const char *db_path, bool *ret_created)
{
	struct store *store = account->store;
	char users[PATH_ROOM], parent[PATH_ROOM];
	struct stat st;
	bool there = store->io->stat(store->io->ctx, db_path, &st) == 0;
	if (!there && errno != ENOENT)
		return account_folder_fail(store, "account cannot be looked for", db_path);
	/*
	 * While the ledger claims no commit, the process that made the folder may have died, or failed,
	 * before it synced the names.
	 */
	if (there && ledger_claims(account))
		return RC_OK;
	enum rc rc = there ? RC_OK : space_for_mail(store);
	if (rc == RC_OK)
		rc = path_make(users, store->root, "users");
	if (rc != RC_OK)
		return rc;
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(account->path, '/') - account->path),
		account->path);
	if (!there)
		rc = folder_make(store, parent);
	if (rc == RC_OK && !there)
		rc = folder_make(store, account->path);
	if (rc == RC_OK && !there)
		rc = fill_folder(account, db_path);
	if (rc == RC_OK)
		rc = account_folder_names_sync(account, parent, users);
	if (rc == RC_OK && !there)
		*ret_created = true;
	return rc;
}

/* Removal. */

/* Empties a folder; `left`: the number of levels that may still be below it. */
static enum rc folder_empty(struct store *store, const char *path, unsigned left)
{
	const struct io *io = store->io;
	char name[PATH_ROOM];
	enum rc rc = RC_OK;
	DIR *dir = io->opendir(io->ctx, path);
	if (!dir)
		return errno == ENOENT ? RC_OK : account_folder_fail(store, "folder cannot be read", path);
	for (struct dirent *entry = readdir(dir); entry && rc == RC_OK; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		rc = path_make(name, path, entry->d_name);
		if (rc != RC_OK)
			break;
		/* The entry may be a folder or a foreign file: unlink tells which. */
		if (io->unlink(io->ctx, name) == 0 || errno == ENOENT)
			continue;
		if (left == 0 || (errno != EISDIR && errno != EPERM)) {
			rc = account_folder_fail(store, "file cannot be removed", name);
			break;
		}
		rc = folder_empty(store, name, left - 1);
		if (rc == RC_OK && io->rmdir(io->ctx, name) != 0)
			rc = account_folder_fail(store, "folder cannot be removed", name);
	}
	closedir(dir);
	return rc;
}

enum rc folder_account_remove(struct account *account)
{
	struct store *store = account->store;
	char parent[PATH_ROOM];
	enum rc rc = folder_empty(store, account->path, FOLDER_DEPTH_MAX);
	if (rc != RC_OK)
		return rc;
	if (store->io->rmdir(store->io->ctx, account->path) != 0 && errno != ENOENT)
		return account_folder_fail(store, "folder cannot be removed", account->path);
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(account->path, '/') - account->path),
		account->path);
	/* ENOENT: this group folder was never made. */
	return io_sync_dir(store->io, parent) || errno == ENOENT
		       ? RC_OK
		       : account_folder_fail(store, "folder cannot be synced", parent);
}
