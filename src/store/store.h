/*
 * The store's public face: accounts, jobs, change lists. Mailboxes and messages are in mailbox.h and
 * message.h, message bytes in content.h, the list of users in users.h. Nothing above these headers knows
 * SQLite or paths.
 *
 * Every account has a strand (work/pool.h). All work on an account is a job: `run` is called on a worker that
 * owns the strand and may call the functions marked [strand]; `done` is called afterwards on the job's home
 * reactor. Write jobs that wait together share one transaction (group commit): the done of a JOB_WRITE is
 * posted only after its commit is on disk.
 */
#ifndef COID_STORE_STORE_H
#define COID_STORE_STORE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rc.h"
#include "base/strv.h"
#include "work/pool.h"
#include "work/reactor.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct account;
struct io; /* io.h: the file operations; NULL: the real ones */

struct default_mailbox {
	const char *name; /* UTF-8 */
	uint32_t special_use; /* enum mbox_attr bits */
};

/* An annotation of the account itself (annot.h), not of a mailbox. */
struct default_annotation {
	const char *name; /* in lower case */
	const char *value;
};

struct store_settings {
	const char *root; /* folder; must exist and be writable */
	size_t inline_max; /* a message up to this size is first kept in the database */
	uint64_t inline_total_max; /* inline bytes of an account above which they are moved out at once */
	uint64_t inline_age_ms; /* ... or when the oldest is this old */
	uint64_t message_max; /* octets; RC_LIMIT beyond */
	uint32_t mailboxes_max; /* an account */
	size_t mailbox_name_max; /* octets of UTF-8 */
	unsigned mailbox_depth_max;
	uint64_t quota_storage; /* default quota in octets, 0: none; an account may have its own (users.h) */
	uint64_t quota_messages;
	bool sync_flags_always; /* flags are synced before OK, too */
	unsigned open_accounts_max; /* databases held open */
	uint64_t index_memory; /* budget of the in-memory indexes, bytes */
	uint64_t expunge_log_max; /* rows a mailbox */
	uint64_t undelete_age_s; /* how long a removed message's bytes are kept; 0: until the next sweep */
	uint64_t lost_keep_s; /* how long files are kept that no row of the index names */
	/* checksums of files are compared before reading; those of messages in the database always are */
	bool verify_reads;
	unsigned batch_jobs; /* of one group commit */
	uint64_t batch_wal_bytes;
	uint64_t batch_ms;
	size_t strand_max; /* jobs that may wait for one account */
	/* No mail is taken when the file system has fewer free bytes than this; 0: always. */
	uint64_t free_min;
	uint64_t reserve; /* bytes kept back for what frees room (space.h); 0: none */
	/* Bytes of received, not yet stored messages held in memory, for the whole server. */
	uint64_t spool_memory_max;
	/* Bytes of messages that the sessions of one account receive at a time; 0: no limit. */
	uint64_t spool_account_max;
	const struct default_mailbox *defaults; /* made with each new account; INBOX always is */
	size_t default_count;
	const struct default_annotation *default_annotations; /* the same */
	size_t default_annotation_count;
};

void store_settings_init(struct store_settings *settings);
/*
 * Opens <root>, makes what is missing, starts nothing. `settings` is copied. The pool is borrowed and must be
 * drained before store_free. RC_INUSE if another process has this root open.
 */
enum rc store_new(const struct store_settings *settings, struct pool *pool, struct io *io, struct log *log,
	struct store **ret_store) MUST_CHECK;
void store_free(struct store **store);
const struct store_settings *store_settings(const struct store *store);
/*
 * To be called about once a second from one reactor's timer: submits the background work that is due (sync of
 * relaxed commits, move-out, checkpoints, sweep, closing of idle accounts). Any thread, one at a time.
 */
void store_tick(struct store *store);

struct store_counters {
	unsigned accounts_open; /* those that are being opened count, too */
	unsigned accounts_unsettled; /* closed, and their WAL is still to be emptied */
};
/* Any thread. */
void store_counters(struct store *store, struct store_counters *ret_counters);

/*
 * A handle on an account; nothing is opened before the first job. Counted; any thread. The same object for
 * the same id as long as somebody holds it.
 */
struct account *account_get(struct store *store, int64_t account_id);
struct account *account_ref(struct account *account);
void account_unref(struct account **account);
int64_t account_id(const struct account *account);
struct store *account_store(const struct account *account);
struct log *account_log(const struct account *account);
/*
 * The account's address for log lines, escaped as by LOG_V and in one of its buffers. Its number if server.db
 * has no such user (any more). Any thread.
 */
const char *account_shown(const struct account *account);
const char *store_account_shown(const struct store *store, int64_t account_id);
/* [strand] Memory that lives until the running job ends (or the borrowing does). */
struct arena *account_arena(struct account *account);
/*
 * Removes the folder of an account whose users.h row is gone. Its sessions get CHANGE_ACCOUNT_GONE.
 * Asynchronous.
 */
void account_destroy(struct account *account);

/* The origin of what LMTP delivers: no session has this id. */
#define ORIGIN_DELIVERY UINT64_MAX

enum job_kind {
	JOB_READ, /* changes nothing */
	JOB_WRITE, /* its commit is synced before done (promise 1) */
	/* flags and the like: visible at once, synced within a second (or sync_flags_always) */
	JOB_WRITE_RELAXED,
	/* check.h: runs outside transactions of other jobs, and also if the account can't be opened */
	JOB_ALONE,
	/*
	 * account_lock.h: like JOB_ALONE, but the account is not opened for it, and it runs also if it is
	 * locked
	 */
	JOB_CLOSED
};

