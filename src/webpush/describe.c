/* Lists and removes subscriptions and device tokens of an account, for coidctl. */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "metadata/entry.h"
#include "metadata/provider.h"
#include "webpush/device.h"
#include "webpush/endpoint.h"
#include "webpush/subs.h"

static void describe_subscription(const struct sub *sub, const struct subs_rules *rules, struct buf *out)
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
	struct vapid_key *key = key_current(&webpush->key);
	struct subs_rules rules = key_rules(&webpush->core, key);
	struct subs_list subs = { 0 };
	struct device_list devices = { 0 };
	enum rc rc = subs_load(account, arena, &subs);

	if (rc == RC_OK)
		rc = device_load(account, rules.now, arena, &devices);
	for (size_t i = 0; rc == RC_OK && i < subs.n; i++)
		describe_subscription(&subs.v[i], &rules, out);
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
