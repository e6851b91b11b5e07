/*
 * The items of STATUS, for STATUS itself and for LIST ... RETURN (STATUS (...)). Pure. query/status.h reads
 * their values.
 */
#ifndef COID_IMAP_STATUS_ITEMS_H
#define COID_IMAP_STATUS_ITEMS_H

#include "base/arena.h"
#include "base/buf.h"
#include "imap/parse.h"
#include "store/mailbox.h"

#define STATUS_ITEMS_MAX 32

enum status_item {
	STATUS_MESSAGES,
	STATUS_RECENT,
	STATUS_UIDNEXT,
	STATUS_UIDVALIDITY,
	STATUS_UNSEEN,
	STATUS_SIZE, /* RFC 8438 */
	STATUS_DELETED, /* RFC 9208, as the next one */
	STATUS_DELETED_STORAGE,
	STATUS_HIGHESTMODSEQ, /* RFC 7162 */
	STATUS_APPENDLIMIT, /* RFC 7889 */
	STATUS_MAILBOXID, /* RFC 8474 */
	STATUS_KINDS
};

struct status_items {
	enum status_item v[STATUS_ITEMS_MAX]; /* in the order asked for */
	size_t count;
	unsigned mask; /* bit 1 << item */
	/* The session's selected mailbox (0: none), and the modseq up to which it has been told
	 * everything: no higher HIGHESTMODSEQ is told. Set by sync_status. */
	int64_t selected;
	uint64_t told_modseq;
};

/* "(MESSAGES UIDNEXT ...)" */
bool status_items_parse(struct parse *parse, struct status_items *ret_items);

/* The values of the items; query/status.h reads them. */
struct status_values {
	struct mbox_info info;
	uint64_t deleted_storage;
	uint64_t message_max;
};

/* Tells whether the mailbox's own counters answer all items; otherwise its index is read. */
bool status_items_memory(const struct status_items *items);

/* "* STATUS <mailbox> (...)\r\n" */
void status_items_print(struct buf *out, struct strv name, bool utf8, const struct status_items *items,
	const struct status_values *values);

#endif