/*
 * A job is embedded in, or is the first member of, the submitter's own request. It has one owner at a time:
 * the submitter until job_submit has returned RC_OK, then the store, then `done`. `run` may be called more
 * than once (a batch that failed is run again, job by job), so it starts by clearing its results and acts
 * only through the store.
 */
struct job {
	struct strand_item item; /* store's */
	enum job_kind kind;
	/*
	 * [strand] The return value is put into rc; an error undoes all changes of this job (and no others).
	 */
	enum rc (*run)(struct account *account, struct job *job);
	/*
	 * Called on `home`, after commit, when the change lists of this job and of all earlier ones have been
	 * posted there. home NULL: called on the worker, still owning the strand, outside a transaction. Owns
	 * the job.
	 */
	void (*done)(struct job *job);
	struct reactor *home; /* borrowed */
	uint64_t asker; /* id of the session that asked, for `done` to look up: it may be gone */
	bool slow; /* takes long: such jobs get at most half of the workers (work/pool.h) */
	bool hold_marked; /* the submitter calls marked_hand_over itself (marked.h) */
	uint64_t origin; /* copied into the change entries that the job makes: the session's id; 0: server */
	enum rc rc; /* result */
	uint64_t change; /* number of the last commit that the result has seen */
	struct reactor_msg msg; /* store's */
	struct account *account; /* set by job_submit; a reference held until done has returned */
};

/*
 * Submits a job. Any thread. RC_BUSY: the strand is full; the caller keeps the job. The worker opens the
 * account; if that fails, run is not called and rc says why.
 */
enum rc job_submit(struct account *account, struct job *job) MUST_CHECK;
/* Submits without the limit: for follow-up jobs of the server itself (mover, sync). */
void job_submit_always(struct account *account, struct job *job);
/* True: the strand is full; pause reading input for this account. */
bool account_full(struct account *account);

/*
 * Memory-only reads on the reactor itself (docs/threads.md, "Borrowing"): true if the strand was idle, the
 * account is open and healthy, and the reactor's inbox is empty: then [strand] functions marked "memory" may
 * be called until account_return. Never for more than about 200 us, never with a job of the same session
 * outstanding.
 */
bool account_borrow(struct account *account, struct reactor *reactor);
void account_return(struct account *account);

/* Change lists. */

enum change_kind {
	CHANGE_APPEND, /* msgs: new messages, ascending UIDs */
	CHANGE_FLAGS, /* msgs: new state of existing messages */
	CHANGE_EXPUNGE, /* msgs: uid and modseq of what was removed */
	/*
	 * The mailbox has a new keyword. Its bit may have had another name before, when no message had that
	 * bit any more. All names are in `keywords`.
	 */
	CHANGE_KEYWORDS,
	CHANGE_CREATED, /* mailbox, name; old_name = INBOX if it was made by renaming that */
	CHANGE_DELETED, /* mailbox, name */
	CHANGE_RENAMED, /* mailbox, name = new, old_name */
	CHANGE_SUBSCRIBED, /* name */
	CHANGE_UNSUBSCRIBED,
	CHANGE_ANNOTATION, /* mailbox (0: server entries), name = entry */
	CHANGE_RESET, /* the account's state is uncertain: sessions must end with BYE */
	CHANGE_ACCOUNT_GONE
};

struct msg_state {
	uint32_t uid;
	uint32_t flags; /* enum msg_flag */
	uint64_t keywords; /* bit i: keyword i of the mailbox */
	uint64_t modseq;
	const uint64_t *more; /* keywords from the 65th on (keyword_set.h); NULL: none. As long as the list */
};

struct change {
	enum change_kind kind;
	int64_t mailbox;
	uint64_t origin; /* struct job's */
	uint64_t modseq; /* the mailbox's HIGHESTMODSEQ after this change */
	const struct msg_state *msgs;
	size_t msg_count;
	struct strv name;
	struct strv old_name;
	const struct strv *keywords; /* all names of the mailbox, in bit order */
	size_t keyword_count;
};

/* All changes of one job. Immutable, counted, any thread. */
struct change_list {
	struct account *account; /* counted reference */
	int64_t account_id;
	uint64_t number; /* of the commit; grows by one with each list of an account */
	const struct change *changes;
	size_t count;
};

struct change_list *change_list_ref(struct change_list *list);
void change_list_unref(struct change_list **list);

/*
 * A receiver of change lists. Each reactor and module has one, which lives as long as the server. `fn` is
 * called on the sink's reactor, in commit order, before any later completion for that reactor; it borrows the
 * list. reactor NULL: called on the worker right after commit (the push queue).
 */
struct change_sink {
	struct reactor *reactor;
	void (*fn)(void *ctx, struct change_list *list);
	void *ctx;
};

/*
 * Watching is counted for each (account, sink). change_watch is [strand], so that watching begins at the
 * job's own `change`. change_unwatch: any thread; some lists may still arrive.
 */
void change_watch(struct account *account, struct change_sink *sink);
void change_unwatch(struct account *account, struct change_sink *sink);
/* Lets the sink watch every account. Call it before any job is submitted. */
void store_watch_all(struct store *store, struct change_sink *sink);
/* Calls fn for every account that is being watched; fn may submit jobs. Any thread. */
void store_each_watched(struct store *store, void (*fn)(void *ctx, struct account *account), void *ctx);

#endif
