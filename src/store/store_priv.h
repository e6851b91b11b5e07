/*
 * The declarations that the files of the store share: the insides of a store and of an account, and the
 * interfaces between its three parts. The core (store, account, job, db, ledger, settle, replaced, change,
 * users) runs jobs and transactions; the mail part (mail, mailbox, message, schema) keeps the index and its
 * memory; the bytes part (io, vfs, blob, spool, content, reader, moveout, sweep, check) keeps message bytes.
 * Fields of an account are [strand] unless marked otherwise.
 */
#ifndef COID_STORE_STORE_PRIV_H
#define COID_STORE_STORE_PRIV_H

#include "base/hash.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/marked.h"
#include "store/io.h"
#include "store/ledger.h"
#include "store/mail.h"
#include "store/schema.h"
#include "store/space.h"
#include "store/store.h"
#include "store/vfs.h"

#include <pthread.h>
#include <stdatomic.h>

#define MODSEQ_STEP 100000 /* the ceiling is raised by this (promise 5) */
#define CHECKPOINT_FRAMES_LOW 32 /* on a disk that has little room */
#define CHECKPOINT_FRAMES 1000 /* a checkpoint is due if the strand is idle ... */
#define CHECKPOINT_FRAMES_BUSY 4000 /* ... or if it is never idle */
#define ACCOUNT_IDLE_CLOSE_MS 300000 /* after this time without a job and without a handle */
#define ACCOUNT_RETRY_MIN_MS 1000 /* back-off of an account that could not be opened */
#define ACCOUNT_RETRY_MAX_MS 300000
#define WRITE_RETRY_MAX_MS 30000 /* back-off of an account that can only be read */
#define READ_TURN_MS 10
#define SYNCFS_ACCOUNTS 64 /* for more dirty accounts one syncfs is made */
#define PATH_ROOM 4096

struct bytes_store; /* bytes.h */
struct users;
struct pushq;
struct owners;
struct server_state;

/* Work that no job has asked for. It runs on the strand, outside a transaction, when it is due. */
enum background_kind {
	BACKGROUND_LOOK, /* core: its files may have been replaced */
	BACKGROUND_SYNC, /* core: sync of relaxed commits */
	BACKGROUND_CHECKPOINT, /* core */
	BACKGROUND_MOVE_OUT, /* bytes: inline bytes to files */
	BACKGROUND_SWEEP, /* bytes: unlink what no row names, trim logs */
	BACKGROUND_FILL, /* bytes: compute checksums that are not known yet */
	BACKGROUND_NOTE, /* bytes: tell the owner of damaged messages */
	BACKGROUND_MARKED, /* marked.c: messages that were left marked are handed over once more */
	BACKGROUND_CLOSE, /* core; last */
	BACKGROUND_KINDS
};

enum account_state {
	ACCOUNT_CLOSED, /* waits for a job */
	ACCOUNT_OPEN,
	ACCOUNT_FAILED, /* jobs are answered with fail_rc until retry_at */
	/* closed and locked: jobs are answered with RC_UNAVAILABLE until it is unlocked */
	ACCOUNT_LOCKED,
	ACCOUNT_GONE /* removed: jobs are answered with RC_GONE for ever */
};

/* The effects of a job that are not in the database: they are held back until its commit. */
struct effects {
	struct change_list *changes; /* own; NULL: none */
	struct change_sink **watches; /* own array of borrowed */
	size_t watch_count;
	int64_t marked_mailbox;
	struct seqset marked; /* messages that got MSG_MARKED */
};

struct account {
	UT_hash_handle hh; /* store->accounts; store's lock */
	struct store *store; /* borrowed */
	int64_t id;
	char *path; /* own: the account's folder */
	struct strand *strand; /* own */
	atomic_uint refs;

