/*
 * A store with one worker and one reactor, for tests: jobs are run to their end on the calling thread's loop.
 */
#ifndef COID_TESTS_STORE_RIG_H
#define COID_TESTS_STORE_RIG_H

#include "store/check.h"
#include "store/content.h"
#include "store/io.h"
#include "store/mailbox.h"
#include "store/message.h"
#include "store/store.h"

struct rig {
	struct store_settings settings; /* rig_init fills it; change it before rig_open */
	struct io *io; /* borrowed; NULL: real files, not synced */
	unsigned threads;
	struct log *log;
	struct pool *pool;
	struct reactor *reactor;
	struct store *store;
	char root[512];
	struct io quiet; /* the real operations without syncs */
};

/* Makes a new empty folder in memory (or in /tmp); rig_folder_remove removes it. */
void rig_folder_make(char path[512]);
void rig_folder_remove(const char *path);

/* Settings with small limits: inline up to 4 KiB. The log is silent unless COID_TEST_LOG is set. */
void rig_init(struct rig *rig, const char *root, struct io *io);
enum rc rig_open(struct rig *rig);
/* Closes the store and its accounts in order. */
void rig_close(struct rig *rig);

typedef enum rc rig_fn(struct account *account, void *arg);
/* Submits a job, waits until it is done, returns its rc. */
enum rc rig_run(struct rig *rig, int64_t account_id, enum job_kind kind, rig_fn *fn, void *arg);

/* Several jobs at once. The strand is held while they are submitted, so that they form one batch. */
struct rig_job {
	struct job job; /* rig's */
	enum job_kind kind;
	rig_fn *fn;
	void *arg;
	enum rc rc; /* result */
	struct rig *rig;
	bool done;
};
void rig_run_batch(struct rig *rig, int64_t account_id, struct rig_job *jobs, size_t count);

/* Runs fn(account) on the strand, outside any transaction, with the account open. */
enum rc rig_background(struct rig *rig, int64_t account_id, rig_fn *fn, void *arg);

/* Receives a message through a spool. */
enum rc rig_receive(struct rig *rig, struct strv bytes, struct content **ret_content);

/* Waits until all posted and queued work has ended. */
void rig_settle(struct rig *rig);

/* Jobs that most tests need, one call each; mailboxes by name. */
enum rc rig_append(struct rig *rig, int64_t account_id, const char *mailbox, struct strv bytes,
	struct strv prefix, uint32_t *ret_uid);
enum rc rig_flags(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid, uint32_t flags);
enum rc rig_copy(
	struct rig *rig, int64_t account_id, const char *from, uint32_t uid, const char *to, bool move);
enum rc rig_expunge(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid);
enum rc rig_replace(
	struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid, struct strv bytes) MUST_CHECK;
enum rc rig_find(struct rig *rig, int64_t account_id, const char *name, int64_t *ret_mailbox) MUST_CHECK;
enum rc rig_create(struct rig *rig, int64_t account_id, const char *name);
enum rc rig_delete(struct rig *rig, int64_t account_id, const char *name);
enum rc rig_rename(struct rig *rig, int64_t account_id, const char *from, const char *to);
enum rc rig_subscribe(struct rig *rig, int64_t account_id, const char *name, bool on);
/* All bytes of a message. */
enum rc rig_read(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid, struct buf *out);
/* Do all background work of one kind, due or not: moving out, sweeping. */
enum rc rig_move_out(struct rig *rig, int64_t account_id);
enum rc rig_sweep(struct rig *rig, int64_t account_id);
enum rc rig_checkpoint(struct rig *rig, int64_t account_id, bool truncate);
/* Syncs relaxed commits. */
enum rc rig_sync(struct rig *rig, int64_t account_id);
enum rc rig_check(struct rig *rig, int64_t account_id, bool repair, struct buf *report,
	struct check_result *ret_result);

/* Lets the account believe that it has given out almost all modseqs below its synced ceiling. */
enum rc rig_near_ceiling(struct rig *rig, int64_t account_id);
enum rc rig_user_add(struct rig *rig, const char *name);
enum rc rig_user_password(struct rig *rig, const char *name, const char *password) MUST_CHECK;
/* Removes the user. The account's folder is removed after the answer. */
enum rc rig_user_remove(struct rig *rig, const char *name) MUST_CHECK;

/*
 * Prints the state as text: a line for each user of the server, each mailbox of the account and each message,
 * with a hash of its bytes, but without modseqs. The highest modseq is returned separately. Equal texts mean
 * equal states.
 */
enum rc rig_dump(struct rig *rig, int64_t account_id, struct buf *out, uint64_t *ret_modseq);

/* Makes a message of about `size` octets that differs from those of all other numbers. */
void rig_message(struct buf *out, unsigned number, size_t size);

#endif
