/*
 * What an earlier process has left: pushes that wait in push.db, subscriptions that wait to be validated, and, if that process
 * did not end in order, accounts that may owe pushes. Those are opened, a few at a time: an account that does owe says so when
 * it is opened (announce_owed).
 */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define LOAD_MAX 100000 /* rows of push.db that are looked at */
#define OPENING_MAX 4 /* accounts at a time */

/* A message whose pushes were in push.db: it owes no others. */
struct known_key {
	int64_t account;
	int64_t mailbox;
	int64_t uid;
};

struct known {
	UT_hash_handle hh;
	struct known_key key;
};

struct expiring {
	int64_t account;
	int64_t due;
	char *subscription; /* own */
	char *endpoint; /* own */
};

struct start {
	struct pushq_job job; /* first */
	struct webpush *webpush; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool loaded; /* under lock */

	struct push **pushes; /* own */
	size_t push_count;
	size_t push_cap;
	struct expiring *expiring; /* own */
	size_t expiring_count;
	size_t expiring_cap;
	int64_t *accounts; /* own: that may owe */
	size_t account_count;
	size_t account_cap;
	struct known *known; /* own */

	size_t next; /* [push] account to be opened, as the next one */
	unsigned opening;
};

/* An array that grows: room for one more. */
static void *grow(void *v, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 64;
	return mem_realloc(v, *cap, size);
}

/* [pushq] */

static bool load_push(void *arg, const struct push_record *record)
{
	struct start *start = arg;
	int64_t wait = record->due - clock_wall();

	if (record->keys.n != sizeof(struct ece_receiver) || record->kind >= PUSH_TEST)
		return true;
	struct push *push = mem_zalloc(sizeof(*push));
	push->id = record->id;
	push->account = record->account;
	push->mailbox = record->mailbox;
	push->uid = record->uid;
	push->kind = (enum push_kind)record->kind;
	push->flags = record->flags;
	push->subscription = mem_strndup(record->subscription.p, record->subscription.n);
	push->endpoint = mem_strndup(record->endpoint.p, record->endpoint.n);
	push->plain = mem_strndup(record->plain.n ? record->plain.p : "", record->plain.n);
	push->plain_n = record->plain.n;
	memcpy(&push->receiver, record->keys.p, sizeof(push->receiver));
	if (record->vapid.n == VAPID_ID)
		memcpy(push->vapid, record->vapid.p, VAPID_ID);
	push->created = record->created;
	push->expires = record->expires;
	push->tries = record->tries;
	push->due = clock_mono_ms() + (wait > 0 ? (uint64_t)wait * 1000 : 0);
	start->pushes = grow(start->pushes, start->push_count, &start->push_cap, sizeof(struct push *));
	start->pushes[start->push_count++] = push;
	return start->push_count < LOAD_MAX;
}

static void load_expiry(
	void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	struct start *start = arg;

	start->expiring =
		grow(start->expiring, start->expiring_count, &start->expiring_cap, sizeof(struct expiring));
	start->expiring[start->expiring_count++] = (struct expiring){
		.account = account,
		.due = due,
		.subscription = mem_strndup(subscription.p, subscription.n),
		.endpoint = mem_strndup(endpoint.p, endpoint.n),
	};
}

static void load_account(void *arg, int64_t account)
{
	struct start *start = arg;

	start->accounts =
		grow(start->accounts, start->account_count, &start->account_cap, sizeof(*start->accounts));
	start->accounts[start->account_count++] = account;
}

static void forget(struct start *start)
{
	for (size_t i = 0; i < start->push_count; i++)
		push_free(&start->pushes[i]);
	for (size_t i = 0; i < start->expiring_count; i++) {
		free(start->expiring[i].subscription);
		free(start->expiring[i].endpoint);
	}
	start->push_count = 0;
	start->expiring_count = 0;
	start->account_count = 0;
}

static void know(void *arg, int64_t account, int64_t mailbox, uint32_t uid)
{
	struct start *start = arg;
	struct known_key key = { account, mailbox, uid };
	struct known *known = NULL;

	if (uid == 0)
		return;
	HASH_FIND(hh, start->known, &key, sizeof(key), known);
	if (known)
		return;
	known = mem_zalloc(sizeof(*known));
	known->key = key;
	HASH_ADD(hh, start->known, key, sizeof(key), known);
}

static enum rc load_run(struct pushq *pushq, struct pushq_job *job)
{
	struct start *start = (struct start *)(void *)job;

	forget(start);
	enum rc rc = pushq_remove_expired(pushq, clock_wall());
	if (rc == RC_OK)
		rc = pushq_list(pushq, 0, load_push, start);
	if (rc == RC_OK)
		rc = pushq_sent_list(pushq, know, start);
	if (rc == RC_OK)
		rc = pushq_expiries(pushq, load_expiry, start);
	if (rc == RC_OK && !pushq_was_clean(pushq))
		rc = pushq_subscribers(pushq, load_account, start);
	return rc;
}

