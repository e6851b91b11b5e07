/*
 * Entries of METADATA: the key, subscriptions, device tokens, facts; for each, what it shows and what a
 * client may set.
 */
#include "webpush/provider.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/str.h"
#include "metadata/entry.h"
#include "metadata/provider.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/key.h"
#include "webpush/subs.h"

#define PROVIDER_DEVICE_ENTRY "/private/devicetoken"
#define PROVIDER_FACTS_ENTRY "/shared/vendor/deltachat"
#define PROVIDER_LIST_MAX (1024 * 1024)

/* Subscriptions. */

static enum rc provider_list_subs(
	struct provider *provider, struct account *account, struct metadata_list *list)
{
	struct arena *arena = arena_new(0);
	struct vapid_key *key = key_current(provider->key);
	struct subs_rules rules = key_rules(provider->core, key);
	struct subs_list subs = { 0 };
	struct buf json;
	enum rc rc = subs_load(account, arena, &subs);

	buf_init(&json, PROVIDER_LIST_MAX);
	for (size_t i = 0; rc == RC_OK && i < subs.n; i++) {
		const struct sub *sub = &subs.v[i];
		if (!subs_lives(sub, &rules))
			continue;
		buf_reset(&json);
		subs_print(sub, &json);
		const char *name = arena_printf(arena, "%s/%.*s", SUBS_ENTRY, STRV_ARG(sub->id));
		metadata_list_add(list, strv_cstr(name), buf_strv(&json));
	}
	buf_fini(&json);
	vapid_key_unref(&key);
	arena_free(&arena);
	return rc;
}

static enum rc provider_get_subs(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct provider *provider = ctx;

	(void)scope;
	(void)below;
	if (!provider->core->settings->enabled)
		return RC_OK;
	struct vapid_key *key = key_current(provider->key);
	metadata_list_add(list, STRV(VAPID_ENTRY), vapid_key_pem(key));
	vapid_key_unref(&key);
	return strv_ieq(name, STRV(VAPID_ENTRY)) ? RC_OK : provider_list_subs(provider, account, list);
}

/* Removes void subscriptions. *ret_live: the number of the others, `name` not counted. */
static enum rc provider_sweep(struct account *account, const struct subs_rules *rules, struct strv name,
	struct arena *arena, struct subs_throttle *throttle, size_t *ret_live)
{
	struct subs_list subs = { 0 };
	size_t live = 0;
	enum rc rc = subs_load(account, arena, &subs);

	for (size_t i = 0; rc == RC_OK && i < subs.n; i++) {
		const struct sub *sub = &subs.v[i];
		bool dead = !subs_lives(sub, rules);
		if (!sub->validated && (dead || strv_eq(sub->name, name))) {
			throttle->unvalidated++;
			throttle->last = rules->now;
		}
		if (dead)
			rc = subs_drop(account, sub->name);
		else if (!strv_eq(sub->name, name))
			live++;
	}
	*ret_live = live;
	return rc;
}

static struct strv provider_token(struct arena *arena)
{
	unsigned char octets[SUBS_TOKEN_BYTES];
	struct buf text;

	rand_bytes(octets, sizeof(octets));
	buf_init(&text, SUBS_TEXT_MAX);
	str_base64url(&text, strv_make(octets, sizeof(octets)));
	struct strv token = arena_strv(arena, buf_strv(&text));
	buf_fini(&text);
	return token;
}

static enum rc provider_refuse(struct metadata_error *error, const char *text)
{
	return metadata_cannot(error, "%s", text);
}

/*
 * Stores the subscription, if the limits of the account allow it, and makes a change entry, which sends the
 * validation push.
 */
static enum rc provider_keep(struct provider *provider, struct account *account, struct sub *sub,
	const struct subs_rules *rules, struct arena *arena, struct metadata_error *error)
{
	const struct webpush_settings *settings = provider->core->settings;
	struct subs_throttle throttle;
	size_t live = 0;

	enum rc rc = subs_throttle_load(account, settings->registrations_max, rules->now, &throttle);
	if (rc == RC_OK)
		rc = provider_sweep(account, rules, sub->name, arena, &throttle, &live);
	if (rc != RC_OK)
		return rc;
	if (live >= settings->subscriptions_max) {
		(void)!metadata_cannot(error, "there are %zu subscriptions already", live);
		error->code = "LIMIT";
		return RC_LIMIT;
	}
	if (!subs_throttle_take(
		    &throttle, settings->registrations_max, settings->unvalidated_max, rules->now)) {
		(void)!metadata_cannot(error, "too many registrations, try again later");
		error->code = "LIMIT";
		return RC_LIMIT;
	}
	rc = subs_throttle_save(account, &throttle);
	if (rc == RC_OK)
		rc = subs_save(account, sub);
	if (rc != RC_OK)
		return rc;
	return metadata_changed(
		account, 0, strv_cstr(arena_printf(arena, "%s/%.*s", SUBS_ENTRY, STRV_ARG(sub->name))));
}

