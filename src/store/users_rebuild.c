/*
 * Makes a new server.db from the rows that users_check.c found that there should be. It is complete and
 * synced before the old one is set aside and it takes its place. If the power fails in between, the next
 * start finds no server.db, and the next repair finds the new one under its other name.
 */
#include "store/users_check_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IDS_AHEAD 1000

static enum rc users_rebuild_fail(struct users_checker *checker, const char *what, const char *path)
{
	int error = errno;
	log_error(checker->log, "%s path=%s error=%s", what, path, strerror(error));
	return io_rc(error);
}

/* Ids. */

static void id_above(int64_t *last, int64_t id)
{
	if (id > *last && id < INT64_MAX / 2)
		*last = id;
}

static int64_t users_rebuild_last_id(const struct users_checker *checker)
{
	int64_t last = checker->state.ids;
	for (int i = 0; i < USERS_SOURCES; i++) {
		const struct users_source *source = &checker->sources[i];
		/*
		 * The last id of a damaged or foreign file may be wrong, but an id that is too high does no
		 * harm.
		 */
		id_above(&last, source->last_id);
		for (size_t k = 0; k < source->rows.count; k++)
			id_above(&last, source->rows.v[k].id);
		for (size_t k = 0; k < source->removed_count; k++)
			id_above(&last, source->removed[k]);
	}
	for (size_t i = 0; i < checker->folder_count; i++)
		id_above(&last, checker->folders[i].id);
	return last;
}

/* Gives new ids to users whose folder belongs to another user. */
static void ids_give(struct users_checker *checker, int64_t *next)
{
	for (size_t i = 0; i < checker->wanted.count; i++) {
		struct user_record *record = &checker->wanted.v[i];
		if (record->id != 0)
			continue;
		for (size_t k = 0; k < checker->owners.count; k++)
			if (strv_eq(checker->owners.v[k].identity, record->identity))
				checker->owners.v[k].id = *next;
		record->id = (*next)++;
	}
	users_list_sort(&checker->wanted);
}

/* The new database. */

static const struct users_source *settings_source(const struct users_checker *checker)
{
	for (int i = 0; i < USERS_SOURCES; i++) {
		const struct users_source *source = &checker->sources[i];
		if (source->setting_count > 0 && (i > 0 || !checker->foreign))
			return source;
	}
	return NULL;
}

static enum rc settings_fill(struct users_checker *checker, struct db *db)
{
	const struct users_source *source = settings_source(checker);
	enum rc rc = RC_OK;
	for (size_t i = 0; source && rc == RC_OK && i < source->setting_count; i++)
		rc = db_run(db, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)", "tb",
			source->settings[i].key, source->settings[i].value);
	if (rc == RC_OK)
		rc = db_run(db, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)", "tb",
			STRV(USERS_SETTING_SERVER), strv_cstr(checker->state.server));
	if (!source)
		buf_adds(checker->report, "the server's settings are lost, among them its Web Push key: "
					  "subscriptions are void\n");
	return rc;
}

static enum rc users_fill(struct users_checker *checker, struct db *db)
{
	const struct users_source *server = &checker->sources[0];
	enum rc rc = db_begin(db, true);
	if (rc == RC_OK)
		rc = db_script(db, users_schema);
	for (size_t i = 0; rc == RC_OK && i < checker->wanted.count; i++)
		rc = users_row_insert(db, &checker->wanted.v[i]);
	for (size_t i = 0; rc == RC_OK && !checker->foreign && i < server->removed_count; i++)
		if (!users_list_id(&checker->wanted, server->removed[i]))
			rc = db_run(db, "INSERT OR IGNORE INTO removed VALUES (?1)", "i", server->removed[i]);
	if (rc == RC_OK)
		rc = settings_fill(checker, db);
	if (rc == RC_OK)
		rc = db_script(db, users_version_sql);
	if (rc == RC_OK)
		rc = db_commit(db);
	if (rc != RC_OK)
		db_rollback(db);
	return rc == RC_OK ? db_checkpoint(db, true) : rc;
}

static enum rc users_rebuild_file_gone(struct users_checker *checker, const char *path)
{
	if (checker->io->unlink(checker->io->ctx, path) == 0 || errno == ENOENT)
		return RC_OK;
	return users_rebuild_fail(checker, "file cannot be removed", path);
}

