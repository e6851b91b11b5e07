/* Device tokens as entries of the account: "<seconds since 1970> <token>" under the hash of the token. */
#include "webpush/device.h"

#include "base/str.h"
#include "store/annot.h"
#include "webpush/subs.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <string.h>

#define DEVICE_DAY_S 86400

struct device_loading {
	struct arena *arena;
	struct device_list *list;
	size_t cap;
	int64_t now;
};

/* "<seconds> <token>" */
static bool device_load_one(void *arg, struct strv name, struct strv value)
{
	struct device_loading *loading = arg;
	struct device_list *list = loading->list;
	size_t blank = strv_index(value, ' ');
	uint64_t set = 0;

	if (name.n <= sizeof(DEVICE_KEPT) || str_u64(strv_sub(value, 0, blank), &set) != RC_OK)
		return true;
	if (loading->now - (int64_t)set >= (int64_t)DEVICE_TOKEN_DAYS * DEVICE_DAY_S)
		return true;
	if (list->n == loading->cap) {
		loading->cap = loading->cap ? 2 * loading->cap : 8;
		struct device_token *more = arena_alloc(loading->arena, loading->cap * sizeof(*more));
		if (list->n)
			memcpy(more, list->v, list->n * sizeof(*more));
		list->v = more;
	}
	list->v[list->n++] = (struct device_token){
		.name = arena_strv(loading->arena, strv_sub(name, sizeof(DEVICE_KEPT), name.n)),
		.value = arena_strv(loading->arena, strv_sub(value, blank + 1, value.n)),
		.set = (int64_t)set,
	};
	return true;
}

enum rc device_load(struct account *account, int64_t now, struct arena *arena, struct device_list *ret_list)
{
	struct device_list list = { 0 };
	struct device_loading loading = { .arena = arena, .list = &list, .now = now };
	enum rc rc = annot_list(account, 0, STRV(DEVICE_KEPT), true, device_load_one, &loading);

	if (rc == RC_OK)
		*ret_list = list;
	return rc;
}

static struct strv device_kept_name(struct strv name, struct arena *arena)
{
	return strv_cstr(arena_printf(arena, "%s/%.*s", DEVICE_KEPT, STRV_ARG(name)));
}

enum rc device_drop(struct account *account, struct strv name)
{
	struct arena *arena = arena_new(0);
	enum rc rc = annot_set(account, 0, device_kept_name(name, arena), STRV_NULL, false);

	arena_free(&arena);
	return rc;
}

static const struct device_token *device_oldest(const struct device_list *list)
{
	const struct device_token *found = &list->v[0];

	for (size_t i = 1; i < list->n; i++) {
		if (list->v[i].set < found->set)
			found = &list->v[i];
	}
	return found;
}

/* Removes expired tokens, and the oldest one if there is no room for one more with another name. */
static enum rc device_make_room(
	struct account *account, struct strv name, int64_t now, unsigned max, struct arena *arena)
{
	struct device_list list;
	size_t live = 0;
	enum rc rc = device_load(account, 0, arena, &list);

	for (size_t i = 0; rc == RC_OK && i < list.n; i++) {
		if (now - list.v[i].set >= (int64_t)DEVICE_TOKEN_DAYS * DEVICE_DAY_S)
			rc = device_drop(account, list.v[i].name);
		else if (!strv_eq(list.v[i].name, name))
			list.v[live++] = list.v[i];
	}
	list.n = live;
	if (rc == RC_OK && live >= max)
		rc = device_drop(account, device_oldest(&list)->name);
	return rc;
}

enum rc device_add(struct account *account, struct strv token, int64_t now, unsigned max)
{
	struct arena *arena = arena_new(0);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf text;

	SHA256((const unsigned char *)token.p, token.n, digest);
	buf_init(&text, DEVICE_TOKEN_MAX + DEVICE_NAME);
	str_hex(&text, strv_make(digest, DEVICE_NAME / 2));
	struct strv name = arena_strv(arena, buf_strv(&text));
	enum rc rc = device_make_room(account, name, now, max, arena);
	buf_reset(&text);
	buf_printf(&text, "%" PRId64 " ", now);
	buf_addv(&text, token);
	if (rc == RC_OK)
		rc = annot_set(account, 0, device_kept_name(name, arena), buf_strv(&text), true);
	buf_fini(&text);
	arena_free(&arena);
	return rc;
}

enum rc device_drop_all(struct account *account)
{
	struct arena *arena = arena_new(0);
	struct device_list list;
	enum rc rc = device_load(account, 0, arena, &list);

	for (size_t i = 0; rc == RC_OK && i < list.n; i++)
		rc = device_drop(account, list.v[i].name);
	arena_free(&arena);
	return rc;
}
