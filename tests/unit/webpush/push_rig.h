/*
 * The modules of Web Push on a store of the test's own, connected as webpush.c does, but without a thread and
 * without HTTP: the calling thread is the push thread, and running requests are in an array until the test
 * answers them. This file defines the functions of webpush/http.h, so that the real ones are not linked.
 */
#ifndef COID_TESTS_PUSH_RIG_H
#define COID_TESTS_PUSH_RIG_H

#include "base/clock.h"
#include "base/mem.h"
#include "store/message.h"
#include "store/pushq.h"
#include "support/store_rig.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/expiry.h"
#include "webpush/http.h"
#include "webpush/key.h"
#include "webpush/origin.h"
#include "webpush/outcome.h"
#include "webpush/owed.h"
#include "webpush/push.h"
#include "webpush/queue.h"
#include "webpush/subs.h"
#include "webpush/upkeep.h"
#include "webpush/writeback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RIG_ACCOUNT 1
#define RIG_HOST "https://push.example.org"
#define RIG_NOTIFIER "https://notify.example.org/n"
#define RIG_SUB "0123456789"
#define RIG_P256DH "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define RIG_AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define RIG_AIR_MAX 64

struct http {
	struct push *air[RIG_AIR_MAX];
	size_t n;
};

void http_start(struct http *http, struct push *push)
{
	assert_true(http->n < RIG_AIR_MAX);
	http->air[http->n++] = push;
}

void http_drop_if(struct http *http, bool (*want)(void *arg, const struct push *push), void *arg,
	void (*fn)(void *ctx, struct push *push), void *ctx)
{
	size_t kept = 0;
	size_t n = http->n;
	struct push *air[RIG_AIR_MAX];

	memcpy(air, http->air, sizeof(air));
	http->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (want(arg, air[i]))
			fn(ctx, air[i]);
		else
			http->air[kept++] = air[i];
	}
	http->n = kept;
}

enum rc http_new(struct core *core, struct server_key *key, http_answered_fn *answered, void *ctx,
	struct http **ret_http)
{
	(void)core;
	(void)key;
	(void)answered;
	(void)ctx;
	*ret_http = mem_zalloc(sizeof(struct http));
	return RC_OK;
}

void http_free(struct http **http)
{
	free(*http);
	*http = NULL;
}

struct push_rig {
	struct rig rig;
	char root[512];
	struct webpush_settings settings;
	struct core core;
	struct server_key key;
	struct writeback *writeback;
	struct upkeep upkeep;
	struct expiry expiry;
	struct owed owed;
	struct push_parties parties;
	struct queue queue;
	struct outcome outcome;
	struct http http;
	unsigned replaced; /* the number of new keys */
	unsigned told; /* the number of results that tests got, and the last one */
	char text[256];
	bool ok;
};

static inline void push_rig_replaced(void *ctx)
{
	struct push_rig *r = ctx;

	r->replaced++;
	queue_forget_keys(&r->queue);
}

static inline void push_rig_wire(struct push_rig *r)
{
	r->core.settings = &r->settings;
	r->core.store = r->rig.store;
	r->core.log = r->rig.log;
	r->core.reactor = r->rig.reactor;
	snprintf(r->core.notifier_origin, sizeof(r->core.notifier_origin), "https://notify.example.org");
	key_init(&r->key, &r->core, push_rig_replaced, r);
	r->writeback = writeback_new(&r->core, outcome_failing, &r->outcome);
	r->upkeep = (struct upkeep){ &r->core, &r->key, r->writeback };
	expiry_init(&r->expiry, &r->core, &r->upkeep, r->writeback);
	owed_init(&r->owed, &r->core);
	r->parties = (struct push_parties){ &r->core, r->writeback, &r->upkeep, &r->expiry };
	queue_init(&r->queue, &r->core, &r->parties, &r->key);
	r->queue.http = &r->http;
	r->outcome = (struct outcome){ &r->core, &r->queue };
}

