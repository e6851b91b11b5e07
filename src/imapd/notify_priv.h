/* Declarations that notify.c, notify_job.c and notify_fetch.c share. On the session's reactor. */
#ifndef COID_IMAPD_NOTIFY_PRIV_H
#define COID_IMAPD_NOTIFY_PRIV_H

#include "imapd/notify.h"
#include "query/fetch.h"
#include "query/notify_lines.h"
#include "store/mailbox.h"

#define NOTIFY_JOB_BOXES 256 /* mailboxes of one job; the next job takes the rest */

/* A mailbox that has changed since NOTIFY. */
struct notify_box {
	UT_hash_handle hh;
	int64_t id;
	unsigned marks; /* enum notify_event bits (and NOTIFY_UIDVALIDITY) that are not told */
	uint64_t names; /* notify.names when `events` was found out; 0: never */
	unsigned events; /* the events that the set wants of it */
	bool unseen_known;
	uint32_t unseen; /* if unseen_known: the number last told */
};

struct notify {
	struct notify_set *set; /* counted */
	bool watching; /* change_watch is in force */
	bool overflowed; /* NOTIFICATIONOVERFLOW has to be told */
	struct notify_box *boxes; /* own; uthash */
	size_t box_count;
	size_t marked; /* boxes with marks */
	uint64_t names; /* grows whenever a name, a subscription or the set changes */
	struct list items; /* own */
	size_t item_count;
	size_t item_bytes;
	struct seqset due; /* new messages of the selected mailbox whose attributes are to be sent */
	struct buf ready; /* lines that could not be written yet */
	struct notify_job *job; /* borrowed: under way */
	struct notify_fetch *sending; /* borrowed: under way */
	struct fetch *fetch; /* own, between its slices */
	bool waits_for_room; /* `fetch` waits until the connection has room */
	bool in_response; /* `fetch` has stopped in the middle of a response */
};

/* notify.c */

/* Drops everything that waits, and has that told. */
void notify_overflow(struct session *session);

/* notify_job.c */

/* Submits a job for the marks and the queued items. */
void notify_job_start(struct session *session);

/* notify_fetch.c */

/* Begins to send the attributes that are due, if there are any. */
void notify_fetch_start(struct session *session);
void notify_fetch_drain(struct session *session);

#endif
