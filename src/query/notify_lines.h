/*
 * The lines that NOTIFY (RFC 5465) sends of mailboxes other than the selected one: STATUS, LIST and METADATA.
 * The reactor gathers what has happened, a job on the strand looks up what is to be said of it and prints it.
 *
 * struct notify_lines has one owner at a time: whoever fills it on the reactor, or the job.
 */
#ifndef COID_QUERY_NOTIFY_LINES_H
#define COID_QUERY_NOTIFY_LINES_H

#include "base/buf.h"
#include "base/list.h"
#include "imap/notify_set.h"

/* A mark besides those of enum notify_event: the name is another mailbox's now. Told to whoever wants
 * FlagChange. */
#define NOTIFY_UIDVALIDITY (1u << 8)

#define NOTIFY_OUTPUT_MAX (32 * 1024 * 1024) /* octets of the lines of one job; RC_LIMIT beyond */

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

/* A marked mailbox, and what was found out. */
struct notify_ask {
	int64_t id;
	unsigned marks; /* enum notify_event bits and NOTIFY_UIDVALIDITY */
	bool unseen_known;
	uint32_t unseen; /* if so: as last told; then as told now */
	bool found; /* result: the mailbox is there */
	unsigned events; /* result: what the set wants of it */
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

/* [strand] Fills `out` and the results in `asks`, anew at each call. RC_LIMIT: more lines than
 * NOTIFY_OUTPUT_MAX. */
enum rc notify_lines_print(struct account *account, struct notify_lines *lines) MUST_CHECK;
/* [strand] The lines of STATUS for the whole set: NOTIFY SET STATUS. `selected`: the mailbox to be left
 * out. */
enum rc notify_lines_status(struct account *account, const struct notify_set *set, int64_t selected,
	bool utf8, struct buf *out) MUST_CHECK;

#endif
