#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "metadata/entry.h"
#include "store/users.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define REACTOR_INDEX 1000 /* not among the server's */
#define TEST_OUT_MAX (256 * 1024)

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

static const char *keep(struct webpush *webpush, const char *text)
{
	char *copy = mem_strdup(text ? text : "");
	webpush->strings[webpush->string_count++] = copy;
	return copy;
}

static void settings_copy(struct webpush *webpush, const struct webpush_settings *settings)
{
	struct webpush_settings *s = &webpush->settings;

	*s = *settings;
	s->contact = keep(webpush, s->contact);
	s->ca_file = keep(webpush, s->ca_file);
	s->proxy = keep(webpush, s->proxy);
	s->notifier_url = keep(webpush, s->notifier_url);
	s->iroh_relay = keep(webpush, s->iroh_relay);
	s->turn = keep(webpush, s->turn);
	s->max_smtp_recipients = keep(webpush, s->max_smtp_recipients);
	s->app_versions = keep(webpush, s->app_versions);
}

void webpush_pending_add(struct webpush *webpush)
{
	atomic_fetch_add(&webpush->pending, 1);
}

void webpush_pending_sub(struct webpush *webpush)
{
	atomic_fetch_sub(&webpush->pending, 1);
}

struct subs_rules webpush_rules(const struct webpush *webpush, const struct vapid_key *key)
{
	return (struct subs_rules){
		.now = clock_wall(),
		.window_s = (int64_t)webpush->settings.validation_window_s,
		.max_s = (int64_t)webpush->settings.validation_max_s,
		.vapid = vapid_key_id(key),
	};
}

/* Life. */

/* What the settings were found good for. */
static void take_notifier(struct webpush *webpush)
{
	const struct webpush_settings *s = &webpush->settings;
	struct endpoint endpoint;
	const char *why = NULL;

	if (s->chatmail && s->notifier_url[0] &&
		endpoint_parse(strv_cstr(s->notifier_url), s->allow_private, &endpoint, &why) == RC_OK)
		memcpy(webpush->notifier_origin, endpoint.origin, sizeof(webpush->notifier_origin));
}

/* server.db is out of service, and with it our key: nothing is pushed or offered until the next start. What waits in push.db and
 * is owed stays so. */
static enum rc fall_asleep(struct webpush *webpush)
{
	log_error(webpush->log, "no pushes until the next start: the key of the server cannot be read");
	webpush->asleep = true;
	webpush->settings.enabled = false;
	webpush->settings.notifier_url = "";
	/* Never shown: whoever holds it need not ask whether there is one. */
	return vapid_key_generate(&webpush->vapid);
}

enum rc webpush_new(const struct webpush_settings *settings, struct store *store, struct log *log,
	struct buf *errors, struct webpush **ret_webpush)
{
	struct webpush *webpush = mem_zalloc(sizeof(*webpush));

	/* The seed of JSON objects must be drawn before there are threads. */
	json_object_seed((size_t)rand_u64() | 1);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pthread_mutex_init(&webpush->lock, NULL);
	webpush->store = store;
	webpush->log = log;
	settings_copy(webpush, settings);
	webpush->reactor = reactor_new(REACTOR_INDEX, log);
	queue_init(webpush);
	enum rc rc = webpush_check_settings(&webpush->settings, errors);
	if (rc == RC_OK) {
		take_notifier(webpush);
		/* A key that is there needs no write, which may not be possible now. */
		rc = webpush_key_read(webpush, false);
		if (rc == RC_NOT_FOUND)
			rc = webpush_key_read(webpush, true);
		if (rc != RC_OK)
			rc = fall_asleep(webpush);
	}
	if (rc == RC_OK)
		rc = http_new(webpush, &webpush->http);
	if (rc != RC_OK) {
		webpush_free(&webpush);
		return rc;
	}
	*ret_webpush = webpush;
	if (webpush->asleep)
		return RC_OK;
	start_load(webpush);
	store_on_push_owed(store, announce_owed, webpush);
	webpush->sink = (struct change_sink){ .fn = announce_sink, .ctx = webpush };
	store_watch_all(store, &webpush->sink);
	return RC_OK;
}

void webpush_add_providers(struct webpush *webpush, struct metadata *metadata)
{
	struct metadata_provider provider;

	provider_subscriptions(webpush, &provider);
	metadata_add(metadata, &provider);
	provider_vapid(webpush, &provider);
	metadata_add(metadata, &provider);
	provider_device(webpush, &provider);
	metadata_add(metadata, &provider);
	provider_facts(webpush, &provider);
	metadata_add(metadata, &provider);
}

static void *thread_main(void *arg)
{
	struct webpush *webpush = arg;

	start_take(webpush);
	reactor_run(webpush->reactor);
	return NULL;
}

enum rc webpush_start(struct webpush *webpush)
{
	if (webpush->asleep)
		return RC_OK;
	if (pthread_create(&webpush->thread, NULL, thread_main, webpush) != 0) {
		log_error(webpush->log, "can't start the push thread");
		return RC_UNAVAILABLE;
	}
	webpush->running = true;
	return RC_OK;
}

static void stop_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct webpush *webpush = CONTAINER_OF(msg, struct webpush, stop_msg);

	(void)reactor;
	queue_stop(webpush);
	webpush_pending_sub(webpush);
}

