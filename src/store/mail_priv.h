/*
 * The declarations that the files of the mail part share: the mailboxes of an open account and their indexes
 * in memory. Everything is [strand]. The order of every change: check everything that can be refused, call
 * mail_mbox_touch (so that a rollback drops the memory), change the database, then change the memory.
 */
#ifndef COID_STORE_MAIL_PRIV_H
#define COID_STORE_MAIL_PRIV_H

#include "store/mailbox.h"
#include "store/message.h"
#include "store/notes.h"
#include "store/store_priv.h"

#define MOVED_MAX 4096 /* messages of a mailbox whose leaving is remembered (moved.c) */
#define MBOX_KEYWORD_NAME_MAX 255 /* octets */
#define MBOX_SUBSCRIPTIONS_MORE 1000 /* names subscribed beyond the limit of mailboxes */
#define CACHE_VERSION 3 /* to be raised when the forms of mime/summary.h change */
#define CACHE_HEADERS_MAX (1024 * 1024) /* octets of the cached header with a prefix */

struct mbox_keywords {
	size_t count;
	size_t cap;
	struct strv *names; /* own array of own; at most MBOX_KEYWORDS_MAX */
};

/* A row of table mailbox, and the data of the mailbox that is loaded. */
struct mbox {
	UT_hash_handle hh; /* mail->by_id */
	int64_t id;
	struct strv name; /* own */
	uint32_t attrs;
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint32_t first_recent; /* UIDs from here on are \Recent for the next read-write SELECT */
	uint32_t recent;
	uint32_t messages;
	uint32_t unseen;
	uint32_t deleted;
	uint64_t size;
	uint64_t highestmodseq;
	uint64_t modseq_floor;
	uint64_t log_rows;
	uint64_t log_since;
	struct mbox_keywords *keywords; /* own; NULL: not loaded */
	struct index *index; /* own; NULL: not loaded */
	struct list_node touched; /* mail->touched */
};

/* Names in the order of the tree: INBOX first, a parent right before what is below it. */
struct mail {
	struct mbox *by_id; /* own */
	struct mbox **names; /* own array */
	size_t name_count;
	size_t name_cap;
	struct strv *subs; /* own array of own; the same order */
	size_t sub_count;
	size_t sub_cap;
	uint32_t uidvalidity; /* the last one given out */
	uint64_t modseq; /* highest in the database when it was read */
	uint64_t storage; /* sums over all mailboxes */
	uint64_t messages;
	uint64_t annot_count; /* annotations, of the account and all mailboxes */
	uint64_t annot_size; /* octets of their names and values */
	void *notes[ACCOUNT_NOTES]; /* own; notes.h */
	struct list touched; /* mailboxes changed since the last commit */
	bool tree_touched; /* names were changed since the last commit */
};

/* mail.c */

/* The mailbox, or NULL. */
struct mbox *mail_mbox_by_id(struct account *account, int64_t id);
/* RC_NOT_FOUND: there is no such mailbox, or it is \Noselect. */
enum rc mail_mbox_selectable(struct account *account, int64_t id, struct mbox **ret_mbox) MUST_CHECK;
void mail_mbox_touch(struct account *account, struct mbox *mbox);
/* Writes the counters into the mailbox's row. */
enum rc mail_mbox_save(struct account *account, struct mbox *mbox) MUST_CHECK;
void mail_mbox_free(struct account *account, struct mbox *mbox);
/*
 * Adds (sign 1) or subtracts (sign -1) a message of this state in the counters of the mailbox and the
 * account.
 */
void mail_mbox_count(struct account *account, struct mbox *mbox, const struct msg_row *row, int sign);

/* tree.c */

int tree_compare(struct strv a, struct strv b);
bool tree_is_inbox(struct strv name);
/* True if `name` is below `parent`. */
bool tree_below(struct strv name, struct strv parent);
struct mbox *tree_find(const struct mail *mail, struct strv name);
/* Position of the first name that does not come before `name`. */
size_t tree_position(const struct mail *mail, struct strv name);
void tree_add(struct mail *mail, struct mbox *mbox);
void tree_remove(struct mail *mail, struct mbox *mbox);
bool tree_has_children(const struct mail *mail, const struct mbox *mbox);
bool tree_subs_contain(const struct mail *mail, struct strv name);
void tree_subs_add(struct mail *mail, struct strv name);
void tree_subs_remove(struct mail *mail, struct strv name);

/* mbox_change.c */

/* Makes INBOX and the default mailboxes, in a transaction, without change entries. */
enum rc mbox_create_defaults(struct account *account) MUST_CHECK;

/* index.c */

struct index {
	struct list_node lru; /* lru's lock */
	bool listed;
	struct account *account; /* borrowed */
	struct mbox *mbox; /* borrowed */
	uint64_t used_ms; /* when it last went to the end of the LRU */
	uint64_t used_by; /* account->run_number: the run that may hold pointers to rows */
	uint64_t bytes; /* as counted in the LRU */
	struct msg_row *rows; /* own */
	size_t count;
	size_t cap;
	struct seqset uids; /* the UIDs of rows */
	uint32_t unseen_from; /* all rows below this UID are \Seen */
	struct moved *moved; /* own: what was moved away (moved.c) */
	struct more_keywords *more; /* own: keywords beyond the first 64, of the messages that have such */
};

/* Bytes of all indexes of the store. */
uint64_t index_lru_used(const struct index_lru *lru);
/*
 * Loads the index if it is not in memory. The index is valid until the job ends, its rows until the mailbox
 * changes.
 */
