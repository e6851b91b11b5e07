/*
 * The owner files (owner.h) follow the rows: the changes of a transaction are written into the folders before
 * it is committed, so that acknowledged changes are in both places.
 */
#include "store/users_priv.h"

#include <stdlib.h>

#include "base/mem.h"

static struct users_change *change_add(struct users *users, int64_t id)
{
	if (users->change_count == users->change_cap)
		users->changes = mem_grow(users->changes, &users->change_cap, sizeof(*users->changes));
	struct users_change *change = &users->changes[users->change_count++];
	*change = (struct users_change){ .id = id };
	return change;
}

void users_note(struct users *users, int64_t id, bool added)
{
	change_add(users, id)->added = added;
}

void users_note_removed(struct users *users, int64_t id, struct strv name)
{
	struct users_change *change = change_add(users, id);
	change->removed = true;
	change->name = arena_strv(users->arena, name);
}

bool users_noted_removed(const struct users *users, struct strv name)
{
	for (size_t i = 0; i < users->change_count; i++)
		if (users->changes[i].removed && strv_eq(users->changes[i].name, name))
			return true;
	return false;
}

static bool noted_as_added(const struct users *users, int64_t id)
{
	for (size_t i = 0; i < users->change_count; i++)
		if (users->changes[i].added && users->changes[i].id == id)
			return true;
	return false;
}

static enum rc change_write(struct users *users, struct users_change *change, bool sync)
{
	struct store *store = users->store;
	struct user_record record;
	enum rc rc = users_find_id(users, change->id, users->arena, &record);
	/* The row is gone because its job was undone or another job removed it. */
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	const char *name = noted_as_added(users, change->id) ? OWNER_FILE_NEW : OWNER_FILE;
	if (rc == RC_OK)
		rc = owner_write(store->io, store->log, store->root, &record, name, sync);
	if (rc != RC_OK)
		return rc;
	change->written = true;
	change->name = record.name;
	change->mark = (struct owner_mark){ .tag = owner_tag(&record), .sum = owner_sum(&record) };
	return RC_OK;
}

enum rc users_owners_write(struct users *users)
{
	struct store *store = users->store;
	bool sync_each = users->change_count <= USERS_SYNC_EACH_MAX;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < users->change_count; i++)
		if (!users->changes[i].removed)
			rc = change_write(users, &users->changes[i], sync_each);
	if (rc == RC_OK && !sync_each && store->io->syncfs(store->io->ctx, store->root_fd) != 0)
		rc = RC_IO;
	return rc;
}

static void change_settle(struct users *users, const struct users_change *change, bool committed)
{
	struct store *store = users->store;
	char folder[PATH_ROOM];
	if (owner_folder(folder, sizeof(folder), store->root, change->id) != RC_OK)
		return;
	if (!committed) {
		if (change->added)
			owner_withdraw(store->io, folder);
		return;
	}
	if (change->removed) {
		owners_remove(store->owners, change->id);
	} else if (change->written) {
		owners_put(store->owners, change->id, change->name, &change->mark);
		if (change->added && owner_confirm(store->io, store->log, folder) != RC_OK)
			log_warn(store->log, "owner file gets its name when the account is opened path=%s",
				folder);
	} else if (change->added) {
		owner_withdraw(store->io, folder);
	}
}

void users_owners_settle(struct users *users, bool committed, bool uncertain)
{
	/* If the outcome is unknown, both the row and its folder may be needed: the next start decides. */
	for (size_t i = 0; !uncertain && i < users->change_count; i++)
		change_settle(users, &users->changes[i], committed);
	if (users->change_count > 0 && committed)
		users_copy_want(users);
	users->change_count = 0;
	arena_reset(users->arena);
}

/* Owner files that are behind. */

struct refresh {
	struct users_job job;
	int64_t id;
};

static enum rc refresh_run(struct users *users, struct users_job *job)
{
	struct refresh *refresh = CONTAINER_OF(job, struct refresh, job);
	users_note(users, refresh->id, false);
	return RC_OK;
}

static void refresh_done(struct users_job *job)
{
	/* If the job failed, the next opening of the account requests it again. */
	free(CONTAINER_OF(job, struct refresh, job));
}

void users_owner_refresh(struct store *store, int64_t id)
{
	struct refresh *refresh = mem_zalloc(sizeof(*refresh));
	refresh->id = id;
	refresh->job =
		(struct users_job){ .write = true, .run = refresh_run, .done = refresh_done, .store = store };
	strand_add_always(store->users->strand, &refresh->job.item);
}