static enum rc provider_subscribe(struct provider *provider, struct account *account, struct strv id,
	struct strv value, struct metadata_error *error)
{
	char why[SUBS_WHY_MAX];
	struct sub sub;
	struct arena *arena = arena_new(0);
	enum rc rc = subs_parse(id, value, provider->core->settings->allow_private, arena, &sub, why);

	if (rc != RC_OK) {
		rc = provider_refuse(error, why);
	} else {
		struct vapid_key *key = key_current(provider->key);
		struct subs_rules rules = key_rules(provider->core, key);
		sub.created = rules.now;
		sub.vapid = rules.vapid;
		sub.token = provider_token(arena);
		rc = provider_keep(provider, account, &sub, &rules, arena, error);
		vapid_key_unref(&key);
	}
	arena_free(&arena);
	return rc;
}

static enum rc provider_accept(
	struct provider *provider, struct account *account, struct sub *sub, struct strv token)
{
	struct subs_throttle throttle;
	struct vapid_key *key = key_current(provider->key);
	struct subs_rules rules = key_rules(provider->core, key);
	/* The token stays until the deadline, so that a second answer to the same push is no error. */
	bool right = sub->token.n > 0 && strv_eq_secret(sub->token, token) &&
		     strv_eq(sub->vapid, rules.vapid) && rules.now < subs_deadline(sub, &rules);
	enum rc rc = RC_INVALID;

	if (right) {
		sub->validated = true;
		rc = subs_save(account, sub);
		if (rc == RC_OK)
			rc = subs_throttle_load(
				account, provider->core->settings->registrations_max, rules.now, &throttle);
		if (rc == RC_OK && throttle.unvalidated > 0) {
			throttle.unvalidated = 0;
			rc = subs_throttle_save(account, &throttle);
		}
	}
	vapid_key_unref(&key);
	return rc;
}

static enum rc provider_validate(struct provider *provider, struct account *account, struct strv id,
	struct strv token, struct metadata_error *error)
{
	struct arena *arena = arena_new(0);
	struct sub sub;
	enum rc rc = token.p && subs_id_valid(id)
			     ? subs_find(account, entry_lower(id, false, arena), arena, &sub)
			     : RC_NOT_FOUND;

	if (rc == RC_OK)
		rc = provider_accept(provider, account, &sub, token);
	if (rc == RC_NOT_FOUND || rc == RC_INVALID)
		rc = provider_refuse(error, "invalid validation");
	arena_free(&arena);
	return rc;
}

static enum rc provider_unsubscribe(struct account *account, struct strv id)
{
	struct arena *arena = arena_new(0);
	struct strv name = entry_lower(id, false, arena);
	enum rc rc = RC_OK;

	if (subs_id_valid(id))
		rc = subs_drop(account, name);
	if (rc == RC_OK && subs_id_valid(id))
		rc = metadata_changed(
			account, 0, strv_cstr(arena_printf(arena, "%s/%.*s", SUBS_ENTRY, STRV_ARG(name))));
	arena_free(&arena);
	return rc;
}

static enum rc provider_set_subs(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	struct provider *provider = ctx;
	struct strv prefix = STRV(SUBS_ENTRY "/");

	(void)scope;
	if (!provider->core->settings->enabled)
		return provider_refuse(error, "there is no Web Push here");
	if (strv_ieq(name, STRV(VAPID_ENTRY)))
		return provider_refuse(error, "the server's key can't be set");
	if (!strv_istarts(name, prefix))
		return provider_refuse(error, "there is no such entry");
	struct strv id = strv_sub(name, prefix.n, name.n);
	size_t slash = strv_index(id, '/');
	struct strv rest = strv_sub(id, slash, id.n);
	id = strv_sub(id, 0, slash);
	if (strv_ieq(rest, STRV("/validate")))
		return provider_validate(provider, account, id, value, error);
	if (rest.n > 0)
		return provider_refuse(error, "there is no such entry");
	if (!value.p)
		return provider_unsubscribe(account, id);
	if (!subs_id_valid(id))
		return provider_refuse(
			error, "the subscription's id is not 10 to 36 characters of 0-9 A-Z a-z _ -");
	return provider_subscribe(provider, account, id, value, error);
}

