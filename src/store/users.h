/*
 * server.db: the list of users with their credentials, and server-wide settings. It has a strand of its own;
 * every function is asynchronous through users_submit: `run` is called on the worker that owns the strand,
 * and may call the functions marked [users].
 */
#ifndef COID_STORE_USERS_H
#define COID_STORE_USERS_H

#include "base/arena.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/store.h"

#define USER_NAME_MAX 320

struct user_record {
	int64_t id; /* the account id */
	struct strv name; /* address, lower case */
	struct strv password; /* crypt(3) hash, or "{SCHEME}..." */
	struct strv scram; /* RFC 5803 "SCRAM-SHA-256$iterations:salt$stored:server"; empty: none */
	bool enabled;
	uint64_t quota_storage; /* UINT64_MAX: the default of the configuration */
	uint64_t quota_messages;
	int64_t created;
	int64_t last_login; /* 0: never; updated at most once a day */
	struct strv identity; /* random, made by users_add: the account's folder has the same (owner.h) */
};

struct users; /* the open server.db, in run only */

/* A job like struct job (store.h), for the users' strand: group commit with a sync before done. */
struct users_job {
	struct strand_item item;
	bool write;
	enum rc (*run)(struct users *users, struct users_job *job);
	void (*done)(struct users_job *job);
	struct reactor *home; /* NULL: done on the worker */
	uint64_t asker;
	enum rc rc;
	struct reactor_msg msg;
	struct store *store; /* set by users_submit */
};
enum rc users_submit(struct store *store, struct users_job *job) MUST_CHECK;
/*
 * True: server.db is missing or damaged. Every job is answered with RC_UNAVAILABLE until it is repaired
 * (users_check.h) and the server started again. Any thread.
 */
bool users_lost(struct store *store);

/*
 * [users] Finds a user. Views live in the arena. RC_NOT_FOUND. RC_CORRUPT: the row is damaged.
 * RC_UNAVAILABLE: there is no row, but a folder belongs to this name, or to an unknown one.
 */
enum rc users_find(
	struct users *users, struct strv name, struct arena *arena, struct user_record *ret_user) MUST_CHECK;
enum rc users_find_id(
	struct users *users, int64_t id, struct arena *arena, struct user_record *ret_user) MUST_CHECK;
/*
 * Adds a user. The id and identity of the record are ignored; a new id is returned that was never used. The
 * account's folder is made before the commit. RC_EXISTS. RC_UNAVAILABLE: a folder that belongs to this name
 * has lost its row.
 */
enum rc users_add(struct users *users, const struct user_record *record, int64_t *ret_id) MUST_CHECK;
enum rc users_set_password(
	struct users *users, struct strv name, struct strv password, struct strv scram) MUST_CHECK;
enum rc users_set_quota(
	struct users *users, struct strv name, uint64_t storage, uint64_t messages) MUST_CHECK;
enum rc users_set_enabled(struct users *users, struct strv name, bool enabled) MUST_CHECK;
enum rc users_touch_login(struct users *users, int64_t id, int64_t now) MUST_CHECK;
/* Removes a user. The caller then calls account_destroy with the id. */
enum rc users_remove(struct users *users, struct strv name, int64_t *ret_id) MUST_CHECK;
/* Walks over the users by name, from the first after `after`, until fn returns false. */
enum rc users_list(struct users *users, struct strv after,
	bool (*fn)(void *arg, const struct user_record *user), void *arg) MUST_CHECK;
/*
 * Server-wide settings by key (VAPID keys and the like). RC_NOT_FOUND. Setting an empty value removes the
 * key.
 */
enum rc users_setting_get(
	struct users *users, const char *key, struct arena *arena, struct strv *ret_value) MUST_CHECK;
enum rc users_setting_set(struct users *users, const char *key, struct strv value) MUST_CHECK;

/*
 * Puts a name into the form under which it is looked up: small letters, NFC, full-width letters as ordinary
 * ones. RC_INVALID: it has not exactly one '@', an empty side, a control character or space, or more than
 * USER_NAME_MAX octets.
 */
enum rc user_name_check(struct strv name, struct arena *arena, struct strv *ret_name) MUST_CHECK;
/*
 * Checks a name for a new account as well, after RFC 8265. Allowed are letters, digits and marks of any
 * script, ASCII as in an atom of RFC 5322, and dots between them. Refused are invisible characters (zero
 * width, bidi controls), compatibility forms, unassigned code points, both directions in one side, and / * %
 * " \ and blanks.
 */
enum rc user_name_check_new(struct strv name, struct arena *arena, struct strv *ret_name) MUST_CHECK;

#endif
