/* Makes the parts of Web Push, connects them, starts and stops the push thread, frees the parts. */
#include "webpush/webpush_priv.h"

#include "base/mem.h"
#include "base/rand.h"
#include "metadata/provider.h"
#include "webpush/http.h"
#include "webpush/recovery.h"
#include "webpush/writeback.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define WEBPUSH_REACTOR_INDEX 1000 /* not among the server's */

void webpush_settings_init(struct webpush_settings *settings)
{
	*settings = (struct webpush_settings){
		.enabled = true,
		.content = WEBPUSH_FULL,
		.contact = "mailto:postmaster@localhost",
		.ca_file = "",
		.proxy = "",
		.ttl_s = 86400,
		.validation_window_s = 300,
		.validation_max_s = 900,
		.subscriptions_max = 10,
		.registrations_max = 30,
		.unvalidated_max = 10,
		.queue_max = 10000,
		.queue_per_origin = 2000,
		.parallel_max = 256,
		.parallel_per_origin = 32,
		.connect_timeout_ms = 10000,
		.timeout_ms = 30000,
		.tries_max = 10,
		.backoff_min_ms = 5000,
		.backoff_max_ms = 3600000,
		.origin_pause_max_ms = 120000,
		.fail_count = 20,
		.fail_age_s = 3 * 86400,
		.notifier_url = "",
		.iroh_relay = "",
		.turn = "",
		.max_smtp_recipients = "",
		.app_versions = "",
		.tokens_max = 50,
	};
}

static const char *webpush_keep(struct webpush *webpush, const char *text)
{
	char *copy = mem_strdup(text ? text : "");
	webpush->strings[webpush->string_count++] = copy;
	return copy;
}

static void webpush_copy_settings(struct webpush *webpush, const struct webpush_settings *settings)
{
	struct webpush_settings *s = &webpush->settings;

	*s = *settings;
	s->contact = webpush_keep(webpush, s->contact);
	s->ca_file = webpush_keep(webpush, s->ca_file);
	s->proxy = webpush_keep(webpush, s->proxy);
	s->notifier_url = webpush_keep(webpush, s->notifier_url);
	s->iroh_relay = webpush_keep(webpush, s->iroh_relay);
	s->turn = webpush_keep(webpush, s->turn);
	s->max_smtp_recipients = webpush_keep(webpush, s->max_smtp_recipients);
	s->app_versions = webpush_keep(webpush, s->app_versions);
}

/* The settings have been checked, so a URL that is set is valid. */
static void webpush_set_notifier(struct webpush *webpush)
{
	const struct webpush_settings *s = &webpush->settings;
	struct endpoint endpoint;
	const char *why = NULL;

	if (s->chatmail && s->notifier_url[0] &&
		endpoint_parse(strv_cstr(s->notifier_url), s->allow_private, &endpoint, &why) == RC_OK)
		memcpy(webpush->core.notifier_origin, endpoint.origin, sizeof(webpush->core.notifier_origin));
}

/*
 * server.db is out of service, and with it our key: nothing is pushed or offered until the next start. Pushes
 * in push.db and owed ones stay.
 */
static enum rc webpush_fall_asleep(struct webpush *webpush)
{
	log_error(webpush->core.log, "no pushes until the next start: the key of the server cannot be read");
	webpush->asleep = true;
	webpush->settings.enabled = false;
	webpush->settings.notifier_url = "";
	/* This key is never shown, but code that asks for the key finds one. */
	return key_fake(&webpush->key);
}

static enum rc webpush_read_key(struct webpush *webpush)
{
	/* Reading an existing key needs no write, which may be impossible now. */
	enum rc rc = key_read(&webpush->key, false);

	if (rc == RC_NOT_FOUND)
		rc = key_read(&webpush->key, true);
	return rc == RC_OK ? RC_OK : webpush_fall_asleep(webpush);
}

static void webpush_on_new_key(void *ctx)
{
	struct webpush *webpush = ctx;
	queue_forget_keys(&webpush->queue);
}

/* Gives each part the parts that it may call. A part that is called by a lower one gives it a function. */
static void webpush_wire(struct webpush *webpush, struct store *store, struct log *log)
{
	struct core *core = &webpush->core;
	struct server_key *key = &webpush->key;
	struct queue *queue = &webpush->queue;

	core->settings = &webpush->settings;
	core->store = store;
	core->log = log;
	core->reactor = webpush->reactor;
	key_init(key, core, webpush_on_new_key, webpush);
	webpush->writeback = writeback_new(core, outcome_failing, &webpush->outcome);
	webpush->upkeep = (struct upkeep){ core, key, webpush->writeback };
	expiry_init(&webpush->expiry, core, &webpush->upkeep, webpush->writeback);
	owed_init(&webpush->owed, core);
	webpush->parties =
		(struct push_parties){ core, webpush->writeback, &webpush->upkeep, &webpush->expiry };
	queue_init(queue, core, &webpush->parties, key);
	webpush->outcome = (struct outcome){ core, queue };
	webpush->recovery = recovery_new(&(struct recovery_parties){
		core, queue, &webpush->expiry, &webpush->owed, webpush->writeback });
	webpush->announce = (struct announce){ .core = core,
		.key = key,
		.queue = queue,
		.owed = &webpush->owed,
		.recovery = webpush->recovery };
	webpush->trial = (struct trial){ core, key, queue };
	webpush->provider = (struct provider){ core, key };
}

enum rc webpush_new(const struct webpush_settings *settings, struct store *store, struct log *log,
	struct buf *errors, struct webpush **ret_webpush)
{
	struct webpush *webpush = mem_zalloc(sizeof(*webpush));

