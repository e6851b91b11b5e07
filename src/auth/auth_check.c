/*
 * The steps of one check: the user is found in the users table or the users file; then the password is looked
 * up in the cache of successes, or hashed. After a good login the account, a newer hash and the last login
 * are stored.
 */
#include "auth/auth_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define LAST_LOGIN_EVERY (24 * 3600) /* seconds between two writes of last_login */
#define AUTO_CREATE_NETWORK 8 /* a network may make as many accounts as this number of addresses */

/* After a good login. */

/* [users] Adds the row of a user who is in the users file only. */
static enum rc note_new_row(struct users *users, struct auth_private *p, int64_t now)
{
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
	if (rc == RC_OK)
		p->record = found;
	return rc;
}

/* [users] Stores the newer hash, unless the password has been changed meanwhile. */
static enum rc note_new_hash(struct users *users, struct auth_private *p)
{
	struct user_record found;
	enum rc rc = users_find(users, p->user, p->arena, &found);

	if (rc != RC_OK || !strv_eq(found.password, p->stored)) {
		p->rehash = false;
		return rc;
	}
	return users_set_password(users, p->user, buf_strv(&p->hash), buf_strv(&p->scram));
}

/* [users] */
static enum rc note_login_run(struct users *users, struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;
	int64_t now = clock_wall();
	enum rc rc = RC_OK;

	if (p->record.id == 0)
		rc = note_new_row(users, p, now);
	else if (p->rehash)
		rc = note_new_hash(users, p);
	if (rc != RC_OK)
		return rc;
	return users_touch_login(users, p->record.id, now);
}

static void note_login_done(struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;

	if (job->rc == RC_OK && p->rehash) {
		success_cache_add(p->auth->cache, p->user, p->password, buf_strv(&p->hash));
		log_info(p->auth->log, "password hash made anew user=%s scheme=%s", LOG_V(p->user),
			p->rules->scheme);
	}
	/* If the note can't be written, the login still counts, provided that the account exists. */
	auth_answer(p, p->record.id != 0 ? RC_OK : job->rc);
}

static void check_succeed(struct auth_private *p)
{
	bool fresh = p->record.id != 0 && clock_wall() - p->record.last_login < LAST_LOGIN_EVERY;

	if (fresh && !p->rehash) {
		auth_answer(p, RC_OK);
		return;
	}
	p->job = (struct users_job){ .write = true, .run = note_login_run, .done = note_login_done };
	enum rc rc = users_submit(p->auth->store, &p->job);
	if (rc != RC_OK)
		auth_answer(p, p->record.id != 0 ? RC_OK : rc);
}

/* A first login that makes its account. */

/* [users] */
static enum rc auth_check_create_run(struct users *users, struct users_job *job)
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
		/* Another connection has made the account first: its password counts. */
		p->created = true;
		auth_check_begin(p);
		return;
	}
	if (job->rc == RC_OK)
		log_info(p->auth->log, "account made at its first login user=%s peer=%s", LOG_V(p->user),
			p->peer);
	auth_answer(p, job->rc);
}

static void create_submit(struct auth_private *p)
{
	p->job = (struct users_job){ .write = true, .run = auth_check_create_run, .done = create_done };
	enum rc rc = users_submit(p->auth->store, &p->job);
	if (rc != RC_OK)
		auth_answer(p, rc);
}

static bool create_allowed(struct auth_private *p)
{
	unsigned per_hour = p->rules->auto_create.per_hour;
	struct auto_create *limit = p->auth->auto_create;

	if (p->network[0] && !auto_create_take(limit, p->network, AUTO_CREATE_NETWORK * per_hour))
		return false;
	return auto_create_take(limit, p->address, per_hour);
}

/* Makes the hash and the SCRAM keys of this password, in the configured scheme. */
static enum rc hash_new(struct auth_private *p)
{
	enum rc rc = auth_make_hash(p->rules->scheme, p->password, &p->hash);
	if (rc == RC_OK)
		rc = auth_make_scram(p->password, p->rules->scram_iterations, &p->scram);
	return rc;
}

static enum rc hash_for_creation(struct auth_private *p)
{
	if (!create_allowed(p)) {
		log_warn(p->auth->log, "no account made: too many by this peer user=%s peer=%s",
			LOG_V(p->user), p->peer);
		p->reason = "limit";
		return RC_AUTH;
	}
	enum rc rc = hash_new(p);
	p->reason = "password";
	return rc == RC_INVALID ? RC_AUTH : rc;
}

/* The password was right: replaces an old or foreign hash by one of the configured scheme. */
static void hash_renew(struct auth_private *p)
{
	if (p->from_file || p->record.id == 0 || !p->record.enabled)
		return;
	if (auth_hash_is_current(p->rules->scheme, p->stored) &&
		auth_scram_is_current(p->rules->scram_iterations, p->record.scram))
		return;
	p->rehash = hash_new(p) == RC_OK;
}

static enum rc hash_verify(struct auth_private *p)
{
	struct success_cache *cache = p->auth->cache;

	p->guessed = true;
	p->reason = p->known ? "password" : "unknown";
	/* A check with the same password may have finished just before. */
	if (p->known && success_cache_has(cache, p->user, p->password, p->stored))
		return RC_OK;
	enum rc rc = auth_verify_hash(p->known ? p->stored : strv_cstr(p->rules->dummy), p->password);
	if (rc == RC_INVALID) {
		log_error(p->auth->log, "unreadable password hash user=%s", LOG_V(p->user));
		rc = RC_AUTH;
	}
	if (!p->known)
		rc = RC_AUTH;
	if (rc != RC_OK)
		return rc;
	success_cache_add(cache, p->user, p->password, p->stored);
	hash_renew(p);
	return RC_OK;
}

