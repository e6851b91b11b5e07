#include "auth/auth_priv.h"
#include "auth/file_rows.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define GUARD_ENTRIES 65536
#define KNOWN_ENTRIES 65536
#define CACHE_ENTRIES 20000
#define QUEUE_DEFAULT 10000
#define TRIES_MAX 3 /* attempts of a check whose account changes meanwhile */

/* The object. */

static struct lanes_limits auth_lanes_limits(const struct auth_settings *settings)
{
	unsigned workers = settings->workers ? settings->workers : 1;

	return (struct lanes_limits){
		.workers = workers,
		.per_address = settings->checks_per_address ? settings->checks_per_address : workers,
		.per_account = settings->checks_per_account ? settings->checks_per_account : workers,
		.waiting_max = settings->queue_max ? settings->queue_max : QUEUE_DEFAULT,
	};
}

static struct rules *auth_rules_get(struct auth *auth)
{
	pthread_mutex_lock(&auth->lock);
	struct rules *rules = auth->rules;
	atomic_fetch_add(&rules->refs, 1);
	pthread_mutex_unlock(&auth->lock);
	return rules;
}

enum rc auth_new(
	const struct auth_settings *settings, struct store *store, struct log *log, struct auth **ret_auth)
{
	struct lanes_limits limits = auth_lanes_limits(settings);
	struct buf errors;

	buf_init(&errors, 64 * 1024);
	struct rules *rules = rules_new(settings, &errors);
	if (!rules) {
		log_error(log, "auth: %s", LOG_V(buf_strv(&errors)));
		buf_fini(&errors);
		return RC_INVALID;
	}
	buf_fini(&errors);
	struct auth *auth = mem_zalloc(sizeof(*auth));
	auth->store = store;
	auth->log = log;
	auth->rules = rules;
	auth->pool = pool_new(limits.workers, "auth", log);
	auth->lanes = lanes_new(&limits, auth_check_look, auth);
	auth->guard = guard_new(GUARD_ENTRIES);
	auth->known = known_new(KNOWN_ENTRIES, settings->known_age_ms);
	auth->epoch = epoch_new();
	auth->cache = success_cache_new(CACHE_ENTRIES, settings->cache_ttl_ms);
	auth->auto_create = auto_create_new();
	pthread_mutex_init(&auth->lock, NULL);
	list_init(&auth->delayed);
	file_rows_make(store, log, rules);
	*ret_auth = auth;
	return RC_OK;
}

void auth_free(struct auth **auth)
{
	struct auth *a = *auth;
	if (!a)
		return;
	pool_drain(a->pool);
	pool_free(&a->pool);
	lanes_free(&a->lanes);
	guard_free(&a->guard);
	known_free(&a->known);
	epoch_free(&a->epoch);
	success_cache_free(&a->cache);
	auto_create_free(&a->auto_create);
	rules_unref(&a->rules);
	pthread_mutex_destroy(&a->lock);
	free(a);
	*auth = NULL;
}

/* Changes. */

static void auth_tell_watcher(
	struct auth *auth, const struct strv *names, size_t count, enum auth_change change)
{
	pthread_mutex_lock(&auth->lock);
	auth_watcher *watcher = auth->watcher;
	void *ctx = auth->watcher_ctx;
	pthread_mutex_unlock(&auth->lock);
	if (watcher && count > 0)
		watcher(ctx, names, count, change);
}

void auth_watch(struct auth *auth, auth_watcher *watcher, void *ctx)
{
	pthread_mutex_lock(&auth->lock);
	auth->watcher = watcher;
	auth->watcher_ctx = ctx;
	pthread_mutex_unlock(&auth->lock);
}

void auth_forget(struct auth *auth, struct strv user, enum auth_change change)
{
	epoch_note(auth->epoch, user);
	success_cache_forget(auth->cache, user);
	if (change == AUTH_CHANGE_REMOVED)
		known_forget(auth->known, user);
	if (change != AUTH_CHANGE_NONE)
		auth_tell_watcher(auth, &user, 1, change);
}

