/*
 * What the files of this folder share. [push]: on the push thread, whose reactor is webpush->reactor. [strand]: on a worker
 * that owns the account's strand. The way of a message push:
 *
 *   commit -> sink (announce.c) -> [strand] job: subscriptions, payload -> [push] queue.c -> push.db -> origin.c: whose
 *          turn it is -> http.c -> answer -> outcome.c: done, again later, or [strand] the subscription is dropped
 */
#ifndef COID_WEBPUSH_WEBPUSH_PRIV_H
#define COID_WEBPUSH_WEBPUSH_PRIV_H

#include "base/hash.h"
#include "base/list.h"
#include "store/push_owed.h"
#include "store/pushq.h"
#include "webpush/endpoint.h"
#include "webpush/origin.h"
#include "webpush/payload.h"
#include "webpush/subs.h"
#include "webpush/vapid.h"
#include "webpush/webpush.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

enum push_kind {
	PUSH_MESSAGE,
	PUSH_VALIDATION,
	PUSH_DEVICE, /* a chatmail token; `plain` is the token */
	PUSH_TEST /* of coidctl: never kept, never again */
};

enum push_flag {
	PUSH_URGENT = 1 << 0,
	PUSH_SHRUNK = 1 << 1 /* its content has been taken off */
};

/* One request to be made. Owned by whoever has it in hand; while it waits, by the queue. */
struct push {
	struct list_node in_target; /* origin.c's, as the next ones: the pushes that wait for an endpoint */
	struct target *target; /* borrowed; set while it waits or is in the air */
	uint64_t began; /* clock_mono_ms: when it was sent last */
	bool unproven; /* in the air: how it was counted, as the next one */
	bool suspect;
	struct list_node in_all; /* oldest first */
	bool forgotten; /* its subscription went while the push was on its way into push.db */
	int64_t id; /* row of push.db; 0: none */
	int64_t account;
	int64_t mailbox; /* of the message, as the next one; 0: of none */
	uint32_t uid;
	enum push_kind kind;
	unsigned flags;
	char *subscription; /* own, as the next ones: name within the account */
	char *endpoint;
	char *from; /* PUSH_DEVICE, before it is queued: the sender's address */
	char *plain;
	size_t plain_n;
	struct ece_receiver receiver;
	char vapid[VAPID_ID + 1]; /* the key that its subscription was made for; empty: not known, or none */
	int64_t created; /* seconds since 1970 */
	int64_t expires;
	uint64_t due; /* clock_mono_ms */
	unsigned tries;
	struct webpush_test *test; /* borrowed: PUSH_TEST */
};

/* What came of a request. */
struct push_answer {
	unsigned status; /* 0: no answer */
	bool refused; /* every address of the host was one that may not be asked */
	bool reached; /* the connection stood and the request was on its way */
	char retry_after[64]; /* empty: none */
	char error[256]; /* for logs, if there is no answer */
	uint64_t ms;
};

/* Delivered messages that are owed pushes, on their way from a commit to a synced push.db. */
struct owed {
	struct list_node node;
	struct webpush *webpush; /* borrowed */
	int64_t account;
	struct push_owed_row *rows; /* own */
	size_t count;
};

struct http;
struct books;
struct start;

struct webpush {
	bool asleep; /* fixed: server.db was out of service at the start */
	struct webpush_settings settings; /* strings own */
	char *strings[8]; /* own */
	unsigned string_count;
	struct store *store; /* borrowed */
	struct log *log; /* borrowed */
	struct reactor *reactor; /* own */
	pthread_t thread;
	bool running; /* the thread has been started */
	struct change_sink sink;
	char notifier_origin[ENDPOINT_ORIGIN_MAX];

	pthread_mutex_t lock;
	struct vapid_key *vapid; /* counted; lock */

