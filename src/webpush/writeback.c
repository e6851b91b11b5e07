/*
 * Gathers entries of a turn of the loop in a page, which becomes one job of push.db at the end of the turn.
 */
#include "webpush/writeback.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/pushq.h"
#include "webpush/core.h"
#include "webpush/push.h"

#include <stdlib.h>

enum writeback_kind {
	WRITEBACK_REMOVE,
	WRITEBACK_DELAY,
	WRITEBACK_REMOVE_OF,
	WRITEBACK_FAILED,
	WRITEBACK_WORKED,
	WRITEBACK_EXPIRY,
	WRITEBACK_EXPIRED,
	WRITEBACK_UNLIST
};

struct writeback_entry {
	enum writeback_kind kind;
	int64_t id;
	int64_t account;
	int64_t mailbox; /* of the message, as the next one; 0: of none */
	uint32_t uid;
	int64_t due;
	uint32_t tries;
	uint32_t flags;
	/* own, as the next ones; NULL: not needed */
	char *subscription;
	char *endpoint;
	char *plain;
	size_t plain_n;
	uint32_t count; /* result of WRITEBACK_FAILED, as the next one */
	int64_t since;
};

struct writeback_page {
	struct pushq_job job;
	struct core *core; /* borrowed, as the next one */
	struct writeback *writeback; /* gone when core->closed */
	struct writeback_entry *v; /* own */
	size_t n;
	size_t cap;
};

struct writeback {
	struct core *core; /* borrowed */
	writeback_failing_fn *failing;
	void *ctx; /* of failing */
	struct writeback_page *page; /* own: being filled; NULL: nothing to write */
};

static void writeback_page_free(struct writeback_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		free(page->v[i].subscription);
		free(page->v[i].endpoint);
		free(page->v[i].plain);
	}
	free(page->v);
	free(page);
}

struct writeback *writeback_new(struct core *core, writeback_failing_fn *failing, void *ctx)
{
	struct writeback *writeback = mem_zalloc(sizeof(*writeback));

	writeback->core = core;
	writeback->failing = failing;
	writeback->ctx = ctx;
	return writeback;
}

void writeback_free(struct writeback **writeback)
{
	if (!*writeback)
		return;
	if ((*writeback)->page)
		writeback_page_free((*writeback)->page);
	free(*writeback);
	*writeback = NULL;
}

/* [pushq] */

static enum rc writeback_run_remove(struct pushq *pushq, const struct writeback_entry *e, int64_t now)
{
	struct push_record record = {
		.id = e->id, .account = e->account, .mailbox = e->mailbox, .uid = e->uid
	};

	return e->uid == 0 ? pushq_remove(pushq, e->id) : pushq_sent(pushq, &record, now);
}

static enum rc writeback_run_entry(struct pushq *pushq, struct writeback_entry *e, int64_t now)
{
	struct strv subscription = strv_cstr(e->subscription);

	switch (e->kind) {
	case WRITEBACK_REMOVE:
		return writeback_run_remove(pushq, e, now);
	case WRITEBACK_DELAY:
		return pushq_delay(pushq, e->id, e->due, e->tries, e->flags,
			e->plain ? strv_make(e->plain, e->plain_n) : STRV_NULL);
	case WRITEBACK_REMOVE_OF:
		return pushq_remove_of(pushq, e->account, subscription);
	case WRITEBACK_FAILED:
		return pushq_failed(pushq, e->account, subscription, now, &e->count, &e->since);
	case WRITEBACK_WORKED:
		return pushq_worked(pushq, e->account, subscription);
	case WRITEBACK_EXPIRY:
		return pushq_expiry(pushq, e->account, subscription, strv_cstr(e->endpoint), e->due);
	case WRITEBACK_EXPIRED:
		return pushq_expiry(pushq, e->account, subscription, STRV_NULL, now);
	case WRITEBACK_UNLIST:
		return pushq_subscriber(pushq, e->account, false);
	}
	return RC_INVALID;
}

static enum rc writeback_run(struct pushq *pushq, struct pushq_job *job)
{
	struct writeback_page *page = CONTAINER_OF(job, struct writeback_page, job);
	int64_t now = clock_wall();
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < page->n; i++)
		rc = writeback_run_entry(pushq, &page->v[i], now);
	return rc;
}

