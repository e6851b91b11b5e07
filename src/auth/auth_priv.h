/*
 * What auth.c (the object, requests and their answers) and auth_check.c (the way of one check) share.
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
	struct lanes *lanes; /* own, as the next ones: what waits for a thread of the pool */
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
 * A check goes: guard -> users strand (lookup, cached verdict) -> lanes -> auth worker (hash) -> [users
 * strand: new row, new hash, last login] -> home reactor -> [timer] -> done. The private part is owned by
 * whichever of them has it in hand.
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
	struct strv user; /* canonical, or as given if it is no address */
	char *account; /* the same, in the arena */
	struct strv password;
	char *peer; /* the address as it is, for the log */
	char address[PEER_KEY_SIZE]; /* the key that counts it */
	char network[PEER_KEY_SIZE];
	struct guard_who who;
	uint64_t arrived_ms;
	uint64_t epoch;
	unsigned tries; /* checks begun; the account may change under one */
	bool holds; /* guard_take said GUARD_GO */
	bool guessed; /* the password was looked at */
	bool refused; /* no guess was left when its turn came */
	bool cancelled; /* nobody waits for the answer */
	const char *reason; /* of a failure, for the log */
	struct strv stored;
	bool known; /* there is such an account */
	bool from_file; /* the users file has the password; the users table may lack the row */
	bool cached;
	bool create; /* there is no such account, and one may be made */
	bool created; /* somebody was faster, or this is the check after it */
	bool rehash; /* `hash` and `scram` take the place of what is stored */
	struct buf hash; /* of the new account, or anew, as the next one */
	struct buf scram;
	struct user_record record;
	enum rc rc;
};

/* auth.c. The outcome is settled (guesses, log), then told on the home reactor. Any thread; the caller gives
 * p up. */
void auth_answer(struct auth_private *p, enum rc rc);

/* auth_check.c */
/* Looks the account up and goes on from there. Any thread. */
void auth_check_begin(struct auth_private *p);
/* Into the lanes, to be hashed. */
void auth_check_queue(struct auth_private *p);
/* Gives idle auth workers what may run now. */
void auth_check_dispatch(struct auth *auth);
enum lane_look auth_check_look(void *auth, struct lane_item *item);

#endif
