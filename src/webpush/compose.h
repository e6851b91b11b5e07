/*
 * From delivered messages to pushes: reads what of the account wants to be told, and makes the pushes for
 * each message. [strand] Nothing is kept between jobs but a note on the account that says whether anybody
 * wants to be told at all, so that deliveries to other accounts cost no job.
 */
#ifndef COID_WEBPUSH_COMPOSE_H
#define COID_WEBPUSH_COMPOSE_H

#include "base/arena.h"
#include "base/rc.h"
#include "store/push_owed.h"
#include "webpush/push.h"
#include "webpush/subs.h"

#include <stdbool.h>

struct core;
struct vapid_key;

/* All borrowed. */
struct compose_request {
	const struct core *core;
	const struct vapid_key *vapid; /* the pushes are made for it */
	struct arena *arena; /* for what is looked up */
	struct push_list *list; /* the pushes are added to it */
};

/* Whether the account is known to want no pushes. False: it does, or nobody has looked yet. */
bool compose_unwanted(struct account *account);
/* Whether the account wants pushes for messages; looks if nobody has yet. */
enum rc compose_wanted(const struct core *core, struct account *account, bool *ret_wanted) MUST_CHECK;
/*
 * For each message a push per subscription and device token that wants it. Messages and mailboxes that are
 * gone are left out; of a message that can't be read only its place is told.
 */
enum rc compose_messages(const struct compose_request *request, struct account *account,
	const struct push_owed_row *rows, size_t count) MUST_CHECK;
/*
 * The validation push of a subscription; none if it is gone, validated or void. *ret_changed: it is gone or
 * waits anew.
 */
enum rc compose_validation(const struct compose_request *request, struct account *account,
	struct strv subscription, bool *ret_changed) MUST_CHECK;
/* A test push to each subscription that lives, or to `id` alone (empty: all). */
enum rc compose_tests(
	const struct compose_request *request, struct account *account, struct strv id) MUST_CHECK;

#endif
