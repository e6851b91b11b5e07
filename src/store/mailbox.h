/*
 * Mailboxes of an account. All functions are [strand]: called from a job's run (or while borrowing where
 * marked "memory"). Names are UTF-8 in NFC, separator '/', "INBOX" in any case is INBOX. Strings handed out
 * live until the job ends. Errors: RC_NOT_FOUND, RC_EXISTS, RC_LIMIT, RC_INVALID (name), RC_QUOTA, storage
 * errors.
 */
#ifndef COID_STORE_MAILBOX_H
#define COID_STORE_MAILBOX_H

#include "base/arena.h"
#include "base/seqset.h"
#include "base/special_use.h"
#include "store/keyword_set.h"
#include "store/store.h"

#define MBOX_SEPARATOR '/'
#define MBOX_KEYWORDS_MAX (KEYWORDS_FIRST + 64 * KEYWORDS_MORE_WORDS)

enum mbox_attr {
	MBOX_NOSELECT = 1 << 0, /* only a name above others */
	MBOX_SENT = SPECIAL_USE_SENT, /* the special uses of RFC 6154: base/special_use.h */
	MBOX_DRAFTS = SPECIAL_USE_DRAFTS,
	MBOX_TRASH = SPECIAL_USE_TRASH,
	MBOX_JUNK = SPECIAL_USE_JUNK,
	MBOX_ARCHIVE = SPECIAL_USE_ARCHIVE,
	MBOX_ALL = SPECIAL_USE_ALL,
	MBOX_FLAGGED = SPECIAL_USE_FLAGGED,
	MBOX_IMPORTANT = SPECIAL_USE_IMPORTANT,
	MBOX_SPECIAL_MASK = SPECIAL_USE_MASK
};

struct mbox_info {
	int64_t id; /* never used again in this account */
	struct strv name;
	uint32_t attrs;
	bool subscribed;
	bool has_children; /* only from mbox_list and mbox_find */
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint32_t messages;
	uint32_t recent; /* messages that the next read-write SELECT would claim */
	uint32_t unseen;
	uint32_t deleted;
	uint64_t size; /* octets */
	uint64_t highestmodseq;
};

enum rc mbox_find(struct account *account, struct strv name, struct mbox_info *ret_info) MUST_CHECK;
enum rc mbox_get(
	struct account *account, int64_t id, struct mbox_info *ret_info) MUST_CHECK; /* memory, if loaded */
/*
 * Describes the name as mbox_list does. A name that is neither a mailbox nor subscribed has id 0 and
 * MBOX_NOSELECT. memory.
 */
void mbox_describe(struct account *account, struct strv name, struct mbox_info *ret_info);

/*
 * Walks over every mailbox, in the order of their names (INBOX first, a parent before its children).
 * \Noselect parents are included, and, if `subscriptions`, subscribed names without a mailbox (id 0,
 * MBOX_NOSELECT, subscribed). The walk ends when fn returns false. The tree of names is in memory while the
 * account is open. Message counts are filled only if `counts` (from the mailbox row: no index is loaded).
 */
enum rc mbox_list(struct account *account, bool subscriptions, bool counts,
	bool (*fn)(void *arg, const struct mbox_info *info), void *arg) MUST_CHECK;

/*
 * Checks a name that a client gives: valid UTF-8, no control characters, no empty level, no leading or
 * trailing separator (but CREATE may have one trailing one, which is removed), limits on octets and depth.
 * *ret_name: in NFC, INBOX in capitals; in the arena.
 */
enum rc mbox_name_check(
	struct store *store, struct strv name, struct arena *arena, struct strv *ret_name) MUST_CHECK;

/*
 * Puts a name or a pattern into NFC, the form in which names are kept, so that they can be compared. The
 * result is in the arena, or is the view itself if it is in NFC already or not UTF-8.
 */
struct strv mbox_name_nfc(struct strv name, struct arena *arena);

/*
 * Creates a mailbox. Missing parents are made as MBOX_NOSELECT names. RC_QUOTA: more than mailboxes_max. A
 * \Noselect name becomes a mailbox. A new mailbox gets a UIDVALIDITY higher than any before in the account.
 */
