/* Bookkeeping: what happened to pushes in a turn of the loop becomes one job of push.db. */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

enum book_kind {
	BOOK_REMOVE,
	BOOK_DELAY,
	BOOK_REMOVE_OF,
	BOOK_FAILED,
	BOOK_WORKED,
	BOOK_EXPIRY,
	BOOK_EXPIRED,
	BOOK_UNLIST
};

struct entry {
	enum book_kind kind;
	int64_t id;
	int64_t account;
	int64_t mailbox; /* of the message, as the next one; 0: of none */
	uint32_t uid;
	int64_t due;
	uint32_t tries;
	uint32_t flags;
	char *subscription; /* own, as the next ones; NULL: not needed */
	char *endpoint;
	char *plain;
	size_t plain_n;
	uint32_t count; /* result of BOOK_FAILED, as the next one */
	int64_t since;
};

struct page {
	struct pushq_job job; /* first */
	struct webpush *webpush;
	struct entry *v; /* own */
	size_t n;
	size_t cap;
};

struct books {
	struct webpush *webpush; /* borrowed */
	struct page *page; /* own: being filled; NULL: nothing to write */
};

static void page_free(struct page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		free(page->v[i].subscription);
		free(page->v[i].endpoint);
		free(page->v[i].plain);
	}
	free(page->v);
	free(page);
}

struct books *books_new(struct webpush *webpush)
{
	struct books *books = mem_zalloc(sizeof(*books));
	books->webpush = webpush;
	return books;
}

void books_free(struct books **books)
{
	if (!*books)
		return;
	if ((*books)->page)
		page_free((*books)->page);
	free(*books);
	*books = NULL;
}

/* [pushq] */

static enum rc enter_removed(struct pushq *pushq, const struct entry *e, int64_t now)
{
	struct push_record record = {
		.id = e->id, .account = e->account, .mailbox = e->mailbox, .uid = e->uid
	};

	return e->uid == 0 ? pushq_remove(pushq, e->id) : pushq_sent(pushq, &record, now);
}

static enum rc enter(struct pushq *pushq, struct entry *e, int64_t now)
{
	struct strv subscription = strv_cstr(e->subscription);

	switch (e->kind) {
	case BOOK_REMOVE:
		return enter_removed(pushq, e, now);
	case BOOK_DELAY:
		return pushq_delay(pushq, e->id, e->due, e->tries, e->flags,
			e->plain ? strv_make(e->plain, e->plain_n) : STRV_NULL);
	case BOOK_REMOVE_OF:
		return pushq_remove_of(pushq, e->account, subscription);
	case BOOK_FAILED:
		return pushq_failed(pushq, e->account, subscription, now, &e->count, &e->since);
	case BOOK_WORKED:
		return pushq_worked(pushq, e->account, subscription);
	case BOOK_EXPIRY:
		return pushq_expiry(pushq, e->account, subscription, strv_cstr(e->endpoint), e->due);
	case BOOK_EXPIRED:
		return pushq_expiry(pushq, e->account, subscription, STRV_NULL, now);
	case BOOK_UNLIST:
		return pushq_subscriber(pushq, e->account, false);
	}
	return RC_INVALID;
}

static enum rc page_run(struct pushq *pushq, struct pushq_job *job)
{
	struct page *page = (struct page *)(void *)job;
	int64_t now = clock_wall();
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < page->n; i++)
		rc = enter(pushq, &page->v[i], now);
	return rc;
}

static bool failed_for_long(const struct webpush_settings *settings, const struct entry *e)
{
	return e->kind == BOOK_FAILED && e->count >= settings->fail_count &&
	       clock_wall() - e->since >= (int64_t)settings->fail_age_s;
}

