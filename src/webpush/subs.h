/*
 * Subscriptions: as JSON that a client writes and reads, and as the account stores them. The account owns
 * them; strings of a struct sub are in the given arena. Functions with an account are [strand], and those
 * that change something need a write transaction; all others are pure.
 */
#ifndef COID_WEBPUSH_SUBS_H
#define COID_WEBPUSH_SUBS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rc.h"
#include "store/store.h"
#include "webpush/ece.h"

#include <stdbool.h>
#include <stdint.h>

#define WEBPUSH_ENTRY "/private/vendor/vendor.dovecot/webpush"
#define SUBS_ENTRY WEBPUSH_ENTRY "/subscriptions"
#define VAPID_ENTRY WEBPUSH_ENTRY "/vapid"

#define SUBS_ID_MIN 10
#define SUBS_ID_MAX 36
#define SUBS_TEXT_MAX 128 /* octets of `client` and `device` each */
#define SUBS_P256DH_MAX 256
#define SUBS_AUTH_MAX 64
#define SUBS_JSON_MAX 8192
#define SUBS_DEPTH_MAX 16
#define SUBS_WHY_MAX 160
#define SUBS_TOKEN_BYTES 24 /* random */

enum sub_type { SUB_CHAT, SUB_MAIL, SUB_ALL };

struct sub {
	struct strv id; /* as the client writes it */
	struct strv name; /* the id in lower case, by which subscriptions differ */
	struct strv client;
	struct strv device;
	enum sub_type type;
	struct strv endpoint;
	struct ece_receiver receiver;
	int64_t created;
	bool validated;
	struct strv token; /* until it is validated */
	int64_t accepted; /* when the push service took the validation push; 0: not yet */
	struct strv vapid; /* name of the server's key that it was made for */
};

/* The rules that decide, together with the subscription, whether it is still valid. */
struct subs_rules {
	int64_t now;
	int64_t window_s;
	int64_t max_s;
	struct strv vapid;
};

bool subs_id_valid(struct strv id);
/* Reads the value of SETMETADATA. RC_INVALID: `why` says which member is wrong and how. */
enum rc subs_parse(struct strv id, struct strv json, bool allow_private, struct arena *arena,
	struct sub *ret_sub, char why[SUBS_WHY_MAX]) MUST_CHECK;
/* Appends the value that GETMETADATA shows. */
void subs_print(const struct sub *sub, struct buf *out);
/* Appends the subscription in its stored form, and reads that. RC_CORRUPT. */
void subs_encode(const struct sub *sub, struct buf *out);
enum rc subs_decode(struct strv json, struct arena *arena, struct sub *ret_sub) MUST_CHECK;

/*
 * The time when the validation must have happened, in seconds since 1970, for a subscription that is not
 * validated.
 */
int64_t subs_deadline(const struct sub *sub, const struct subs_rules *rules);
bool subs_lives(const struct sub *sub, const struct subs_rules *rules);
/* Tells whether it wants messages of this kind: chat or mail. */
bool subs_wants(const struct sub *sub, bool chat);

/* [strand] */
struct subs_list {
	struct sub *v; /* in the arena */
	size_t n;
};
/* Loads all subscriptions of the account, void ones too. One that can't be read is logged and left out. */
enum rc subs_load(struct account *account, struct arena *arena, struct subs_list *ret_list) MUST_CHECK;
/* RC_NOT_FOUND */
enum rc subs_find(
	struct account *account, struct strv name, struct arena *arena, struct sub *ret_sub) MUST_CHECK;
enum rc subs_save(struct account *account, const struct sub *sub) MUST_CHECK;
enum rc subs_drop(struct account *account, struct strv name) MUST_CHECK;

/*
 * The throttle on registrations: a bucket of `max` that fills up within an hour, and an hour's pause after
 * too many registrations in a row that were never validated.
 */
struct subs_throttle {
	int64_t level; /* thousandths of a registration */
	int64_t filled; /* the time of `level` */
	int64_t unvalidated; /* registrations in a row that were never validated */
	int64_t last; /* the time of the last of those */
};
#define SUBS_THROTTLE_HOUR_S 3600
/* Takes one registration out of the bucket. False: there is none, or the account has to wait. Pure. */
bool subs_throttle_take(struct subs_throttle *throttle, unsigned max, unsigned unvalidated_max, int64_t now);
enum rc subs_throttle_load(
	struct account *account, unsigned max, int64_t now, struct subs_throttle *ret_throttle) MUST_CHECK;
enum rc subs_throttle_save(struct account *account, const struct subs_throttle *throttle) MUST_CHECK;

#endif
