/*
 * The rows of server.db. Every row of a user carries a checksum, so that a row changed by a failing disk is
 * noticed: no user gets another's mail, nor a 550, because of a flipped bit.
 */
#include "store/users_priv.h"

#include "base/clock.h"

#include <inttypes.h>

#define LOGIN_TOUCH_S S_PER_DAY

enum rc users_row_read(sqlite3_stmt *stmt, struct arena *arena, struct user_record *ret_user)
{
	static const int text_columns[4] = { 1, 2, 3, 9 };
	struct strv text[4];
	for (int i = 0; i < 4; i++) {
		struct strv value = db_text(stmt, text_columns[i]);
		text[i] = arena ? arena_strv(arena, value) : value;
	}
	struct user_record user = {
		.id = db_i64(stmt, 0),
		.name = text[0],
		.password = text[1],
		.scram = text[2],
		.identity = text[3],
		.enabled = db_i64(stmt, 4) != 0,
		.quota_storage = db_u64(stmt, 5),
		.quota_messages = db_u64(stmt, 6),
		.created = db_i64(stmt, 7),
		.last_login = db_i64(stmt, 8),
	};
	*ret_user = user;
	return owner_sum(&user) == db_u64(stmt, 10) ? RC_OK : RC_CORRUPT;
}

static enum rc row_damaged(struct users *users, const struct user_record *user)
{
	log_error(users->store->log,
		"a row of server.db is damaged: stop the server, coidctl check --server --repair "
		"account=%" PRId64 " name=%s",
		user->id, LOG_V(user->name));
	return RC_CORRUPT;
}

/* There is no row: tells whether there is no such user either. */
static enum rc row_missing(struct users *users, struct strv name)
{
	if (!owners_may_exist(users->store->owners, name) || users_noted_removed(users, name))
		return RC_NOT_FOUND;
	log_warn(users->store->log,
		"server.db has no row for somebody who has, or may have, an account: coidctl check --server "
		"name=%s",
		LOG_V(name));
	return RC_UNAVAILABLE;
}

static enum rc users_query_row_find(
	struct users *users, struct strv name, struct arena *arena, struct user_record *ret_user)
{
	struct user_record user;
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT " USER_COLUMNS "WHERE name = ?1", "t", name);
	if (rc != RC_OK)
		return rc;
	rc = users_row_read(stmt, arena, &user);
	db_reset(stmt);
	/* A damaged index may lead to another row. */
	if (rc != RC_OK || !strv_eq(user.name, name))
		return row_damaged(users, &user);
	*ret_user = user;
	return RC_OK;
}

enum rc users_find(struct users *users, struct strv name, struct arena *arena, struct user_record *ret_user)
{
	enum rc rc = users_query_row_find(users, name, arena, ret_user);
	struct strv stored = rc == RC_NOT_FOUND ? users_alias_find(users, name) : STRV_NULL;
	if (stored.n > 0)
		rc = users_query_row_find(users, stored, arena, ret_user);
	return rc == RC_NOT_FOUND ? row_missing(users, name) : rc;
}

enum rc users_find_id(struct users *users, int64_t id, struct arena *arena, struct user_record *ret_user)
{
	struct user_record user;
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT " USER_COLUMNS "WHERE id = ?1", "i", id);
	if (rc != RC_OK)
		return rc;
	rc = users_row_read(stmt, arena, &user);
	db_reset(stmt);
	if (rc != RC_OK)
		return row_damaged(users, &user);
	*ret_user = user;
	return RC_OK;
}

enum rc users_row_insert(struct db *db, const struct user_record *record)
{
	return db_run(db,
		"INSERT INTO user (id, name, password, scram, enabled, quota_storage, quota_messages, "
		"created, "
		"last_login, identity, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
		"itttiuuiitu", record->id, record->name, record->password, record->scram,
		(int64_t)record->enabled, record->quota_storage, record->quota_messages, record->created,
		record->last_login, record->identity, owner_sum(record));
}

enum rc users_add(struct users *users, const struct user_record *record, int64_t *ret_id)
{
	struct user_record row = *record;
	sqlite3_stmt *stmt;
	if (owners_is_stray(users->store->owners, record->name))
		return RC_UNAVAILABLE;
	/* The name is looked up first, so that a name that is taken uses up no id. */
	enum rc rc = db_one(users->db, &stmt, "SELECT 1 FROM user WHERE name = ?1", "t", record->name);
	if (rc == RC_OK) {
		db_reset(stmt);
		return RC_EXISTS;
	}
	if (rc == RC_NOT_FOUND)
		rc = server_state_id_next(users->store->state, &row.id);
	if (rc != RC_OK)
		return rc;
	row.identity = owner_identity_new(users->arena);
	rc = users_row_insert(users->db, &row);
	if (rc != RC_OK)
		return rc;
	users_note(users, row.id, true);
	*ret_id = row.id;
	return RC_OK;
}