/* The names whose lines in the users file have changed. */
struct auth_changed {
	struct auth *auth;
	struct strv *names[2]; /* own: names with another password, removed names */
	size_t count[2];
};

static void auth_changed_add(void *ctx, struct strv name, bool gone)
{
	struct auth_changed *changed = ctx;

	epoch_note(changed->auth->epoch, name);
	success_cache_forget(changed->auth->cache, name);
	changed->names[gone] =
		mem_realloc(changed->names[gone], changed->count[gone] + 1, sizeof(struct strv));
	changed->names[gone][changed->count[gone]++] = name;
}

enum rc auth_reload(struct auth *auth, const struct auth_settings *settings, struct buf *errors)
{
	struct rules *rules = rules_new(settings, errors);
	struct lanes_limits limits = auth_lanes_limits(settings);
	struct auth_changed changed = { .auth = auth };

	if (!rules)
		return RC_INVALID;
	pthread_mutex_lock(&auth->lock);
	struct rules *old = auth->rules;
	auth->rules = rules;
	pthread_mutex_unlock(&auth->lock);
	success_cache_set_ttl(auth->cache, settings->cache_ttl_ms);
	known_set_age(auth->known, settings->known_age_ms);
	lanes_set_limits(auth->lanes, &limits);
	users_file_compare(old->file, rules->file, auth_changed_add, &changed);
	auth_tell_watcher(auth, changed.names[false], changed.count[false], AUTH_CHANGE_PASSWORD);
	auth_tell_watcher(auth, changed.names[true], changed.count[true], AUTH_CHANGE_REMOVED);
	free(changed.names[false]);
	free(changed.names[true]);
	rules_unref(&old);
	rules = auth_rules_get(auth);
	file_rows_make(auth->store, auth->log, rules);
	rules_unref(&rules);
	return RC_OK;
}

enum rc auth_check_users_file(const char *path, struct buf *errors)
{
	struct users_file *file = NULL;
	enum rc rc = users_file_read(path, errors, &file);

	users_file_free(&file);
	return rc;
}

bool auth_knows(struct auth *auth, const char *peer)
{
	char key[PEER_KEY_SIZE];

	peer_key(peer, key);
	return known_address(auth->known, key);
}

bool auth_trusts(struct auth *auth, const char *peer)
{
	struct rules *rules = auth_rules_get(auth);
	bool trusts = rules_trust(rules, peer);

	rules_unref(&rules);
	return trusts;
}

/* Requests. */

static void private_free(struct auth_private *p)
{
	if (p->timer_ready)
		timer_fini(&p->timer);
	mem_wipe(mem_unconst(p->password.p), p->password.n);
	buf_wipe(&p->hash);
	buf_wipe(&p->scram);
	rules_unref(&p->rules);
	free(p->peer);
	arena_free(&p->arena);
	atomic_fetch_sub(&p->auth->waiting, 1);
	free(p);
}

static struct auth_private *private_new(struct auth *auth, struct strv password)
{
	struct auth_private *p = mem_zalloc(sizeof(*p));
	p->auth = auth;
	p->rules = auth_rules_get(auth);
	p->arena = arena_new(0);
	buf_init(&p->hash, HASH_MAX);
	buf_init(&p->scram, HASH_MAX);
	p->password = arena_strv(p->arena, password);
	atomic_fetch_add(&auth->waiting, 1);
	return p;
}

size_t auth_waiting(const struct auth *auth)
{
	return atomic_load(&auth->waiting);
}

static void finish_check(struct auth_private *p)
{
	struct auth_request *request = p->request;
	size_t n = p->user.n < USER_NAME_MAX ? p->user.n : USER_NAME_MAX;

	request->priv = NULL;
	request->rc = p->rc;
	request->account_id = p->record.id;
	request->quota_storage = p->record.quota_storage;
	request->quota_messages = p->record.quota_messages;
	memcpy(request->name, p->user.p ? p->user.p : "", n);
	request->name[n] = '\0';
	private_free(p);
	request->done(request);
}