void provider_subscriptions(struct provider *provider, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = WEBPUSH_ENTRY,
		.flags = METADATA_SERVER | METADATA_SECRET | METADATA_KEEP_CASE | METADATA_ALONE,
		.ctx = provider,
		.value_max = SUBS_JSON_MAX,
		.list = provider_get_subs,
		.set = provider_set_subs,
	};
}

/* The key is not secret, unlike the other entries below WEBPUSH_ENTRY: sessions are told when it changes. */
void provider_vapid(struct provider *provider, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = VAPID_ENTRY,
		.flags = METADATA_SERVER,
		.ctx = provider,
		.list = provider_get_subs,
		.set = provider_set_subs,
	};
}

/* Device tokens. */

static bool provider_is_inbox(const struct metadata_scope *scope)
{
	return scope->mailbox && strv_ieq(scope->mailbox_name, STRV("INBOX"));
}

static enum rc provider_get_devices(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct provider *provider = ctx;
	struct device_list tokens;
	struct buf text;

	(void)name;
	(void)below;
	if (!provider->core->settings->chatmail || !provider_is_inbox(scope))
		return RC_OK;
	struct arena *arena = arena_new(0);
	enum rc rc = device_load(account, clock_wall(), arena, &tokens);
	buf_init(&text, PROVIDER_LIST_MAX);
	for (size_t i = 0; rc == RC_OK && i < tokens.n; i++) {
		buf_adds(&text, i > 0 ? " " : "");
		buf_addv(&text, tokens.v[i].value);
	}
	if (rc == RC_OK && tokens.n > 0)
		metadata_list_add(list, STRV(PROVIDER_DEVICE_ENTRY), buf_strv(&text));
	buf_fini(&text);
	arena_free(&arena);
	return rc;
}

/*
 * A read returns the tokens joined by blanks, and the notifier gets one as a body: characters that can't be
 * in both are refused.
 */
static bool provider_token_usable(struct strv token)
{
	for (size_t i = 0; i < token.n; i++) {
		unsigned char c = (unsigned char)token.p[i];
		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return token.n > 0 && token.n <= DEVICE_TOKEN_MAX;
}

static enum rc provider_set_device(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	struct provider *provider = ctx;

	if (!provider->core->settings->chatmail || !provider_is_inbox(scope) ||
		!strv_ieq(name, STRV(PROVIDER_DEVICE_ENTRY)))
		return provider_refuse(error, "there are no device tokens here");
	if (!value.p)
		return device_drop_all(account);
	if (!provider_token_usable(value))
		return provider_refuse(error, "not a device token");
	return device_add(account, value, clock_wall(), provider->core->settings->tokens_max);
}

void provider_device(struct provider *provider, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = PROVIDER_DEVICE_ENTRY,
		.flags = METADATA_MAILBOX | METADATA_SERVER | METADATA_SECRET,
		.ctx = provider,
		.value_max = DEVICE_TOKEN_MAX,
		.list = provider_get_devices,
		.set = provider_set_device,
	};
}

/* Facts for chatmail clients. */

static enum rc provider_get_facts(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct provider *provider = ctx;
	const struct webpush_settings *s = provider->core->settings;
	const struct {
		const char *name;
		const char *value;
	} facts[] = {
		{ PROVIDER_FACTS_ENTRY "/irohrelay", s->iroh_relay },
		{ PROVIDER_FACTS_ENTRY "/turn", s->turn },
		{ PROVIDER_FACTS_ENTRY "/maxsmtprecipients", s->max_smtp_recipients },
		{ PROVIDER_FACTS_ENTRY "/appversions", s->app_versions },
	};

	(void)account;
	(void)scope;
	(void)name;
	(void)below;
	for (size_t i = 0; s->chatmail && i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (facts[i].value[0])
			metadata_list_add(list, strv_cstr(facts[i].name), strv_cstr(facts[i].value));
	}
	return RC_OK;
}

static enum rc provider_set_facts(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	(void)ctx;
	(void)account;
	(void)scope;
	(void)name;
	(void)value;
	(void)error;
	return RC_PERM;
}

void provider_facts(struct provider *provider, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = PROVIDER_FACTS_ENTRY,
		.flags = METADATA_SERVER | METADATA_ALONE,
		.ctx = provider,
		.list = provider_get_facts,
		.set = provider_set_facts,
	};
}
