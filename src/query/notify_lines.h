/*
 * The lines that NOTIFY (RFC 5465) sends for mailboxes other than the selected one: STATUS, LIST and
 * METADATA. The reactor gathers the changes; a job on the strand looks up the present state and prints it.
 *
 * struct notify_lines has one owner at a time: the reactor, which fills it, or the job.
 */
#ifndef COID_QUERY_NOTIFY_LINES_H
#define COID_QUERY_NOTIFY_LINES_H

#include "base/buf.h"
#include "base/list.h"
#include "imap/notify_set.h"

/* A mark besides those of enum notify_event: the name belongs to another mailbox now. It is told to
 * clients that want FlagChange. */
#define NOTIFY_UIDVALIDITY (1u << 8)

#define NOTIFY_OUTPUT_MAX (32 * 1024 * 1024) /* octets of the lines of one job; RC_LIMIT beyond */

enum notify_kind {
	NOTIFY_KIND_NAME, /* created, deleted: the name and the one above it */
	NOTIFY_KIND_RENAME,
	NOTIFY_KIND_SUBSCRIPTION,
	NOTIFY_KIND_METADATA
};

/* A change of a name, or of an entry of METADATA. */
struct notify_item {
	struct list_node node;
	enum notify_kind kind;
	int64_t mailbox; /* 0: the server's entries */
	struct strv name; /* of the mailbox or the entry; stored after the struct, as old_name */
	struct strv old_name;
};

/* A marked mailbox, and the results for it. */
struct notify_ask {
	int64_t id;
	unsigned marks; /* enum notify_event bits and NOTIFY_UIDVALIDITY */
	bool unseen_known;
	uint32_t unseen; /* if unseen_known: the number last told; result: the number told now */
	bool found; /* result: the mailbox exists */
	unsigned events; /* result: the events that the set wants of it */
};

struct notify_lines {
	struct notify_set *set; /* counted */
	bool utf8; /* names are printed as UTF-8 */
	bool condstore; /* HIGHESTMODSEQ is told */
	struct list items; /* own: struct notify_item */
	struct notify_ask *asks; /* own */
	size_t count;
	struct buf out; /* own: the lines */
};

/* [strand] Fills `out` and the results in `asks`, anew at each call. RC_LIMIT: the lines exceed
 * NOTIFY_OUTPUT_MAX. */
enum rc notify_lines_print(struct account *account, struct notify_lines *lines) MUST_CHECK;
/* [strand] Prints the STATUS lines of the whole set, for NOTIFY SET STATUS. `selected`: the mailbox to be
 * left out. */
enum rc notify_lines_status(struct account *account, const struct notify_set *set, int64_t selected,
	bool utf8, struct buf *out) MUST_CHECK;

#endif
