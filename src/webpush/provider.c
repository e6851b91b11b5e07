/* What METADATA shows of Web Push and of chatmail, and what clients set. */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/str.h"
#include "metadata/entry.h"

#define DEVICE_ENTRY "/private/devicetoken"
#define FACTS_ENTRY "/shared/vendor/deltachat"
#define LIST_MAX (1024 * 1024)

/* Subscriptions. */

static enum rc list_subs(struct webpush *webpush, struct account *account, struct metadata_list *list)
{
	struct arena *arena = arena_new(0);
	struct vapid_key *key = webpush_vapid(webpush);
	struct subs_rules rules = webpush_rules(webpush, key);
	struct subs_list subs = { 0 };
	struct buf json;
	enum rc rc = subs_load(account, arena, &subs);

	buf_init(&json, LIST_MAX);
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

static enum rc subs_get(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct webpush *webpush = ctx;

	(void)scope;
	(void)below;
	if (!webpush->settings.enabled)
		return RC_OK;
	struct vapid_key *key = webpush_vapid(webpush);
	metadata_list_add(list, STRV(VAPID_ENTRY), vapid_key_pem(key));
	vapid_key_unref(&key);
	return strv_ieq(name, STRV(VAPID_ENTRY)) ? RC_OK : list_subs(webpush, account, list);
}

/* Drops what is dead. *ret_live: how many are left besides `name`. */
static enum rc sweep(struct account *account, const struct subs_rules *rules, struct strv name,
	struct arena *arena, struct throttle *throttle, size_t *ret_live)
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

static struct strv new_token(struct arena *arena)
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

static enum rc refuse(struct metadata_error *error, const char *text)
{
	return metadata_cannot(error, "%s", text);
}

/* Within the limits of the account: kept, and the change told, which sends the validation push. */
static enum rc keep(struct webpush *webpush, struct account *account, struct sub *sub,
	const struct subs_rules *rules, struct arena *arena, struct metadata_error *error)
{
	const struct webpush_settings *settings = &webpush->settings;
	struct throttle throttle;
	size_t live = 0;

	enum rc rc = throttle_load(account, settings->registrations_max, rules->now, &throttle);
	if (rc == RC_OK)
		rc = sweep(account, rules, sub->name, arena, &throttle, &live);
	if (rc != RC_OK)
		return rc;
	if (live >= settings->subscriptions_max) {
		(void)!metadata_cannot(error, "there are %zu subscriptions already", live);
		error->code = "LIMIT";
		return RC_LIMIT;
	}
	if (!throttle_take(&throttle, settings->registrations_max, settings->unvalidated_max, rules->now)) {
		(void)!metadata_cannot(error, "too many registrations, try again later");
		error->code = "LIMIT";
		return RC_LIMIT;
	}
	rc = throttle_save(account, &throttle);
	if (rc == RC_OK)
		rc = subs_save(account, sub);
	if (rc != RC_OK)
		return rc;
	return metadata_changed(
		account, 0, strv_cstr(arena_printf(arena, "%s/%.*s", SUBS_ENTRY, STRV_ARG(sub->name))));
}

static enum rc subscribe(struct webpush *webpush, struct account *account, struct strv id, struct strv value,
	struct metadata_error *error)
{
	char why[SUBS_WHY_MAX];
	struct sub sub;
	struct arena *arena = arena_new(0);
	enum rc rc = subs_parse(id, value, webpush->settings.allow_private, arena, &sub, why);

	if (rc != RC_OK) {
		rc = refuse(error, why);
	} else {
		struct vapid_key *key = webpush_vapid(webpush);
		struct subs_rules rules = webpush_rules(webpush, key);
		sub.created = rules.now;
		sub.vapid = rules.vapid;
		sub.token = new_token(arena);
		rc = keep(webpush, account, &sub, &rules, arena, error);
		vapid_key_unref(&key);
	}
	arena_free(&arena);
	return rc;
}

static enum rc accept_token(
	struct webpush *webpush, struct account *account, struct sub *sub, struct strv token)
{
	struct throttle throttle;
	struct vapid_key *key = webpush_vapid(webpush);
	struct subs_rules rules = webpush_rules(webpush, key);
	/* The token stays until the deadline, so that a second answer to the same push is no error. */
	bool right = sub->token.n > 0 && strv_eq_secret(sub->token, token) &&
		     strv_eq(sub->vapid, rules.vapid) && rules.now < subs_deadline(sub, &rules);
	enum rc rc = RC_INVALID;

	if (right) {
		sub->validated = true;
		rc = subs_save(account, sub);
		if (rc == RC_OK)
			rc = throttle_load(
				account, webpush->settings.registrations_max, rules.now, &throttle);
		if (rc == RC_OK && throttle.unvalidated > 0) {
			throttle.unvalidated = 0;
			rc = throttle_save(account, &throttle);
		}
	}
	vapid_key_unref(&key);
	return rc;
}

static enum rc validate(struct webpush *webpush, struct account *account, struct strv id, struct strv token,
	struct metadata_error *error)
{
	struct arena *arena = arena_new(0);
	struct sub sub;
	enum rc rc = token.p && subs_id_valid(id)
			     ? subs_find(account, entry_lower(id, false, arena), arena, &sub)
			     : RC_NOT_FOUND;