static enum rc database_make(struct users_checker *checker, const char *path)
{
	char wal[PATH_ROOM + 8];
	struct db *db = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	enum rc rc = users_rebuild_file_gone(checker, wal);
	if (rc == RC_OK)
		rc = users_rebuild_file_gone(checker, path);
	if (rc == RC_OK)
		rc = db_open(path, vfs_name(checker->vfs), true, "server.db.new", checker->log, &db);
	if (rc == RC_OK)
		rc = users_fill(checker, db);
	db_close(&db);
	return rc == RC_OK ? users_rebuild_file_gone(checker, wal) : rc;
}

/* Its place. */

static bool is_there(struct users_checker *checker, const char *path)
{
	struct stat st;
	return checker->io->stat(checker->io->ctx, path, &st) == 0;
}

static enum rc move_if_there(struct users_checker *checker, const char *from, const char *to)
{
	if (!is_there(checker, from) || checker->io->rename(checker->io->ctx, from, to) == 0)
		return RC_OK;
	return users_rebuild_fail(checker, "file cannot be set aside", from);
}

static enum rc old_aside(struct users_checker *checker, const char *path)
{
	char aside[PATH_ROOM + 24], wal[PATH_ROOM + 8], wal_aside[PATH_ROOM + 32];
	unsigned n = 1;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (!is_there(checker, path) && !is_there(checker, wal))
		return RC_OK;
	do {
		snprintf(aside, sizeof(aside), "%s.lost-%u", path, n++);
		snprintf(wal_aside, sizeof(wal_aside), "%s-wal", aside);
	} while ((is_there(checker, aside) || is_there(checker, wal_aside)) && n < USERS_ASIDE_MAX);
	enum rc rc = move_if_there(checker, wal, wal_aside);
	if (rc == RC_OK)
		rc = move_if_there(checker, path, aside);
	if (rc == RC_OK)
		buf_printf(checker->report, "the old server.db is kept as %s\n", aside);
	return rc;
}

static enum rc into_place(struct users_checker *checker, const char *from, const char *to)
{
	if (checker->io->rename(checker->io->ctx, from, to) != 0)
		return users_rebuild_fail(checker, "file cannot be renamed", from);
	return io_sync_dir(checker->io, checker->root)
		       ? RC_OK
		       : users_rebuild_fail(checker, "folder cannot be synced", checker->root);
}

static enum rc owners_fill(struct users_checker *checker)
{
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < checker->owners.count; i++)
		rc = owner_write(
			checker->io, checker->log, checker->root, &checker->owners.v[i], OWNER_FILE, true);
	return rc;
}

static void passwords_report(struct users_checker *checker)
{
	for (size_t i = 0; i < checker->wanted.count; i++) {
		const struct user_record *record = &checker->wanted.v[i];
		if (record->password.n == 0)
			buf_printf(checker->report, "user %.*s: has no password%s\n", STRV_ARG(record->name),
				record->enabled ? "" : " and is disabled");
	}
}

enum rc users_rebuild(struct users_checker *checker)
{
	char path[PATH_ROOM], made[PATH_ROOM];
	int64_t next = users_rebuild_last_id(checker) + 1;
	snprintf(path, sizeof(path), "%s/server.db", checker->root);
	snprintf(made, sizeof(made), "%s/server.db.new", checker->root);
	ids_give(checker, &next);
	checker->state.ids = next + IDS_AHEAD;
	if (!checker->state.server[0])
		snprintf(checker->state.server, sizeof(checker->state.server), "%.*s",
			STRV_ARG(owner_identity_new(checker->arena)));
	if (!checker->state_there)
		checker->state.uidvalidity = 0; /* the clock decides */
	enum rc rc = owners_fill(checker);
	if (rc == RC_OK)
		rc = database_make(checker, made);
	if (rc == RC_OK)
		rc = server_state_write(checker->io, checker->log, checker->root, &checker->state);
	if (rc == RC_OK)
		rc = old_aside(checker, path);
	if (rc == RC_OK)
		rc = into_place(checker, made, path);
	if (rc == RC_OK)
		passwords_report(checker);
	return rc;
}
