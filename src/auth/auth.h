/*
 * Decides who may log in: looks users up (users.h, then the passwd-style file if one is configured), checks
 * passwords on auth workers (never on a reactor or a store worker), refuses guessers, remembers recent
 * successes. The object is owned by the server; auth_check and the like run on any reactor; `done` is called
 * on the request's home reactor.
 *
 * Strangers can lock nobody out: a guesser has few guesses (guard.h) and waits in lanes of his own (lanes.h),
 * an account can always log in from the addresses from which it is known (known.h), and a delayed answer
 * takes no place in a queue.
 *
 * Each refused login is one line of the log, and so is each ban (see docs/coid.8, "LOG LINES"):
 *   event=auth_failed address=192.0.2.1 user=a@example.org mechanism=PLAIN reason=password
 *   event=auth_ban kind=address key=192.0.2.1 seconds=600
 */
#ifndef COID_AUTH_AUTH_H
#define COID_AUTH_AUTH_H

#include "auth/auto_create.h"
#include "auth/guard.h"
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
	/* failures are answered at multiples of this time, counted from their arrival; 0: at once */
	uint64_t grid_ms;
	const char *users_file; /* "name:{SCHEME}hash" lines; NULL: none */
	size_t queue_max; /* passwords that may wait: from known addresses, and as many from all others */
	struct guard_limits guard;
	unsigned checks_per_address; /* passwords hashed at a time; 0: no limit; so the next one */
	unsigned checks_per_account;
	uint64_t known_age_ms; /* how long an account's address is known after a login */
	const char *const *trusted; /* networks that are never counted as one peer (peer_range_parse) */
	size_t trusted_count;
	struct auto_create_rules auto_create; /* strings are copied */
};

enum rc auth_new(const struct auth_settings *settings, struct store *store, struct log *log,
	struct auth **ret_auth) MUST_CHECK;
/*
 * Call this at shutdown, on each reactor: passwords that wait to be hashed are dropped (RC_CANCELLED), and
 * delayed answers are sent at once, from now on as well.
 */
void auth_hurry(struct auth *auth, struct reactor *reactor);
/* The number of requests without an answer yet. Any thread. */
size_t auth_waiting(const struct auth *auth);
/* Call this after all reactors have stopped and no request waits. */
void auth_free(struct auth **auth);
/* Reads users_file again, and takes new settings (except `workers`). */
enum rc auth_reload(struct auth *auth, const struct auth_settings *settings, struct buf *errors) MUST_CHECK;

/* Tells whether users_file can be read; each problem is a line "file:line: message". */
enum rc auth_check_users_file(const char *path, struct buf *errors) MUST_CHECK;

/* One check of a name and a password. The caller owns it again when `done` is called. */
struct auth_request {
	struct strv user; /* as given by the client; copied */
	struct strv password; /* copied, wiped after use */
	const char *peer; /* address text, for limits and logs; copied */
	const char *mechanism; /* "LOGIN", "PLAIN": for the log; static */
	struct reactor *home;
	uint64_t asker;
	void (*done)(struct auth_request *request);
	void *ctx;

	/*
	 * The result. RC_OK; RC_AUTH (wrong password, unknown user, no guess left: the same answer after the
	 * same time); RC_EXPIRED (disabled); RC_BUSY; RC_CANCELLED (auth_cancel, shutdown); RC_UNAVAILABLE,
	 * RC_IO.
	 */
	enum rc rc;
	int64_t account_id;
	char name[USER_NAME_MAX + 1]; /* canonical */
	uint64_t quota_storage;
	uint64_t quota_messages;

	struct auth_private *priv; /* own, auth's */
};

/*
 * Begins a check. `done` is always called, later. Failures are answered after a delay that grows with their
 * number.
 */
void auth_check(struct auth *auth, struct auth_request *request);
/*
 * Cancels a request when its session is gone; home reactor only. `done` is called as soon as possible,
 * perhaps from within.
 */
void auth_cancel(struct auth *auth, struct auth_request *request);
/* Tells whether any account has logged in from this address lately. Any thread. */
bool auth_knows(struct auth *auth, const char *peer);
/* Tells whether the address is in a trusted network. Any thread. */
bool auth_trusts(struct auth *auth, const char *peer);

/*
 * Make the credentials of a new password: the crypt hash and the RFC 5803 SCRAM-SHA-256 keys. Takes tens of
 * milliseconds: use them on an auth worker or in a command-line tool only. RC_INVALID: the scheme is unknown,
 * or the password is empty, too long (1,000 octets) or has NUL.
 */
enum rc auth_make_hash(const char *scheme, struct strv password, struct buf *out) MUST_CHECK;
enum rc auth_make_scram(struct strv password, unsigned iterations, struct buf *out) MUST_CHECK;
/* Makes both on an auth worker; `done` is called on `home`. */
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
/* The change of an account's right to log in. */
enum auth_change {
	AUTH_CHANGE_NONE, /* nothing that ends sessions: quota, enabled again */
	AUTH_CHANGE_PASSWORD,
	AUTH_CHANGE_DISABLED,
	AUTH_CHANGE_REMOVED
};
/*
 * Call this when a change is on disk: forgets cached successes, begins running checks anew, tells the
 * watcher.
 */
void auth_forget(struct auth *auth, struct strv user, enum auth_change change);
/*
 * Sets the watcher, which is told of every change that ends sessions, also of users_file at a reload; it is
 * called on the thread that made the change. From then on no check that began before the change succeeds.
 * `names` are views, valid during the call.
 */
typedef void auth_watcher(void *ctx, const struct strv *names, size_t count, enum auth_change change);
void auth_watch(struct auth *auth, auth_watcher *watcher, void *ctx);
/* Constant-time check of a password against "{SCHEME}hash" or a bare crypt hash. Slow: worker only. */
enum rc auth_verify_hash(struct strv stored, struct strv password) MUST_CHECK;

/*
 * Tells whether the hash was made by the scheme that makes new ones. If not, it is made anew at the next
 * login.
 */
bool auth_hash_is_current(const char *scheme, struct strv stored);
/* Does the same for SCRAM keys, by their iterations. */
bool auth_scram_is_current(unsigned iterations, struct strv scram);

/*
 * auth_hash_has_scheme tells whether text begins with "{SCHEME}" (upper case, known or not);
 * auth_hash_readable whether auth_verify_hash can read the hash. Both are cheap.
 */
bool auth_hash_has_scheme(struct strv text);
bool auth_hash_readable(struct strv stored);
/* NULL: the hash is readable. Otherwise a text that says what is wrong. */
const char *auth_hash_problem(struct strv stored);
/* True for "{PLAIN}password" and "{CLEARTEXT}password", which should never be stored. */
bool auth_hash_is_plain(struct strv stored, struct strv *ret_password);

/* SASL PLAIN message (RFC 4616): authzid NUL authcid NUL password. Views into `message`. RC_INVALID. */
enum rc sasl_plain_parse(struct strv message, struct strv *ret_authzid, struct strv *ret_user,
	struct strv *ret_password) MUST_CHECK;

#endif
