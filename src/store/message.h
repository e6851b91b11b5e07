/*
 * Messages of a mailbox: the in-memory index, and what changes it. All functions are [strand].
 */
#ifndef COID_STORE_MESSAGE_H
#define COID_STORE_MESSAGE_H

#include "base/seqset.h"
#include "store/content.h"
#include "store/mailbox.h"

enum msg_flag {
	MSG_SEEN = 1 << 0,
	MSG_ANSWERED = 1 << 1,
	MSG_FLAGGED = 1 << 2,
	MSG_DELETED = 1 << 3,
	MSG_DRAFT = 1 << 4,
	MSG_FLAGS_CLIENT = 0x1f, /* what a client can set */
	MSG_CHAT = 1 << 8, /* detected as a chat message at delivery (COI-48) */
	MSG_MARKED = 1 << 9, /* a module has still to work on it (marked.h) */
	MSG_FLAGS_STORED = MSG_FLAGS_CLIENT | MSG_CHAT | MSG_MARKED, /* as they are in the database */
	MSG_MORE_KEYWORDS = 1 << 10 /* in memory only: it has keywords that msg_keywords_more tells */
};

struct msg_row {
	uint32_t uid;
	uint32_t flags;
	uint64_t keywords; /* the first 64 of the mailbox */
	uint64_t modseq;
	int64_t internaldate; /* seconds since 1970 UTC */
	int64_t savedate; /* when it came into this mailbox */
	int64_t blob;
	uint32_t size; /* octets as sent by FETCH RFC822 */
	int16_t zone; /* of INTERNALDATE as given, minutes east of UTC */
};

/*
 * The mailbox's messages in UID order. Loaded if it is not in memory ("memory" once loaded). The array is
 * valid until the next call that changes the mailbox, at the latest until the job ends.
 */
enum rc msg_index(struct account *account, int64_t mailbox, const struct msg_row **ret_rows,
	size_t *ret_count) MUST_CHECK;
/* Whether msg_index would need no disk. memory. */
bool msg_index_loaded(struct account *account, int64_t mailbox);
/* Whether all of `uids` are in the mailbox. Loads like msg_index. */
enum rc msg_all_there(
	struct account *account, int64_t mailbox, const struct seqset *uids, bool *ret_there) MUST_CHECK;
/* Position of the first row with uid >= `uid`. */
size_t msg_lower_bound(const struct msg_row *rows, size_t count, uint32_t uid);

/*
 * Its keywords beyond the first 64, KEYWORDS_MORE_WORDS words; NULL: it has none. Valid until the mailbox
 * changes. memory.
 */
const uint64_t *msg_keywords_more(struct account *account, int64_t mailbox, const struct msg_row *row);

/*
 * The row of a message that was moved out of the mailbox a moment ago, to read it: for a session that has not
 * been told yet. NULL: not known (any more). Valid until the mailbox changes. memory.
 */
const struct msg_row *msg_moved(struct account *account, int64_t mailbox, uint32_t uid);

/* A message to be stored. */
struct msg_new {
	struct content *content; /* borrowed; content.h */
	/* Header lines put before the content (CRLF-ended), which only this copy has; may be empty. */
	struct strv prefix;
	uint32_t flags;
	const struct strv *keywords;
	size_t keyword_count;
	int64_t internaldate;
	int16_t zone;
};

/*
 * One transaction with the job; several calls in one job are all or nothing. RC_QUOTA, RC_LIMIT,
 * RC_NOT_FOUND.
 */
enum rc msg_append(
	struct account *account, int64_t mailbox, const struct msg_new *msg, uint32_t *ret_uid) MUST_CHECK;

enum flag_op {
	FLAGS_SET, /* replaces the client-settable flags and the keywords */
	FLAGS_ADD,
	FLAGS_REMOVE
};

/*
 * STORE. Messages of `uids` that exist; those with modseq > unchanged_since (UINT64_MAX: no condition) are
 * left alone and added to *modified. A message whose flags do not change gets no new modseq. *ret_gone (may
 * be NULL): UIDs asked for that do not exist. keywords NULL: none.
 */