enum rc index_get(struct account *account, struct mbox *mbox, struct index **ret_index) MUST_CHECK;
/* Frees the index; accepts a mailbox without one. */
void index_drop(struct account *account, struct mbox *mbox);
/* Adds a new message, whose UID is higher than all others. */
void index_append(struct index *index, const struct msg_row *row, const struct keyword_set *keywords);
/* Removes the rows with these UIDs. */
void index_remove(struct index *index, const struct seqset *uids);
/* Call this if a row below unseen_from may have lost \Seen. */
void index_unseen(struct index *index, uint32_t uid);
/* The first message without \Seen; 0: none. */
uint32_t index_first_unseen(struct index *index);

/* keywords.c */

enum rc keywords_load(struct account *account, struct mbox *mbox) MUST_CHECK;
void keywords_drop(struct mbox *mbox);
/*
 * Maps keywords of mailbox `from` to those of `to`. Keywords are made in `to` as needed, as many as fit; the
 * others are lost.
 */
struct keyword_map {
	uint16_t to[MBOX_KEYWORDS_MAX]; /* the number in `to` plus one; 0: none */
};
enum rc keyword_map_make(struct account *account, struct mbox *from, struct mbox *to,
	const struct keyword_set *used, struct keyword_map *ret_map) MUST_CHECK;
void keyword_map_apply(
	const struct keyword_map *map, uint64_t first, const uint64_t *more, struct keyword_set *ret_set);

/* keywords_more.c: parameters `words` point to KEYWORDS_MORE_WORDS words; NULL: none. */

/* The words of a row of the index, or of a copy of one. Valid until they change. */
const uint64_t *keywords_more(const struct index *index, const struct msg_row *row);
/* Changes the words in memory, and the flag of the row. */
void keywords_more_set(struct index *index, struct msg_row *row, const uint64_t *words);
/* Forgets the words of these messages; uids NULL: of all. */
void keywords_more_remove(struct index *index, const struct seqset *uids);
uint64_t keywords_more_bytes(const struct index *index);
/* Loads all words of a mailbox. The names of its keywords must be loaded. */
enum rc keywords_more_load(struct account *account, struct index *index) MUST_CHECK;
/* Writes the words into the database. */
enum rc keywords_more_store(
	struct account *account, const struct mbox *mbox, uint32_t uid, const uint64_t *words) MUST_CHECK;

/* moved.c */

/* Remembers a row that was moved to another mailbox or UID. */
void moved_add(struct index *index, const struct msg_row *row);
void moved_forget(struct index *index);
/* The keywords beyond the first 64 of a moved message, or NULL. */
const uint64_t *moved_keywords(const struct index *index, uint32_t uid);
/* Adds the keywords of all moved messages. */
void moved_keywords_used(const struct index *index, struct keyword_set *used);
uint64_t moved_bytes(const struct index *index);

/* message.c */

/*
 * Inserts the row of a new message with these keywords, and its change entry. Changes table, index and
 * counters; the caller saves the counters (mail_mbox_save).
 */
enum rc msg_insert(struct account *account, struct mbox *mbox, const struct msg_row *row,
	const struct keyword_set *keywords) MUST_CHECK;

/* expunge.c */

/*
 * Removes these rows (ascending UIDs; not pointers into the index) with one modseq, makes the change entries,
 * and saves the mailbox. `moved`: other rows have their bytes now.
 */
enum rc expunge_remove(struct account *account, struct mbox *mbox, const struct msg_row *rows, size_t count,
	bool moved, uint64_t modseq) MUST_CHECK;
/* Removes all messages and the log of a mailbox that is being deleted. */
enum rc expunge_remove_all(struct account *account, struct mbox *mbox, uint64_t modseq) MUST_CHECK;

/* annot.c */

enum rc annot_load(struct account *account) MUST_CHECK;
/* Makes the annotations of the settings, in the first transaction of a new account. */
enum rc annot_create_defaults(struct account *account) MUST_CHECK;
/* Forgets the counts of annotations and the notes of modules. */
void annot_forget(struct account *account);
/* Removes the annotations of a mailbox that is being deleted. */
enum rc annot_remove_all(struct account *account, int64_t mailbox) MUST_CHECK;
/* Copies the annotations at a RENAME of INBOX: both mailboxes have them afterwards. */
enum rc annot_copy_all(struct account *account, int64_t from, int64_t to) MUST_CHECK;

/* notes.c */

/* Frees the notes of all modules. */
void notes_drop(struct account *account);

/* marked.c */

/* Tells whether chat messages of this mailbox that turn \Seen now are to be marked. */
enum rc marked_wanted(struct account *account, const struct mbox *mbox, bool *ret_wanted) MUST_CHECK;
/*
 * Notes that a message got MSG_MARKED. It is handed over after the commit, unless the running job has
 * hold_marked set.
 */
void marked_add(struct account *account, int64_t mailbox, uint32_t uid);

/* account_quota.c */

/* RC_QUOTA: that many more octets or messages do not fit. */
enum rc account_quota_check(struct account *account, uint64_t octets, uint64_t messages) MUST_CHECK;

/* cache.c */

/* Stores the summary that was computed when the message was received. */
enum rc cache_put(
	struct account *account, int64_t blob, const struct content *content, struct strv prefix) MUST_CHECK;

/* Compares all rows with their checksums; calls `bad` with the blob of each damaged one. */
enum rc cache_check(struct account *account, void (*bad)(void *arg, int64_t blob), void *arg) MUST_CHECK;

#endif
