#include "imapd/command.h"
#include "imapd/message_limit.h"
#include "imapd/rows.h"
#include "store/message.h"

struct expunge_args {
	struct seqset set;
};

struct expunge_job {
	struct cmd_job base;
	int64_t mailbox;
	struct seqset uids; /* own: what the session has been told of */
	struct seqset chosen; /* own: those of them that the limit lets through */
	struct seqset removed; /* own */
	unsigned limit; /* RFC 9738: of UID EXPUNGE; 0: none */
	uint32_t last; /* it was reached: the lowest UID that was removed */
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

/* RFC 9738 section 3.1: only messages with \Deleted count. */
static enum rc choose(struct account *account, struct expunge_job *expunge)
{
	const struct msg_row *rows;
	size_t count;
	seqset_fini(&expunge->chosen);
	expunge->last = 0;
	enum rc rc = msg_index(account, expunge->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	for (size_t r = 0; r < expunge->uids.n; r++) {
		size_t i = msg_lower_bound(rows, count, expunge->uids.v[r].lo);
		for (; i < count && rows[i].uid <= expunge->uids.v[r].hi; i++)
			if (rows[i].flags & MSG_DELETED)
				seqset_add(&expunge->chosen, rows[i].uid);
	}
	message_limit_cut(&expunge->chosen, expunge->limit, &expunge->last);
	return RC_OK;
}

static enum rc expunge_run(struct account *account, struct job *job)
{
	struct expunge_job *expunge = (struct expunge_job *)job;
	const struct seqset *uids = expunge->limit > 0 ? &expunge->chosen : &expunge->uids;
	seqset_fini(&expunge->removed);
	enum rc rc = expunge->limit > 0 ? choose(account, expunge) : RC_OK;
	return rc == RC_OK ? msg_expunge(account, expunge->mailbox, uids, false, &expunge->removed) : rc;
}

static void expunge_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct expunge_job *expunge = (struct expunge_job *)job;
	cmd->removed = !seqset_empty(&expunge->removed);
	cmd->limit_uid = expunge->last;
	cmd_finish_rc(cmd, job->job.rc);
}

static void expunge_release(struct cmd_job *job)
{
	struct expunge_job *expunge = (struct expunge_job *)job;
	seqset_fini(&expunge->uids);
	seqset_fini(&expunge->chosen);
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
		seqset_add_range(&all, 1, UINT32_MAX);
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
	expunge->limit = cmd->row->flags & CMD_UID ? message_limit(cmd) : 0;
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