static void finish_hash(struct auth_private *p)
{
	struct auth_hash_request *request = p->hash_request;

	request->priv = NULL;
	request->rc = p->rc;
	private_free(p);
	request->done(request);
}

/* Answers that are held back. */

static void delay_end(struct auth_private *p)
{
	pthread_mutex_lock(&p->auth->lock);
	list_remove(&p->in_delayed);
	pthread_mutex_unlock(&p->auth->lock);
	finish_check(p);
}

static void delay_over(void *arg)
{
	delay_end(arg);
}

static void delay_begin(struct auth_private *p, uint64_t ms)
{
	pthread_mutex_lock(&p->auth->lock);
	list_append(&p->auth->delayed, &p->in_delayed);
	pthread_mutex_unlock(&p->auth->lock);
	timer_set(&p->timer, ms);
}

static void auth_drop_queued(struct auth *auth)
{
	for (struct lane_item *item = lanes_pop(auth->lanes); item; item = lanes_pop(auth->lanes))
		auth_answer(CONTAINER_OF(item, struct auth_private, lane), RC_CANCELLED);
}

void auth_hurry(struct auth *auth, struct reactor *reactor)
{
	atomic_store(&auth->hurry, true);
	auth_drop_queued(auth);
	pthread_mutex_lock(&auth->lock);
	LIST_EACH (node, &auth->delayed) {
		struct auth_private *p = CONTAINER_OF(node, struct auth_private, in_delayed);
		if (p->request->home == reactor)
			timer_set(&p->timer, 0);
	}
	pthread_mutex_unlock(&auth->lock);
}

void auth_cancel(struct auth *auth, struct auth_request *request)
{
	struct auth_private *p = request->priv;

	if (!p)
		return;
	p->cancelled = true;
	if (list_linked(&p->in_delayed))
		delay_end(p);
	else if (lanes_remove(auth->lanes, &p->lane))
		auth_answer(p, RC_CANCELLED);
}

/* The outcome. */

static bool auth_is_refusal(enum rc rc)
{
	return rc == RC_AUTH || rc == RC_EXPIRED;
}

static void log_bans(struct auth_private *p, unsigned bans)
{
	static const char *const kinds[GUARD_KINDS] = {
		[GUARD_ADDRESS] = "address",
		[GUARD_NETWORK] = "network",
		[GUARD_ACCOUNT] = "account",
		[GUARD_PAIR] = "account-at-address",
	};

	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		if (bans & 1u << kind)
			log_warn(p->auth->log, "event=auth_ban kind=%s key=%s seconds=%llu", kinds[kind],
				LOG_V(strv_cstr(p->who.key[kind])),
				(unsigned long long)p->rules->guard.ban_ms / 1000);
	}
}

/* Writes one line for each failed login, whatever the cause; fail2ban counts those with auth_failed. */
static void log_failure(struct auth_private *p, enum rc rc)
{
	const char *event = auth_is_refusal(rc) ? "auth_failed" : "auth_unchecked";
	const char *reason = auth_is_refusal(rc) && p->reason ? p->reason : rc_name(rc);
	const char *mechanism = p->request->mechanism ? p->request->mechanism : "-";

	log_info(p->auth->log, "event=%s address=%s user=%s mechanism=%s reason=%s", event,
		LOG_V(strv_cstr(p->peer)), LOG_V(p->user), mechanism, reason);
}

/* Counts the guess before any client learns of the outcome. */
static void auth_settle(struct auth_private *p, enum rc rc)
{
	struct auth *auth = p->auth;
	unsigned bans = 0;

	if (p->holds && rc == RC_AUTH && p->guessed)
		bans = guard_failed(auth->guard, &p->rules->guard, &p->who);
	else if (p->holds)
		guard_release(auth->guard, &p->who, rc == RC_OK);
	else if (rc == RC_AUTH)
		guard_refused(auth->guard, &p->who);
	p->holds = false;
	if (rc == RC_OK)
		known_add(auth->known, p->user, p->address);
	else if (rc != RC_CANCELLED)
		log_failure(p, rc);
	log_bans(p, bans);
}

