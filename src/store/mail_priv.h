/*
 * What the files of the mail part share: the mailboxes of an open account and their indexes in memory.
 * Everything is [strand]. The rule for whoever changes something: check all that can be refused, then SQLite,
 * then memory; and mail_mbox_touch before the first change, so that a rollback throws the memory away.
 */
#ifndef COID_STORE_MAIL_PRIV_H
#define COID_STORE_MAIL_PRIV_H

#include "store/mailbox.h"
#include "store/message.h"
#include "store/notes.h"
#include "store/store_priv.h"

#define MBOX_KEYWORD_NAME_MAX 255 /* octets */
#define MBOX_SUBSCRIPTIONS_MORE 1000 /* names subscribed beyond the limit of mailboxes */
#define CACHE_VERSION 3 /* to be raised when the forms of mime/summary.h change */

struct mbox_keywords {
	size_t count;
	size_t cap;
	struct strv *names; /* own array of own; at most MBOX_KEYWORDS_MAX */
};

/* A row of table mailbox, and what is loaded of the mailbox. */
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
/* RC_NOT_FOUND also for a \Noselect name. */
enum rc mail_mbox_selectable(struct account *account, int64_t id, struct mbox **ret_mbox) MUST_CHECK;
void mail_mbox_touch(struct account *account, struct mbox *mbox);
/* Writes the counters of the row. */
enum rc mail_mbox_save(struct account *account, struct mbox *mbox) MUST_CHECK;
void mail_mbox_free(struct account *account, struct mbox *mbox);
/*
 * Adds (sign 1) or takes away (sign -1) a message of this state in the counters of the mailbox and the
 * account.
 */
void mail_mbox_count(struct account *account, struct mbox *mbox, const struct msg_row *row, int sign);

/* tree.c */

int tree_compare(struct strv a, struct strv b);
bool tree_is_inbox(struct strv name);
/* Whether `name` is below `parent`. */
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

/* INBOX and the default mailboxes, in a transaction, without change entries. */
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
/* Loads it if it is not there. Valid until the job ends, the rows until the mailbox changes. */
enum rc index_get(struct account *account, struct mbox *mbox, struct index **ret_index) MUST_CHECK;
/* Frees it and forgets it; accepts a mailbox without. */
void index_drop(struct account *account, struct mbox *mbox);
/* A new message, whose UID is higher than all others. */
void index_append(struct index *index, const struct msg_row *row, const struct keyword_set *keywords);
/* The rows with these UIDs are gone. */
void index_remove(struct index *index, const struct seqset *uids);
/* A row below unseen_from may have lost \Seen. */
void index_unseen(struct index *index, uint32_t uid);
/* The first message without \Seen; 0: none. */
uint32_t index_first_unseen(struct index *index);

/* keywords.c */

enum rc keywords_load(struct account *account, struct mbox *mbox) MUST_CHECK;
void keywords_drop(struct mbox *mbox);
/*
 * Keywords of mailbox `from` as those of `to`, where they are made if needed, as many as fit: the others get
 * lost.
 */
struct keyword_map {
	uint16_t to[MBOX_KEYWORDS_MAX]; /* the number in `to` plus one; 0: none */
};
enum rc keyword_map_make(struct account *account, struct mbox *from, struct mbox *to,
	const struct keyword_set *used, struct keyword_map *ret_map) MUST_CHECK;
void keyword_map_apply(
	const struct keyword_map *map, uint64_t first, const uint64_t *more, struct keyword_set *ret_set);

/* keywords_more.c: what is `words` are KEYWORDS_MORE_WORDS of them, or NULL for none. */

/* Of a row of the index, or a copy of one. Valid until it changes. */
const uint64_t *keywords_more(const struct index *index, const struct msg_row *row);
/* In memory; also sets the flag of the row. */
void keywords_more_set(struct index *index, struct msg_row *row, const uint64_t *words);
/* Forgets those of these messages; uids NULL: all. */
void keywords_more_remove(struct index *index, const struct seqset *uids);
uint64_t keywords_more_bytes(const struct index *index);
/* The names of the keywords are loaded. */
enum rc keywords_more_load(struct account *account, struct index *index) MUST_CHECK;
/* In the database. */
enum rc keywords_more_store(
	struct account *account, const struct mbox *mbox, uint32_t uid, const uint64_t *words) MUST_CHECK;

/* moved.c */

/* The row was moved to another mailbox, or to another UID. */
void moved_add(struct index *index, const struct msg_row *row);
void moved_forget(struct index *index);
/* Its keywords beyond the first 64, or NULL. */
const uint64_t *moved_keywords(const struct index *index, uint32_t uid);
/* Adds the keywords of all of them. */
void moved_keywords_used(const struct index *index, struct keyword_set *used);
uint64_t moved_bytes(const struct index *index);

/* message.c */

/*
 * Inserts the row of a new message, whose keywords are `keywords`, and tells it: table, index, counters (not
 * saved: mail_mbox_save).
 */
enum rc msg_insert(struct account *account, struct mbox *mbox, const struct msg_row *row,
	const struct keyword_set *keywords) MUST_CHECK;

/* expunge.c */

/*
 * Removes these rows (ascending UIDs; not of the index itself) with one modseq, tells it, and saves the
 * mailbox. `moved`: their bytes went to another row.
 */
enum rc expunge_remove(struct account *account, struct mbox *mbox, const struct msg_row *rows, size_t count,
	bool moved, uint64_t modseq) MUST_CHECK;
/* All messages and the log of a mailbox that goes away. */
enum rc expunge_remove_all(struct account *account, struct mbox *mbox, uint64_t modseq) MUST_CHECK;

/* annot.c */

enum rc annot_load(struct account *account) MUST_CHECK;
/* For a new account, in its first transaction: the annotations of the settings. */
enum rc annot_create_defaults(struct account *account) MUST_CHECK;
/* What was read of annotations, and the notes of modules. */
void annot_forget(struct account *account);
/* The mailbox goes away. */
enum rc annot_remove_all(struct account *account, int64_t mailbox) MUST_CHECK;
/* RENAME of INBOX: both have them. */
enum rc annot_copy_all(struct account *account, int64_t from, int64_t to) MUST_CHECK;

/* notes.c */

/* Frees the notes of all modules. */
void notes_drop(struct account *account);

/* marked.c */

/* Whether chat messages of this mailbox that turn \Seen now are to be marked. */
enum rc marked_wanted(struct account *account, const struct mbox *mbox, bool *ret_wanted) MUST_CHECK;
/*
 * A message got MSG_MARKED: it is handed over after the commit, unless the running job has hold_marked set.
 */
void marked_add(struct account *account, int64_t mailbox, uint32_t uid);

/* account_quota.c */

/* RC_QUOTA if so much more does not fit. */
enum rc account_quota_check(struct account *account, uint64_t octets, uint64_t messages) MUST_CHECK;

/* cache.c */

/* Stores what was computed when the message was received. */
enum rc cache_put(
	struct account *account, int64_t blob, const struct content *content, struct strv prefix) MUST_CHECK;

/* Compares all rows with their checksums; `bad` is told the blob of each one that is damaged. */
enum rc cache_check(struct account *account, void (*bad)(void *arg, int64_t blob), void *arg) MUST_CHECK;

#endif