static void load_done(struct pushq_job *job)
{
	struct start *start = (struct start *)(void *)job;

	pthread_mutex_lock(&start->lock);
	start->loaded = true;
	pthread_cond_signal(&start->cond);
	pthread_mutex_unlock(&start->lock);
}

void start_load(struct webpush *webpush)
{
	struct start *start = mem_zalloc(sizeof(*start));

	webpush->start = start;
	start->webpush = webpush;
	pthread_mutex_init(&start->lock, NULL);
	pthread_cond_init(&start->cond, NULL);
	start->job = (struct pushq_job){ .write = true, .run = load_run, .done = load_done };
	pushq_submit(webpush->store, &start->job);
	pthread_mutex_lock(&start->lock);
	while (!start->loaded)
		pthread_cond_wait(&start->cond, &start->lock);
	pthread_mutex_unlock(&start->lock);
	if (start->job.rc != RC_OK) {
		log_warn(webpush->log, "waiting pushes can't be read error=%s", rc_name(start->job.rc));
		forget(start);
	}
	for (size_t i = 0; i < start->push_count; i++)
		know(start, start->pushes[i]->account, start->pushes[i]->mailbox, start->pushes[i]->uid);
}

bool start_known(const struct webpush *webpush, const struct push *push)
{
	struct known_key key = { push->account, push->mailbox, push->uid };
	struct known *known = NULL;

	if (webpush->start)
		HASH_FIND(hh, webpush->start->known, &key, sizeof(key), known);
	return known != NULL;
}

/* [push] Accounts that may owe. */

struct opening {
	struct job job; /* first */
	struct webpush *webpush; /* borrowed */
	bool subscribed; /* result */
};

static enum rc opening_run(struct account *account, struct job *job)
{
	struct opening *opening = (struct opening *)(void *)job;
	struct subs_list subs = { 0 };
	struct device_list devices = { 0 };
	enum rc rc = subs_load(account, account_arena(account), &subs);

	if (rc == RC_OK)
		rc = device_load(account, 0, account_arena(account), &devices);
	opening->subscribed = rc != RC_OK || subs.n > 0 || devices.n > 0;
	return rc;
}

static void open_more(struct webpush *webpush);

static void opening_done(struct job *job)
{
	struct opening *opening = (struct opening *)(void *)job;
	struct webpush *webpush = opening->webpush;

	webpush->start->opening--;
	if (!webpush->closed && (job->rc == RC_GONE || (job->rc == RC_OK && !opening->subscribed)))
		books_unlist(webpush->books, account_id(job->account));
	else if (job->rc != RC_OK)
		atomic_store(&webpush->owed_lost, true);
	free(opening);
	open_more(webpush);
	webpush_pending_sub(webpush);
}

static void open_one(struct webpush *webpush, int64_t number)
{
	struct opening *opening = mem_zalloc(sizeof(*opening));
	struct account *account = account_get(webpush->store, number);

	webpush_pending_add(webpush);
	webpush->start->opening++;
	opening->webpush = webpush;
	opening->job.kind = JOB_READ;
	opening->job.run = opening_run;
	opening->job.done = opening_done;
	opening->job.home = webpush->reactor;
	job_submit_always(account, &opening->job);
	account_unref(&account);
}

static void open_more(struct webpush *webpush)
{
	struct start *start = webpush->start;
	bool stopping = atomic_load(&webpush->stopping);

	while (!stopping && start->next < start->account_count && start->opening < OPENING_MAX)
		open_one(webpush, start->accounts[start->next++]);
	if (start->opening > 0 || !start->accounts)
		return;
	if (start->next < start->account_count)
		atomic_store(&webpush->owed_lost, true);
	free(start->accounts);
	start->accounts = NULL;
	owed_less(webpush);
}

void start_take(struct webpush *webpush)
{
	struct start *start = webpush->start;

	if (start->push_count > 0)
		log_info(webpush->log, "pushes that have waited count=%zu", start->push_count);
	for (size_t i = 0; i < start->push_count; i++)
		queue_wait(webpush, start->pushes[i]);
	start->push_count = 0;
	for (size_t i = 0; i < start->expiring_count; i++) {
		const struct expiring *e = &start->expiring[i];
		expiry_restore(webpush, e->account, e->subscription, e->endpoint, e->due);
	}
	if (!start->accounts)
		return;
	log_info(webpush->log,
		"the last process was not closed in order: looking for owed pushes accounts=%zu",
		start->account_count);
	atomic_fetch_add(&webpush->owing, 1);
	open_more(webpush);
}

void start_free(struct webpush *webpush)
{
	struct start *start = webpush->start;
	struct known *known;
	struct known *next;

	if (!start)
		return;
	webpush->start = NULL;
	forget(start);
	HASH_ITER (hh, start->known, known, next) {
		HASH_DEL(start->known, known);
		free(known);
	}
	free(start->pushes);
	free(start->expiring);
	free(start->accounts);
	pthread_cond_destroy(&start->cond);
	pthread_mutex_destroy(&start->lock);
	free(start);
}