	atomic_bool stopping;
	atomic_uint owing; /* struct owed that are not settled, and the search for what is left over */
	atomic_bool owed_lost; /* some have been given up: the next start has to look for them */
	atomic_uint pending; /* jobs and messages on their way to the push thread or from it */
	struct reactor_msg stop_msg;
	atomic_bool stop_sent;
	bool closed; /* the pool is gone: nothing may be submitted; of the thread that ends everything */

	/* [push] */
	struct http *http;
	struct books *books;
	struct vapid_cache *tokens;
	struct origins *origins;
	struct list all; /* of struct push.in_all: those that wait */
	struct list adding; /* queue.c's: jobs that write pushes to push.db */
	struct timer pump_timer;
	struct list expiries; /* expiry.c's, as the next ones */
	unsigned expiry_count;
	struct timer expiry_timer;
	struct list owed_waiting; /* of struct owed: their pushes are in push.db, but not synced */
	unsigned owed_count;
	struct timer owed_timer;
	bool owed_syncing;
	bool clean_told;
	struct start *start; /* own: what an earlier process has left */
	bool pump_deferred;

	_Atomic uint64_t sent, refused, failed, dropped, expired, unsubscribed, connections;
	atomic_uint shown_waiting, shown_active;
};

/* key.c: the key of now; the caller's reference. Any thread. */
struct vapid_key *webpush_vapid(struct webpush *webpush);
/* At start, before anybody serves: reads the key, or (`make`) makes one. Waits for server.db. RC_NOT_FOUND: there is none. */
enum rc webpush_key_read(struct webpush *webpush, bool make) MUST_CHECK;
/* The rules of now; `vapid` borrows from the key. */
struct subs_rules webpush_rules(const struct webpush *webpush, const struct vapid_key *key);
/* Something is on its way, or has arrived. */
void webpush_pending_add(struct webpush *webpush);
void webpush_pending_sub(struct webpush *webpush);

void push_free(struct push **push);

/* provider.c */
void provider_subscriptions(struct webpush *webpush, struct metadata_provider *ret_provider);
void provider_vapid(struct webpush *webpush, struct metadata_provider *ret_provider);
void provider_device(struct webpush *webpush, struct metadata_provider *ret_provider);
void provider_facts(struct webpush *webpush, struct metadata_provider *ret_provider);

/* device.c: [strand] */
#define DEVICE_TOKEN_MAX 4096
#define DEVICE_TOKEN_DAYS 90
#define DEVICE_NAME 32 /* characters of a token's name */
struct device_token {
	struct strv name;
	struct strv value;
	int64_t set; /* when it was set last */
};
struct device_list {
	struct device_token *v; /* in the arena; those that have not expired */
	size_t n;
};
enum rc device_load(
	struct account *account, int64_t now, struct arena *arena, struct device_list *ret_list) MUST_CHECK;
enum rc device_add(struct account *account, struct strv token, int64_t now, unsigned max) MUST_CHECK;
enum rc device_drop(struct account *account, struct strv name) MUST_CHECK;
enum rc device_drop_all(struct account *account) MUST_CHECK;

/* announce.c */
/* [strand] An earlier process has left owed pushes in the account. */
void announce_owed(void *ctx, struct account *account);
void announce_sink(void *ctx, struct change_list *list);
/* [push] */
void announce_test(struct webpush *webpush, struct webpush_test *test);
/* A change of one subscription, made by a job of its own. Any thread. */
enum upkeep_kind {
	UPKEEP_ACCEPTED, /* the push service has taken the validation push */
	UPKEEP_GONE, /* the push service does not know it, or it has failed for long */
	UPKEEP_EXPIRE, /* drop what was not validated in time */
	UPKEEP_DEVICE_GONE
};
void upkeep_submit(struct webpush *webpush, enum upkeep_kind kind, int64_t account, const char *subscription,
	const char *endpoint);

