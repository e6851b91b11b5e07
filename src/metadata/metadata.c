/*
 * The registry of providers, and reading and setting entries through it.
 */
#include "metadata/metadata.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "metadata/shared.h"
#include "metadata/specialuse.h"
#include "store/annot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct metadata {
	struct metadata_settings settings;
	struct shared shared; /* the server's /shared entries */
	struct metadata_provider *providers; /* own */
	size_t count;
};

struct listed {
	struct metadata_entry entry;
	struct listed *next;
	UT_hash_handle hh;
};

struct metadata_list {
	struct arena *arena;
	const struct metadata_request *request;
	struct strv top; /* the entry of the request that is being read */
	const struct metadata *metadata;
	const struct metadata_scope *scope;
	bool stored; /* entries come from the store: rows of providers are not shown */
	struct listed *by_name;
	struct listed *first;
	struct listed **end;
	size_t count;
	uint64_t longest;
	bool too_long; /* the value of `top` itself is too long */
};

struct metadata *metadata_new(const struct metadata_settings *settings)
{
	struct metadata *metadata = mem_zalloc(sizeof(*metadata));
	struct metadata_provider provider;

	metadata->settings = *settings;
	shared_init(&metadata->shared, settings->shared_comment, settings->shared_admin);
	metadata->settings.shared_comment = metadata->settings.shared_admin = NULL;
	shared_provider(&metadata->shared, &provider);
	metadata_add(metadata, &provider);
	specialuse_provider(&provider);
	metadata_add(metadata, &provider);
	return metadata;
}

void metadata_free(struct metadata **metadata)
{
	struct metadata *m = *metadata;

	if (!m)
		return;
	*metadata = NULL;
	shared_fini(&m->shared);
	free(m->providers);
	free(m);
}

void metadata_add(struct metadata *metadata, const struct metadata_provider *provider)
{
	metadata->providers =
		mem_realloc(metadata->providers, metadata->count + 1, sizeof(*metadata->providers));
	metadata->providers[metadata->count++] = *provider;
}

const struct metadata_settings *metadata_settings(const struct metadata *metadata)
{
	return &metadata->settings;
}

static bool metadata_serves(const struct metadata_provider *provider, const struct metadata_scope *scope)
{
	return provider->flags & (scope->mailbox ? METADATA_MAILBOX : METADATA_SERVER);
}

const struct metadata_provider *metadata_provider_of(
	const struct metadata *metadata, const struct metadata_scope *scope, struct strv name)
{
	const struct metadata_provider *found = NULL;
	size_t length = 0;

	for (size_t i = 0; i < metadata->count; i++) {
		const struct metadata_provider *provider = &metadata->providers[i];
		struct strv prefix = strv_cstr(provider->prefix);
		if (prefix.n > length && metadata_serves(provider, scope) &&
			entry_within(name, prefix, ENTRY_DEPTH_INFINITY)) {
			found = provider;
			length = prefix.n;
		}
	}
	return found;
}

/*
 * True: a provider offers such entries in another scope. It would ignore one here, and the client must not
 * believe that it had an effect.
 */
static bool belongs_elsewhere(
	const struct metadata *metadata, const struct metadata_scope *scope, struct strv name)
{
	for (size_t i = 0; i < metadata->count; i++) {
		const struct metadata_provider *provider = &metadata->providers[i];
		if (provider->flags & METADATA_ALONE && !metadata_serves(provider, scope) &&
			entry_within(name, strv_cstr(provider->prefix), ENTRY_DEPTH_INFINITY))
			return true;
	}
	return false;
}

/* The form in which a name is compared, stored and told. */
static struct strv metadata_canonical(
	const struct metadata_provider *owner, struct strv name, struct arena *arena)
{
	bool keep = owner && (owner->flags & METADATA_KEEP_CASE) && name.n > strlen(owner->prefix);
	return entry_lower(name, keep, arena);
}

enum rc metadata_cannot(struct metadata_error *error, const char *format, ...)
{
	va_list args;

	error->code = "CANNOT";
	va_start(args, format);
	int n = vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (n < 0)
		error->text[0] = '\0';
	for (char *p = error->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	}
	return RC_CANNOT;
}

enum rc metadata_changed(struct account *account, int64_t mailbox, struct strv name)
{
	return annot_changed(account, mailbox, name);
}

/* Reading. */

static struct listed *metadata_find(const struct metadata_list *list, struct strv name)
{
	struct listed *listed = NULL;
	HASH_FIND(hh, list->by_name, name.p, name.n, listed);
	return listed;
}

static void metadata_list_append(struct metadata_list *list, struct strv name, struct strv value)
{
	if (metadata_find(list, name))
		return;
	struct listed *listed = arena_zalloc(list->arena, sizeof(*listed));
	listed->entry.name = arena_strv(list->arena, name);
	if (value.p)
		listed->entry.value = strv_make(arena_strndup(list->arena, value.p, value.n), value.n);
	HASH_ADD_KEYPTR(hh, list->by_name, listed->entry.name.p, listed->entry.name.n, listed);
	*list->end = listed;
	list->end = &listed->next;
	list->count++;
}

