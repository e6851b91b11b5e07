/*
 * The mover of filter `seen` (COI-48): the store marks messages in the transaction that sets \Seen; a job of
 * its own then moves them to ROOT/Chats, synced, before jobs that are submitted later.
 */
#include "coi/coi_priv.h"

#include "base/mem.h"
#include "store/marked.h"
#include "store/mailbox.h"

#include <stdlib.h>

#define MOVE_QUICK 256 /* a job with more messages is slow */

struct move_job {
	struct job job; /* first */
	const struct coi *coi; /* borrowed */
	int64_t mailbox; /* INBOX */
	bool all; /* move all marked messages */
	struct seqset uids; /* own */
};

/*
 * Sorts the marked messages among `uids`: those whose flags are still as when they were marked go to
 * *ret_move, others to *ret_leave.
 */
static enum rc sort_out(struct account *account, const struct move_job *move, struct seqset *ret_move,
	struct seqset *ret_leave)
{
	const struct msg_row *rows;
	size_t count;

	enum rc rc = msg_index(account, move->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	uint32_t uid;
	for (struct seqiter it = seqset_iter(&move->uids); seqset_next(&it, &uid);) {
		size_t i = msg_lower_bound(rows, count, uid);
		if (i == count || rows[i].uid != uid || !(rows[i].flags & MSG_MARKED))
			continue;
		bool still = (rows[i].flags & (MSG_SEEN | MSG_DELETED)) == MSG_SEEN;
		seqset_add(still ? ret_move : ret_leave, uid);
	}
	return RC_OK;
}

static enum rc mover_unmark(struct account *account, int64_t mailbox, const struct seqset *uids)
{
	struct seqset modified = SEQSET_EMPTY;

	if (seqset_empty(uids))
		return RC_OK;
	enum rc rc = msg_store_flags(
		account, mailbox, uids, FLAGS_REMOVE, MSG_MARKED, NULL, UINT64_MAX, &modified, NULL);
	seqset_fini(&modified);
	return rc;
}

/* Finds the destination. RC_NOT_FOUND: there is none, because the user has changed the settings meanwhile. */
static enum rc mover_target(const struct coi *coi, struct account *account, int64_t *ret_id)
{
	struct coi_state state;

	enum rc rc = coi_state(coi, account, &state);
	if (rc != RC_OK)
		return rc;
	if (!state.enabled || state.filter != COI_FILTER_SEEN)
		return RC_NOT_FOUND;
	rc = coi_folder_find(coi, account, COI_CHATS, ret_id);
	return rc == RC_NOT_FOUND ? coi_folder_make(coi, account, COI_CHATS, ret_id) : rc;
}

static enum rc move_all(
	struct account *account, struct move_job *move, struct seqset *leave, const struct seqset *moving)
{
	struct copy_result result;
	int64_t chats;

	enum rc rc = mover_target(move->coi, account, &chats);
	if (rc == RC_OK) {
		rc = msg_copy(account, move->mailbox, moving, chats, true, &result);
		if (rc == RC_OK) {
			seqset_fini(&result.src);
			seqset_fini(&result.dst);
			return mover_unmark(account, move->mailbox, leave);
		}
	}
	return rc;
}

static enum rc move_run(struct account *account, struct job *job)
{
	struct move_job *move = CONTAINER_OF(job, struct move_job, job);
	struct seqset moving = SEQSET_EMPTY;
	struct seqset leave = SEQSET_EMPTY;
	enum rc rc = RC_OK;

	if (move->all) {
		seqset_fini(&move->uids);
		seqset_init(&move->uids);
		rc = marked_uids(account, move->mailbox, &move->uids);
	}
	if (rc == RC_OK)
		rc = sort_out(account, move, &moving, &leave);
	if (rc == RC_OK && seqset_empty(&moving)) {
		rc = mover_unmark(account, move->mailbox, &leave);
	} else if (rc == RC_OK) {
		rc = move_all(account, move, &leave, &moving);
	}
	seqset_fini(&moving);
	seqset_fini(&leave);
	return rc;
}

static void move_free(struct move_job *move)
{
	seqset_fini(&move->uids);
	free(move);
}

static enum rc give_up_run(struct account *account, struct job *job)
{
	struct move_job *move = CONTAINER_OF(job, struct move_job, job);
	return mover_unmark(account, move->mailbox, &move->uids);
}

static void give_up_done(struct job *job)
{
	move_free(CONTAINER_OF(job, struct move_job, job));
}

/*
 * Messages that can't be moved for lack of room, or are not to be moved any more, stay in INBOX for good.
 * After other errors the mover tries again, with growing pauses. On the strand.
 */
static void move_done(struct job *job)
{
	struct move_job *move = CONTAINER_OF(job, struct move_job, job);
	struct account *account = job->account;

	if (job->rc == RC_NOT_FOUND || job->rc == RC_QUOTA || job->rc == RC_LIMIT || job->rc == RC_INVALID) {
		job->run = give_up_run;
		job->done = give_up_done;
		job_submit_always(account, job);
		return;
	}
	if (job->rc != RC_OK && job->rc != RC_GONE) {
		log_warn(move->coi->log, "messages that were seen can't be moved account=%s rc=%s",
			account_shown(account), rc_name(job->rc));
		marked_left(account);
	} else if (job->rc == RC_OK) {
		marked_done(account);
	}
	move_free(move);
}

static enum rc mover_wanted(void *ctx, struct account *account, bool *ret_wanted)
{
	struct coi_state state;
	enum rc rc = coi_state(ctx, account, &state);
	if (rc == RC_OK)
		*ret_wanted = state.enabled && state.filter == COI_FILTER_SEEN;
	return rc;
}

static void mover_submit(void *ctx, struct account *account, int64_t mailbox, const struct seqset *uids)
{
	struct move_job *move = mem_zalloc(sizeof(*move));

	move->coi = ctx;
	move->mailbox = mailbox;
	move->all = !uids;
	if (uids)
		seqset_copy(&move->uids, uids);
	move->job.kind = JOB_WRITE;
	move->job.slow = !uids || seqset_count(uids) > MOVE_QUICK;
	move->job.run = move_run;
	move->job.done = move_done;
	job_submit_always(account, &move->job);
}

void coi_attach(struct coi *coi, struct store *store)
{
	struct marked_hooks hooks = { .ctx = coi, .wanted = mover_wanted, .hand_over = mover_submit };

	marked_set_hooks(store, &hooks);
}