void webpush_stop(struct webpush *webpush)
{
	if (!webpush->running || atomic_exchange(&webpush->stop_sent, true))
		return;
	webpush_pending_add(webpush);
	atomic_store(&webpush->stopping, true);
	webpush->stop_msg.fn = stop_arrived;
	reactor_post(webpush->reactor, &webpush->stop_msg);
}

bool webpush_busy(struct webpush *webpush)
{
	return atomic_load(&webpush->pending) > 0;
}

void webpush_free(struct webpush **webpush)
{
	struct webpush *w = *webpush;

	if (!w)
		return;
	*webpush = NULL;
	if (w->running) {
		reactor_stop(w->reactor);
		pthread_join(w->thread, NULL);
	}
	w->closed = true;
	atomic_store(&w->stopping, true);
	queue_stop(w);
	/* What has come meanwhile is dropped on arrival. */
	reactor_run_once(w->reactor, false);
	http_free(&w->http);
	queue_fini(w);
	reactor_free(&w->reactor);
	vapid_key_unref(&w->vapid);
	pthread_mutex_destroy(&w->lock);
	for (unsigned i = 0; i < w->string_count; i++)
		free(w->strings[i]);
	free(w);
	curl_global_cleanup();
}

void webpush_counters(const struct webpush *webpush, struct webpush_counters *ret_counters)
{
	*ret_counters = (struct webpush_counters){
		.sent = atomic_load(&webpush->sent),
		.refused = atomic_load(&webpush->refused),
		.failed = atomic_load(&webpush->failed),
		.dropped = atomic_load(&webpush->dropped),
		.expired = atomic_load(&webpush->expired),
		.unsubscribed = atomic_load(&webpush->unsubscribed),
		.connections = atomic_load(&webpush->connections),
		.waiting = atomic_load(&webpush->shown_waiting),
		.active = atomic_load(&webpush->shown_active),
	};
}

/* For coidctl. */

static void describe_sub(const struct sub *sub, const struct subs_rules *rules, struct buf *out)
{
	static const char *const types[] = { [SUB_CHAT] = "chat", [SUB_MAIL] = "mail", [SUB_ALL] = "all" };
	struct endpoint endpoint;
	const char *why;
	char created[CLOCK_ISO_ROOM];

	clock_iso_local(sub->created, created);
	buf_printf(out, "%.*s type=%s %s client=%s", STRV_ARG(sub->id), types[sub->type],
		!subs_lives(sub, rules) ? "void"
		: sub->validated        ? "validated"
					: "waiting",
		LOG_V(sub->client));
	buf_printf(out, " device=%s created=%s", LOG_V(sub->device), created);
	if (endpoint_parse(sub->endpoint, true, &endpoint, &why) == RC_OK)
		buf_printf(out, " origin=%s", endpoint.origin);
	buf_addc(out, '\n');
}

enum rc webpush_describe(struct webpush *webpush, struct account *account, struct buf *out)
{
	struct arena *arena = arena_new(0);
	struct vapid_key *key = webpush_vapid(webpush);
	struct subs_rules rules = webpush_rules(webpush, key);
	struct subs_list subs = { 0 };
	struct device_list devices = { 0 };
	enum rc rc = subs_load(account, arena, &subs);

	if (rc == RC_OK)
		rc = device_load(account, rules.now, arena, &devices);
	for (size_t i = 0; rc == RC_OK && i < subs.n; i++)
		describe_sub(&subs.v[i], &rules, out);
	for (size_t i = 0; rc == RC_OK && i < devices.n; i++) {
		char set[CLOCK_ISO_ROOM];
		clock_iso_local(devices.v[i].set, set);
		buf_printf(out, "%.*s type=device set=%s\n", STRV_ARG(devices.v[i].name), set);
	}
	vapid_key_unref(&key);
	arena_free(&arena);
	return rc;
}

enum rc webpush_remove(struct webpush *webpush, struct account *account, struct strv id)
{
	struct arena *arena = arena_new(0);
	struct device_list devices = { 0 };
	struct strv name = entry_lower(id, false, arena);
	struct sub sub;
	enum rc rc = subs_id_valid(id) ? subs_find(account, name, arena, &sub) : RC_NOT_FOUND;

	(void)webpush;
	if (rc == RC_OK || rc == RC_CORRUPT) {
		rc = subs_drop(account, name);
		if (rc == RC_OK)
			rc = metadata_changed(account, 0,
				strv_cstr(arena_printf(arena, "%s/%.*s", SUBS_ENTRY, STRV_ARG(name))));
	} else if (rc == RC_NOT_FOUND) {
		rc = device_load(account, 0, arena, &devices);
		bool found = false;
		for (size_t i = 0; rc == RC_OK && i < devices.n; i++)
			found = found || strv_eq(devices.v[i].name, name);
		if (rc == RC_OK)
			rc = found ? device_drop(account, name) : RC_NOT_FOUND;
	}
	arena_free(&arena);
	return rc;
}

static void test_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct webpush_test *test = CONTAINER_OF(msg, struct webpush_test, msg);
	struct webpush *webpush = test->webpush;

	(void)reactor;
	test->done(test);
	webpush_pending_sub(webpush);
}

void webpush_test_submit(struct webpush *webpush, struct webpush_test *test)
{
	webpush_pending_add(webpush);
	test->webpush = webpush;
	test->msg.fn = test_arrived;
	buf_init(&test->out, TEST_OUT_MAX);
	announce_test(webpush, test);
}