enum rc msg_store_flags(struct account *account, int64_t mailbox, const struct seqset *uids, enum flag_op op,
	uint32_t flags, const struct keyword_set *keywords, uint64_t unchanged_since, struct seqset *modified,
	struct seqset *ret_gone) MUST_CHECK;

/* Pairs of a COPY or MOVE: src and dst have the same count, in the order of copying. */
struct copy_result {
	uint32_t uidvalidity; /* of the destination */
	struct seqset src; /* the caller's: seqset_fini */
	struct seqset dst;
};
/*
 * All or nothing. Flags, keywords (as many as fit) and INTERNALDATE are kept; bytes are shared. Missing UIDs
 * are skipped. move: source rows go to the expunge log in the same transaction. src == dst mailbox is
 * allowed.
 */
enum rc msg_copy(struct account *account, int64_t from, const struct seqset *uids, int64_t to, bool move,
	struct copy_result *ret_result) MUST_CHECK;

/*
 * Removes those of `uids` (NULL: all) that have \Deleted (any_flags: regardless). *ret_uids: what was
 * removed.
 */
enum rc msg_expunge(struct account *account, int64_t mailbox, const struct seqset *uids, bool any_flags,
	struct seqset *ret_uids) MUST_CHECK;

/*
 * UIDs removed with modseq > since. *ret_complete false: the log no longer reaches back that far (RFC 7162
 * 3.2.7).
 */
enum rc msg_expunged_since(struct account *account, int64_t mailbox, uint64_t since, struct seqset *ret_uids,
	bool *ret_complete) MUST_CHECK;

/* What was computed at delivery; views in the arena. */
enum msg_part_mask {
	MSG_ENVELOPE = 1 << 0,
	MSG_BODY = 1 << 1,
	MSG_BODYSTRUCTURE = 1 << 2,
	MSG_PARTS = 1 << 3,
	MSG_HEADERS = 1 << 4,
	MSG_PREVIEW = 1 << 5,
	MSG_AT_HAND = 1 << 6 /* with others: RC_NOT_FOUND for what would have to be computed */
};
struct msg_cached {
	struct strv envelope, body, bodystructure, parts, headers, preview;
	int64_t sent_date; /* of the Date header, INT64_MIN: none */
	int16_t sent_zone;
	bool has_nul;
};
/*
 * Scans the message anew (and stores the result) if the cache row is missing, of another version or damaged.
 */
enum rc msg_cached(struct account *account, const struct msg_row *row, unsigned want, struct arena *arena,
	struct msg_cached *ret_cached) MUST_CHECK;

/*
 * What the ids of RFC 8474 are made of. A blob (msg_row.blob) is never used again while the account's
 * database lives; the epoch (of INBOX, memory) tells one database from another. Copies share blob and thread.
 * Neither ever changes.
 */
uint32_t msg_epoch(struct account *account);
enum rc msg_thread(struct account *account, const struct msg_row *row, uint64_t *ret_thread) MUST_CHECK;

/*
 * BODY and BODYSTRUCTURE with message/global in the form of message/rfc822 (RFC 9051). Scans the message;
 * nothing is stored.
 */
enum rc msg_body_global(struct account *account, const struct msg_row *row, struct arena *arena,
	struct strv *ret_body, struct strv *ret_bodystructure) MUST_CHECK;

/*
 * Opens the bytes of a message. The reader may outlive the job and go to another thread (one at a time); the
 * bytes stay readable although the message is expunged meanwhile.
 */
enum rc msg_open(struct account *account, const struct msg_row *row, struct reader **ret_reader) MUST_CHECK;
/*
 * reader_read has failed with RC_IO or RC_CORRUPT: it is logged once, and the owner finds a note
 * (store/damage.h).
 */
void msg_damaged(struct account *account, const struct msg_row *row);

#endif
