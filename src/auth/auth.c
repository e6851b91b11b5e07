#include "auth/auth.h"

#include "auth/penalty.h"
#include "auth/success_cache.h"
#include "auth/users_file.h"
#include "base/clock.h"
#include "base/mem.h"
#include "work/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PENALTY_ENTRIES 10000
#define CACHE_ENTRIES 20000
#define LAST_LOGIN_EVERY (24 * 3600) /* seconds between two writes of last_login */
#define PASSWORD_MAX 1000
#define HASH_MAX 4096

/* The settings and the file of users in force; requests hold a reference, so a reload disturbs none. */
struct rules {
	atomic_uint refs;
	char *scheme;
	struct users_file *file;
	uint64_t delay_max_ms;
	unsigned scram_iterations;
	struct auto_create_rules auto_create;
	char **domains; /* own: of auto_create */
	char *dummy; /* hash of no password: costs an unknown user's check as much as a known one's */
};

struct auth {
	struct store *store; /* borrowed */
	struct log *log; /* borrowed */
	struct pool *pool; /* own */
	struct penalty *penalty;
	struct success_cache *cache;
	struct auto_create *auto_create;
	pthread_mutex_t lock; /* of `rules` */
	struct rules *rules;
	size_t queue_max;
	atomic_size_t waiting; /* requests between auth_check and their answer */
	struct list delayed; /* auth_private whose timer runs; `lock` */
	atomic_bool hurry;
};

/*
 * A check goes: [timer] -> users strand (lookup) -> auth worker (hash) -> [users strand: new row, last login] -> home
 * reactor -> [timer] -> done. The private part is owned by whichever of them has it in hand.
 */
struct auth_private {
	struct users_job job; /* first: users_job* is cast back */
	struct strand_item item;
	struct strand *strand; /* own: this request's turn in the auth pool */
	struct reactor_msg msg;
	struct timer timer;
	bool timer_ready;
	struct list_node in_delayed;
	void (*next)(struct auth_private *p); /* when the timer is over */
	struct auth *auth;
	struct rules *rules;
	struct auth_request *request;
	struct auth_hash_request *hash_request;
	struct arena *arena;
	struct strv user; /* canonical, or as given if it is no address */
	struct strv password;
	char *peer;
	struct strv stored;
	bool known;
	bool from_file; /* the users file has the password; the users table may lack the row */
	bool cached;
	bool create; /* there is no such account, and one may be made */
	bool created; /* somebody was faster, or this is the check after it */
	struct buf hash; /* of the new account, as the next one */
	struct buf scram;
	struct user_record record;
	enum rc rc;
};

static void auto_create_copy(struct rules *rules, const struct auto_create_rules *from)
{
	rules->auto_create = *from;
	rules->domains = mem_alloc((from->domain_count + 1) * sizeof(char *));
	for (size_t i = 0; i < from->domain_count; i++)
		rules->domains[i] = mem_strdup(from->domains[i]);
	rules->auto_create.domains = (const char *const *)rules->domains;
}

static void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->auto_create.domain_count; i++)
		free(rules->domains[i]);
	free(rules->domains);
	users_file_free(&rules->file);
	free(rules->dummy);
	free(rules->scheme);
	free(rules);
}

static struct rules *rules_new(const struct auth_settings *settings, struct buf *errors)
{
	struct rules *rules = mem_zalloc(sizeof(*rules));
	struct buf dummy;
	enum rc rc = RC_OK;

	atomic_init(&rules->refs, 1);
	rules->delay_max_ms = settings->delay_max_ms;
	auto_create_copy(rules, &settings->auto_create);
	rules->scram_iterations = settings->scram_iterations;
	rules->scheme = mem_strdup(settings->password_scheme ? settings->password_scheme : "YESCRYPT");
	buf_init(&dummy, 1024);
	rc = auth_make_hash(rules->scheme, STRV("no password is this one"), &dummy);
	if (rc != RC_OK)
		buf_printf(errors, "auth.password_scheme: %s is not a scheme that this system can make\n",
			rules->scheme);
	else
		rules->dummy = mem_strndup(dummy.p, dummy.len);
	buf_fini(&dummy);
	if (rc == RC_OK && settings->users_file && settings->users_file[0])
		rc = users_file_read(settings->users_file, errors, &rules->file);
	if (rc != RC_OK) {
		rules_free(rules);
		return NULL;
	}
	return rules;
}