static bool writeback_failed_long(const struct webpush_settings *settings, const struct writeback_entry *e)
{
	return e->kind == WRITEBACK_FAILED && e->count >= settings->fail_count &&
	       clock_wall() - e->since >= (int64_t)settings->fail_age_s;
}

static void writeback_done(struct pushq_job *job)
{
	struct writeback_page *page = CONTAINER_OF(job, struct writeback_page, job);
	struct writeback *writeback = page->writeback;
	struct core *core = page->core;

	if (job->rc != RC_OK)
		log_warn(core->log, "push.db not changed rc=%s", rc_name(job->rc));
	for (size_t i = 0; job->rc == RC_OK && !core->closed && i < page->n; i++) {
		const struct writeback_entry *e = &page->v[i];
		if (writeback_failed_long(core->settings, e))
			writeback->failing(
				writeback->ctx, e->account, e->subscription, e->endpoint, e->count);
	}
	writeback_page_free(page);
	core_pending_sub(core);
}

/* [push] */

void writeback_flush(struct writeback *writeback)
{
	struct writeback_page *page = writeback->page;
	struct core *core = writeback->core;

	if (!page)
		return;
	writeback->page = NULL;
	if (core->closed) {
		writeback_page_free(page);
		return;
	}
	core_pending_add(core);
	page->core = core;
	page->writeback = writeback;
	page->job = (struct pushq_job){
		.write = true, .run = writeback_run, .done = writeback_done, .home = core->reactor
	};
	pushq_submit(core->store, &page->job);
}

static void writeback_flush_deferred(void *arg)
{
	writeback_flush(arg);
}

static struct writeback_entry *writeback_entry_new(struct writeback *writeback, enum writeback_kind kind)
{
	struct writeback_page *page = writeback->page;

	if (!page) {
		page = writeback->page = mem_zalloc(sizeof(*page));
		reactor_defer(writeback->core->reactor, writeback_flush_deferred, writeback);
	}
	if (page->n == page->cap) {
		page->cap = page->cap ? 2 * page->cap : 16;
		page->v = mem_realloc(page->v, page->cap, sizeof(*page->v));
	}
	page->v[page->n] = (struct writeback_entry){ .kind = kind };
	return &page->v[page->n++];
}

void writeback_remove(struct writeback *writeback, const struct push *push)
{
	if (push->id == 0)
		return;
	struct writeback_entry *e = writeback_entry_new(writeback, WRITEBACK_REMOVE);
	e->id = push->id;
	e->account = push->account;
	e->mailbox = push->mailbox;
	e->uid = push->uid;
}

void writeback_delay(struct writeback *writeback, const struct push *push, int64_t due, bool plain)
{
	if (push->id == 0)
		return;
	struct writeback_entry *e = writeback_entry_new(writeback, WRITEBACK_DELAY);
	e->id = push->id;
	e->due = due;
	e->tries = push->tries;
	e->flags = push->flags;
	if (plain) {
		e->plain = mem_strndup(push->plain, push->plain_n);
		e->plain_n = push->plain_n;
	}
}

void writeback_remove_of(struct writeback *writeback, int64_t account, const char *subscription)
{
	struct writeback_entry *e = writeback_entry_new(writeback, WRITEBACK_REMOVE_OF);
	e->account = account;
	e->subscription = mem_strdup(subscription);
}

static void writeback_health(struct writeback *writeback, enum writeback_kind kind, const struct push *push)
{
	struct writeback_entry *e = writeback_entry_new(writeback, kind);
	e->account = push->account;
	e->subscription = mem_strdup(push->subscription);
	e->endpoint = mem_strdup(push->endpoint);
}

void writeback_failed(struct writeback *writeback, const struct push *push)
{
	writeback_health(writeback, WRITEBACK_FAILED, push);
}

void writeback_worked(struct writeback *writeback, const struct push *push)
{
	writeback_health(writeback, WRITEBACK_WORKED, push);
}

void writeback_expiry(struct writeback *writeback, int64_t account, const char *subscription,
	const char *endpoint, int64_t due)
{
	struct writeback_entry *e =
		writeback_entry_new(writeback, due ? WRITEBACK_EXPIRY : WRITEBACK_EXPIRED);
	e->account = account;
	e->subscription = mem_strdup(subscription);
	e->endpoint = mem_strdup(endpoint);
	e->due = due;
}

void writeback_unlist(struct writeback *writeback, int64_t account)
{
	writeback_entry_new(writeback, WRITEBACK_UNLIST)->account = account;
}