/* Opens the folder again, with the present settings. */
static inline void push_rig_open(struct push_rig *r)
{
	rig_init(&r->rig, r->root, NULL);
	assert_int_equal(rig_open(&r->rig), RC_OK);
	memset(&r->core, 0, sizeof(r->core));
	push_rig_wire(r);
	assert_int_equal(key_fake(&r->key), RC_OK);
}

static inline void push_rig_begin(struct push_rig *r)
{
	memset(r, 0, sizeof(*r));
	webpush_settings_init(&r->settings);
	r->settings.chatmail = true;
	r->settings.notifier_url = RIG_NOTIFIER;
	rig_folder_make(r->root);
	push_rig_open(r);
}

static inline void push_rig_close(struct push_rig *r)
{
	atomic_store(&r->core.stopping, true);
	expiry_stop(&r->expiry);
	queue_stop(&r->queue);
	writeback_flush(r->writeback);
	owed_stop(&r->owed);
	pool_drain(r->rig.pool);
	r->core.closed = true;
	reactor_run_once(r->rig.reactor, false);
	queue_fini(&r->queue);
	expiry_fini(&r->expiry);
	owed_fini(&r->owed);
	writeback_free(&r->writeback);
	rig_close(&r->rig);
	key_fini(&r->key);
}

static inline void push_rig_end(struct push_rig *r)
{
	push_rig_close(r);
	rig_folder_remove(r->root);
	clock_fake_set(0, 0);
}

struct push_rig_job {
	struct pushq_job job;
	enum rc (*fn)(struct pushq *pushq, void *arg);
	void *arg;
	bool done;
};

static inline enum rc push_rig_job_run(struct pushq *pushq, struct pushq_job *job)
{
	struct push_rig_job *j = CONTAINER_OF(job, struct push_rig_job, job);
	return j->fn ? j->fn(pushq, j->arg) : RC_OK;
}

static inline void push_rig_job_done(struct pushq_job *job)
{
	CONTAINER_OF(job, struct push_rig_job, job)->done = true;
}

/* Runs fn(pushq) in a job of push.db, after all jobs submitted before. */
static inline enum rc push_rig_pushq(
	struct push_rig *r, enum rc (*fn)(struct pushq *pushq, void *arg), void *arg)
{
	struct push_rig_job j = { .fn = fn, .arg = arg };

	j.job = (struct pushq_job){
		.write = true, .run = push_rig_job_run, .done = push_rig_job_done, .home = r->rig.reactor
	};
	pushq_submit(r->rig.store, &j.job);
	while (!j.done)
		reactor_run_once(r->rig.reactor, true);
	return j.job.rc;
}

/* Waits until all deferred, posted and submitted work has ended. */
static inline void push_rig_settle(struct push_rig *r)
{
	for (unsigned i = 0; i < 4; i++) {
		reactor_run_once(r->rig.reactor, false);
		assert_int_equal(push_rig_pushq(r, NULL, NULL), RC_OK);
		rig_settle(&r->rig);
	}
}

/* Pushes and what push.db holds. */

static inline void push_rig_tell(struct push *push, const char *text, bool ok)
{
	struct push_rig *r = (struct push_rig *)(void *)push->test;

	r->told++;
	r->ok = ok;
	snprintf(r->text, sizeof(r->text), "%s", text);
}

static inline struct push *push_rig_push(
	struct push_rig *r, enum push_kind kind, const char *subscription, const char *endpoint)
{
	struct push *push = push_new(
		kind, RIG_ACCOUNT, strv_cstr(subscription), strv_cstr(endpoint), STRV("{\"content\":\"x\"}"));

	push->expires = clock_wall() + 86400;
	if (kind == PUSH_TEST) {
		push->tell = push_rig_tell;
		push->test = (struct webpush_test *)(void *)r;
	}
	return push;
}

/* Writes one push to push.db and lets it wait. */
static inline void push_rig_add(struct push_rig *r, struct push *push, struct owed_batch *batch)
{
	struct push_list list = { 0 };

	push_list_add(&list, push);
	queue_add(&r->queue, &list, batch);
	push_rig_settle(r);
}

struct push_rig_rows {
	unsigned count;
	int64_t due; /* of the last one, as the next ones */
	uint32_t tries;
	uint32_t flags;
	char plain[128];
};

