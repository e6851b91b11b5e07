/*
 * NOTIFY (RFC 5465) of one session: what it is told of without asking. On the session's reactor. The session
 * owns it from its first NOTIFY on; a session without one pays a pointer, and one with it, while nothing
 * happens, the set of its filters.
 *
 * The selected mailbox stays the business of the view and of sync.c, which ask here what may be told. Of all
 * other mailboxes change lists only leave marks: which mailbox has changed, which names and entries. A job on
 * the account's strand, at most one at a time for a session, then finds out what those mailboxes are called
 * now, whether a filter matches, and what there is to say, for all marks at once. So a thousand deliveries to
 * a mailbox while a job is under way are one STATUS.
 *
 * Why no race is left: the watch begins with the job of NOTIFY SET, so that the first change that its STATUS
 * responses do not show is the first one that is marked. Names are looked up on the strand, where they
 * change, never on the reactor. What a job found out about a mailbox (its events) is kept until a change list
 * says that a name or a subscription has changed; lists and completions arrive in the order of commits, so
 * whatever makes a result stale comes after it. A mailbox that is selected between the mark and the result
 * had its result first: jobs of a session run in the order in which it submitted them, and none is submitted
 * while a command (other than IDLE) is in hand.
 *
 * Limits: marks and entries that wait for a client that does not read are counted. Beyond the limits it is
 * told NOTIFICATIONOVERFLOW, and is treated as after NOTIFY NONE.
 */
#ifndef COID_IMAPD_NOTIFY_H
#define COID_IMAPD_NOTIFY_H

#include "imap/notify_set.h"
#include "imapd/session.h"

#define NOTIFY_BOXES_MAX 8192 /* mailboxes that are marked */
#define NOTIFY_QUEUE_MAX 1024 /* changed names and entries that wait */
#define NOTIFY_QUEUE_BYTES_MAX 262144 /* their octets */

/*
 * NOTIFY has succeeded: takes over the set. `watched`: its job has begun to watch the account. `told`: the
 * state of all mailboxes has been told, so that marks from before it are void. Events that wait are judged by
 * the new set.
 */
void notify_replace(struct session *session, struct notify_set *set, bool watched, bool told);
void notify_free(struct session *session);

/* Message events of the selected mailbox that may be told now: all, unless there was a NOTIFY. */
unsigned notify_selected(const struct session *session);
/* Takes in a change list, before the session's view does or after it. */
void notify_apply(struct session *session, const struct change_list *list);
/* For sync_offer, of a session with NOTIFY: submits what needs a job; and whether EXPUNGE may be told at any
 * time. */
void notify_start(struct session *session);
bool notify_immediate(const struct session *session);
/* Lines that are ready are queued for output: before a tagged line. */
void notify_flush(struct session *session);
/* The connection has room again. True: attributes of new messages go on. */
bool notify_drain(struct session *session);
/* No mailbox is selected any more. */
void notify_unselected(struct session *session);

/* The attributes of new messages are being sent: no command may begin, and nothing may be told of the
 * mailbox. */
bool notify_sending(const struct session *session);
/* ... and one of their responses is begun: nothing at all may be written. */
bool notify_in_response(const struct session *session);

#endif