/* Runs on the home reactor. */
static void auth_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct auth_private *p = CONTAINER_OF(msg, struct auth_private, msg);
	struct auth *auth = p->auth;

	(void)reactor;
	if (!p->request) {
		finish_hash(p);
		return;
	}
	if (p->rc == RC_OK && epoch_changed(auth->epoch, p->user, p->epoch)) {
		if (p->tries < TRIES_MAX && !p->cancelled) {
			auth_check_begin(p);
			return;
		}
		p->rc = RC_UNAVAILABLE;
	}
	if (p->rc == RC_OK || p->rc == RC_CANCELLED || p->cancelled || atomic_load(&auth->hurry)) {
		finish_check(p);
		return;
	}
	uint64_t elapsed = clock_mono_ms() - p->arrived_ms;
	unsigned failures = auth_is_refusal(p->rc) ? guard_failures(auth->guard, &p->who) : 0;
	delay_begin(p, rules_failure_due(p->rules, failures, elapsed) - elapsed);
}

void auth_answer(struct auth_private *p, enum rc rc)
{
	struct auth *auth = p->auth;

	if (p->request)
		auth_settle(p, rc);
	/*
	 * Checks that waited for this outcome may go on. This comes before the post: after the last answer
	 * `auth` may be freed.
	 */
	auth_check_dispatch(auth);
	p->rc = rc;
	p->msg.fn = auth_arrived;
	reactor_post(p->request ? p->request->home : p->hash_request->home, &p->msg);
}

/* Asking. */

static void name_user(struct auth_private *p)
{
	struct strv canonical;

	if (user_name_check(p->request->user, p->arena, &canonical) == RC_OK)
		p->user = canonical;
	else
		p->user = arena_strv(p->arena, strv_sub(p->request->user, 0, USER_NAME_MAX));
	p->account = arena_strndup(p->arena, p->user.p ? p->user.p : "", p->user.n);
}

/* Finds the keys that count a wrong password, and the lane in which the password waits. */
static void name_keys(struct auth_private *p)
{
	bool trusted = rules_trust(p->rules, p->peer);
	bool known;

	peer_key(p->peer, p->address);
	peer_key_network(p->peer, p->network);
	known = known_has(p->auth->known, p->user, p->address);
	if (known) {
		p->who.key[GUARD_PAIR] = arena_printf(p->arena, "%s at %s", p->account, p->address);
	} else {
		p->who.key[GUARD_ACCOUNT] = p->account;
		p->who.key[GUARD_ADDRESS] = trusted ? NULL : p->address;
		p->who.key[GUARD_NETWORK] = trusted || p->network[0] == '\0' ? NULL : p->network;
	}
	p->lane = (struct lane_item){
		.lane = known ? LANE_KNOWN : LANE_CLEAN,
		.address = p->address,
		.account = p->account,
		.free = known || trusted,
	};
}

void auth_check(struct auth *auth, struct auth_request *request)
{
	struct auth_private *p = private_new(auth, strv_sub(request->password, 0, PASSWORD_MAX + 1));

	p->request = request;
	request->priv = p;
	p->arrived_ms = clock_mono_ms();
	p->peer = mem_strdup(request->peer ? request->peer : "");
	name_user(p);
	name_keys(p);
	timer_init(&p->timer, request->home, delay_over, p);
	p->timer_ready = true;
	switch (guard_take(auth->guard, &p->rules->guard, &p->who)) {
	case GUARD_GO:
		p->holds = true;
		break;
	case GUARD_WAIT:
		break;
	case GUARD_REFUSED:
		p->reason = "refused";
		auth_answer(p, RC_AUTH);
		return;
	}
	auth_check_begin(p);
}

enum rc auth_hash(struct auth *auth, struct auth_hash_request *request)
{
	struct auth_private *p = private_new(auth, request->password);

	p->hash_request = request;
	request->priv = p;
	buf_init(&request->hash, HASH_MAX);
	buf_init(&request->scram, HASH_MAX);
	p->lane = (struct lane_item){ .lane = LANE_KNOWN, .address = "", .free = true };
	auth_check_queue(p);
	return RC_OK;
}
