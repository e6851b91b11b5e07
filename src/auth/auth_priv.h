/*
 * Declarations that auth.c (the object, requests and their answers) and auth_check.c (the steps of one check)
 * share.
 */
#ifndef COID_AUTH_AUTH_PRIV_H
#define COID_AUTH_AUTH_PRIV_H

#include "auth/auth.h"

#include "auth/epoch.h"
#include "auth/guard.h"
#include "auth/known.h"
#include "auth/lanes.h"
#include "auth/rules.h"
#include "auth/success_cache.h"
#include "base/peer_key.h"
#include "work/pool.h"

#include <pthread.h>
#include <stdatomic.h>

#define PASSWORD_MAX 1000 /* octets; crypt(3) takes fewer */
#define AUTH_ITERATIONS_MAX 10000000 /* of SCRAM keys */
#define HASH_MAX 4096 /* room for hashes and keys as they are stored */

struct auth {
	struct store *store; /* borrowed */
	struct log *log; /* borrowed */
	struct pool *pool; /* own */
	struct lanes *lanes; /* own, as the next ones: passwords that wait for a thread of the pool */
	struct guard *guard;
	struct known *known;
	struct epoch *epoch;
	struct success_cache *cache;
	struct auto_create *auto_create;
	pthread_mutex_t lock; /* of `rules`, `delayed`, `watcher` */
	struct rules *rules;
	atomic_size_t waiting; /* requests between auth_check and their answer */
	struct list delayed; /* auth_private whose timer runs */
	auth_watcher *watcher;
	void *watcher_ctx;
	atomic_bool hurry;
};

/*
 * A check takes this way: guard -> users strand (lookup, cached result) -> lanes -> auth worker (hash) ->
 * [users strand: new row, new hash, last login] -> home reactor -> [timer] -> done. Each of these owns the
 * private part while it handles it.
 */
struct auth_private {
	struct users_job job; /* first: users_job* is cast back */
	struct strand_item item;
	struct strand *strand; /* own: this request's turn in the auth pool */
	struct lane_item lane;
	struct reactor_msg msg;
	struct timer timer;
	bool timer_ready;
	struct list_node in_delayed;
	struct auth *auth;
	struct rules *rules;
	struct auth_request *request;
	struct auth_hash_request *hash_request;
	struct arena *arena;
	struct strv user; /* canonical, or as the client wrote it if it is no address */
	char *account; /* the same, in the arena */
	struct strv password;
	char *peer; /* the unchanged address, for the log */
	char address[PEER_KEY_SIZE]; /* the key that counts it */
	char network[PEER_KEY_SIZE];
	struct guard_who who;
	uint64_t arrived_ms;
	uint64_t epoch;
	unsigned tries; /* attempts so far; a change of the account causes another one */
	bool holds; /* guard_take said GUARD_GO */
	bool guessed; /* the password was compared */
	bool refused; /* no guess was left when its turn came */
	bool cancelled; /* nobody waits for the answer */
	const char *reason; /* of a failure, for the log */
	struct strv stored;
	bool known; /* there is such an account */
	bool from_file; /* the users file has the password; the users table may lack the row */
	bool cached;
	bool create; /* there is no such account, and one may be made */
	bool created; /* another connection made it, or this is the check after that */
	bool rehash; /* `hash` and `scram` replace the stored ones */
	struct buf hash; /* of the new account, or the newer hash; so the next one */
	struct buf scram;
	struct user_record record;
	enum rc rc;
};

/*
 * auth.c: counts guesses and logs the outcome, then tells it on the home reactor. Any thread; takes over p.
 */
void auth_answer(struct auth_private *p, enum rc rc);

/* auth_check.c */
/* Looks the account up and goes on with the check. Any thread. */
void auth_check_begin(struct auth_private *p);
/* Puts the check into the lanes, to be hashed. */
void auth_check_queue(struct auth_private *p);
/* Gives work to idle auth workers. */
void auth_check_dispatch(struct auth *auth);
enum lane_look auth_check_look(void *auth, struct lane_item *item);

#endif
