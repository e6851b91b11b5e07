/*
 * The insides of NOTIFY that notify.c, notify_job.c and notify_fetch.c share. On the session's reactor.
 */
#ifndef COID_IMAPD_NOTIFY_PRIV_H
#define COID_IMAPD_NOTIFY_PRIV_H

#include "imapd/notify.h"
#include "query/fetch.h"
#include "query/notify_lines.h"
#include "store/mailbox.h"

#define NOTIFY_JOB_BOXES 256 /* mailboxes of one job: the rest is for the next */

/* A mailbox in which something has happened since NOTIFY. */
struct notify_box {
	UT_hash_handle hh;
	int64_t id;
	unsigned marks; /* enum notify_event bits (and NOTIFY_UIDVALIDITY) that are not told */
	uint64_t names; /* as the session's, if nothing has changed since `events` was found out; 0: never */
	unsigned events; /* what the set wants of it */
	bool unseen_known;
	uint32_t unseen; /* if so: as last told */
};

struct notify {
	struct notify_set *set; /* counted */
	bool watching; /* change_watch is in force */
	bool overflowed; /* that is to be said */
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
	bool waits_for_room; /* ... until the connection has room */
	bool in_response; /* ... in the middle of a response */
};

/* notify.c */

/* Everything that waits is dropped, and that is said. */
void notify_overflow(struct session *session);

/* notify_job.c */

/* Submits a job for what is marked and queued. */
void notify_job_start(struct session *session);

/* notify_fetch.c */

/* Begins to send what is due, if anything is. */
void notify_fetch_start(struct session *session);
void notify_fetch_drain(struct session *session);

#endif
