/*
 * One push: a request that is to be made, from the moment that a job makes it to its end. Whoever has it in
 * hand owns it; while it waits the queue does. [push], but for push_new, push_free and struct push_list: any
 * thread.
 *
 * Every push ends in push_end (but those that wait when the server stops: their rows stay in push.db). It
 * tells each party that has to know: push.db, the subscription, the counters, whoever asked for a test.
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

/* Kept in push.db: the numbers stay. */
enum push_kind {
	PUSH_MESSAGE, /* a delivered message, to a subscription */
	PUSH_VALIDATION, /* the token that validates a subscription */
	PUSH_DEVICE, /* a delivered message, to a chatmail token; `plain` is the token */
	PUSH_TEST /* asked for by coidctl: never kept, never tried again */
};

/* Kept in push.db, too. */
enum push_flag {
	PUSH_URGENT = 1 << 0,
	PUSH_SHRUNK = 1 << 1 /* its content has been taken off */
};

/* Told once what came of the push; `text` lives for the call. */
typedef void push_tell_fn(struct push *push, const char *text, bool ok);

struct push {
	struct list_node in_target; /* origin.c's, as the next ones: the pushes that wait for an endpoint */
	struct target *target; /* borrowed; set while it waits or is in the air */
	uint64_t began; /* clock_mono_ms: when it was sent last */
	bool unproven; /* in the air: how it was counted, as the next one */
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
	push_tell_fn *tell; /* NULL: nobody waits to be told */
};

/*
 * A push that is due now; strings are copied. The caller sets what depends on the kind: receiver, flags,
 * expires, ...
 */
struct push *push_new(enum push_kind kind, int64_t account, struct strv subscription, struct strv endpoint,
	struct strv plain);
/* Without telling anybody. Wipes keys and content. Accepts NULL. */
void push_free(struct push **push);

/* Pushes on their way to the queue. */
struct push_list {
	struct push **v; /* own, with the pushes */
	size_t n;
	size_t cap;
};
void push_list_add(struct push_list *list, struct push *push);
/* Frees the pushes that `drop` says; NULL: all. The others keep their order. */
void push_list_drop(struct push_list *list, bool (*drop)(void *arg, const struct push *push), void *arg);
/* Frees all. The list may be used again. */
void push_list_fini(struct push_list *list);

/* How a push ends. */
enum push_outcome {
	PUSH_END_SENT, /* the push service has it */
	PUSH_END_REFUSED, /* the push service answered with an error that lasts */
	PUSH_END_GONE, /* the push service does not know the subscription */
	PUSH_END_NOT_PUBLIC, /* its host has no public address */
	PUSH_END_NOT_ALLOWED, /* its endpoint was allowed when it was registered, but is no more */
	PUSH_END_LATE, /* it waited too long */
	PUSH_END_TRIED, /* it failed too often, or the next try would be too late */
	PUSH_END_FULL, /* the queue is full */
	PUSH_END_VOID, /* its subscription is gone, or another has taken its place */
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
 * [push] Takes the push, which neither waits nor is in the air any more. Whoever waits for a test is told.
 * Else: the row of push.db goes (but for PUSH_END_STOPPED), the counter of the outcome grows, and the
 * subscription is noted as working or failing, or is dropped. Logs nothing: the caller knows more.
 */
void push_end(const struct push_parties *parties, struct push *push, enum push_outcome outcome);

#endif