void metadata_list_add(struct metadata_list *list, struct strv name, struct strv value)
{
	const struct metadata_request *request = list->request;

	if (!value.p || !entry_within(name, list->top, request->depth))
		return;
	if (list->stored && metadata_provider_of(list->metadata, list->scope, name))
		return;
	if (request->sized && value.n > request->maxsize) {
		if (value.n > list->longest)
			list->longest = value.n;
		list->too_long = list->too_long || strv_ieq(name, list->top);
		return;
	}
	metadata_list_append(list, name, value);
}

static bool add_stored(void *arg, struct strv name, struct strv value)
{
	metadata_list_add(arg, name, value);
	return true;
}

/* Asks the providers whose whole prefix is below the requested entry. */
static enum rc list_providers_below(struct metadata_list *list, struct account *account)
{
	const struct metadata *metadata = list->metadata;

	for (size_t i = 0; i < metadata->count; i++) {
		const struct metadata_provider *provider = &metadata->providers[i];
		struct strv prefix = strv_cstr(provider->prefix);
		if (!metadata_serves(provider, list->scope) || prefix.n <= list->top.n ||
			!entry_within(prefix, list->top, ENTRY_DEPTH_INFINITY))
			continue;
		enum rc rc = provider->list(provider->ctx, account, list->scope, prefix, true, list);
		/* RC_CANNOT does not matter: the client did not ask for this entry by name. */
		if (rc != RC_OK && rc != RC_CANNOT)
			return rc;
	}
	return RC_OK;
}

static enum rc metadata_list_one(struct metadata_list *list, struct account *account, struct strv asked)
{
	const struct metadata_provider *owner = metadata_provider_of(list->metadata, list->scope, asked);
	bool below = list->request->depth != ENTRY_DEPTH_0;
	enum rc rc;

	list->top = metadata_canonical(owner, asked, list->arena);
	list->too_long = false;
	if (owner) {
		rc = owner->list(owner->ctx, account, list->scope, list->top, below, list);
	} else {
		list->stored = true;
		rc = annot_list(account, list->scope->mailbox, list->top, below, add_stored, list);
		list->stored = false;
	}
	if (rc == RC_OK && below)
		rc = list_providers_below(list, account);
	if (rc == RC_OK && !below && !list->too_long)
		metadata_list_append(list, list->top, STRV_NULL);
	return rc;
}

enum rc metadata_get(const struct metadata *metadata, struct account *account,
	const struct metadata_scope *scope, const struct metadata_request *request,
	struct metadata_answer *ret_answer)
{
	struct metadata_list list = {
		.arena = account_arena(account), .request = request, .metadata = metadata, .scope = scope
	};
	enum rc rc = RC_OK;

	list.end = &list.first;
	for (size_t i = 0; rc == RC_OK && i < request->count; i++)
		rc = metadata_list_one(&list, account, request->names[i]);
	HASH_CLEAR(hh, list.by_name);
	if (rc != RC_OK)
		return rc;
	struct metadata_entry *entries = arena_alloc(list.arena, (list.count + 1) * sizeof(*entries));
	size_t count = 0;
	for (const struct listed *listed = list.first; listed; listed = listed->next)
		entries[count++] = listed->entry;
	*ret_answer = (struct metadata_answer){ entries, count, list.longest };
	return RC_OK;
}

/* Setting. */

static enum rc metadata_too_large(struct metadata_error *error, size_t max)
{
	snprintf(error->room, sizeof(error->room), "METADATA MAXSIZE %zu", max);
	error->code = error->room;
	snprintf(error->text, sizeof(error->text), "Value is too large");
	return RC_LIMIT;
}

static enum rc metadata_room_for(const struct metadata *metadata, struct account *account, int64_t mailbox,
	struct strv name, struct metadata_error *error)
{
	struct strv old;

	if (annot_count(account) < metadata->settings.entries_max)
		return RC_OK;
	enum rc rc = annot_get(account, mailbox, name, &old);
	if (rc != RC_NOT_FOUND)
		return rc;
	error->code = "METADATA TOOMANY";
	snprintf(error->text, sizeof(error->text), "Too many entries");
	return RC_LIMIT;
}

enum rc metadata_set(const struct metadata *metadata, struct account *account,
	const struct metadata_scope *scope, struct strv name, struct strv value, struct metadata_error *error)
{
	const struct metadata_provider *owner = metadata_provider_of(metadata, scope, name);
	size_t max = owner && owner->value_max ? owner->value_max : metadata->settings.value_max;
	struct strv entry = metadata_canonical(owner, name, account_arena(account));

	if (value.n > max)
		return metadata_too_large(error, max);
	if (owner)
		return owner->set(owner->ctx, account, scope, entry, value, error);
	/* NIL is allowed, so that an entry that was stored earlier can be removed. */
	if (value.p && belongs_elsewhere(metadata, scope, entry))
		return metadata_cannot(error, "%s",
			scope->mailbox ? "This entry belongs to the server, not to a mailbox"
				       : "This entry belongs to a mailbox");
	if (!entry_name_usable(entry))
		return metadata_cannot(error, "there can be no entry %.*s", STRV_ARG(entry));
	enum rc rc = value.p ? metadata_room_for(metadata, account, scope->mailbox, entry, error) : RC_OK;
	return rc == RC_OK ? annot_set(account, scope->mailbox, entry, value, true) : rc;
}