/* Writes the whole row anew. */
static enum rc row_replace(struct users *users, const struct user_record *record)
{
	enum rc rc = db_run(users->db,
		"UPDATE user SET password = ?2, scram = ?3, enabled = ?4, quota_storage = ?5, quota_messages "
		"= ?6,"
		" sum = ?7 WHERE id = ?1",
		"ittiuuu", record->id, record->password, record->scram, (int64_t)record->enabled,
		record->quota_storage, record->quota_messages, owner_sum(record));
	if (rc == RC_OK)
		users_note(users, record->id, false);
	return rc;
}

enum rc users_set_password(struct users *users, struct strv name, struct strv password, struct strv scram)
{
	struct user_record record;
	enum rc rc = users_find(users, name, users->arena, &record);
	if (rc != RC_OK)
		return rc;
	record.password = password;
	record.scram = scram;
	return row_replace(users, &record);
}

enum rc users_set_quota(struct users *users, struct strv name, uint64_t storage, uint64_t messages)
{
	struct user_record record;
	enum rc rc = users_find(users, name, users->arena, &record);
	if (rc != RC_OK)
		return rc;
	record.quota_storage = storage;
	record.quota_messages = messages;
	return row_replace(users, &record);
}

enum rc users_set_enabled(struct users *users, struct strv name, bool enabled)
{
	struct user_record record;
	enum rc rc = users_find(users, name, users->arena, &record);
	if (rc != RC_OK)
		return rc;
	record.enabled = enabled;
	return row_replace(users, &record);
}

enum rc users_touch_login(struct users *users, int64_t id, int64_t now)
{
	return db_run(users->db, "UPDATE user SET last_login = ?2 WHERE id = ?1 AND last_login <= ?3", "iii",
		id, now, now - LOGIN_TOUCH_S);
}

enum rc users_remove(struct users *users, struct strv name, int64_t *ret_id)
{
	struct user_record record;
	enum rc rc = users_find(users, name, users->arena, &record);
	if (rc != RC_OK)
		return rc;
	rc = db_run(users->db, "DELETE FROM user WHERE id = ?1", "i", record.id);
	/* The id is remembered until the folder is gone. */
	if (rc == RC_OK)
		rc = db_run(users->db, "INSERT INTO removed VALUES (?1)", "i", record.id);
	if (rc != RC_OK)
		return rc;
	users_note_removed(users, record.id, record.name);
	*ret_id = record.id;
	return RC_OK;
}

enum rc users_list(struct users *users, struct strv after,
	bool (*fn)(void *arg, const struct user_record *user), void *arg)
{
	sqlite3_stmt *stmt;
	struct user_record record;
	enum rc rc = db_query(
		users->db, &stmt, "SELECT " USER_COLUMNS "WHERE name > ?1 ORDER BY name", "t", after);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(users->db, stmt); rc == RC_OK; rc = db_step(users->db, stmt)) {
		/* A damaged row is left out: its name may belong to another user. */
		if (users_row_read(stmt, NULL, &record) != RC_OK) {
			(void)row_damaged(users, &record);
			continue;
		}
		if (!fn(arg, &record)) {
			db_reset(stmt);
			return RC_OK;
		}
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc users_setting_get(struct users *users, const char *key, struct arena *arena, struct strv *ret_value)
{
	sqlite3_stmt *stmt;
	enum rc rc =
		db_one(users->db, &stmt, "SELECT value FROM setting WHERE key = ?1", "t", strv_cstr(key));
	if (rc != RC_OK)
		return rc;
	*ret_value = arena_strv(arena, db_blob(stmt, 0));
	db_reset(stmt);
	return RC_OK;
}

enum rc users_setting_set(struct users *users, const char *key, struct strv value)
{
	users_copy_want(users);
	if (value.n == 0)
		return db_run(users->db, "DELETE FROM setting WHERE key = ?1", "t", strv_cstr(key));
	return db_run(
		users->db, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)", "tb", strv_cstr(key), value);
}
