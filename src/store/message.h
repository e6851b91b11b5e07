/*
 * The messages of a mailbox: the index in memory, and the functions that change it. All functions are
 * [strand].
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
	MSG_FLAGS_STORED = MSG_FLAGS_CLIENT | MSG_CHAT | MSG_MARKED, /* the bits that the database has */
	MSG_MORE_KEYWORDS = 1 << 10 /* in memory only: msg_keywords_more has more keywords */
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
 * The mailbox's messages in UID order. Loads the index if it is not in memory ("memory" once loaded). The
 * array is valid until the next call that changes the mailbox, at the latest until the job ends.
 */
enum rc msg_index(struct account *account, int64_t mailbox, const struct msg_row **ret_rows,
	size_t *ret_count) MUST_CHECK;
/* Tells whether msg_index would need no disk. memory. */
bool msg_index_loaded(struct account *account, int64_t mailbox);
/* Tells whether all of `uids` are in the mailbox. Loads the index if needed. */
enum rc msg_all_there(
	struct account *account, int64_t mailbox, const struct seqset *uids, bool *ret_there) MUST_CHECK;
/* The position of the first row with uid >= `uid`. */
size_t msg_lower_bound(const struct msg_row *rows, size_t count, uint32_t uid);

/*
 * The keywords of a message beyond the first 64, KEYWORDS_MORE_WORDS words. NULL: it has none. Valid until
 * the mailbox changes. memory.
 */
const uint64_t *msg_keywords_more(struct account *account, int64_t mailbox, const struct msg_row *row);

/*
 * The row of a message that was moved out of the mailbox a moment ago: a session that has not been told yet
 * may still read it. NULL: not known, or not any more. Valid until the mailbox changes. memory.
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
 * Stores a message in the transaction of the job: several calls in one job succeed or fail together.
 * RC_QUOTA, RC_LIMIT, RC_NOT_FOUND.
 */
enum rc msg_append(
	struct account *account, int64_t mailbox, const struct msg_new *msg, uint32_t *ret_uid) MUST_CHECK;

enum flag_op {
	FLAGS_SET, /* replaces the client-settable flags and the keywords */
	FLAGS_ADD,
	FLAGS_REMOVE
};

/*
 * STORE. Changes the messages of `uids` that exist. Those with modseq > unchanged_since (UINT64_MAX: no
 * condition) are left unchanged and added to *modified. A message whose flags do not change gets no new
 * modseq. *ret_gone (may be NULL): the UIDs that do not exist. keywords NULL: none.
 */
enum rc msg_store_flags(struct account *account, int64_t mailbox, const struct seqset *uids, enum flag_op op,
	uint32_t flags, const struct keyword_set *keywords, uint64_t unchanged_since, struct seqset *modified,
	struct seqset *ret_gone) MUST_CHECK;

/* The messages of a COPY or MOVE: src and dst have the same count, in the order of copying. */
struct copy_result {
	uint32_t uidvalidity; /* of the destination */
	struct seqset src; /* the caller's: seqset_fini */
	struct seqset dst;
};
/*
 * Copies or moves messages, all or none. Flags, keywords (as many as fit) and INTERNALDATE are kept; bytes
 * are shared. Missing UIDs are skipped. move: the source rows go to the expunge log in the same transaction.
 * Source and destination may be the same mailbox.
 */
enum rc msg_copy(struct account *account, int64_t from, const struct seqset *uids, int64_t to, bool move,
	struct copy_result *ret_result) MUST_CHECK;

/*
 * Removes those of `uids` (NULL: all) that have \Deleted (any_flags: regardless of flags). *ret_uids: the
 * removed ones.
 */
enum rc msg_expunge(struct account *account, int64_t mailbox, const struct seqset *uids, bool any_flags,
	struct seqset *ret_uids) MUST_CHECK;

/*
 * The UIDs removed with modseq > since. *ret_complete false: the log does not reach back that far (RFC 7162
 * section 3.2.7).
 */
enum rc msg_expunged_since(struct account *account, int64_t mailbox, uint64_t since, struct seqset *ret_uids,
	bool *ret_complete) MUST_CHECK;

/* The data computed at delivery, as views in the arena. */
enum msg_part_mask {
	MSG_ENVELOPE = 1 << 0,
	MSG_BODY = 1 << 1,
	MSG_BODYSTRUCTURE = 1 << 2,
	MSG_PARTS = 1 << 3,
	MSG_HEADERS = 1 << 4,
	MSG_PREVIEW = 1 << 5,
	MSG_AT_HAND = 1 << 6 /* with others: RC_NOT_FOUND instead of a new computation */
};
struct msg_cached {
	struct strv envelope, body, bodystructure, parts, headers, preview;
	int64_t sent_date; /* of the Date header, INT64_MIN: none */
	int16_t sent_zone;
	bool has_nul;
};
/*
 * Reads the cache row. If it is missing, of another version or damaged, scans the message again and stores
 * the result.
 */
enum rc msg_cached(struct account *account, const struct msg_row *row, unsigned want, struct arena *arena,
	struct msg_cached *ret_cached) MUST_CHECK;

/*
 * The sources of the ids of RFC 8474. A blob (msg_row.blob) is never used again while the account's database
 * lives; the epoch (of INBOX; memory) distinguishes one database from another. Copies share blob and thread.
 * Neither ever changes.
 */
uint32_t msg_epoch(struct account *account);
enum rc msg_thread(struct account *account, const struct msg_row *row, uint64_t *ret_thread) MUST_CHECK;

/*
 * BODY and BODYSTRUCTURE that show message/global in the form of message/rfc822 (RFC 9051). Scans the
 * message; stores nothing.
 */
enum rc msg_body_global(struct account *account, const struct msg_row *row, struct arena *arena,
	struct strv *ret_body, struct strv *ret_bodystructure) MUST_CHECK;

/*
 * Opens the bytes of a message. The reader may outlive the job and go to another thread (one at a time). The
 * bytes stay readable even if the message is expunged meanwhile.
 */
enum rc msg_open(struct account *account, const struct msg_row *row, struct reader **ret_reader) MUST_CHECK;
/*
 * Call this when reader_read has failed with RC_IO or RC_CORRUPT: logs it once, and the owner finds a note
 * (store/damage.h).
 */
void msg_damaged(struct account *account, const struct msg_row *row);

#endif
