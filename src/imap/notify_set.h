/*
 * The parsed arguments of NOTIFY SET (RFC 5465), and the events that they mean for a mailbox. A set is made
 * on the reactor. It is counted and does not change afterwards, so that the session and its jobs can share
 * it.
 *
 * Event groups add up (RFC 5465 section 6): a mailbox has the events of all groups that match it, in any
 * order. A group with NONE says that the client wants no events of the mailboxes that it names, so these are
 * removed from all groups. For events of messages only "selected" and "selected-delayed" match the selected
 * mailbox; for all other events only the other filters do.
 */
#ifndef COID_IMAP_NOTIFY_SET_H
#define COID_IMAP_NOTIFY_SET_H

#include "base/buf.h"
#include "imap/fetch_plan.h"
#include "imap/parse.h"
#include "store/store.h"

#define NOTIFY_GROUPS_MAX 32 /* event groups of one command */
/* octets of mailbox names in all groups of a set; for their number see mailbox_filter.h */
#define NOTIFY_NAME_BYTES_MAX 65536

enum notify_event {
	NOTIFY_MESSAGE_NEW = 1 << 0,
	NOTIFY_MESSAGE_EXPUNGE = 1 << 1,
	NOTIFY_FLAG_CHANGE = 1 << 2,
	NOTIFY_MESSAGES = 7, /* all events of messages */
	NOTIFY_MAILBOX_NAME = 1 << 3,
	NOTIFY_SUBSCRIPTION = 1 << 4,
	NOTIFY_MAILBOX_METADATA = 1 << 5,
	NOTIFY_SERVER_METADATA = 1 << 6
};

/* The reason why a well-formed set is refused. */
enum notify_refusal {
	NOTIFY_TAKEN,
	NOTIFY_BAD_EVENT, /* an event that the server does not know: NO [BADEVENT (...)] */
	NOTIFY_TOO_MUCH /* beyond one of the limits above: NO [NOTIFICATIONOVERFLOW] */
};

struct notify_set;

/* A set without events: NOTIFY NONE. */
struct notify_set *notify_set_none(void);
/*
 * Parses event groups to the end of the command. False: BAD. Otherwise the result is a refusal, or a set that
 * the caller owns. Names that no mailbox can have are left out: like names of missing mailboxes they match
 * nothing.
 */
bool notify_set_parse(struct parse *parse, struct store *store, struct notify_set **ret_set,
	enum notify_refusal *ret_refusal);
struct notify_set *notify_set_ref(struct notify_set *set);
void notify_set_unref(struct notify_set **set);

/* The message events of the selected mailbox: bits of NOTIFY_MESSAGES. */
unsigned notify_set_selected(const struct notify_set *set);
/* True: EXPUNGE may be told at any time, not only where a command allows it. */
bool notify_set_immediate(const struct notify_set *set);
/*
 * The items that are sent for each new message of the selected mailbox, UID (which is added) first; NULL:
 * none.
 */
const struct fetch_plan *notify_set_plan(const struct notify_set *set);
/* The events of all groups but those of the selected mailbox. */
unsigned notify_set_others(const struct notify_set *set);
/*
 * The events of the mailbox of this name (UTF-8, in the store's form), without message events of the selected
 * mailbox. Any thread.
 */
unsigned notify_set_match(const struct notify_set *set, struct strv name, bool subscribed);

/* Prints the names of all known events, for BADEVENT: "(MessageNew ...)". */
void notify_events_print(struct buf *out);

#endif