static inline bool push_rig_on_row(void *arg, const struct push_record *record)
{
	struct push_rig_rows *rows = arg;

	rows->count++;
	rows->due = record->due;
	rows->tries = record->tries;
	rows->flags = record->flags;
	snprintf(rows->plain, sizeof(rows->plain), "%.*s", STRV_ARG(record->plain));
	return true;
}

static inline enum rc push_rig_list(struct pushq *pushq, void *arg)
{
	return pushq_list(pushq, 0, push_rig_on_row, arg);
}

static inline struct push_rig_rows push_rig_rows(struct push_rig *r)
{
	struct push_rig_rows rows = { 0 };

	push_rig_settle(r);
	assert_int_equal(push_rig_pushq(r, push_rig_list, &rows), RC_OK);
	return rows;
}

/* Answers the running request. */
static inline void push_rig_answer(struct push_rig *r, unsigned status, const char *after)
{
	struct push_answer answer = { .status = status, .reached = status != 0 };
	struct push *push;

	assert_true(r->http.n > 0);
	push = r->http.air[--r->http.n];
	snprintf(answer.retry_after, sizeof(answer.retry_after), "%s", after ? after : "");
	outcome_answered(&r->outcome, push, &answer);
	push_rig_settle(r);
}

static inline uint64_t push_rig_counter(const struct push_rig *r, enum core_counter counter)
{
	return atomic_load(&r->core.counters[counter]);
}

/* Subscriptions. */

struct push_rig_sub {
	struct push_rig *r;
	const char *id;
	const char *endpoint;
	bool validated;
	bool found; /* results */
	int64_t accepted;
	size_t count;
	int64_t unvalidated;
};

static inline enum rc push_rig_sub_make(struct account *account, void *arg)
{
	const struct push_rig_sub *s = arg;
	struct arena *arena = arena_new(0);
	struct vapid_key *key = key_current(&s->r->key);
	char why[SUBS_WHY_MAX];
	struct sub sub;
	const char *json = arena_printf(arena,
		"{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"all\",\"resource\":{\"endpoint\":\"%s\","
		"\"keys\":{\"p256dh\":\"" RIG_P256DH "\",\"auth\":\"" RIG_AUTH "\"}}}",
		s->endpoint);
	enum rc rc = subs_parse(strv_cstr(s->id), strv_cstr(json), false, arena, &sub, why);

	if (rc == RC_OK) {
		sub.validated = s->validated;
		sub.created = clock_wall();
		sub.vapid = vapid_key_id(key);
		sub.token = STRV("token");
		rc = subs_save(account, &sub);
	}
	vapid_key_unref(&key);
	arena_free(&arena);
	return rc;
}

static inline void push_rig_subscribe(
	struct push_rig *r, const char *id, const char *endpoint, bool validated)
{
	struct push_rig_sub s = { .r = r, .id = id, .endpoint = endpoint, .validated = validated };
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_WRITE, push_rig_sub_make, &s), RC_OK);
}

static inline enum rc push_rig_sub_look(struct account *account, void *arg)
{
	struct push_rig_sub *s = arg;
	struct arena *arena = arena_new(0);
	struct subs_list list;
	struct subs_throttle throttle;
	struct sub sub;
	enum rc rc = subs_load(account, arena, &list);

	if (rc == RC_OK)
		rc = subs_throttle_load(account, 30, clock_wall(), &throttle);
	if (rc == RC_OK) {
		s->count = list.n;
		s->unvalidated = throttle.unvalidated;
		s->found = subs_find(account, strv_cstr(s->id), arena, &sub) == RC_OK;
		s->accepted = s->found ? sub.accepted : 0;
		s->validated = s->found && sub.validated;
	}
	arena_free(&arena);
	return rc;
}

static inline struct push_rig_sub push_rig_look(struct push_rig *r, const char *id)
{
	struct push_rig_sub s = { .id = id };

	push_rig_settle(r);
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_READ, push_rig_sub_look, &s), RC_OK);
	return s;
}

#endif