enum rc mbox_create(
	struct account *account, struct strv name, uint32_t special_use, int64_t *ret_id) MUST_CHECK;
/*
 * Deletes a mailbox (RFC 3501 section 6.3.4). A mailbox with children becomes \Noselect. RC_INVALID: it is
 * \Noselect and has children. RC_CANNOT: it is INBOX. \Noselect names above it that have no children left
 * are deleted as well; so they are when their last child is renamed.
 */
enum rc mbox_delete(struct account *account, struct strv name) MUST_CHECK;
/*
 * Renames a mailbox with all its children. A RENAME of INBOX moves its messages to the new mailbox; INBOX
 * stays, empty. Missing parents are made.
 */
enum rc mbox_rename(struct account *account, struct strv from, struct strv to) MUST_CHECK;
/* Subscriptions are names: they outlive mailboxes and need none. */
enum rc mbox_subscribe(struct account *account, struct strv name, bool on) MUST_CHECK;
/* Sets the special uses. RC_EXISTS: another mailbox has one of them. */
enum rc mbox_set_special_use(struct account *account, int64_t id, uint32_t special_use) MUST_CHECK;
/* Tells whether a mailbox besides `id` has one of these uses. memory. */
enum rc mbox_use_taken(struct account *account, int64_t id, uint32_t special_use, bool *ret_taken) MUST_CHECK;

/* The names of the mailbox's keywords, in the order of their numbers. memory, if loaded. */
enum rc mbox_keywords(
	struct account *account, int64_t id, const struct strv **ret_names, size_t *ret_count) MUST_CHECK;
/*
 * The numbers of these names (compared without case), valid until the job ends. Unknown names are added if
 * `create`, else left out. From the 65th name on, new names first replace names that no message has and that
 * are not in this list. RC_LIMIT: MBOX_KEYWORDS_MAX names are not enough.
 */
enum rc mbox_keyword_set(struct account *account, int64_t id, const struct strv *names, size_t count,
	bool create, struct keyword_set *ret_set) MUST_CHECK;

/*
 * SELECT and EXAMINE. Claims \Recent if `read_write` (this is a relaxed write: use JOB_WRITE_RELAXED; for
 * EXAMINE use JOB_READ), watches the account with `sink`, and tells where the view starts. The UID set is
 * what exists now. change_unwatch ends the watching.
 */
struct mbox_snapshot {
	struct mbox_info info;
	struct seqset uids; /* the caller's: seqset_fini */
	uint32_t first_recent; /* UIDs from here on are \Recent in this session; 0: none */
	uint32_t recent; /* how many */
	uint32_t first_unseen; /* UID; 0: none */
};
enum rc mbox_select(struct account *account, int64_t id, bool read_write, struct change_sink *sink,
	struct mbox_snapshot *ret_snapshot) MUST_CHECK;

/*
 * Claims \Recent for a session that has the mailbox selected read-write and is about to announce new
 * messages, as SELECT does (a relaxed write). Changes nothing if no message is \Recent. *ret_first: UIDs
 * from here on are \Recent; 0: none.
 */
enum rc mbox_claim_recent(
	struct account *account, int64_t id, uint32_t *ret_first, uint32_t *ret_count) MUST_CHECK;

/*
 * Usage and limits (0: none) of the account's quota. Mailboxes are counted together with \Noselect names.
 * memory.
 */
struct quota {
	uint64_t storage_used, storage_max; /* octets */
	uint64_t messages_used, messages_max;
	uint64_t mailboxes_used, mailboxes_max;
};
enum rc account_quota(struct account *account, struct quota *ret_quota) MUST_CHECK;
/*
 * Sets the account's own limits from its user record (users.h). Call this once after account_get when the
 * user has been looked up, and again when the limits change. QUOTA_DEFAULT: the limit of the configuration,
 * which also holds before the first call. Any thread.
 */
#define QUOTA_DEFAULT UINT64_MAX
void account_quota_set(struct account *account, uint64_t storage, uint64_t messages);

#endif