static void rules_unref(struct rules **rules)
{
	struct rules *r = *rules;
	*rules = NULL;
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	rules_free(r);
}

static struct rules *rules_get(struct auth *auth)
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
	auth->queue_max = settings->queue_max ? settings->queue_max : 10000;
	auth->pool = pool_new(settings->workers ? settings->workers : 1, "auth", log);
	auth->penalty = penalty_new(PENALTY_ENTRIES);
	auth->cache = success_cache_new(CACHE_ENTRIES, settings->cache_ttl_ms);
	auth->auto_create = auto_create_new();
	pthread_mutex_init(&auth->lock, NULL);
	list_init(&auth->delayed);
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
	penalty_free(&a->penalty);
	success_cache_free(&a->cache);
	auto_create_free(&a->auto_create);
	rules_unref(&a->rules);
	pthread_mutex_destroy(&a->lock);
	free(a);
	*auth = NULL;
}

enum rc auth_reload(struct auth *auth, const struct auth_settings *settings, struct buf *errors)
{
	struct rules *rules = rules_new(settings, errors);
	if (!rules)
		return RC_INVALID;
	pthread_mutex_lock(&auth->lock);
	struct rules *old = auth->rules;
	auth->rules = rules;
	pthread_mutex_unlock(&auth->lock);
	rules_unref(&old);
	success_cache_set_ttl(auth->cache, settings->cache_ttl_ms);
	return RC_OK;
}

enum rc auth_check_users_file(const char *path, struct buf *errors)
{
	struct users_file *file = NULL;
	enum rc rc = users_file_read(path, errors, &file);

	users_file_free(&file);
	return rc;
}

void auth_forget(struct auth *auth, struct strv user)
{
	success_cache_forget(auth->cache, user);
}

static void private_free(struct auth_private *p)
{
	if (p->timer_ready)
		timer_fini(&p->timer);
	mem_wipe((char *)(uintptr_t)p->password.p, p->password.n);
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
	p->rules = rules_get(auth);
	p->arena = arena_new(0);
	buf_init(&p->hash, HASH_MAX);
	buf_init(&p->scram, HASH_MAX);
	p->password = arena_strv(p->arena, password);
	atomic_fetch_add(&auth->waiting, 1);
	return p;
}

/* Any thread -> home reactor. */
static void answer(struct auth_private *p, enum rc rc);

static void finish(struct auth_private *p)
{
	struct auth_request *request = p->request;
	struct auth_hash_request *hash_request = p->hash_request;

	if (request) {
		request->priv = NULL;
		request->rc = p->rc;
		request->account_id = p->record.id;
		request->quota_storage = p->record.quota_storage;
		request->quota_messages = p->record.quota_messages;
		memcpy(request->name, p->user.p ? p->user.p : "",
			p->user.n < USER_NAME_MAX ? p->user.n : USER_NAME_MAX);
		request->name[p->user.n < USER_NAME_MAX ? p->user.n : USER_NAME_MAX] = '\0';
		private_free(p);
		request->done(request);
	} else {
		hash_request->priv = NULL;
		hash_request->rc = p->rc;
		private_free(p);
		hash_request->done(hash_request);
	}
}

static void delay_over(void *arg)
{
	struct auth_private *p = arg;

	pthread_mutex_lock(&p->auth->lock);
	list_remove(&p->in_delayed);
	pthread_mutex_unlock(&p->auth->lock);
	p->next(p);
}

/* Goes on with `next` after ms, on the home reactor. */
static void delay(struct auth_private *p, uint64_t ms, void (*next)(struct auth_private *p))
{
	if (ms == 0 || atomic_load(&p->auth->hurry)) {
		next(p);
		return;
	}
	p->next = next;
	pthread_mutex_lock(&p->auth->lock);
	list_append(&p->auth->delayed, &p->in_delayed);
	pthread_mutex_unlock(&p->auth->lock);
	timer_set(&p->timer, ms);
}

void auth_hurry(struct auth *auth, struct reactor *reactor)
{
	atomic_store(&auth->hurry, true);
	pthread_mutex_lock(&auth->lock);
	LIST_EACH (node, &auth->delayed) {
		struct auth_private *p = CONTAINER_OF(node, struct auth_private, in_delayed);
		if (p->request->home == reactor)
			timer_set(&p->timer, 0);
	}
	pthread_mutex_unlock(&auth->lock);
}

