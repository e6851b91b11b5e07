/*
 * EXPUNGE and UID EXPUNGE (RFC 4315): removes \Deleted messages that this session has been told of, in jobs
 * of limited size.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/message_limit.h"
#include "imapd/cmd/rows.h"
#include "imap/uid_runs.h"
#include "imapd/session.h"
#include "imapd/view.h"
#include "query/write_slice.h"
#include "store/message.h"

struct expunge_args {
	struct seqset set;
};

struct expunge_job {
	struct cmd_job base;
	int64_t mailbox;
	struct seqset uids; /* own: messages the session has been told of, not handled yet */
	struct seqset chosen; /* own: \Deleted ones of them, for one job */
	struct seqset removed; /* own */
	uint64_t max; /* of one job */
	unsigned limit; /* RFC 9738: of UID EXPUNGE; 0: none */
	uint32_t last; /* it was reached: the lowest UID that was removed */
	bool more; /* others are left */
};

static bool expunge_parse(struct cmd *cmd, struct parse *parse)
{
	struct expunge_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	bool uids;
	if (cmd->row->flags & CMD_UID)
		return parse_seqset_or_saved(parse, &args->set, &uids) && parse_end(parse);
	return parse_end(parse);
}

/* RFC 9738 section 3.1: only messages with \Deleted count. The messages within the limit are the only ones
 * that later jobs look at. */
static enum rc expunge_limit(struct account *account, struct expunge_job *expunge)
{
	bool more;
	enum rc rc =
		write_slice_deleted(account, expunge->mailbox, &expunge->uids, 0, &expunge->chosen, &more);
	if (rc == RC_OK && message_limit_cut(&expunge->chosen, expunge->limit, &expunge->last)) {
		seqset_fini(&expunge->uids);
		expunge->uids = expunge->chosen;
		seqset_init(&expunge->chosen);
	}
	return rc;
}

static enum rc expunge_run(struct account *account, struct job *job)
{
	struct expunge_job *expunge = CONTAINER_OF(job, struct expunge_job, base.job);
	seqset_fini(&expunge->removed);
	enum rc rc = expunge->limit > 0 ? expunge_limit(account, expunge) : RC_OK;
	if (rc == RC_OK)
		rc = write_slice_deleted(account, expunge->mailbox, &expunge->uids, expunge->max,
			&expunge->chosen, &expunge->more);
	if (rc == RC_OK)
		rc = msg_expunge(account, expunge->mailbox, &expunge->chosen, false, &expunge->removed);
	return rc;
}

static void expunge_submit(
	struct cmd *cmd, int64_t mailbox, struct seqset *uids, unsigned limit, uint64_t max);

static void expunge_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct expunge_job *expunge = CONTAINER_OF(job, struct expunge_job, base);
	cmd->law.removed = cmd->law.removed || !seqset_empty(&expunge->removed);
	if (expunge->last > 0)
		cmd->law.limit_uid = expunge->last;
	if (job->job.rc != RC_OK || !expunge->more) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	expunge_submit(cmd, expunge->mailbox, &expunge->uids, 0, WRITE_SLICE);
}

static void expunge_release(struct cmd_job *job)
{
	struct expunge_job *expunge = CONTAINER_OF(job, struct expunge_job, base);
	seqset_fini(&expunge->uids);
	seqset_fini(&expunge->chosen);
	seqset_fini(&expunge->removed);
}

/* The messages that the client asked for and has been told of: a message that arrived meanwhile stays. */
static enum rc cmd_expunge_clip(struct cmd *cmd, struct seqset *ret_uids)
{
	struct expunge_args *args = cmd->args;
	struct seqset all = SEQSET_EMPTY;
	struct uid_run *runs;
	size_t count;
	bool by_set = cmd->row->flags & CMD_UID;
	if (!by_set)
		seqset_add_range(&all, 1, UINT32_MAX);
	enum rc rc = view_clip(
		cmd->session->view, by_set ? &args->set : &all, true, cmd->arena, &runs, &count, ret_uids);
	seqset_fini(&all);
	return rc;
}

/* Submits a job, which takes over the set. */
static void expunge_submit(
	struct cmd *cmd, int64_t mailbox, struct seqset *uids, unsigned limit, uint64_t max)
{
	struct expunge_job *expunge =
		cmd_job_new(cmd, sizeof(*expunge), JOB_WRITE, expunge_run, expunge_finish);
	expunge->base.release = expunge_release;
	expunge->base.job.slow = max > WRITE_QUICK;
	expunge->mailbox = mailbox;
	expunge->uids = *uids;
	seqset_init(uids);
	expunge->limit = limit;
	expunge->max = max;
	cmd_submit(cmd, expunge);
}

static void expunge_start(struct cmd *cmd)
{
	struct seqset uids = SEQSET_EMPTY;
	enum rc rc = cmd_expunge_clip(cmd, &uids);
	if (rc != RC_OK || seqset_empty(&uids)) {
		seqset_fini(&uids);
		cmd_finish_rc(cmd, rc);
		return;
	}
	expunge_submit(cmd, view_mailbox(cmd->session->view), &uids,
		cmd->row->flags & CMD_UID ? message_limit(cmd) : 0, WRITE_QUICK);
}

const struct cmd_row cmd_expunge_rows[] = {
	{
		.name = "EXPUNGE",
		.usage = "",
		.help = "removes all deleted messages",
		.states = SESSION_SELECTED,
		.flags = CMD_READ_WRITE,
		.parse = expunge_parse,
		.run = expunge_start,
	},
	{
		.name = "UID EXPUNGE",
		.usage = "sequence-set",
		.help = "removes the deleted messages among these",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_READ_WRITE,
		.capability = "UIDPLUS",
		.parse = expunge_parse,
		.run = expunge_start,
	},
	{ 0 },
};
