/*
 * Device tokens of chatmail clients, kept as entries of the account beside the subscriptions, each under the
 * hash of its value. A token that has not been set again for DEVICE_TOKEN_DAYS has expired. All functions are
 * [strand]; those that change something need a write transaction. Owned by the account.
 */
#ifndef COID_WEBPUSH_DEVICE_H
#define COID_WEBPUSH_DEVICE_H

#include "base/arena.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/store.h"
#include "webpush/subs.h"

#include <stddef.h>
#include <stdint.h>

#define DEVICE_KEPT WEBPUSH_ENTRY "/.device" /* the entry below which they are kept (subs.h) */
#define DEVICE_TOKEN_MAX 4096 /* octets */
#define DEVICE_TOKEN_DAYS 90
#define DEVICE_NAME 32 /* characters of a token's name */

struct device_token {
	struct strv name; /* DEVICE_NAME hexadecimal digits */
	struct strv value;
	int64_t set; /* when it was set last, in seconds since 1970 */
};

struct device_list {
	struct device_token *v; /* in the arena */
	size_t n;
};

/* Loads the tokens that have not expired at `now` (0: all tokens), in the order of their names. */
enum rc device_load(
	struct account *account, int64_t now, struct arena *arena, struct device_list *ret_list) MUST_CHECK;
/*
 * Sets a token, or sets it again. Removes expired ones, and the oldest one if there would be more than `max`.
 */
enum rc device_add(struct account *account, struct strv token, int64_t now, unsigned max) MUST_CHECK;
/* Removes a token. RC_OK also if it does not exist. */
enum rc device_drop(struct account *account, struct strv name) MUST_CHECK;
enum rc device_drop_all(struct account *account) MUST_CHECK;

#endif