	/* Set on the strand, read by store_tick. */
	_Atomic uint64_t last_used; /* ms */
	_Atomic uint64_t next_due; /* ms; 0: nothing */
	_Atomic uint64_t dirty_number; /* grows with each relaxed commit ... */
	_Atomic uint64_t synced_number; /* ... and follows with each sync */
	_Atomic unsigned wanted; /* a bit for each background_kind that is wanted at once */
	atomic_bool background_queued;
	struct strand_item background_item;
	atomic_bool locked; /* the state is ACCOUNT_LOCKED */
	atomic_bool destroy_queued;
	struct strand_item destroy_item;
	struct list_node open_node; /* store->open_accounts or ->failed_accounts; store's lock */
	uint64_t listed_ms; /* since when it has its place in open_accounts; store's lock */

	enum account_state state;
	enum rc fail_rc;
	uint64_t retry_at;
	uint64_t retry_ms;
	bool suspect; /* check the database before it is used again */
	enum rc write_rc; /* account_writable.c: RC_OK, or why nothing can be changed until write_retry_at */
	uint64_t write_retry_at;
	uint64_t write_retry_ms; /* 0: the last try has succeeded */
	bool doubtful; /* the frames of a commit whose sync failed have not been overwritten */
	uint64_t due[BACKGROUND_KINDS]; /* ms; 0: not wanted */

	struct db *db; /* own; NULL unless ACCOUNT_OPEN */
	struct ledger ledger; /* fd -1 unless the account is open */
	bool wal_held; /* the account must be opened again before the WAL may begin anew */
	const char *damage; /* description of the damage, for the check; NULL: none is known */
	uint64_t committed_ms; /* when the last commit was */
	uint64_t checkpoint_ms; /* no checkpoint before this time, since one has failed */
	/* These identify the open database and WAL files; 0: unknown. */
	uint64_t file_ids[2];
	_Atomic uint64_t db_file_id; /* file_ids[0] for other threads; 0: not open */
	struct mail *mail; /* the mail part's: made by mail_open, dropped by mail_close */
	/* the account's own limits plus one, 0: the default (account_quota.c); any thread */
	_Atomic uint64_t quota_storage;
	_Atomic uint64_t quota_messages;
	_Atomic uint64_t spooled; /* bytes its sessions are receiving; any thread */
	bool blobs_open;
	struct blob_state blobs; /* the bytes part's: valid from blob_open_account to blob_close_account */

	uint64_t modseq; /* the last one given out */
	uint64_t ceiling; /* synced; every modseq that anybody has seen is below */
	uint64_t next_ceiling; /* of the transaction that is being committed */
	bool marked_swept; /* every marked message has been handed over (marked.h) */
	uint64_t marked_retry_ms; /* pause before marked messages are handed over again */
	bool use_noted; /* "in use under this boot id" is on disk: relaxed commits are allowed */

	struct job *job; /* borrowed: the running one, NULL in background work and while borrowed */
	struct arena *job_arena; /* own; emptied when the next job starts */
	uint64_t run_number; /* grows with each run of a job */
	struct effects *effects; /* of the running job; NULL: effects are published at once */
	uint64_t change; /* number of the last change list */

	pthread_mutex_t watch_lock;
	struct watch *watches; /* own; watch_lock */
	size_t watch_count;
};

struct store {
	struct store_settings settings; /* strings own */
	struct pool *pool; /* borrowed */
	struct io *io; /* borrowed; never NULL */
	struct log *log; /* borrowed */
	char *root; /* own */
	struct vfs *vfs; /* own */
	struct db_spares *spares; /* own */
	int lock_fd;
	int root_fd; /* for syncfs */
	char boot_id[40];
	struct bytes_store *bytes; /* the bytes part's */
	struct index_lru *indexes; /* the mail part's */