size_t auth_waiting(const struct auth *auth)
{
	return atomic_load(&auth->waiting);
}

/* On the home reactor: failures are told later than successes. */
static void arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct auth_private *p = CONTAINER_OF(msg, struct auth_private, msg);
	uint64_t ms = 0;

	(void)reactor;
	if (p->request && p->rc == RC_AUTH) {
		uint64_t max = p->rules->delay_max_ms;
		char *name = arena_strndup(p->arena, p->user.p, p->user.n);
		uint64_t by_peer = penalty_fail(p->auth->penalty, p->peer, max);
		uint64_t by_name = penalty_fail(p->auth->penalty, name, max);
		ms = by_peer > by_name ? by_peer : by_name;
		log_info(p->auth->log, "login failed user=%s peer=%s", LOG_V(p->user), p->peer);
	} else if (p->request && p->rc == RC_OK) {
		penalty_clear(p->auth->penalty, p->peer);
		penalty_clear(p->auth->penalty, arena_strndup(p->arena, p->user.p, p->user.n));
	}
	delay(p, ms, finish);
}

static void answer(struct auth_private *p, enum rc rc)
{
	struct reactor *home = p->request ? p->request->home : p->hash_request->home;

	p->rc = rc;
	p->msg.fn = arrived;
	reactor_post(home, &p->msg);
}

/* [users] Makes the row of a user who stands only in the users file, and notes the login. */
static enum rc note_login_run(struct users *users, struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;
	int64_t now = clock_wall();

	if (p->record.id == 0) {
		struct user_record found;
		enum rc rc = users_find(users, p->user, p->arena, &found);
		if (rc == RC_NOT_FOUND) {
			found = (struct user_record){ .name = p->user,
				.enabled = true,
				.quota_storage = UINT64_MAX,
				.quota_messages = UINT64_MAX,
				.created = now };
			rc = users_add(users, &found, &found.id);
		}
		if (rc != RC_OK)
			return rc;
		p->record = found;
	}
	return users_touch_login(users, p->record.id, now);
}

static void note_login_done(struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;
	/* A login whose note cannot be written still counts, if the account is there. */
	answer(p, p->record.id != 0 ? RC_OK : job->rc);
}

static void succeed(struct auth_private *p)
{
	if (p->record.id != 0 && clock_wall() - p->record.last_login < LAST_LOGIN_EVERY) {
		answer(p, RC_OK);
		return;
	}
	p->job = (struct users_job){ .write = true, .run = note_login_run, .done = note_login_done };
	enum rc rc = users_submit(p->auth->store, &p->job);
	if (rc != RC_OK)
		answer(p, p->record.id != 0 ? RC_OK : rc);
}

static void begin(struct auth_private *p);

/* [users] A first login makes the account. */
static enum rc create_run(struct users *users, struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;
	int64_t now = clock_wall();
	struct user_record record = { .name = p->user,
		.password = buf_strv(&p->hash),
		.scram = buf_strv(&p->scram),
		.enabled = true,
		.quota_storage = UINT64_MAX,
		.quota_messages = UINT64_MAX,
		.created = now,
		.last_login = now };

	enum rc rc = users_add(users, &record, &record.id);
	if (rc == RC_OK)
		p->record = record;
	return rc;
}

static void create_done(struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;

	if (job->rc == RC_EXISTS) {
		/* Another connection was faster: its password counts. */
		p->created = true;
		begin(p);
		return;
	}
	if (job->rc == RC_OK)
		log_info(p->auth->log, "account made at its first login user=%s peer=%s", LOG_V(p->user),
			p->peer);
	answer(p, job->rc);
}

/* Auth worker. */
static enum rc create(struct auth_private *p)
{
	if (!auto_create_take(p->auth->auto_create, p->peer, p->rules->auto_create.per_hour)) {
		log_warn(p->auth->log, "no account made: too many by this peer user=%s peer=%s",
			LOG_V(p->user), p->peer);
		return RC_AUTH;
	}
	enum rc rc = auth_make_hash(p->rules->scheme, p->password, &p->hash);
	if (rc == RC_OK)
		rc = auth_make_scram(p->password, p->rules->scram_iterations, &p->scram);
	if (rc == RC_INVALID)
		return RC_AUTH;
	if (rc != RC_OK)
		return rc;
	p->job = (struct users_job){ .write = true, .run = create_run, .done = create_done };
	return users_submit(p->auth->store, &p->job);
}