static void page_done(struct pushq_job *job)
{
	struct page *page = (struct page *)(void *)job;
	struct webpush *webpush = page->webpush;

	if (job->rc != RC_OK)
		log_warn(webpush->log, "push.db not changed error=%s", rc_name(job->rc));
	for (size_t i = 0; job->rc == RC_OK && !webpush->closed && i < page->n; i++) {
		const struct entry *e = &page->v[i];
		if (!failed_for_long(&webpush->settings, e))
			continue;
		log_info(webpush->log,
			"push subscription dropped: it has failed for long account=%s id=%s failures=%u",
			store_account_shown(webpush->store, e->account), LOG_V(strv_cstr(e->subscription)),
			e->count);
		atomic_fetch_add(&webpush->unsubscribed, 1);
		upkeep_submit(webpush, UPKEEP_GONE, e->account, e->subscription, e->endpoint);
		queue_forget_subscription(webpush, e->account, e->subscription);
	}
	page_free(page);
	webpush_pending_sub(webpush);
}

/* [push] */

void books_flush(struct books *books)
{
	struct page *page = books->page;

	if (!page)
		return;
	books->page = NULL;
	if (books->webpush->closed) {
		page_free(page);
		return;
	}
	webpush_pending_add(books->webpush);
	page->webpush = books->webpush;
	page->job = (struct pushq_job){
		.write = true, .run = page_run, .done = page_done, .home = books->webpush->reactor
	};
	pushq_submit(books->webpush->store, &page->job);
}

static void flush_deferred(void *arg)
{
	struct webpush *webpush = arg;
	books_flush(webpush->books);
}

static struct entry *entry_new(struct books *books, enum book_kind kind)
{
	struct page *page = books->page;

	if (!page) {
		page = books->page = mem_zalloc(sizeof(*page));
		reactor_defer(books->webpush->reactor, flush_deferred, books->webpush);
	}
	if (page->n == page->cap) {
		page->cap = page->cap ? 2 * page->cap : 16;
		page->v = mem_realloc(page->v, page->cap, sizeof(*page->v));
	}
	page->v[page->n] = (struct entry){ .kind = kind };
	return &page->v[page->n++];
}

void books_remove(struct books *books, const struct push *push)
{
	if (push->id == 0)
		return;
	struct entry *e = entry_new(books, BOOK_REMOVE);
	e->id = push->id;
	e->account = push->account;
	e->mailbox = push->mailbox;
	e->uid = push->uid;
}

void books_delay(struct books *books, const struct push *push, int64_t due, bool plain)
{
	if (push->id == 0)
		return;
	struct entry *e = entry_new(books, BOOK_DELAY);
	e->id = push->id;
	e->due = due;
	e->tries = push->tries;
	e->flags = push->flags;
	if (plain) {
		e->plain = mem_strndup(push->plain, push->plain_n);
		e->plain_n = push->plain_n;
	}
}

void books_remove_of(struct books *books, int64_t account, const char *subscription)
{
	struct entry *e = entry_new(books, BOOK_REMOVE_OF);
	e->account = account;
	e->subscription = mem_strdup(subscription);
}

static void book_health(struct books *books, enum book_kind kind, const struct push *push)
{
	struct entry *e = entry_new(books, kind);
	e->account = push->account;
	e->subscription = mem_strdup(push->subscription);
	e->endpoint = mem_strdup(push->endpoint);
}

void books_failed(struct books *books, const struct push *push)
{
	book_health(books, BOOK_FAILED, push);
}

void books_worked(struct books *books, const struct push *push)
{
	book_health(books, BOOK_WORKED, push);
}

void books_expiry(
	struct books *books, int64_t account, const char *subscription, const char *endpoint, int64_t due)
{
	struct entry *e = entry_new(books, due ? BOOK_EXPIRY : BOOK_EXPIRED);
	e->account = account;
	e->subscription = mem_strdup(subscription);
	e->endpoint = mem_strdup(endpoint);
	e->due = due;
}

void books_unlist(struct books *books, int64_t account)
{
	entry_new(books, BOOK_UNLIST)->account = account;
}
