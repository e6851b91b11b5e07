/*
 * Subscriptions: reads and writes JSON, loads and saves entries of the account, limits the rate of
 * registrations.
 */
#include "webpush/subs.h"

#include "base/clock.h"
#include "base/str.h"
#include "metadata/entry.h"
#include "store/annot.h"
#include "webpush/endpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Subscriptions are stored below an entry that the provider owns and never shows. */
#define SUBS_KEPT WEBPUSH_ENTRY "/.sub"
#define SUBS_KEPT_THROTTLE WEBPUSH_ENTRY "/.throttle"

static const char *const subs_type_words[] = { "chat", "mail", "all" };

bool subs_id_valid(struct strv id)
{
	if (id.n < SUBS_ID_MIN || id.n > SUBS_ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = str_lower(id.p[i]);
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* Reading of members. */

struct subs_reader {
	struct arena *arena;
	char *why;
};

static bool subs_wrong(struct subs_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool subs_wrong(struct subs_reader *reader, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reader->why, SUBS_WHY_MAX, format, args);
	va_end(args);
	return false;
}

static bool subs_read_string(struct subs_reader *reader, json_t *object, const char *key, const char *what,
	size_t max, struct strv *ret_value)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		return subs_wrong(reader, "%s is missing", what);
	if (!json_is_string(value))
		return subs_wrong(reader, "%s is not a string", what);
	struct strv text = strv_make(json_string_value(value), json_string_length(value));
	if (text.n > max)
		return subs_wrong(reader, "%s is longer than %zu octets", what, max);
	*ret_value = arena_strv(reader->arena, text);
	return true;
}

static json_t *subs_read_object(struct subs_reader *reader, json_t *object, const char *key, const char *what)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		subs_wrong(reader, "%s is missing", what);
	else if (!json_is_object(value))
		subs_wrong(reader, "%s is not an object", what);
	return json_is_object(value) ? value : NULL;
}

static bool subs_read_octets(struct subs_reader *reader, json_t *object, const char *key, const char *what,
	size_t max, unsigned char *out, size_t size)
{
	struct strv text;
	struct buf octets;

	if (!subs_read_string(reader, object, key, what, max, &text))
		return false;
	buf_init(&octets, SUBS_P256DH_MAX);
	bool ok = str_base64_decode_any(&octets, text) == RC_OK;
	if (!ok)
		subs_wrong(reader, "%s is not base64url", what);
	else if (octets.len != size)
		ok = subs_wrong(reader, "%s has not %zu octets", what, size);
	else
		memcpy(out, octets.p, size);
	buf_fini(&octets);
	return ok;
}

static bool subs_read_keys(struct subs_reader *reader, json_t *resource, struct sub *sub)
{
	EVP_PKEY *key = NULL;
	json_t *keys = subs_read_object(reader, resource, "keys", "resource.keys");

	if (!keys ||
		!subs_read_octets(reader, keys, "p256dh", "resource.keys.p256dh", SUBS_P256DH_MAX,
			sub->receiver.p256dh, P256_POINT) ||
		!subs_read_octets(reader, keys, "auth", "resource.keys.auth", SUBS_AUTH_MAX,
			sub->receiver.auth, ECE_AUTH))
		return false;
	if (p256_from_public(sub->receiver.p256dh, &key) != RC_OK)
		return subs_wrong(reader, "resource.keys.p256dh is not an uncompressed point of P-256");
	EVP_PKEY_free(key);
	return true;
}

static bool subs_read_type(struct subs_reader *reader, json_t *object, struct sub *sub)
{
	struct strv word;

	if (!subs_read_string(reader, object, "msgtype", "msgtype", SUBS_TEXT_MAX, &word))
		return false;
	for (unsigned i = 0; i < sizeof(subs_type_words) / sizeof(subs_type_words[0]); i++) {
		if (strv_eq(word, strv_cstr(subs_type_words[i]))) {
			sub->type = (enum sub_type)i;
			return true;
		}
	}
	return subs_wrong(reader, "msgtype is not chat, mail or all");
}

static bool subs_read_members(struct subs_reader *reader, json_t *object, struct sub *sub)
{
	if (!json_is_object(object))
		return subs_wrong(reader, "the value is not a JSON object");
	if (!subs_read_string(reader, object, "client", "client", SUBS_TEXT_MAX, &sub->client) ||
		!subs_read_string(reader, object, "device", "device", SUBS_TEXT_MAX, &sub->device) ||
		!subs_read_type(reader, object, sub))
		return false;
	json_t *resource = subs_read_object(reader, object, "resource", "resource");
	return resource &&
	       subs_read_string(
		       reader, resource, "endpoint", "resource.endpoint", ENDPOINT_URL_MAX, &sub->endpoint) &&
	       subs_read_keys(reader, resource, sub);
}

/* The library's parser is recursive, so values that are nested too deeply must not reach it. */
static bool subs_too_deep(struct strv json)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > SUBS_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static json_t *subs_json_load(struct strv json)
{
	if (json.n > SUBS_JSON_MAX || subs_too_deep(json))
		return NULL;
	return json_loadb(json.n ? json.p : "", json.n, JSON_REJECT_DUPLICATES, NULL);
}

