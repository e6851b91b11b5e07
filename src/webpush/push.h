/*
 * One push: a request that is to be made, from its creation by a job to its end. The code that handles it
 * owns it; while it waits the queue does. [push], except push_new, push_free and struct push_list: any
 * thread.
 *
 * Every push ends in push_end (except those that wait when the server stops: their rows stay in push.db). It
 * tells each party that has to know: push.db, the subscription, the counters, the caller of a test.
 */
#ifndef COID_WEBPUSH_PUSH_H
#define COID_WEBPUSH_PUSH_H

#include "base/list.h"
#include "base/strv.h"
#include "webpush/ece.h"
#include "webpush/vapid.h"

#include <stdbool.h>
#include <stdint.h>

struct core;
struct expiry;
struct push;
struct target;
struct upkeep;
struct webpush_test;
struct writeback;

/* These are stored in push.db: the numbers must not change. */
enum push_kind {
	PUSH_MESSAGE, /* a delivered message, to a subscription */
	PUSH_VALIDATION, /* the token that validates a subscription */
	PUSH_DEVICE, /* a delivered message, to a chatmail token; `plain` is the token */
	PUSH_TEST /* asked for by coidctl: never kept, never tried again */
};

/* These are stored in push.db, too. */
enum push_flag {
	PUSH_URGENT = 1 << 0,
	PUSH_SHRUNK = 1 << 1 /* its content has been removed */
};

/* Called once with the result of the push; `text` is valid during the call. */
typedef void push_tell_fn(struct push *push, const char *text, bool ok);

struct push {
	struct list_node in_target; /* origin.c's, as the next ones: the pushes that wait for an endpoint */
	struct target *target; /* borrowed; set while it waits or is being sent */
	uint64_t began; /* clock_mono_ms: when it was sent last */
	bool unproven; /* while it is being sent: how it was counted; so the next one */
	bool suspect;
	struct list_node in_all; /* queue.c's, as the next one: the pushes that wait, oldest first */
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
	int64_t expires; /* seconds since 1970 */
	uint64_t due; /* clock_mono_ms: the next try */
	unsigned tries; /* made so far and failed */
	struct webpush_test *test; /* borrowed: PUSH_TEST */
	push_tell_fn *tell; /* NULL: nobody waits for the result */
};

/*
 * Makes a push that is due now; strings are copied. The caller sets the fields that depend on the kind:
 * receiver, flags, expires, ...
 */
struct push *push_new(enum push_kind kind, int64_t account, struct strv subscription, struct strv endpoint,
	struct strv plain);
/* Frees a push without telling anybody. Wipes keys and content. Accepts NULL. */
void push_free(struct push **push);

/* Pushes on their way to the queue. */
struct push_list {
	struct push **v; /* own, with the pushes */
	size_t n;
	size_t cap;
};
void push_list_add(struct push_list *list, struct push *push);
/* Frees the pushes for which `drop` returns true; NULL: all. The others keep their order. */
void push_list_drop(struct push_list *list, bool (*drop)(void *arg, const struct push *push), void *arg);
/* Frees all. The list may be used again. */
void push_list_fini(struct push_list *list);

/* The ways in which a push ends. */
enum push_outcome {
	PUSH_END_SENT, /* the push service has it */
	PUSH_END_REFUSED, /* the push service answered with an error that lasts */
	PUSH_END_GONE, /* the push service does not know the subscription */
	PUSH_END_NOT_PUBLIC, /* its host has no public address */
	PUSH_END_NOT_ALLOWED, /* its endpoint was allowed when it was registered, but is no more */
	PUSH_END_LATE, /* it waited too long */
	PUSH_END_TRIED, /* it failed too often, or the next try would be too late */
	PUSH_END_FULL, /* the queue is full */
	PUSH_END_VOID, /* its subscription is gone or was replaced */
	PUSH_END_REKEYED, /* the server has a new key */
	PUSH_END_STOPPED /* the server stops: its row stays in push.db */
};

/* The parties that are told of ends. All borrowed. */
struct push_parties {
	struct core *core;
	struct writeback *writeback;
	struct upkeep *upkeep;
	struct expiry *expiry;
};

/*
 * [push] Takes over the push, which neither waits nor is being sent any more. For a test the caller is told
 * the result. Otherwise the row of push.db is deleted (except for PUSH_END_STOPPED), the counter of the
 * outcome grows, and the subscription is noted as working or failing, or is dropped. Logs nothing: the caller
 * knows more.
 */
void push_end(const struct push_parties *parties, struct push *push, enum push_outcome outcome);

#endif
