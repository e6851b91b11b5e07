/*
 * Opens server.db and compares it with the folders of the accounts. If it is new or empty while folders
 * exist, or fails the check, it counts as lost: then no user is served, and none is refused for good.
 */
#include "store/users_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define REPAIR_HINT "stop the server and run: coidctl check --server --repair"

/* The tables of version 1. Version 2 adds columns, in a new file as well. */
const char users_schema[] =
	"CREATE TABLE user ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE,"
	" password TEXT NOT NULL,"
	" scram TEXT NOT NULL,"
	" enabled INTEGER NOT NULL,"
	" quota_storage INTEGER NOT NULL," /* -1: the default */
	" quota_messages INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" last_login INTEGER NOT NULL,"
	" identity TEXT NOT NULL DEFAULT ''," /* random; the folder's owner file has the same */
	" sum INTEGER NOT NULL DEFAULT 0" /* of all columns but last_login */
	");"
	"CREATE TABLE removed (id INTEGER PRIMARY KEY);" /* the folder is still to be removed */
	"CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE marker (number INTEGER NOT NULL);"
	"INSERT INTO marker VALUES (0);";
const char users_version_sql[] = "PRAGMA user_version = 2;";

static const char to_version_2[] = "ALTER TABLE user ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
				   "ALTER TABLE user ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;";

/* A new database. */

static bool folder_seen(void *arg, int64_t id, const char *folder)
{
	(void)id;
	(void)folder;
	++*(unsigned *)arg;
	return true;
}

static enum rc users_open_lost(struct users *users, const char *what)
{
	log_error(users->store->log,
		"server.db %s: mail is deferred and nobody can log in; " REPAIR_HINT " path=%s/server.db",
		what, users->store->root);
	atomic_store(&users->lost, true);
	return RC_CORRUPT;
}

static enum rc server_name(struct users *users)
{
	struct store *store = users->store;
	struct strv value = strv_cstr(server_state_server(store->state));
	enum rc rc = RC_OK;
	if (value.n == 0) {
		value = owner_identity_new(users->arena);
		rc = server_state_server_set(store->state, value);
	}
	return rc == RC_OK ? users_setting_set(users, USERS_SETTING_SERVER, value) : rc;
}

static enum rc create_in_transaction(struct users *users)
{
	enum rc rc = db_begin(users->db, true);
	if (rc == RC_OK)
		rc = db_script(users->db, users_schema);
	if (rc == RC_OK)
		rc = server_name(users);
	if (rc == RC_OK)
		rc = db_script(users->db, users_version_sql);
	if (rc == RC_OK)
		rc = db_commit(users->db);
	if (rc != RC_OK)
		db_rollback(users->db);
	return rc;
}

static enum rc users_create(struct users *users)
{
	struct store *store = users->store;
	unsigned folders = 0;
	enum rc rc = owner_each_folder(store->io, store->log, store->root, folder_seen, &folders);
	if (rc == RC_OK && folders > 0)
		return users_open_lost(users, "is missing or empty, but there are folders of accounts");
	return rc == RC_OK ? create_in_transaction(users) : rc;
}

/* Migrates from version 1: every row gets an identity, and every folder an owner file. */

static enum rc migrate_row(struct users *users, int64_t id)
{
	struct user_record record;
	sqlite3_stmt *stmt;
	struct arena *arena = arena_new(0);
	enum rc rc = db_one(users->db, &stmt, "SELECT " USER_COLUMNS "WHERE id = ?1", "i", id);
	if (rc == RC_OK) {
		/* The row has no checksum yet, so its result does not matter. */
		enum rc unchecked = users_row_read(stmt, arena, &record);
		(void)unchecked;
		db_reset(stmt);
		record.identity = owner_identity_new(arena);
		rc = db_run(users->db, "UPDATE user SET identity = ?2, sum = ?3 WHERE id = ?1", "itu", id,
			record.identity, owner_sum(&record));
	}
	if (rc == RC_OK)
		rc = owner_write(
			users->store->io, users->store->log, users->store->root, &record, OWNER_FILE, false);
	arena_free(&arena);
	return rc;
}

