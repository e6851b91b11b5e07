/*
 * The commands that leave a mailbox. CLOSE removes the \Deleted messages that this session has been told of,
 * without EXPUNGE responses; UNSELECT removes nothing. CHECK has nothing to do: everything is on disk before
 * it is answered.
 */
#include "imapd/command.h"

#include "base/list.h"
#include "base/seqset.h"
#include "imapd/cmd/rows.h"
#include "imapd/hub.h"
#include "imapd/session.h"
#include "imapd/view.h"
#include "query/write_slice.h"
#include "store/message.h"

struct close_job {
	struct cmd_job base;
	int64_t mailbox;
	struct seqset uids; /* own: those that are still to be looked at */
	uint64_t max; /* messages that one job removes */
	bool more; /* the job has left some to the next one */
};

static enum rc close_job_run(struct account *account, struct job *job)
{
	struct close_job *closing = CONTAINER_OF(job, struct close_job, base.job);
	struct seqset chosen = SEQSET_EMPTY;
	struct seqset removed = SEQSET_EMPTY;
	enum rc rc = write_slice_deleted(
		account, closing->mailbox, &closing->uids, closing->max, &chosen, &closing->more);
	if (rc == RC_OK)
		rc = msg_expunge(account, closing->mailbox, &chosen, false, &removed);
	seqset_fini(&chosen);
	seqset_fini(&removed);
	return rc;
}

static void close_submit(struct cmd *cmd, struct seqset *uids, uint64_t max);

static void close_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct close_job *closing = CONTAINER_OF(job, struct close_job, base);
	if (job->job.rc == RC_OK && closing->more) {
		close_submit(cmd, &closing->uids, WRITE_SLICE);
		return;
	}
	if (job->job.rc == RC_OK)
		session_unselect(cmd->session);
	cmd_finish_rc(cmd, job->job.rc);
}

static void close_release(struct cmd_job *job)
{
	seqset_fini(&CONTAINER_OF(job, struct close_job, base)->uids);
}

/* Submits the next job, which takes over the set. */
static void close_submit(struct cmd *cmd, struct seqset *uids, uint64_t max)
{
	struct close_job *closing =
		cmd_job_new(cmd, sizeof(*closing), JOB_WRITE, close_job_run, close_finish);
	closing->base.release = close_release;
	closing->base.job.slow = max > WRITE_QUICK;
	closing->mailbox = view_mailbox(cmd->session->view);
	closing->uids = *uids;
	seqset_init(uids);
	closing->max = max;
	cmd_submit(cmd, closing);
}

/* True: no message is \Deleted. A borrowed strand answers this without a job. */
static bool close_finds_nothing(struct session *session)
{
	struct mbox_info info;
	if (!account_borrow(session->account, session->hub->reactor))
		return false;
	enum rc rc = mbox_get(session->account, view_mailbox(session->view), &info);
	account_return(session->account);
	return rc == RC_OK && info.deleted == 0;
}

static void close_run(struct cmd *cmd)
{
	struct session *session = cmd->session;
	struct view *view = session->view;
	if (view_read_only(view) || view_exists(view) == 0 || close_finds_nothing(session)) {
		session_unselect(session);
		cmd_finish_rc(cmd, RC_OK);
		return;
	}
	struct seqset uids = SEQSET_EMPTY;
	struct seqrange range = { 1, UINT32_MAX };
	struct seqset all = { .v = &range, .n = 1, .cap = 1 };
	struct uid_run *runs;
	size_t count;
	if (view_clip(view, &all, true, cmd->arena, &runs, &count, &uids) != RC_OK)
		seqset_init(&uids);
	close_submit(cmd, &uids, WRITE_QUICK);
}

static void unselect_run(struct cmd *cmd)
{
	session_unselect(cmd->session);
	cmd_finish_rc(cmd, RC_OK);
}

static void check_run(struct cmd *cmd)
{
	cmd_finish_rc(cmd, RC_OK);
}

const struct cmd_row cmd_close_rows[] = {
	{
		.name = "CLOSE",
		.usage = "",
		.help = "removes deleted messages without telling them, and leaves the mailbox",
		.states = SESSION_SELECTED,
		.flags = CMD_NO_SYNC,
		.parse = cmd_no_arguments,
		.run = close_run,
	},
	{
		.name = "UNSELECT",
		.usage = "",
		.help = "leaves the mailbox and removes nothing",
		.states = SESSION_SELECTED,
		.flags = CMD_NO_SYNC,
		.capability = "UNSELECT",
		.parse = cmd_no_arguments,
		.run = unselect_run,
	},
	{
		.name = "CHECK",
		.usage = "",
		.help = "does nothing: every answer is on disk before it is sent",
		.states = SESSION_SELECTED,
		.parse = cmd_no_arguments,
		.run = check_run,
	},
	{ 0 },
};
