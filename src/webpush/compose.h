/*
 * Makes pushes for delivered messages: reads the subscriptions and device tokens of the account, and makes
 * the pushes for each message. [strand] Between jobs it keeps only a note on the account that says whether
 * the account wants any pushes, so that deliveries to other accounts need no job.
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
	struct arena *arena; /* for temporary data */
	struct push_list *list; /* the pushes are added to it */
};

/* True: the account is known to want no pushes. False: it does, or that is not known yet. */
bool compose_unwanted(struct account *account);
/* Tells whether the account wants pushes for messages; looks them up if that is not known yet. */
enum rc compose_wanted(const struct core *core, struct account *account, bool *ret_wanted) MUST_CHECK;
/*
 * Makes, for each message, a push for each subscription and device token that wants it. Messages and
 * mailboxes that are gone are left out; for a message that can't be read the push tells only its place.
 */
enum rc compose_messages(const struct compose_request *request, struct account *account,
	const struct push_owed_row *rows, size_t count) MUST_CHECK;
/*
 * Makes the validation push of a subscription, but none if it is gone, validated or void. *ret_changed: it is
 * gone or waits again.
 */
enum rc compose_validation(const struct compose_request *request, struct account *account,
	struct strv subscription, bool *ret_changed) MUST_CHECK;
/* Makes a test push for each valid subscription, or for `id` alone (empty: all). */
enum rc compose_tests(
	const struct compose_request *request, struct account *account, struct strv id) MUST_CHECK;

#endif