	pthread_mutex_t lock;
	struct account *accounts; /* uthash by id; lock; borrowed */
	struct gone_id *gone; /* uthash by id; lock; own */
	struct list open_accounts; /* lock; counted */
	/* lock; counted, so that their back-off is not forgotten; locked accounts, too */
	struct list failed_accounts;
	atomic_uint locked_count;
	unsigned open_count; /* places that are taken (account_place.c); lock */
	char *template; /* own: the database file of a new account */
	size_t template_size;
	bool ticked;
	atomic_bool syncfs_queued;
	struct strand_item syncfs_item;
	struct unsettled *unsettled; /* uthash by id; lock; own: closed with a WAL that is not empty */
	/* uthash by id; lock; own: the state of accounts whose files were replaced */
	struct replaced *replaced;
	atomic_uint settle_tokens; /* checkpoints of quiet accounts until the next tick */
	atomic_bool look_queued;
	struct strand_item look_item; /* for replaced_look and space_look */
	struct space space;
	bool was_low; /* store_tick's: accounts have been told of little room */
	atomic_uint slow_running; /* background work that may be slow, at most half the workers */

	struct marked_hooks marked_hooks; /* fixed before the first job */
	int64_t run; /* tells this process's rows of push_owed from those of others */
	void (*owed_fn)(void *ctx, struct account *account); /* fixed before the first job, as the next one */
	void *owed_ctx;
	struct strand *strand; /* own: syncfs and other work for the whole store */
	struct users *users; /* own */
	struct owners *owners; /* own; owners.h */
	struct server_state *state; /* own; server_state.h */
	struct pushq *pushq; /* own */
	struct change_sink **sinks; /* own array of borrowed; fixed before the first job */
	size_t sink_count;
};

/* Functions that [strand] code may call. */

/* "<root>/users/<hash>/<id>", without a trailing slash. Any thread. */
const char *account_path(const struct account *account);
/* Id of the session that the running job works for; 0: none. */
uint64_t account_origin(const struct account *account);

/*
 * The next modseq of the account: higher than any before, in any of its mailboxes. A job needs one for each
 * mailbox.
 */
uint64_t account_modseq_next(struct account *account);
uint64_t account_modseq_last(const struct account *account);

/*
 * Record changes of the running job. They are posted after its commit, and dropped if it is rolled back.
 * Everything is copied. change_msg joins the entry before it if kind and mailbox are the same and the UID is
 * higher; the modseq of an entry is the highest of its messages. These functions assert that a write
 * transaction is open.
 */
void change_msg(
	struct account *account, enum change_kind kind, int64_t mailbox, const struct msg_state *state);
void change_name(struct account *account, enum change_kind kind, int64_t mailbox, struct strv name,
	struct strv old_name, uint64_t modseq);
void change_keywords(
	struct account *account, int64_t mailbox, const struct strv *names, size_t count, uint64_t modseq);

/*
 * Requests background work of this kind at clock_mono_ms() >= due (0: no more). An earlier due time stands.
 * store_tick starts the work, so it is exact to a second. The request is dropped before the work runs (which
 * may request again), and when the account is closed. account_background_now: the work runs as soon as the
 * strand gets to it.
 */
void account_background(struct account *account, enum background_kind kind, uint64_t due);
void account_background_now(struct account *account, enum background_kind kind);
/*
 * Runs fn for background work in one synced transaction of its own, under the rules for a job's run. After an
 * error the account may have been closed (account->db NULL) or closed and opened again: discard data that was
 * read before.
 */
enum rc job_transaction(
	struct account *account, enum rc (*fn)(struct account *account, void *arg), void *arg) MUST_CHECK;

/*
 * spool.c implements these, beside blob.h: they set and free store->bytes. store_new calls spool_store_new
 * last, store_free calls spool_store_free first, when no account is open any more.
 */
enum rc spool_store_new(struct store *store) MUST_CHECK;
void spool_store_free(struct store *store);

/* Within the core. */

/* account.c */

/*
 * marker.c: the file <account>/doubt. It says that a sync has failed: the WAL may be in the kernel's memory
 * only, and no later sync reports that. The file is not synced, because it is for the next process on the
 * same boot; after a power cut everything that is read is on disk.
 */
void marker_doubt_set(struct account *account);
bool marker_doubt_exists(struct account *account);
void marker_doubt_remove(struct account *account);

/* Opens the account unless a back-off is running. */
enum rc account_ready(struct account *account) MUST_CHECK;
enum rc account_open(struct account *account) MUST_CHECK;
/*
 * Closes the account in order: everything is in the database file, and the next opening need not look for
 * losses.
 */
