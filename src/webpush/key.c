/* The server's VAPID key: jobs of server.db read it, make it and replace it. */
#include "webpush/key.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/annot.h"
#include "store/users.h"
#include "webpush/core.h"
#include "webpush/webpush.h"

#include <stdlib.h>

#define KEY_SETTING "webpush.vapid"
#define KEY_PEM_MAX 4096

void key_init(struct server_key *key, struct core *core, void (*replaced)(void *ctx), void *ctx)
{
	*key = (struct server_key){ .core = core, .replaced = replaced, .ctx = ctx };
	pthread_mutex_init(&key->lock, NULL);
}

void key_fini(struct server_key *key)
{
	vapid_key_unref(&key->vapid);
	pthread_mutex_destroy(&key->lock);
}

struct vapid_key *key_current(struct server_key *key)
{
	pthread_mutex_lock(&key->lock);
	struct vapid_key *vapid = vapid_key_ref(key->vapid);
	pthread_mutex_unlock(&key->lock);
	return vapid;
}

static void key_set(struct server_key *key, struct vapid_key *vapid)
{
	pthread_mutex_lock(&key->lock);
	struct vapid_key *old = key->vapid;
	key->vapid = vapid;
	pthread_mutex_unlock(&key->lock);
	vapid_key_unref(&old);
}

struct subs_rules key_rules(const struct core *core, const struct vapid_key *vapid)
{
	return (struct subs_rules){
		.now = clock_wall(),
		.window_s = (int64_t)core->settings->validation_window_s,
		.max_s = (int64_t)core->settings->validation_max_s,
		.vapid = vapid_key_id(vapid),
	};
}

/* A job that reads the key of the server, or stores a new one. */
struct key_job {
	struct users_job job;
	struct server_key *key; /* borrowed */
	struct vapid_key *vapid; /* own: result */
	bool renew; /* make a new one */
	struct webpush_rotation *rotation; /* borrowed */
	struct reactor_msg msg;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done; /* under lock */
};

static enum rc key_make(struct users *users, struct vapid_key **ret_key)
{
	struct vapid_key *key = NULL;
	struct buf pem;
	enum rc rc = vapid_key_generate(&key);

	buf_init(&pem, KEY_PEM_MAX);
	if (rc == RC_OK)
		rc = vapid_key_save(key, &pem);
	if (rc == RC_OK)
		rc = users_setting_set(users, KEY_SETTING, buf_strv(&pem));
	buf_wipe(&pem);
	if (rc == RC_OK)
		*ret_key = key;
	else
		vapid_key_unref(&key);
	return rc;
}

static enum rc key_run(struct users *users, struct users_job *job)
{
	struct key_job *k = CONTAINER_OF(job, struct key_job, job);
	struct arena *arena = arena_new(0);
	struct strv pem = STRV_NULL;
	enum rc rc = k->renew ? RC_NOT_FOUND : users_setting_get(users, KEY_SETTING, arena, &pem);

	vapid_key_unref(&k->vapid);
	if (rc == RC_OK)
		rc = vapid_key_load(pem, &k->vapid);
	else if (rc == RC_NOT_FOUND && job->write)
		rc = key_make(users, &k->vapid);
	mem_wipe(mem_unconst(pem.p), pem.n);
	arena_free(&arena);
	return rc;
}

static void key_done(struct users_job *job)
{
	struct key_job *k = CONTAINER_OF(job, struct key_job, job);

	pthread_mutex_lock(&k->lock);
	k->done = true;
	pthread_cond_signal(&k->cond);
	pthread_mutex_unlock(&k->lock);
}

enum rc key_read(struct server_key *key, bool make)
{
	struct key_job k = { .key = key };

	pthread_mutex_init(&k.lock, NULL);
	pthread_cond_init(&k.cond, NULL);
	k.job = (struct users_job){ .write = make, .run = key_run, .done = key_done };
	enum rc rc = users_submit(key->core->store, &k.job);
	if (rc == RC_OK) {
		pthread_mutex_lock(&k.lock);
		while (!k.done)
			pthread_cond_wait(&k.cond, &k.lock);
		pthread_mutex_unlock(&k.lock);
		rc = k.job.rc;
	}
	pthread_cond_destroy(&k.cond);
	pthread_mutex_destroy(&k.lock);
	if (rc == RC_OK)
		key_set(key, k.vapid);
	else
		vapid_key_unref(&k.vapid);
	return rc;
}

enum rc key_fake(struct server_key *key)
{
	struct vapid_key *vapid = NULL;
	enum rc rc = vapid_key_generate(&vapid);

	if (rc == RC_OK)
		key_set(key, vapid);
	return rc;
}

/* A job that tells the sessions of an account that the entry of the key has changed. */
struct key_news {
	struct job job;
	struct core *core; /* borrowed */
};

static enum rc key_news_run(struct account *account, struct job *job)
{
	(void)job;
	return annot_changed(account, 0, STRV(VAPID_ENTRY));
}

static void key_news_done(struct job *job)
{
	struct key_news *news = CONTAINER_OF(job, struct key_news, job);

	core_pending_sub(news->core);
	free(news);
}

static void key_news_submit(void *ctx, struct account *account)
{
	struct core *core = ctx;
	struct key_news *news = mem_zalloc(sizeof(*news));

	core_pending_add(core);
	news->core = core;
	news->job.kind = JOB_WRITE_RELAXED;
	news->job.run = key_news_run;
	news->job.done = key_news_done;
	news->job.home = core->reactor;
	job_submit_always(account, &news->job);
}

/* [push] */
static void key_replaced(struct reactor *reactor, struct reactor_msg *msg)
{
	struct key_job *k = CONTAINER_OF(msg, struct key_job, msg);
	struct server_key *key = k->key;
	struct core *core = key->core;

	(void)reactor;
	key->replaced(key->ctx);
	if (!core->closed)
		store_each_watched(core->store, key_news_submit, core);
	core_pending_sub(core);
	free(k);
}

static void key_rotated(struct users_job *job)
{
	struct key_job *k = CONTAINER_OF(job, struct key_job, job);
	struct core *core = k->key->core;
	struct webpush_rotation *rotation = k->rotation;

	rotation->rc = job->rc;
	if (job->rc == RC_OK) {
		key_set(k->key, k->vapid);
		log_info(core->log, "there is a new VAPID key, old push subscriptions are void");
		k->msg.fn = key_replaced;
		reactor_post(core->reactor, &k->msg);
	} else {
		vapid_key_unref(&k->vapid);
		core_pending_sub(core);
		free(k);
	}
	rotation->done(rotation);
}

void key_rotate(struct server_key *key, struct webpush_rotation *rotation)
{
	struct key_job *k = mem_zalloc(sizeof(*k));

	core_pending_add(key->core);
	k->key = key;
	k->renew = true;
	k->rotation = rotation;
	k->job = (struct users_job){
		.write = true, .run = key_run, .done = key_rotated, .home = rotation->home
	};
	enum rc rc = users_submit(key->core->store, &k->job);
	if (rc != RC_OK) {
		k->job.rc = rc;
		key_rotated(&k->job);
	}
}
