/*
 * server.db.copy: server.db as it was a short while ago, for a repair (users_check.h). It is made on the
 * users' strand, some seconds after a change, at most once a minute, and at an orderly end.
 */
#include "store/users_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define COPY_DELAY_MS 5000 /* gathers the changes of a short time into one copy */
#define COPY_EVERY_MS 60000
#define COPY_KEEP_S S_PER_DAY /* the older copy is replaced when it is this old */

void users_copy_want(struct users *users)
{
	uint64_t due = clock_mono_ms() + COPY_DELAY_MS;
	if (atomic_load(&users->copy_due))
		return;
	if (users->copied_at && due < users->copied_at + COPY_EVERY_MS)
		due = users->copied_at + COPY_EVERY_MS;
	atomic_store(&users->copy_due, due);
}

/* Renames the last copy to the older one, if that is missing or a day old. */
static enum rc copy_rotate(struct store *store, const char *copy)
{
	char older[PATH_ROOM + 8];
	struct stat st;
	snprintf(older, sizeof(older), "%s.1", copy);
	bool keep = store->io->stat(store->io->ctx, older, &st) == 0 &&
		    clock_wall() - (int64_t)st.st_mtime < COPY_KEEP_S && (int64_t)st.st_mtime <= clock_wall();
	if (keep || store->io->rename(store->io->ctx, copy, older) == 0 || errno == ENOENT)
		return RC_OK;
	return io_rc(errno);
}

static enum rc copy_into_place(struct store *store, const char *temp, const char *copy)
{
	enum rc rc = copy_rotate(store, copy);
	if (rc == RC_OK && store->io->rename(store->io->ctx, temp, copy) != 0)
		rc = io_rc(errno);
	if (rc == RC_OK)
		rc = folder_sync(store, store->root);
	return rc;
}

enum rc users_copy_make(struct users *users)
{
	struct store *store = users->store;
	char temp[PATH_ROOM], copy[PATH_ROOM];
	snprintf(copy, sizeof(copy), "%s/server.db.copy", store->root);
	snprintf(temp, sizeof(temp), "%s/server.db.copy.tmp", store->root);
	/* A damaged database must not replace a good copy. */
	enum rc rc = db_quick_check(users->db);
	if (rc == RC_OK && store->io->unlink(store->io->ctx, temp) != 0 && errno != ENOENT)
		rc = io_rc(errno);
	if (rc == RC_OK)
		rc = db_backup(users->db, temp, vfs_name(store->vfs));
	if (rc == RC_OK)
		rc = copy_into_place(store, temp, copy);
	if (rc != RC_OK)
		store->io->unlink(store->io->ctx, temp);
	return rc;
}

/* [users] Makes the copy. This job reads only, outside a transaction. */
static enum rc copy_run(struct users *users, struct users_job *job)
{
	(void)job;
	atomic_store(&users->copy_due, 0);
	users->copied_at = clock_mono_ms();
	enum rc rc = users_copy_make(users);
	if (rc == RC_CORRUPT)
		log_error(users->store->log,
			"server.db is damaged, its last good copy is kept: stop the server and "
			"run coidctl check --server --repair");
	else if (rc != RC_OK)
		log_warn(users->store->log, "server.db could not be copied, tried again later rc=%s",
			rc_name(rc));
	if (rc != RC_OK)
		users_copy_want(users);
	return rc;
}

static void copy_done(struct users_job *job)
{
	struct users *users = CONTAINER_OF(job, struct users, copy_job);
	atomic_store(&users->copy_queued, false);
}

void users_tick(struct store *store)
{
	struct users *users = store->users;
	uint64_t due = atomic_load(&users->copy_due);
	users_look(store);
	if (!due || due > clock_mono_ms() || atomic_exchange(&users->copy_queued, true))
		return;
	users->copy_job = (struct users_job){ .run = copy_run, .done = copy_done, .store = store };
	strand_add_always(users->strand, &users->copy_job.item);
}
