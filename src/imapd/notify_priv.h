/*
 * What the files of NOTIFY share.
 */
#ifndef COID_IMAPD_NOTIFY_PRIV_H
#define COID_IMAPD_NOTIFY_PRIV_H

#include "imapd/fetch_send.h"
#include "imapd/notify.h"
#include "store/mailbox.h"

#define NOTIFY_JOB_BOXES 256 /* mailboxes of one job: the rest is for the next */
#define NOTIFY_OUTPUT_MAX (32 * 1024 * 1024)

/* A mark besides those of enum notify_event: the name is another mailbox's now. Told to whoever wants FlagChange. */
#define NOTIFY_UIDVALIDITY (1u << 8)

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

enum notify_kind {
	NOTIFY_KIND_NAME, /* created, deleted: the name and the one above it */
	NOTIFY_KIND_RENAME,
	NOTIFY_KIND_SUBSCRIPTION,
	NOTIFY_KIND_METADATA
};

/* Something that has happened to a name, or to an entry of METADATA. */
struct notify_item {
	struct list_node node;
	enum notify_kind kind;
	int64_t mailbox; /* 0: the server's entries */
	struct strv name; /* the mailbox's, or the entry's; behind the struct, as old_name */
	struct strv old_name;
};

struct notify {
	struct notify_set *set; /* counted */
	bool watching; /* account_watch is in force */
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
/* [strand] The lines of STATUS for the whole set: NOTIFY SET STATUS. `selected`: the mailbox to be left out. */
enum rc notify_status_all(struct account *account, const struct notify_set *set, int64_t selected, bool utf8,
	struct buf *out) MUST_CHECK;

/* notify_fetch.c */

/* Begins to send what is due, if anything is. */
void notify_fetch_start(struct session *session);
void notify_fetch_drain(struct session *session);

#endif
