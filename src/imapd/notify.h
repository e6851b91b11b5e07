/*
 * NOTIFY (RFC 5465) of one session: the events that it is told of without asking. On the session's reactor.
 * The session owns its data from its first NOTIFY on. A session without NOTIFY pays a pointer; one with
 * NOTIFY pays the set of its filters while nothing happens.
 *
 * The view and sync.c handle the selected mailbox, and ask here what may be told. For all other mailboxes
 * change lists only leave marks: which mailbox has changed, which names and entries. A job on the account's
 * strand, at most one at a time for a session, then finds out the present names of those mailboxes, whether a
 * filter matches, and what there is to say, for all marks at once. So a thousand deliveries to a mailbox
 * during one job become one STATUS.
 *
 * No race is possible, for these reasons. The watch begins with the job of NOTIFY SET, so the first change
 * that its STATUS responses do not show is the first one that is marked. Names are looked up on the strand,
 * where they change, never on the reactor. The result for a mailbox (its events) is kept until a change list
 * says that a name or a subscription has changed; lists and completions arrive in the order of commits, so a
 * change that makes a result stale arrives after it. If a mailbox is selected between the mark and the
 * result, the result arrives before the selection: jobs of a session run in the order in which it submitted
 * them, and none is submitted while a command (other than IDLE) is running.
 *
 * Marks and entries that wait for a client that does not read are counted. Beyond the limits the client is
 * told NOTIFICATIONOVERFLOW, and is treated as after NOTIFY NONE.
 */
#ifndef COID_IMAPD_NOTIFY_H
#define COID_IMAPD_NOTIFY_H

#include "imap/notify_set.h"
#include "imapd/session.h"

#define NOTIFY_BOXES_MAX 8192 /* mailboxes that are marked */
#define NOTIFY_QUEUE_MAX 1024 /* changed names and entries that wait */
#define NOTIFY_QUEUE_BYTES_MAX 262144 /* their octets */

/* Call this when NOTIFY has succeeded: takes over the set. `watched`: its job has begun to watch the
 * account. `told`: the state of all mailboxes has been told, so that older marks are void. Events that
 * wait are judged by the new set. */
void notify_replace(struct session *session, struct notify_set *set, bool watched, bool told);
void notify_free(struct session *session);

/* The message events of the selected mailbox that may be told now: all, if there was no NOTIFY. */
unsigned notify_selected(const struct session *session);
/* Takes in a change list. The session's view may take it in before or after this. */
void notify_apply(struct session *session, const struct change_list *list);
/* sync_offer calls these in sessions with NOTIFY. notify_start submits the job that is needed;
 * notify_immediate tells whether EXPUNGE may be told at any time. */
void notify_start(struct session *session);
bool notify_immediate(const struct session *session);
/* Queues the lines that are ready for output. Call it before a tagged line. */
void notify_flush(struct session *session);
/* Call this when the connection has room again. True: sending the attributes of new messages goes on. */
bool notify_drain(struct session *session);
/* Call this when no mailbox is selected any more. */
void notify_unselected(struct session *session);

/* True: the attributes of new messages are being sent, so no command may begin, and nothing may be told of
 * the mailbox. */
bool notify_sending(const struct session *session);
/* True: one of those responses has begun, so nothing at all may be written. */
bool notify_in_response(const struct session *session);

#endif