void account_close(struct account *account);
/* Closes the account in order, but leaves the WAL as it is. */
void account_close_quickly(struct account *account);
/*
 * Closes the account in order, with an empty WAL, and tells its sessions; the state becomes ACCOUNT_LOCKED.
 * The account may have failed before.
 */
void account_close_locked(struct account *account);
/* account_lock.c: call this when the state is no longer ACCOUNT_LOCKED. */
void account_lock_ended(struct account *account);
/* The files are no longer the account's: closes them without writing anything, and tells the sessions. */
void account_abandon(struct account *account);
/* Reads everything again, because the memory does not follow the database. */
void account_reopen(struct account *account);
/*
 * Call this after a failed sync: writes the marker transaction, closes, opens and checks the database
 * (promise 4). RC_OK: everything that can be read is on disk, and the failed commit is gone. On error that is
 * not known: either the account can be read only, as it was before the commit (state ACCOUNT_OPEN), or it has
 * failed and its sessions have been told.
 */
enum rc account_recover(struct account *account) MUST_CHECK;
/*
 * Takes the account out of service until its back-off has passed. `tell`: sends CHANGE_RESET to its sessions.
 */
void account_fail(struct account *account, enum rc rc, bool tell);
/* Writes the account's own row, in the caller's transaction. */
enum rc account_row_write(struct account *account, uint64_t ceiling, bool clean) MUST_CHECK;
/*
 * Call this as the last statement of a transaction that has changed something. *ret_sync is set if its commit
 * must be synced.
 */
enum rc account_prepare_commit(struct account *account, bool *ret_sync) MUST_CHECK;
void account_committed(struct account *account, bool synced);
/* Relaxed commits up to this number are on disk. Any thread, as account_dirty. */
void account_synced(struct account *account, uint64_t number);
bool account_dirty(struct account *account);
void account_mark_gone(struct account *account);
void store_gone_free(struct store *store);

/* account_writable.c */
/*
 * True for an error of the storage, false for one of a job. After a storage error everything can be read as
 * before.
 */
bool store_storage_rc(enum rc rc);
/* Makes an open account read-only. Writing is tried again after a pause, which grows each time. */
void account_reads_only(struct account *account, enum rc rc);
/*
 * RC_OK, or the reason why nothing can be changed now. This may try to mend the account if that is due:
 * discard data that was read before.
 */
enum rc account_writable(struct account *account) MUST_CHECK;
enum rc account_marker_write(struct account *account) MUST_CHECK;

/* account_background.c */
bool account_item_is_job(const struct account *account, const struct strand_item *item);
void account_item_run(struct account *account, struct strand_item *item);
void account_turn_ends(struct account *account);
void store_turn(struct strand *strand, void *ctx);
/*
 * Call this after a sync has been tried: relaxed commits up to `number` are on disk, or the account is
 * recovered.
 */
void account_background_synced(struct account *account, enum rc rc, uint64_t number);
void account_background_want(struct account *account, enum background_kind kind);

/* account_place.c */
/*
 * Call this before the account is opened, without the store's lock. If no place is free it closes another
 * account on this thread. The place is given back by account_place_return if the account can't be opened,
 * else by account_closed.
 */
void account_place_take(struct account *account);
void account_place_return(struct account *account);
/*
 * Add the account to the store's list of open accounts, and remove it; the same for the list of failed ones.
 */
void account_opened(struct account *account);
void account_closed(struct account *account);
void account_failed(struct account *account);
void account_mended(struct account *account);
/*
 * Closes some accounts that were used longest ago, on this thread, because descriptors have run out. The
 * caller does not hold the store's lock.
 */
void store_evict_some(struct store *store);

/* settle.c: the WAL is short-lived. */
/*
 * Copies everything in the WAL into the database file. The WAL is emptied or, unless `truncate`, may begin
 * anew. RC_OK also if a part has to wait. After an error with account->wal_held the account has to be opened
 * again before it is written.
 */
