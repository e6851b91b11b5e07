/*
 * Who may log in: looks users up (users.h, then the passwd-style file if one is configured), checks passwords on
 * auth workers (never on a reactor or a store worker), slows down guessers, remembers recent successes.
 * Object owned by the server; auth_check and friends on any reactor; `done` comes on the request's home reactor.
 */
#ifndef COID_AUTH_AUTH_H
#define COID_AUTH_AUTH_H

#include "auth/auto_create.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/users.h"
#include "work/reactor.h"

struct auth;

struct auth_settings {
	unsigned workers;
	const char *password_scheme; /* of new hashes: "YESCRYPT", "SHA512-CRYPT", "BCRYPT" */
	uint64_t cache_ttl_ms; /* of positive results; 0: no cache */
	unsigned scram_iterations;
	uint64_t delay_max_ms; /* of answers to failing peers */
	const char *users_file; /* "name:{SCHEME}hash" lines; NULL: none */
	size_t queue_max; /* requests that may wait; RC_BUSY beyond */
	struct auto_create_rules auto_create; /* strings are copied */
};

enum rc auth_new(const struct auth_settings *settings, struct store *store, struct log *log,
	struct auth **ret_auth) MUST_CHECK;
/* At shutdown, on each reactor: answers that are held back as a penalty go out at once, from now on too. */
void auth_hurry(struct auth *auth, struct reactor *reactor);
/* Requests whose answer is still to come. Any thread. */
size_t auth_waiting(const struct auth *auth);
/* After all reactors have stopped, nothing waiting. */
void auth_free(struct auth **auth);
/* Reads users_file again, takes new settings (not `workers`). */
enum rc auth_reload(struct auth *auth, const struct auth_settings *settings, struct buf *errors) MUST_CHECK;

/* Whether users_file can be read; every problem is a line "file:line: message". */
enum rc auth_check_users_file(const char *path, struct buf *errors) MUST_CHECK;

/* One check of a name and a password. The asker owns it again when `done` is called. */
struct auth_request {
	struct strv user; /* as given by the client; copied */
	struct strv password; /* copied, wiped after use */
	const char *peer; /* address text, for delays and logs; copied */
	struct reactor *home;
	uint64_t asker;
	void (*done)(struct auth_request *request);
	void *ctx;

	/* The result. RC_OK; RC_AUTH (wrong, unknown user: the same after the same time); RC_EXPIRED (disabled);
	 * RC_BUSY; RC_UNAVAILABLE, RC_IO. */
	enum rc rc;
	int64_t account_id;
	char name[USER_NAME_MAX + 1]; /* canonical */
	uint64_t quota_storage;
	uint64_t quota_messages;

	struct auth_private *priv; /* own, auth's */
};

/* RC_BUSY: not taken, done is not called. Failures are answered after a delay that grows per peer and per name. */
enum rc auth_check(struct auth *auth, struct auth_request *request) MUST_CHECK;

/*
 * Credentials for a new password: the crypt hash and the RFC 5803 SCRAM-SHA-256 keys. Takes tens of milliseconds: on an
 * auth worker or in a command-line tool only. RC_INVALID: scheme unknown, or password empty, too long (1,000 octets) or
 * with NUL.
 */
enum rc auth_make_hash(const char *scheme, struct strv password, struct buf *out) MUST_CHECK;
enum rc auth_make_scram(struct strv password, unsigned iterations, struct buf *out) MUST_CHECK;
/* Both, on an auth worker; `done` on home. */
struct auth_hash_request {
	struct strv password; /* copied */
	struct reactor *home;
	void (*done)(struct auth_hash_request *request);
	void *ctx;
	enum rc rc;
	struct buf hash; /* the asker's: buf_fini */
	struct buf scram;
	struct auth_private *priv;
};
enum rc auth_hash(struct auth *auth, struct auth_hash_request *request) MUST_CHECK;
/* Forgets cached successes of that user (password changed, disabled, removed). */
void auth_forget(struct auth *auth, struct strv user);
/* Constant-time check of a password against "{SCHEME}hash" or a bare crypt hash. Slow: worker only. */
enum rc auth_verify_hash(struct strv stored, struct strv password) MUST_CHECK;

/* Whether text begins with "{SCHEME}" (upper case, known or not); and whether it is then a hash that auth_verify_hash can read. Cheap. */
bool auth_hash_has_scheme(struct strv text);
bool auth_hash_readable(struct strv stored);

/* SASL PLAIN message (RFC 4616): authzid NUL authcid NUL password. Views into `message`. RC_INVALID. */
enum rc sasl_plain_parse(struct strv message, struct strv *ret_authzid, struct strv *ret_user,
	struct strv *ret_password) MUST_CHECK;

#endif