static enum rc migrate_rows(struct users *users)
{
	sqlite3_stmt *stmt;
	int64_t id = 0;
	enum rc rc = RC_OK;
	while (rc == RC_OK) {
		rc = db_one(
			users->db, &stmt, "SELECT id FROM user WHERE id > ?1 ORDER BY id LIMIT 1", "i", id);
		if (rc != RC_OK)
			break;
		id = db_i64(stmt, 0);
		db_reset(stmt);
		rc = migrate_row(users, id);
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc users_migrate(struct users *users)
{
	struct store *store = users->store;
	enum rc rc = db_begin(users->db, true);
	if (rc == RC_OK)
		rc = db_script(users->db, to_version_2);
	if (rc == RC_OK)
		rc = migrate_rows(users);
	if (rc == RC_OK)
		rc = server_name(users);
	if (rc == RC_OK && store->io->syncfs(store->io->ctx, store->root_fd) != 0)
		rc = RC_IO;
	if (rc == RC_OK)
		rc = db_script(users->db, users_version_sql);
	if (rc == RC_OK)
		rc = db_commit(users->db);
	if (rc != RC_OK)
		db_rollback(users->db);
	else
		log_info(store->log, "server.db has a new form: folders of accounts name their owner");
	users_copy_want(users);
	return rc;
}

/* Reading the rows and the folders. */

/* Remembers a name that was given before names had their present form, so that it is found nevertheless. */
static void alias_add(struct users *users, struct strv stored)
{
	struct strv canonical;
	if (str_is_ascii(stored))
		return;
	struct arena *arena = arena_new(0);
	if (user_name_check(stored, arena, &canonical) == RC_OK && !strv_eq(canonical, stored)) {
		users->aliases = mem_realloc(users->aliases, users->alias_count + 1, sizeof(*users->aliases));
		users->aliases[users->alias_count++] =
			(struct users_alias){ .canonical = mem_strndup(canonical.p, canonical.n),
				.stored = mem_strndup(stored.p, stored.n) };
	}
	arena_free(&arena);
}

struct strv users_alias_find(const struct users *users, struct strv canonical)
{
	for (size_t i = 0; i < users->alias_count; i++)
		if (strv_eq(canonical, strv_cstr(users->aliases[i].canonical)))
			return strv_cstr(users->aliases[i].stored);
	return STRV_NULL;
}

void users_alias_forget(struct users *users)
{
	for (size_t i = 0; i < users->alias_count; i++) {
		free(users->aliases[i].canonical);
		free(users->aliases[i].stored);
	}
	free(users->aliases);
	users->aliases = NULL;
	users->alias_count = 0;
}

static enum rc load_rows(struct users *users, int64_t *ret_last)
{
	struct store *store = users->store;
	struct user_record record;
	sqlite3_stmt *stmt;
	unsigned damaged = 0;
	owners_clear(store->owners);
	users_alias_forget(users);
	enum rc rc = db_query(users->db, &stmt, "SELECT " USER_COLUMNS "ORDER BY id", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(users->db, stmt); rc == RC_OK; rc = db_step(users->db, stmt)) {
		if (users_row_read(stmt, NULL, &record) != RC_OK)
			damaged++;
		struct owner_mark mark = { .tag = owner_tag(&record), .sum = owner_sum(&record) };
		owners_put(store->owners, record.id, record.name, &mark);
		alias_add(users, record.name);
		*ret_last = record.id;
	}
	if (damaged > 0)
		log_error(store->log, "rows of server.db are damaged: " REPAIR_HINT " rows=%u", damaged);
	/* The names of damaged rows are unknown, so no name is known to be free. */
	if (damaged > 0)
		owners_stray(store->owners, STRV(""));
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

struct folders {
	struct users *users;
	bool look; /* also read the owner files of folders that have a row */
	int64_t last;
	unsigned strays;
};

static bool is_removed(struct users *users, int64_t id)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT id FROM removed WHERE id = ?1", "i", id);
	if (rc == RC_OK)
		db_reset(stmt);
	return rc == RC_OK;
}

/* Notes a folder that should have a row. */
static void stray_add(struct folders *folders, const char *folder, enum rc rc, struct strv name)
{
	struct store *store = folders->users->store;
	if (rc == RC_NOT_FOUND && !owner_folder_used(store->io, folder)) {
		/* The server died while it was making this user, and nobody was told of the user. */
		owner_withdraw(store->io, folder);
		return;
	}
	folders->strays++;
	log_error(store->log,
		"folder of an account that server.db does not know: mail for it is deferred; " REPAIR_HINT
		" path=%s name=%s",
		folder, LOG_V(rc == RC_OK ? name : STRV("")));
	owners_stray(store->owners, rc == RC_OK ? name : STRV(""));
}

static bool folder_look(void *arg, int64_t id, const char *folder)
{
	struct folders *folders = arg;
	struct store *store = folders->users->store;
	struct owner_mark mark;
	struct user_record record = { .name = STRV("") };
	bool known = owners_find(store->owners, id, &mark);
	if (id > folders->last)
		folders->last = id;
	if ((known && !folders->look) || (!known && is_removed(folders->users, id)))
		return true;
	struct arena *arena = arena_new(0);
	enum rc rc = owner_read(store->io, store->log, folder, OWNER_FILE, arena, &record);
	if (!known || (rc == RC_OK && owner_tag(&record) != mark.tag))
		stray_add(folders, folder, rc, record.name);
	arena_free(&arena);
	return true;
}

/* Tells whether this server.db belongs to this store. */
static enum rc server_compare(struct users *users, bool *ret_other)
{
	struct store *store = users->store;
	const char *expected = server_state_server(store->state);
	struct strv value = STRV("");
	enum rc rc = users_setting_get(users, USERS_SETTING_SERVER, users->arena, &value);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	/* server.state was lost, or this is the first start with one. */
	if (!expected[0]) {
		if (value.n > 0 && server_state_server_set(store->state, value) != RC_OK)
			log_warn(store->log, "server.state cannot be written now");
		return RC_OK;
	}
	*ret_other = !strv_eq(value, strv_cstr(expected));
	if (*ret_other)
		log_error(store->log, "server.db is that of another server, or was made anew: " REPAIR_HINT);
	return RC_OK;
}

static enum rc users_open_last_id(struct users *users, int64_t *ret_last)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT seq FROM sqlite_sequence WHERE name = 'user'", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if (db_i64(stmt, 0) > *ret_last)
		*ret_last = db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

static enum rc users_load(struct users *users)
{
	struct store *store = users->store;
	struct folders folders = { .users = users };
	enum rc rc = server_compare(users, &folders.look);
	if (rc == RC_OK)
		rc = load_rows(users, &folders.last);
	if (rc == RC_OK)
		rc = users_open_last_id(users, &folders.last);
	if (rc == RC_OK)
		rc = owner_each_folder(store->io, store->log, store->root, folder_look, &folders);
	arena_reset(users->arena);
	if (rc != RC_OK)
		return rc;
	server_state_ids_raise(store->state, folders.last + 1);
	users->loaded = true;
	return RC_OK;
}

static enum rc users_check_once(struct users *users)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "PRAGMA integrity_check(1)", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	struct strv answer = db_text(stmt, 0);
	bool ok = strv_eq(answer, STRV("ok"));
	if (!ok)
		log_error(users->store->log, "server.db is damaged error=%s", LOG_V(answer));
	db_reset(stmt);
	return ok ? RC_OK : RC_CORRUPT;
}

/* Checks twice before a page counts as damaged: SQLite reports a failed read as damage, too. */
static enum rc users_open_check(struct users *users)
{
	enum rc rc = users_check_once(users);
	return rc == RC_CORRUPT ? users_check_once(users) : rc;
}

/*
 * Does for server.db what account_examine does for an account: writes the WAL into the database. If that
 * fails now, it can be read all the same.
 */
static enum rc users_examine(struct users *users)
{
	enum rc rc = db_checkpoint_doubtful(users->db);
	users->suspect = rc != RC_OK;
	return store_storage_rc(rc) ? RC_OK : rc;
}

static enum rc users_make_ready(struct users *users)
{
	struct store *store = users->store;
	int version = 0;
	enum rc rc = db_version(users->db, &version);
	if (rc == RC_OK && version > USERS_VERSION) {
		log_error(store->log, "server.db has a form that this program does not know version=%d",
			version);
		return users_open_lost(users, "was made by a newer program, or is damaged");
	}
	if (rc == RC_OK && version > 0)
		rc = users_open_check(users);
	if (rc == RC_OK && users->suspect)
		rc = users_examine(users);
	if (rc == RC_OK && version == 0)
		rc = users_create(users);
	if (rc == RC_OK && version == 1)
		rc = users_migrate(users);
	if (rc == RC_OK && !users->loaded)
		rc = users_load(users);
	return rc;
}

enum rc users_open_db(struct users *users)
{
	struct store *store = users->store;
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/server.db", store->root);
	enum rc rc = db_open(path, vfs_name(store->vfs), true, "server", store->log, &users->db);
	if (rc == RC_OK)
		rc = users_make_ready(users);
	if (rc == RC_OK) {
		users_file_note(users);
		return RC_OK;
	}
	db_close(&users->db);
	if (rc == RC_CORRUPT && !atomic_load(&users->lost))
		rc = users_open_lost(users, "is damaged");
	return rc;
}