	if (rc == RC_OK)
		rc = accept_token(webpush, account, &sub, token);
	if (rc == RC_NOT_FOUND || rc == RC_INVALID)
		rc = refuse(error, "invalid validation");
	arena_free(&arena);
	return rc;
}

static enum rc unsubscribe(struct account *account, struct strv id)
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

static enum rc subs_set(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	struct webpush *webpush = ctx;
	struct strv prefix = STRV(SUBS_ENTRY "/");

	(void)scope;
	if (!webpush->settings.enabled)
		return refuse(error, "there is no Web Push here");
	if (strv_ieq(name, STRV(VAPID_ENTRY)))
		return refuse(error, "the server's key can't be set");
	if (!strv_istarts(name, prefix))
		return refuse(error, "there is no such entry");
	struct strv id = strv_sub(name, prefix.n, name.n);
	size_t slash = strv_index(id, '/');
	struct strv rest = strv_sub(id, slash, id.n);
	id = strv_sub(id, 0, slash);
	if (strv_ieq(rest, STRV("/validate")))
		return validate(webpush, account, id, value, error);
	if (rest.n > 0)
		return refuse(error, "there is no such entry");
	if (!value.p)
		return unsubscribe(account, id);
	if (!subs_id_valid(id))
		return refuse(error, "the subscription's id is not 10 to 36 characters of 0-9 A-Z a-z _ -");
	return subscribe(webpush, account, id, value, error);
}

void provider_subscriptions(struct webpush *webpush, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = WEBPUSH_ENTRY,
		.flags = METADATA_SERVER | METADATA_SECRET | METADATA_KEEP_CASE | METADATA_ALONE,
		.ctx = webpush,
		.value_max = SUBS_JSON_MAX,
		.list = subs_get,
		.set = subs_set,
	};
}

/* The key is no secret, unlike what else is below WEBPUSH_ENTRY: sessions are told when it changes. */
void provider_vapid(struct webpush *webpush, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = VAPID_ENTRY,
		.flags = METADATA_SERVER,
		.ctx = webpush,
		.list = subs_get,
		.set = subs_set,
	};
}

/* Device tokens. */

static bool is_inbox(const struct metadata_scope *scope)
{
	return scope->mailbox && strv_ieq(scope->mailbox_name, STRV("INBOX"));
}

static enum rc device_get(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct webpush *webpush = ctx;
	struct device_list tokens;
	struct buf text;

	(void)name;
	(void)below;
	if (!webpush->settings.chatmail || !is_inbox(scope))
		return RC_OK;
	struct arena *arena = arena_new(0);
	enum rc rc = device_load(account, clock_wall(), arena, &tokens);
	buf_init(&text, LIST_MAX);
	for (size_t i = 0; rc == RC_OK && i < tokens.n; i++) {
		buf_adds(&text, i > 0 ? " " : "");
		buf_addv(&text, tokens.v[i].value);
	}
	if (rc == RC_OK && tokens.n > 0)
		metadata_list_add(list, STRV(DEVICE_ENTRY), buf_strv(&text));
	buf_fini(&text);
	arena_free(&arena);
	return rc;
}

/* The answer to a read joins them by blanks, and the notifier gets them as a body: what can't stand in either is refused. */
static bool token_usable(struct strv token)
{
	for (size_t i = 0; i < token.n; i++) {
		unsigned char c = (unsigned char)token.p[i];
		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return token.n > 0 && token.n <= DEVICE_TOKEN_MAX;
}

static enum rc device_set(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	struct webpush *webpush = ctx;

	if (!webpush->settings.chatmail || !is_inbox(scope) || !strv_ieq(name, STRV(DEVICE_ENTRY)))
		return refuse(error, "there are no device tokens here");
	if (!value.p)
		return device_drop_all(account);
	if (!token_usable(value))
		return refuse(error, "not a device token");
	return device_add(account, value, clock_wall(), webpush->settings.tokens_max);
}

void provider_device(struct webpush *webpush, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = DEVICE_ENTRY,
		.flags = METADATA_MAILBOX | METADATA_SERVER | METADATA_SECRET,
		.ctx = webpush,
		.value_max = DEVICE_TOKEN_MAX,
		.list = device_get,
		.set = device_set,
	};
}

/* Facts for chatmail clients. */

static enum rc facts_get(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct webpush *webpush = ctx;
	const struct webpush_settings *s = &webpush->settings;
	const struct {
		const char *name;
		const char *value;
	} facts[] = {
		{ FACTS_ENTRY "/irohrelay", s->iroh_relay },
		{ FACTS_ENTRY "/turn", s->turn },
		{ FACTS_ENTRY "/maxsmtprecipients", s->max_smtp_recipients },
		{ FACTS_ENTRY "/appversions", s->app_versions },
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

static enum rc facts_set(void *ctx, struct account *account, const struct metadata_scope *scope,
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

void provider_facts(struct webpush *webpush, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){ .prefix = FACTS_ENTRY,
		.flags = METADATA_SERVER | METADATA_ALONE,
		.ctx = webpush,
		.list = facts_get,
		.set = facts_set };
}