enum rc settle_checkpoint(struct account *account, bool truncate) MUST_CHECK;
/* Background work. */
enum rc settle_run(struct account *account) MUST_CHECK;
/* Tells whether the account can be closed now: no job waits for it, and its last commit is not in doubt. */
bool settle_may_close(const struct account *account);
/* Closes the account. Its WAL is emptied first if there is a token for that, else later. */
void settle_close(struct account *account);
/* Does the same as background work, if no job needs the account. */
enum rc settle_close_run(struct account *account) MUST_CHECK;
/* The number of closed accounts whose WAL is still to be emptied. The caller holds the store's lock. */
unsigned settle_waiting(const struct store *store);
/* Call this when a turn has ended: requests a checkpoint. */
void settle_wish(struct account *account);
/* Call this once a second. */
void settle_tick(struct store *store);
/*
 * Call this at the end, when no account is open (opening one more could ask another one to close). For some
 * seconds it settles accounts that were closed with a WAL that is not empty.
 */
void settle_rest(struct store *store);
void settle_free(struct store *store);

/* replaced.c: files that somebody has replaced under the running server. */
/* A number that distinguishes a file from others while it exists; never 0. */
uint64_t replaced_file_id(const struct stat *st);
/* Notes the files that have just been opened. (On a read-only disk the WAL may be missing.) */
void replaced_note(struct account *account);
/* Tells whether the names lead to other files by now, or the WAL has become shorter. */
bool replaced_seen(struct account *account);
/* Remembers the state of an open account until it is opened again (replaced_renew). */
void replaced_remember(struct account *account);
/*
 * Closes the account, leaves all files alone, and tells its sessions; the next job opens the files that are
 * there.
 */
void replaced_close(struct account *account);
enum rc replaced_look_run(struct account *account) MUST_CHECK;
/* Looks at all open accounts, on the store's strand. */
void replaced_look(struct store *store);
/*
 * Call this after opening. If the database has less than the files had before, UIDs can't be trusted, and
 * mailboxes get new UIDVALIDITYs.
 */
enum rc replaced_renew(struct account *account) MUST_CHECK;
void replaced_free(struct store *store);

/* folder.c */
enum rc folder_make(struct store *store, const char *path) MUST_CHECK;
enum rc folder_sync(struct store *store, const char *path) MUST_CHECK;
enum rc folder_template_make(struct store *store) MUST_CHECK;
/* Makes a new account if there is no database at db_path. *ret_created is written only then. */
enum rc folder_account_make(struct account *account, const char *db_path, bool *ret_created) MUST_CHECK;
enum rc folder_account_remove(struct account *account) MUST_CHECK;

/* job.c */
void job_turn(struct strand *strand, void *ctx);

/* change.c */
void change_effects_drop(struct effects *effects);
/* Posts the list, then begins the watching. Both functions leave the effects empty. */
void change_effects_publish(struct account *account, struct effects *effects);
/* Posts a list with one entry of this kind. */
void change_publish_kind(struct account *account, enum change_kind kind);

/*
 * marked.c: call this when an account was opened. Messages that an earlier process has left marked are handed
 * over.
 */
void marked_sweep(struct account *account);
/* Background work: hands over messages that were left marked by marked_left. */
enum rc marked_retry(struct account *account) MUST_CHECK;

/* push_owed.h: call this when an account was opened. */
void push_owed_sweep(struct account *account);

/* pushq.h */
void pushq_open(struct store *store);
void pushq_close(struct store *store);

/* account_owner.c: RC_UNAVAILABLE if the folder belongs to another user than the account. [strand] */
enum rc account_owner_check(struct account *account) MUST_CHECK;
/* Tells whether the folder may be removed: no row has this id. */
bool account_owner_gone(struct account *account);

/* users.c */
enum rc users_open(struct store *store) MUST_CHECK;
void users_close(struct store *store);
/* Goes on with the removal of folders that an earlier process did not finish. */
void users_removed_start(struct store *store);
void users_removed_done(struct store *store, int64_t id);
/* users_copy.c: call this about once a second. Any thread. */
void users_tick(struct store *store);

#endif