/* queue.c: [push] */
void queue_init(struct webpush *webpush);
void queue_fini(struct webpush *webpush);
/* Takes the pushes, the array and `owed` (may be NULL): writes them to push.db, then sends them. */
void queue_add(struct webpush *webpush, struct push **pushes, size_t count, struct owed *owed);
/* Into the queue without push.db. */
void queue_wait(struct webpush *webpush, struct push *push);
/* The account is gone. */
void queue_forget(struct webpush *webpush, int64_t account);
/* The subscription is gone, or another has taken its place. */
void queue_forget_subscription(struct webpush *webpush, int64_t account, const char *subscription);
/* There is a new key: what was made for another one is void. */
void queue_forget_keys(struct webpush *webpush);
/* The end of a push that does not wait: its row in push.db goes, it is freed. */
void queue_finish(struct webpush *webpush, struct push *push);
/* Something may be sent now that could not before. */
void queue_pump_soon(struct webpush *webpush);
void queue_show(struct webpush *webpush);
/* A line of the answer to coidctl; the test is answered with its last one. */
void queue_test_answer(struct push *push, const char *text, bool ok);
void queue_stop(struct webpush *webpush);

/* outcome.c: [push] takes the push, which is in the air no more. */
void outcome_answered(struct webpush *webpush, struct push *push, const struct push_answer *answer);

/*
 * start.c: what an earlier process has left. start_load waits for push.db, before there are threads; start_take goes on with
 * what it has found, on the push thread.
 */
void start_load(struct webpush *webpush);
void start_take(struct webpush *webpush);
/* Whether the message's pushes were in push.db when it was loaded. */
bool start_known(const struct webpush *webpush, const struct push *push);
void start_free(struct webpush *webpush);

/* owed.c. Any thread; takes over `rows`. */
struct owed *owed_new(struct webpush *webpush, int64_t account, struct push_owed_row *rows, size_t count);
/* [push], as the next ones: its pushes are in push.db, or there are none. */
void owed_settle(struct owed **owed);
/* Given up: what is owed is found at the next start. Accepts NULL. */
void owed_lose(struct owed **owed);
void owed_init(struct webpush *webpush);
/* Nobody delivers any more. */
void owed_stop(struct webpush *webpush);
void owed_fini(struct webpush *webpush);
/* One less is owing. */
void owed_less(struct webpush *webpush);

/* expiry.c: [push] discards what is not validated in time. */
void expiry_init(struct webpush *webpush);
void expiry_fini(struct webpush *webpush);
/* The subscription of this validation push, so many seconds from now. */
void expiry_watch(struct webpush *webpush, const struct push *push, uint64_t seconds);
/* The same from push.db: due is in seconds since 1970. */
void expiry_restore(struct webpush *webpush, int64_t account, const char *subscription, const char *endpoint,
	int64_t due);

/* books.c: [push] what changes in push.db, gathered over a turn of the loop. */
struct books *books_new(struct webpush *webpush);
void books_free(struct books **books);
void books_remove(struct books *books, const struct push *push);
void books_delay(struct books *books, const struct push *push, int64_t due, bool plain);
void books_remove_of(struct books *books, int64_t account, const char *subscription);
void books_failed(struct books *books, const struct push *push);
void books_worked(struct books *books, const struct push *push);
/* The subscription is discarded at `due`, seconds since 1970; 0: it has been, or need not be any more. */
void books_expiry(
	struct books *books, int64_t account, const char *subscription, const char *endpoint, int64_t due);
/* The account has no subscriptions. */
void books_unlist(struct books *books, int64_t account);
void books_flush(struct books *books);

/* http.c: [push] */
enum rc http_new(struct webpush *webpush, struct http **ret_http) MUST_CHECK;
/* Drops the requests in the air that `want` says, without an answer: fn gets each push. */
void http_drop_if(struct http *http, bool (*want)(void *arg, const struct push *push), void *arg,
	void (*fn)(struct webpush *webpush, struct push *push));
void http_free(struct http **http);
/* Owns the push until outcome_answered. */
void http_start(struct http *http, struct push *push);

#endif