/* Auth worker. */
static void hash_turn(struct strand *strand, void *ctx)
{
	struct auth_private *p = ctx;
	struct strand *own = p->strand;
	enum rc rc = RC_OK;

	if (!strand_next(strand))
		return;
	if (p->request && p->create) {
		rc = create(p);
		if (rc != RC_OK)
			answer(p, rc);
	} else if (p->request) {
		rc = auth_verify_hash(p->known ? p->stored : strv_cstr(p->rules->dummy), p->password);
		if (rc == RC_INVALID) {
			log_error(p->auth->log, "unreadable password hash user=%s", LOG_V(p->user));
			rc = RC_AUTH;
		}
		if (!p->known)
			rc = RC_AUTH;
		if (rc == RC_OK)
			success_cache_add(p->auth->cache, p->user, p->password, p->stored);
		if (rc == RC_OK && !p->record.enabled)
			rc = RC_EXPIRED;
		if (rc == RC_OK)
			succeed(p);
		else
			answer(p, rc);
	} else {
		rc = auth_make_hash(p->rules->scheme, p->password, &p->hash_request->hash);
		if (rc == RC_OK)
			rc = auth_make_scram(
				p->password, p->rules->scram_iterations, &p->hash_request->scram);
		answer(p, rc);
	}
	strand_release(&own);
}

static void queue_hash(struct auth_private *p)
{
	p->strand = strand_new(p->auth->pool, 1, hash_turn, p);
	strand_add_always(p->strand, &p->item);
}

/* [users] Finds the stored password: users table first, then the users file. */
static enum rc lookup_run(struct users *users, struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;
	struct strv file_password;
	enum rc rc = users_find(users, p->user, p->arena, &p->record);

	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	p->known = rc == RC_OK && p->record.password.n > 0;
	p->stored = p->known ? p->record.password : STRV_NULL;
	if (!p->known && users_file_find(p->rules->file, p->user, &file_password) == RC_OK) {
		if (rc == RC_NOT_FOUND)
			p->record = (struct user_record){ .enabled = true };
		p->known = true;
		p->stored = file_password;
	}
	p->create = !p->known && rc == RC_NOT_FOUND && !p->created &&
		    auto_create_fits(&p->rules->auto_create, p->user, p->password);
	p->cached = p->known && success_cache_has(p->auth->cache, p->user, p->password, p->stored);
	return RC_OK;
}

static void lookup_done(struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;

	if (job->rc != RC_OK)
		answer(p, job->rc);
	else if (p->cached && !p->record.enabled)
		answer(p, RC_EXPIRED);
	else if (p->cached)
		succeed(p);
	else
		queue_hash(p);
}

static void begin(struct auth_private *p)
{
	p->job = (struct users_job){ .run = lookup_run, .done = lookup_done };
	enum rc rc = users_submit(p->auth->store, &p->job);
	if (rc != RC_OK)
		answer(p, rc);
}

enum rc auth_check(struct auth *auth, struct auth_request *request)
{
	struct strv canonical;

	if (atomic_load(&auth->waiting) >= auth->queue_max)
		return RC_BUSY;
	struct auth_private *p = private_new(auth, strv_sub(request->password, 0, PASSWORD_MAX + 1));
	p->request = request;
	request->priv = p;
	p->peer = mem_strdup(request->peer ? request->peer : "");
	if (user_name_check(request->user, p->arena, &canonical) == RC_OK)
		p->user = canonical;
	else
		p->user = arena_strv(p->arena, strv_sub(request->user, 0, USER_NAME_MAX));
	timer_init(&p->timer, request->home, delay_over, p);
	p->timer_ready = true;
	/* A peer that keeps failing also waits before its next password is looked at. */
	delay(p, penalty_peek(auth->penalty, p->peer, p->rules->delay_max_ms) / 2, begin);
	return RC_OK;
}

enum rc auth_hash(struct auth *auth, struct auth_hash_request *request)
{
	if (atomic_load(&auth->waiting) >= auth->queue_max)
		return RC_BUSY;
	struct auth_private *p = private_new(auth, request->password);
	p->hash_request = request;
	request->priv = p;
	buf_init(&request->hash, 4096);
	buf_init(&request->scram, 4096);
	queue_hash(p);
	return RC_OK;
}