	/* The seed of JSON objects must be drawn before there are threads. */
	json_object_seed((size_t)rand_u64() | 1);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	webpush_copy_settings(webpush, settings);
	webpush->reactor = reactor_new(WEBPUSH_REACTOR_INDEX, log);
	webpush_wire(webpush, store, log);
	enum rc rc = webpush_check_settings(&webpush->settings, errors);
	if (rc == RC_OK) {
		webpush_set_notifier(webpush);
		rc = webpush_read_key(webpush);
	}
	if (rc == RC_OK)
		rc = http_new(
			&webpush->core, &webpush->key, outcome_answered, &webpush->outcome, &webpush->http);
	if (rc != RC_OK) {
		webpush_free(&webpush);
		return rc;
	}
	webpush->queue.http = webpush->http;
	*ret_webpush = webpush;
	if (webpush->asleep)
		return RC_OK;
	recovery_load(webpush->recovery);
	announce_watch(&webpush->announce);
	return RC_OK;
}

void webpush_add_providers(struct webpush *webpush, struct metadata *metadata)
{
	struct metadata_provider provider;

	provider_subscriptions(&webpush->provider, &provider);
	metadata_add(metadata, &provider);
	provider_vapid(&webpush->provider, &provider);
	metadata_add(metadata, &provider);
	provider_device(&webpush->provider, &provider);
	metadata_add(metadata, &provider);
	provider_facts(&webpush->provider, &provider);
	metadata_add(metadata, &provider);
}

enum rc webpush_deliver(struct webpush *webpush, struct account *account, int64_t mailbox, uint32_t uid)
{
	return webpush ? announce_deliver(&webpush->announce, account, mailbox, uid) : RC_OK;
}

static void *webpush_thread(void *arg)
{
	struct webpush *webpush = arg;

	recovery_take(webpush->recovery);
	reactor_run(webpush->reactor);
	return NULL;
}

enum rc webpush_start(struct webpush *webpush)
{
	if (webpush->asleep)
		return RC_OK;
	webpush->core.running = true;
	if (pthread_create(&webpush->thread, NULL, webpush_thread, webpush) != 0) {
		webpush->core.running = false;
		log_error(webpush->core.log, "can't start the push thread");
		return RC_UNAVAILABLE;
	}
	return RC_OK;
}

/* [push] Ends requests; running ones are written to push.db. */
static void webpush_rest(struct webpush *webpush)
{
	expiry_stop(&webpush->expiry);
	queue_stop(&webpush->queue);
	writeback_flush(webpush->writeback);
	owed_stop(&webpush->owed);
}

static void webpush_stop_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct webpush *webpush = CONTAINER_OF(msg, struct webpush, stop_msg);

	(void)reactor;
	webpush_rest(webpush);
	core_pending_sub(&webpush->core);
}

void webpush_stop(struct webpush *webpush)
{
	if (!webpush->core.running || atomic_exchange(&webpush->stop_sent, true))
		return;
	core_pending_add(&webpush->core);
	atomic_store(&webpush->core.stopping, true);
	webpush->stop_msg.fn = webpush_stop_arrived;
	reactor_post(webpush->reactor, &webpush->stop_msg);
}

bool webpush_busy(struct webpush *webpush)
{
	return atomic_load(&webpush->core.pending) > 0;
}

void webpush_free(struct webpush **webpush)
{
	struct webpush *w = *webpush;

	if (!w)
		return;
	*webpush = NULL;
	if (w->core.running) {
		reactor_stop(w->reactor);
		pthread_join(w->thread, NULL);
	}
	w->core.closed = true;
	atomic_store(&w->core.stopping, true);
	webpush_rest(w);
	/* Messages that arrive from now on are dropped. */
	reactor_run_once(w->reactor, false);
	w->queue.http = NULL;
	http_free(&w->http);
	queue_fini(&w->queue);
	expiry_fini(&w->expiry);
	owed_fini(&w->owed);
	recovery_free(&w->recovery);
	writeback_free(&w->writeback);
	reactor_free(&w->reactor);
	key_fini(&w->key);
	for (unsigned i = 0; i < w->string_count; i++)
		free(w->strings[i]);
	free(w);
	curl_global_cleanup();
}

static uint64_t webpush_counter(const struct webpush *webpush, enum core_counter counter)
{
	return atomic_load(&webpush->core.counters[counter]);
}

void webpush_counters(const struct webpush *webpush, struct webpush_counters *ret_counters)
{
	*ret_counters = (struct webpush_counters){
		.sent = webpush_counter(webpush, CORE_SENT),
		.refused = webpush_counter(webpush, CORE_REFUSED),
		.failed = webpush_counter(webpush, CORE_FAILED),
		.dropped = webpush_counter(webpush, CORE_DROPPED),
		.expired = webpush_counter(webpush, CORE_EXPIRED),
		.unsubscribed = webpush_counter(webpush, CORE_UNSUBSCRIBED),
		.connections = webpush_counter(webpush, CORE_CONNECTIONS),
		.waiting = atomic_load(&webpush->queue.shown_waiting),
		.active = atomic_load(&webpush->queue.shown_active),
	};
}

void webpush_test_submit(struct webpush *webpush, struct webpush_test *test)
{
	trial_submit(&webpush->trial, test);
}

void webpush_vapid_rotate(struct webpush *webpush, struct webpush_rotation *rotation)
{
	key_rotate(&webpush->key, rotation);
}

void webpush_vapid_show(struct webpush *webpush, struct buf *out)
{
	struct vapid_key *key = key_current(&webpush->key);

	buf_addv(out, vapid_key_pem(key));
	buf_addv(out, vapid_key_base64(key));
	buf_addc(out, '\n');
	vapid_key_unref(&key);
}
