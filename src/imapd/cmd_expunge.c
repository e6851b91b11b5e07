#include "imapd/command.h"
#include "imapd/rows.h"
#include "store/message.h"

struct expunge_args {
	struct seqset set;
};

struct expunge_job {
	struct cmd_job base;
	int64_t mailbox;
	struct seqset uids; /* own: what the session has been told of */
	struct seqset removed; /* own */
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

static enum rc expunge_run(struct account *account, struct job *job)
{
	struct expunge_job *expunge = (struct expunge_job *)job;
	seqset_fini(&expunge->removed);
	return msg_expunge(account, expunge->mailbox, &expunge->uids, false, &expunge->removed);
}

static void expunge_finish(struct cmd *cmd, struct cmd_job *job)
{
	cmd->removed = !seqset_empty(&((struct expunge_job *)job)->removed);
	cmd_finish_rc(cmd, job->job.rc);
}

static void expunge_release(struct cmd_job *job)
{
	struct expunge_job *expunge = (struct expunge_job *)job;
	seqset_fini(&expunge->uids);
	seqset_fini(&expunge->removed);
}

/* What the client asked for, as far as it has been told of it: a message that came meanwhile stays. */
static enum rc clip(struct cmd *cmd, struct seqset *ret_uids)
{
	struct expunge_args *args = cmd->args;
	struct seqset all = SEQSET_EMPTY;
	struct view_run *runs;
	size_t count;
	bool by_set = cmd->row->flags & CMD_UID;
	if (!by_set)
		seqset_add_range(&all, 1, SEQSET_STAR);
	enum rc rc = view_clip(
		cmd->session->view, by_set ? &args->set : &all, true, cmd->arena, &runs, &count, ret_uids);
	seqset_fini(&all);
	return rc;
}

static void expunge_start(struct cmd *cmd)
{
	struct seqset uids = SEQSET_EMPTY;
	enum rc rc = clip(cmd, &uids);
	if (rc != RC_OK || seqset_empty(&uids)) {
		seqset_fini(&uids);
		cmd_finish_rc(cmd, rc);
		return;
	}
	struct expunge_job *expunge =
		cmd_job_new(cmd, sizeof(*expunge), JOB_WRITE, expunge_run, expunge_finish);
	expunge->base.release = expunge_release;
	expunge->mailbox = view_mailbox(cmd->session->view);
	expunge->uids = uids;
	cmd_submit(cmd, expunge);
}

const struct cmd_row cmd_expunge_rows[] = {
	{
		.name = "EXPUNGE",
		.states = SESSION_SELECTED,
		.flags = CMD_READ_WRITE,
		.parse = expunge_parse,
		.run = expunge_start,
	},
	{
		.name = "UID EXPUNGE",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_READ_WRITE,
		.capability = "UIDPLUS",
		.parse = expunge_parse,
		.run = expunge_start,
	},
	{ 0 },
};
