/*
 * Web Push: subscriptions as METADATA entries, and the sender that tells push services of new messages;
 * device tokens of chatmail clients use the same sender. A thread of its own owns the HTTP client and all
 * waiting pushes; it is reached by messages only. coid/server.c uses this header.
 */
#ifndef COID_WEBPUSH_WEBPUSH_H
#define COID_WEBPUSH_WEBPUSH_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"
#include "metadata/provider.h"
#include "store/store.h"
#include "work/reactor.h"

#include <stdbool.h>
#include <stdint.h>

struct trial;
struct webpush;

enum webpush_content { WEBPUSH_FULL, WEBPUSH_HEADERS, WEBPUSH_MINIMAL };

/* Strings are copied. */
struct webpush_settings {
	bool enabled; /* false: nobody can subscribe, nothing is sent */
	enum webpush_content content;
	const char *contact; /* `sub` of VAPID: mailto: or https: */
	const char *ca_file; /* further trusted certificates; "": none */
	const char *proxy; /* "": none */
	bool allow_private; /* push services at addresses that are not public */
	uint64_t ttl_s; /* of pushes for messages */
	/*
	 * The time for validation: from the moment at which the push service has taken the validation push,
	 */
	uint64_t validation_window_s;
	uint64_t validation_max_s; /* ... and from the registration on; whichever ends first */
	unsigned subscriptions_max; /* of an account */
	unsigned registrations_max; /* of an account in a row; as many are granted anew each hour */
	unsigned unvalidated_max; /* registrations never validated after which an account waits for an hour */
	unsigned queue_max; /* pushes that wait, in all */
	unsigned queue_per_origin;
	unsigned parallel_max; /* requests at a time */
	unsigned parallel_per_origin;
	uint64_t connect_timeout_ms;
	uint64_t timeout_ms; /* of a whole request */
	unsigned tries_max; /* of a push that fails */
	uint64_t backoff_min_ms;
	uint64_t backoff_max_ms;
	uint64_t origin_pause_max_ms; /* the longest pause of all requests to one push service */
	unsigned fail_count; /* failures in a row over fail_age_s that cost a subscription */
	uint64_t fail_age_s;

	bool chatmail; /* takes device tokens */
	const char *notifier_url; /* "": announces nothing */
	const char *iroh_relay; /* facts for clients; "": none */
	const char *turn;
	const char *max_smtp_recipients;
	const char *app_versions;
	unsigned tokens_max; /* of an account; the oldest go */
};
void webpush_settings_init(struct webpush_settings *settings);

/* RC_INVALID, with a line in `errors` for each: ca_file, proxy or notifier_url can't be used. */
enum rc webpush_check_settings(const struct webpush_settings *settings, struct buf *errors) MUST_CHECK;

/*
 * Call this before any job: watches all accounts, reads the server's key or makes one (waits for server.db).
 * Starts no thread. The store is borrowed. RC_INVALID: webpush_check_settings fails.
 */
enum rc webpush_new(const struct webpush_settings *settings, struct store *store, struct log *log,
	struct buf *errors, struct webpush **ret_webpush) MUST_CHECK;
/* Adds the providers of its entries to the registry. */
void webpush_add_providers(struct webpush *webpush, struct metadata *metadata);
/* Starts the thread, which takes the pushes that wait in push.db. */
enum rc webpush_start(struct webpush *webpush) MUST_CHECK;
/*
 * [strand] Call this in the transaction that has stored a delivered message: an account with subscriptions or
 * device tokens notes that it owes pushes for it, so that a crash loses none. webpush may be NULL.
 */
enum rc webpush_deliver(
	struct webpush *webpush, struct account *account, int64_t mailbox, uint32_t uid) MUST_CHECK;
/*
 * Ends requests; waiting pushes stay in push.db. Call this when no mail is delivered any more. Any thread;
 * may be called again.
 */
void webpush_stop(struct webpush *webpush);
/* True, after webpush_stop: data are still being written to the database. */
bool webpush_busy(struct webpush *webpush);
/* Call this after the pool was drained, before the store is freed. */
void webpush_free(struct webpush **webpush);

struct webpush_counters {
	uint64_t sent; /* taken by a push service */
	uint64_t refused; /* answered with an error that lasts */
	uint64_t failed; /* tries that are made again later */
	uint64_t dropped; /* from a full queue */
	uint64_t expired; /* waited too long, or tried too often */
	uint64_t unsubscribed; /* by the push service, or by failing */
	uint64_t connections;
	unsigned waiting;
	unsigned active; /* running requests */
};
/* Any thread. */
void webpush_counters(const struct webpush *webpush, struct webpush_counters *ret_counters);

/* Functions for coidctl. */

/* [strand] A line for each subscription and device token of the account; no secrets. */
enum rc webpush_describe(struct webpush *webpush, struct account *account, struct buf *out) MUST_CHECK;
/* [strand], in a write transaction. RC_NOT_FOUND: there is no such subscription. */
enum rc webpush_remove(struct webpush *webpush, struct account *account, struct strv id) MUST_CHECK;

/*
 * A test: a real push to each subscription of the account (or to `id` alone), validated or not. The caller
 * owns it again in `done`.
 */
struct webpush_test {
	struct account *account; /* borrowed until done */
	struct strv id; /* borrowed until done; empty: all */
	struct reactor *home; /* of done */
	void (*done)(struct webpush_test *test);
	void *ctx;
	enum rc rc; /* RC_NOT_FOUND: there is no such subscription */
	struct buf out; /* the answers of push services, a line each; the caller's: buf_fini */
	unsigned left; /* webpush's, as the next ones */
	unsigned failed;
	struct trial *trial;
	struct reactor_msg msg;
};
void webpush_test_submit(struct webpush *webpush, struct webpush_test *test);

/* Prints the public key as PEM and as base64url, a line each. Any thread. */
void webpush_vapid_show(struct webpush *webpush, struct buf *out);
/* Makes a new key: old subscriptions are void. `done` is called on home. */
struct webpush_rotation {
	struct reactor *home;
	void (*done)(struct webpush_rotation *rotation);
	void *ctx;
	enum rc rc;
	void *job; /* webpush's */
};
void webpush_vapid_rotate(struct webpush *webpush, struct webpush_rotation *rotation);

#endif