enum rc subs_parse(struct strv id, struct strv json, bool allow_private, struct arena *arena,
	struct sub *ret_sub, char why[SUBS_WHY_MAX])
{
	struct subs_reader reader = { arena, why };
	struct sub sub = { .id = arena_strv(arena, id), .name = entry_lower(id, false, arena) };
	struct endpoint endpoint;
	const char *problem;
	json_error_t error;
	bool ok = false;

	if (json.n > SUBS_JSON_MAX) {
		subs_wrong(&reader, "the value is longer than %d octets", SUBS_JSON_MAX);
		return RC_INVALID;
	}
	if (subs_too_deep(json)) {
		subs_wrong(&reader, "the value is nested too deeply");
		return RC_INVALID;
	}
	json_t *object = json_loadb(json.n ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		subs_wrong(&reader, "the value is not JSON: %.80s", error.text);
	else
		ok = subs_read_members(&reader, object, &sub);
	json_decref(object);
	if (ok && endpoint_parse(sub.endpoint, allow_private, &endpoint, &problem) != RC_OK)
		ok = subs_wrong(&reader, "resource.endpoint %s", problem);
	if (!ok)
		return RC_INVALID;
	*ret_sub = sub;
	return RC_OK;
}

/* Writing. */

static void subs_set_string(json_t *object, const char *key, struct strv v)
{
	json_object_set_new(object, key, json_stringn(v.p ? v.p : "", v.n));
}

static void subs_set_octets(json_t *object, const char *key, const unsigned char *p, size_t n)
{
	struct buf text;

	buf_init(&text, SUBS_P256DH_MAX);
	str_base64url(&text, strv_make(p, n));
	subs_set_string(object, key, buf_strv(&text));
	buf_fini(&text);
}

static void subs_set_members(json_t *object, const struct sub *sub)
{
	json_t *resource = json_object();
	json_t *keys = json_object();

	subs_set_string(object, "client", sub->client);
	subs_set_string(object, "device", sub->device);
	subs_set_string(object, "msgtype", strv_cstr(subs_type_words[sub->type]));
	subs_set_string(resource, "endpoint", sub->endpoint);
	subs_set_octets(keys, "p256dh", sub->receiver.p256dh, P256_POINT);
	subs_set_octets(keys, "auth", sub->receiver.auth, ECE_AUTH);
	json_object_set_new(resource, "keys", keys);
	json_object_set_new(object, "resource", resource);
}

static void subs_dump(json_t *object, struct buf *out)
{
	char *text = json_dumps(object, JSON_COMPACT);

	buf_adds(out, text ? text : "{}");
	free(text);
	json_decref(object);
}

void subs_print(const struct sub *sub, struct buf *out)
{
	json_t *object = json_object();
	struct tm tm;
	char date[64];

	clock_to_utc(sub->created, &tm);
	snprintf(date, sizeof(date), "%04d-%02d-%02dT%02d:%02d:%02d+00:00", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	subs_set_string(object, "created", strv_cstr(date));
	json_object_set_new(object, "validated", json_boolean(sub->validated));
	subs_set_members(object, sub);
	subs_dump(object, out);
}

void subs_encode(const struct sub *sub, struct buf *out)
{
	json_t *object = json_object();

	subs_set_string(object, "id", sub->id);
	subs_set_members(object, sub);
	json_object_set_new(object, "created", json_integer(sub->created));
	json_object_set_new(object, "validated", json_boolean(sub->validated));
	subs_set_string(object, "token", sub->token);
	json_object_set_new(object, "accepted", json_integer(sub->accepted));
	subs_set_string(object, "vapid", sub->vapid);
	subs_dump(object, out);
}

enum rc subs_decode(struct strv json, struct arena *arena, struct sub *ret_sub)
{
	char why[SUBS_WHY_MAX];
	struct subs_reader reader = { arena, why };
	struct sub sub = { 0 };
	json_t *object = subs_json_load(json);

	bool ok = object && subs_read_members(&reader, object, &sub) &&
		  subs_read_string(&reader, object, "id", "id", SUBS_ID_MAX, &sub.id) &&
		  subs_read_string(&reader, object, "token", "token", SUBS_TEXT_MAX, &sub.token) &&
		  subs_read_string(&reader, object, "vapid", "vapid", SUBS_TEXT_MAX, &sub.vapid);
	sub.created = json_integer_value(json_object_get(object, "created"));
	sub.accepted = json_integer_value(json_object_get(object, "accepted"));
	sub.validated = json_is_true(json_object_get(object, "validated"));
	json_decref(object);
	if (!ok)
		return RC_CORRUPT;
	sub.name = entry_lower(sub.id, false, arena);
	*ret_sub = sub;
	return RC_OK;
}

/* Life. */

int64_t subs_deadline(const struct sub *sub, const struct subs_rules *rules)
{
	int64_t end = sub->created + rules->max_s;

	if (sub->accepted && sub->accepted + rules->window_s < end)
		end = sub->accepted + rules->window_s;
	return end;
}

bool subs_lives(const struct sub *sub, const struct subs_rules *rules)
{
	return strv_eq(sub->vapid, rules->vapid) &&
	       (sub->validated || rules->now < subs_deadline(sub, rules));
}

bool subs_wants(const struct sub *sub, bool chat)
{
	switch (sub->type) {
	case SUB_CHAT:
		return chat;
	case SUB_MAIL:
		return !chat;
	case SUB_ALL:
		return true;
	}
	return false;
}

/* Storage. */

struct subs_loading {
	struct account *account;
	struct arena *arena;
	struct subs_list *list;
	size_t cap;
};

static bool subs_load_one(void *arg, struct strv name, struct strv value)
{
	struct subs_loading *loading = arg;
	struct subs_list *list = loading->list;
	struct sub sub;

	if (subs_decode(value, loading->arena, &sub) != RC_OK) {
		log_error(account_log(loading->account), "unreadable push subscription account=%s entry=%s",
			account_shown(loading->account), LOG_V(name));
		return true;
	}
	if (list->n == loading->cap) {
		loading->cap = loading->cap ? 2 * loading->cap : 8;
		struct sub *more = arena_alloc(loading->arena, loading->cap * sizeof(*more));
		if (list->n)
			memcpy(more, list->v, list->n * sizeof(*more));
		list->v = more;
	}
	list->v[list->n++] = sub;
	return true;
}

enum rc subs_load(struct account *account, struct arena *arena, struct subs_list *ret_list)
{
	struct subs_list list = { 0 };
	struct subs_loading loading = { .account = account, .arena = arena, .list = &list };
	enum rc rc = annot_list(account, 0, STRV(SUBS_KEPT), true, subs_load_one, &loading);

	if (rc == RC_OK)
		*ret_list = list;
	return rc;
}

static struct strv subs_kept_name(struct strv name, struct arena *arena)
{
	return strv_cstr(arena_printf(arena, "%s/%.*s", SUBS_KEPT, STRV_ARG(name)));
}

enum rc subs_find(struct account *account, struct strv name, struct arena *arena, struct sub *ret_sub)
{
	struct strv value;
	enum rc rc = annot_get(account, 0, subs_kept_name(name, arena), &value);

	return rc == RC_OK ? subs_decode(value, arena, ret_sub) : rc;
}

enum rc subs_save(struct account *account, const struct sub *sub)
{
	struct arena *arena = arena_new(0);
	struct buf json;

	buf_init(&json, SUBS_JSON_MAX);
	subs_encode(sub, &json);
	enum rc rc = buf_ok(&json)
			     ? annot_set(account, 0, subs_kept_name(sub->name, arena), buf_strv(&json), true)
			     : RC_LIMIT;
	buf_wipe(&json);
	arena_free(&arena);
	return rc;
}

enum rc subs_drop(struct account *account, struct strv name)
{
	struct arena *arena = arena_new(0);
	enum rc rc = annot_set(account, 0, subs_kept_name(name, arena), STRV_NULL, false);

	arena_free(&arena);
	return rc;
}

/* Throttle. */

bool subs_throttle_take(struct subs_throttle *t, unsigned max, unsigned unvalidated_max, int64_t now)
{
	int64_t full = (int64_t)max * 1000;
	int64_t passed = now > t->filled ? now - t->filled : 0;

	if (t->unvalidated >= unvalidated_max) {
		if (now - t->last < SUBS_THROTTLE_HOUR_S && now >= t->last)
			return false;
		t->unvalidated = 0;
	}
	if (passed >= SUBS_THROTTLE_HOUR_S)
		t->level = full;
	else
		t->level += full * passed / SUBS_THROTTLE_HOUR_S;
	if (t->level > full)
		t->level = full;
	t->filled = now;
	if (t->level < 1000)
		return false;
	t->level -= 1000;
	return true;
}

enum rc subs_throttle_load(
	struct account *account, unsigned max, int64_t now, struct subs_throttle *ret_throttle)
{
	struct subs_throttle t = { .level = (int64_t)max * 1000, .filled = now };
	struct strv value;
	enum rc rc = annot_get(account, 0, STRV(SUBS_KEPT_THROTTLE), &value);

	if (rc == RC_OK) {
		json_t *v = subs_json_load(value);
		json_int_t numbers[4];
		/* If a bucket can't be read, a new one begins. */
		if (json_unpack(v, "[I,I,I,I]", &numbers[0], &numbers[1], &numbers[2], &numbers[3]) == 0)
			t = (struct subs_throttle){ numbers[0], numbers[1], numbers[2], numbers[3] };
		json_decref(v);
	} else if (rc != RC_NOT_FOUND) {
		return rc;
	}
	*ret_throttle = t;
	return RC_OK;
}

enum rc subs_throttle_save(struct account *account, const struct subs_throttle *t)
{
	char text[128];

	snprintf(text, sizeof(text), "[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", t->level, t->filled,
		t->unvalidated, t->last);
	return annot_set(account, 0, STRV(SUBS_KEPT_THROTTLE), strv_cstr(text), false);
}