static enum rc hash_request(struct auth_private *p)
{
	struct auth_hash_request *request = p->hash_request;
	enum rc rc = auth_make_hash(p->rules->scheme, p->password, &request->hash);
	if (rc == RC_OK)
		rc = auth_make_scram(p->password, p->rules->scram_iterations, &request->scram);
	return rc;
}

static enum rc hash_work(struct auth_private *p)
{
	if (!p->request)
		return hash_request(p);
	if (p->refused) {
		p->reason = "refused";
		return RC_AUTH;
	}
	if (p->create)
		return hash_for_creation(p);
	enum rc rc = hash_verify(p);
	if (rc == RC_OK && !p->record.enabled) {
		p->reason = "disabled";
		return RC_EXPIRED;
	}
	return rc;
}

/* Runs on an auth worker. */
static void hash_turn(struct strand *strand, void *ctx)
{
	struct auth_private *p = ctx;
	struct auth *auth = p->auth;
	struct strand *own = p->strand;

	if (!strand_next(strand))
		return;
	enum rc rc = hash_work(p);
	lanes_done(auth->lanes, &p->lane);
	if (rc == RC_OK && p->request && p->create)
		create_submit(p);
	else if (rc == RC_OK && p->request)
		check_succeed(p);
	else
		auth_answer(p, rc);
	auth_check_dispatch(auth);
	strand_release(&own);
}

/* The lanes. */

enum lane_look auth_check_look(void *auth, struct lane_item *item)
{
	struct auth_private *p = CONTAINER_OF(item, struct auth_private, lane);
	struct guard *guard = ((struct auth *)auth)->guard;

	if (!p->request)
		return LANE_RUN;
	if (item->lane == LANE_CLEAN) {
		struct guard_who host = { .key = { [GUARD_ADDRESS] = p->who.key[GUARD_ADDRESS],
						  [GUARD_NETWORK] = p->who.key[GUARD_NETWORK] } };
		if (guard_failures(guard, &host) > 0)
			return LANE_DEMOTE;
	}
	if (p->holds)
		return LANE_RUN;
	switch (guard_take(guard, &p->rules->guard, &p->who)) {
	case GUARD_GO:
		p->holds = true;
		return LANE_RUN;
	case GUARD_WAIT:
		return LANE_LATER;
	case GUARD_REFUSED:
		p->refused = true;
		return LANE_RUN;
	}
	return LANE_LATER;
}

void auth_check_dispatch(struct auth *auth)
{
	for (struct lane_item *item = lanes_next(auth->lanes); item; item = lanes_next(auth->lanes)) {
		struct auth_private *p = CONTAINER_OF(item, struct auth_private, lane);
		p->strand = strand_new(auth->pool, 1, hash_turn, p);
		strand_add_always(p->strand, &p->item);
	}
}

void auth_check_queue(struct auth_private *p)
{
	struct auth *auth = p->auth;
	struct lane_item *victim = NULL;

	if (atomic_load(&auth->hurry)) {
		auth_answer(p, RC_CANCELLED);
		return;
	}
	if (lanes_add(auth->lanes, &p->lane, &victim) != RC_OK) {
		auth_answer(p, RC_BUSY);
		return;
	}
	if (victim)
		auth_answer(CONTAINER_OF(victim, struct auth_private, lane), RC_BUSY);
	auth_check_dispatch(auth);
}

/* Looking up. */

/* [users] Finds the stored password: users table first, then the users file. */
static enum rc auth_check_lookup_run(struct users *users, struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;
	struct strv file_password;
	enum rc rc = users_find(users, p->user, p->arena, &p->record);

	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	p->known = rc == RC_OK && p->record.password.n > 0;
	p->stored = p->known ? p->record.password : STRV_NULL;
	p->from_file = !p->known && users_file_find(p->rules->file, p->user, &file_password) == RC_OK;
	if (p->from_file) {
		if (rc == RC_NOT_FOUND)
			p->record = (struct user_record){ .enabled = true };
		p->known = true;
		p->stored = file_password;
	}
	p->create = !p->known && rc == RC_NOT_FOUND && !p->created &&
		    auto_create_fits(&p->rules->auto_create, p->user, p->password);
	/* A cached result is a result, and takes a guess, too. */
	p->cached =
		p->known && p->holds && success_cache_has(p->auth->cache, p->user, p->password, p->stored);
	return RC_OK;
}

static void auth_check_lookup_done(struct users_job *job)
{
	struct auth_private *p = (struct auth_private *)(void *)job;

	if (job->rc != RC_OK) {
		auth_answer(p, job->rc);
	} else if (p->cached && !p->record.enabled) {
		p->reason = "disabled";
		auth_answer(p, RC_EXPIRED);
	} else if (p->cached) {
		check_succeed(p);
	} else {
		auth_check_queue(p);
	}
}

void auth_check_begin(struct auth_private *p)
{
	p->tries++;
	p->rehash = false;
	p->epoch = epoch_now(p->auth->epoch);
	buf_wipe(&p->hash);
	buf_wipe(&p->scram);
	buf_init(&p->hash, HASH_MAX);
	buf_init(&p->scram, HASH_MAX);
	p->job = (struct users_job){ .run = auth_check_lookup_run, .done = auth_check_lookup_done };
	enum rc rc = users_submit(p->auth->store, &p->job);
	if (rc != RC_OK)
		auth_answer(p, rc);
}
