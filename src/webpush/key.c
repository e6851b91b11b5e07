/*
 * The server's VAPID key (RFC 8292): read or made at start, shared by all threads, replaced by coidctl. A new key makes every
 * subscription void: what waits for them is dropped, and clients that are connected are told.
 */
#include "webpush/webpush_priv.h"

#include "base/mem.h"
#include "store/annot.h"
#include "store/users.h"

#include <stdlib.h>

#define SETTING_KEY "webpush.vapid"
#define PEM_MAX 4096

struct vapid_key *webpush_vapid(struct webpush *webpush)
{
	pthread_mutex_lock(&webpush->lock);
	struct vapid_key *key = vapid_key_ref(webpush->vapid);
	pthread_mutex_unlock(&webpush->lock);
	return key;
}

static void vapid_set(struct webpush *webpush, struct vapid_key *key)
{
	pthread_mutex_lock(&webpush->lock);
	struct vapid_key *old = webpush->vapid;
	webpush->vapid = key;
	pthread_mutex_unlock(&webpush->lock);
	vapid_key_unref(&old);
}

/* Reads the key of the server, or keeps a new one. */
struct key_job {
	struct users_job job; /* first */
	struct webpush *webpush;
	struct vapid_key *key; /* own: result */
	bool renew;
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

	buf_init(&pem, PEM_MAX);
	if (rc == RC_OK)
		rc = vapid_key_save(key, &pem);
	if (rc == RC_OK)
		rc = users_setting_set(users, SETTING_KEY, buf_strv(&pem));
	buf_wipe(&pem);
	if (rc == RC_OK)
		*ret_key = key;
	else
		vapid_key_unref(&key);
	return rc;
}

static enum rc key_run(struct users *users, struct users_job *job)
{
	struct key_job *k = (struct key_job *)(void *)job;
	struct arena *arena = arena_new(0);
	struct strv pem = STRV_NULL;
	enum rc rc = k->renew ? RC_NOT_FOUND : users_setting_get(users, SETTING_KEY, arena, &pem);

	vapid_key_unref(&k->key);
	if (rc == RC_OK)
		rc = vapid_key_load(pem, &k->key);
	else if (rc == RC_NOT_FOUND && job->write)
		rc = key_make(users, &k->key);
	mem_wipe((char *)(uintptr_t)pem.p, pem.n);
	arena_free(&arena);
	return rc;
}

static void key_done(struct users_job *job)
{
	struct key_job *k = (struct key_job *)(void *)job;

	pthread_mutex_lock(&k->lock);
	k->done = true;
	pthread_cond_signal(&k->cond);
	pthread_mutex_unlock(&k->lock);
}

/* At start, before anybody serves: waiting is allowed. */
enum rc webpush_key_read(struct webpush *webpush, bool make)
{
	struct key_job k = { .webpush = webpush };

	pthread_mutex_init(&k.lock, NULL);
	pthread_cond_init(&k.cond, NULL);
	k.job = (struct users_job){ .write = make, .run = key_run, .done = key_done };
	enum rc rc = users_submit(webpush->store, &k.job);
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
		webpush->vapid = k.key;
	else
		vapid_key_unref(&k.key);
	return rc;
}

/* Sessions of this account learn that the entry of the key has changed (RFC 5465, ServerMetadataChange). */
struct key_news {
	struct job job; /* first */
	struct webpush *webpush; /* borrowed */
};

static enum rc key_news_run(struct account *account, struct job *job)
{
	(void)job;
	return annot_changed(account, 0, STRV(VAPID_ENTRY));
}

static void key_news_done(struct job *job)
{
	struct key_news *news = (struct key_news *)(void *)job;

	webpush_pending_sub(news->webpush);
	free(news);
}

static void key_news_submit(void *ctx, struct account *account)
{
	struct webpush *webpush = ctx;
	struct key_news *news = mem_zalloc(sizeof(*news));

	webpush_pending_add(webpush);
	news->webpush = webpush;
	news->job.kind = JOB_WRITE_RELAXED;
	news->job.run = key_news_run;
	news->job.done = key_news_done;
	news->job.home = webpush->reactor;
	job_submit_always(account, &news->job);
}

/* [push] */
static void key_replaced(struct reactor *reactor, struct reactor_msg *msg)
{
	struct key_job *k = CONTAINER_OF(msg, struct key_job, msg);
	struct webpush *webpush = k->webpush;

	(void)reactor;
	queue_forget_keys(webpush);
	if (!webpush->closed)
		store_each_watched(webpush->store, key_news_submit, webpush);
	webpush_pending_sub(webpush);
	free(k);
}

static void rotated(struct users_job *job)
{
	struct key_job *k = (struct key_job *)(void *)job;
	struct webpush *webpush = k->webpush;
	struct webpush_rotation *rotation = k->rotation;
	bool ok = job->rc == RC_OK;

	rotation->rc = job->rc;
	if (ok) {
		vapid_set(webpush, k->key);
		log_info(webpush->log, "there is a new VAPID key, old push subscriptions are void");
		k->msg.fn = key_replaced;
		reactor_post(webpush->reactor, &k->msg);
	} else {
		vapid_key_unref(&k->key);
		webpush_pending_sub(webpush);
		free(k);
	}
	rotation->done(rotation);
}

void webpush_vapid_rotate(struct webpush *webpush, struct webpush_rotation *rotation)
{
	struct key_job *k = mem_zalloc(sizeof(*k));

	webpush_pending_add(webpush);
	k->webpush = webpush;
	k->renew = true;
	k->rotation = rotation;
	k->job = (struct users_job){ .write = true, .run = key_run, .done = rotated, .home = rotation->home };
	enum rc rc = users_submit(webpush->store, &k->job);
	if (rc != RC_OK) {
		k->job.rc = rc;
		rotated(&k->job);
	}
}

void webpush_vapid_show(struct webpush *webpush, struct buf *out)
{
	struct vapid_key *key = webpush_vapid(webpush);

	buf_addv(out, vapid_key_pem(key));
	buf_addv(out, vapid_key_base64(key));
	buf_addc(out, '\n');
	vapid_key_unref(&key);
}
