/*
 * The declarations that the files of server.db share: users.c (the strand and its jobs), users_open.c
 * (opening, migration, comparison with the folders), users_query.c (rows), users_owner.c (the owner files of
 * changed rows), users_copy.c.
 */
#ifndef COID_STORE_USERS_PRIV_H
#define COID_STORE_USERS_PRIV_H

#include "store/server_state.h"
#include "store/owner.h"
#include "store/owners.h"
#include "store/store_priv.h"
#include "store/users.h"

#define USERS_VERSION 2 /* 2: user.identity, user.sum */
#define USERS_REMOVED_MAX 256 /* removals finished at a start; the next start finishes the rest */
#define USERS_WAL_ASIDE_MAX 99
#define USERS_SYNC_EACH_MAX 4 /* for the owner files of more users one syncfs is made */
#define USERS_SETTING_SERVER "server.identity"

/* A row that the present transaction has touched. */
struct users_change {
	int64_t id;
	bool added;
	bool removed;
	bool written; /* the owner file was written; only then the next two are valid */
	struct strv name; /* in users->arena */
	struct owner_mark mark;
};

/* An old name whose stored form differs from its canonical form. */
struct users_alias {
	char *canonical; /* own, as the next one */
	char *stored;
};

struct users {
	struct store *store; /* borrowed */
	struct strand *strand; /* own */
	struct db *db; /* own; NULL: it could not be opened again after a failure */
	/*
	 * own; the file that was replaced under the running server, until the new one is opened; NULL: none
	 */
	struct db *left;
	uint64_t file_ids[2]; /* these identify the open database and WAL files; 0: unknown */
	uint64_t retry_at; /* ms */
	bool suspect;
	/*
	 * a sync has failed, and the frames of its commit have not been overwritten: only reads are possible
	 */
	bool doubtful;
	uint64_t write_retry_at; /* ms */
	bool loaded; /* store->owners follows the rows */
	/* missing or damaged: out of service until it is repaired and the server started again */
	atomic_bool lost;
	struct users_alias *aliases; /* own; mostly none */
	size_t alias_count;
	struct arena *arena; /* own; of one transaction */
	struct users_change *changes; /* own */
	size_t change_count;
	size_t change_cap;
	_Atomic uint64_t copy_due; /* ms; 0: the copy is as new as the database */
	uint64_t copied_at; /* ms */
	atomic_bool copy_queued;
	struct users_job copy_job;
	atomic_bool look_queued;
	struct users_job look_job;
};

/* users_open.c. RC_CORRUPT: lost. */
enum rc users_open_db(struct users *users) MUST_CHECK;
extern const char users_schema[]; /* all of it but the version */
extern const char users_version_sql[];

/* The name under which the user's row is stored; an empty view: the same name. */
struct strv users_alias_find(const struct users *users, struct strv canonical);
void users_alias_forget(struct users *users);

/* users_query.c */
#define USER_COLUMNS                                                                                         \
	"id, name, password, scram, enabled, quota_storage, quota_messages, created, last_login, identity, " \
	"sum FROM user "
/* Reads a row. Views live until the statement moves, or in the arena. RC_CORRUPT: the checksum is wrong. */
enum rc users_row_read(sqlite3_stmt *stmt, struct arena *arena, struct user_record *ret_user) MUST_CHECK;
/* Inserts a row with the id and identity of the record, complete with its checksum. */
enum rc users_row_insert(struct db *db, const struct user_record *record) MUST_CHECK;

/* users_owner.c */
void users_note(struct users *users, int64_t id, bool added);
void users_note_removed(struct users *users, int64_t id, struct strv name);
bool users_noted_removed(const struct users *users, struct strv name);
/* Call this before COMMIT: writes the owner files of the noted rows. */
enum rc users_owners_write(struct users *users) MUST_CHECK;
/* Call this after COMMIT. `uncertain`: it is not known whether the commit has happened. */
void users_owners_settle(struct users *users, bool committed, bool uncertain);
/* Requests that the owner file of this account be written again from its row. Any thread. */
void users_owner_refresh(struct store *store, int64_t id);

/* users_replaced.c */
/* Notes the files that have just been opened. */
void users_file_note(struct users *users);
/* Closes the database if its names lead to other files by now: returns true, and users->db is NULL then. */
bool users_file_leave(struct users *users);
/* Tells whether server.db may be opened: after it was left, there is a file again. */
bool users_file_there(struct users *users);
/* Call this once a second: submits a job that looks at the files. Any thread. */
void users_look(struct store *store);

/* users_copy.c */
void users_copy_want(struct users *users);
/* Copies the open database to server.db.copy; the copy before it is kept, too, if it is a day older. */
enum rc users_copy_make(struct users *users) MUST_CHECK;

#endif
