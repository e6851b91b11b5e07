/*
 * Handles a server.db that somebody has removed or replaced under the running server. Data written into the
 * open files would be gone with the process. So the names are looked up before jobs run, before a commit is
 * answered, and once a second. The old files stay open, only so that their identity is not used again, until
 * there is a server.db again; that one is opened with all the checks of a start.
 */
#include "store/users_priv.h"

#include <errno.h>
#include <stdio.h>

static const char *const users_file_names[2] = { "server.db", "server.db-wal" };

void users_file_note(struct users *users)
{
	struct stat st[2];
	bool known = db_files(users->db, &st[0], &st[1]) == RC_OK;
	for (unsigned i = 0; i < 2; i++)
		users->file_ids[i] = known ? replaced_file_id(&st[i]) : 0;
}

/* The id of the file to which the name leads; 0: there is none. False: it can't be looked up. */
static bool users_file_look(struct users *users, unsigned which, uint64_t *ret_id)
{
	const struct io *io = users->store->io;
	char path[PATH_ROOM];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", users->store->root, users_file_names[which]);
	if (io->stat(io->ctx, path, &st) != 0) {
		*ret_id = 0;
		return errno == ENOENT || errno == ENOTDIR;
	}
	*ret_id = replaced_file_id(&st);
	return true;
}

static bool users_file_replaced(struct users *users)
{
	uint64_t id = 0;
	if (users->file_ids[0] == 0)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (users_file_look(users, i, &id) && id != users->file_ids[i])
			return true;
	return false;
}

bool users_file_leave(struct users *users)
{
	if (!users->db || !users_file_replaced(users))
		return false;
	log_error(users->store->log,
		"server.db was removed or replaced, it is opened again from what is there: until then mail "
		"is deferred "
		"and nobody can log in path=%s/server.db",
		users->store->root);
	users->left = users->db;
	users->db = NULL;
	users->loaded = users->suspect = users->doubtful = false;
	users->retry_at = 0;
	atomic_store(&users->copy_due, 0);
	return true;
}

/* Renames the old WAL, which SQLite would take for that of the new file. */
static bool users_wal_aside(struct users *users)
{
	const struct io *io = users->store->io;
	char from[PATH_ROOM], to[PATH_ROOM + 16];
	struct stat st;
	snprintf(from, sizeof(from), "%s/%s", users->store->root, users_file_names[1]);
	for (unsigned n = 1; n <= USERS_WAL_ASIDE_MAX; n++) {
		snprintf(to, sizeof(to), "%s.left-%u", from, n);
		if (io->stat(io->ctx, to, &st) == 0)
			continue;
		if (io->rename(io->ctx, from, to) != 0)
			break;
		log_warn(
			users->store->log, "WAL of the server.db that was replaced is set aside path=%s", to);
		return true;
	}
	log_error(users->store->log, "WAL of the server.db that was replaced is in the way path=%s", from);
	return false;
}

bool users_file_there(struct users *users)
{
	uint64_t db = 0, wal = 0;
	if (!users->left)
		return true;
	if (!users_file_look(users, 0, &db) || db == 0 || !users_file_look(users, 1, &wal))
		return false;
	bool other = db != users->file_ids[0];
	if (other && wal != 0 && wal == users->file_ids[1] && !users_wal_aside(users))
		return false;
	/* If this fails the WAL has lost its name, but may have it again after a power cut. */
	if (other && !io_sync_dir(users->store->io, users->store->root)) {
		log_error(users->store->log, "folder cannot be synced path=%s", users->store->root);
		return false;
	}
	db_close(&users->left);
	return true;
}

/* [users] Does nothing: every turn begins with the look. */
static enum rc look_run(struct users *users, struct users_job *job)
{
	(void)users;
	(void)job;
	return RC_OK;
}

static void look_done(struct users_job *job)
{
	struct users *users = CONTAINER_OF(job, struct users, look_job);
	atomic_store(&users->look_queued, false);
}

void users_look(struct store *store)
{
	struct users *users = store->users;
	if (atomic_exchange(&users->look_queued, true))
		return;
	users->look_job = (struct users_job){ .run = look_run, .done = look_done, .store = store };
	strand_add_always(users->strand, &users->look_job.item);
}
