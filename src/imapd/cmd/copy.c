/*
 * COPY and MOVE (RFC 3501, RFC 6851). COPY is one job, all or nothing. MOVE is cut into jobs; each moves some
 * messages, and EXPUNGE or VANISHED tells of them.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/message_limit.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imap/uid_runs.h"
#include "imapd/session.h"
#include "imapd/view.h"
#include "query/write_slice.h"
#include "store/message.h"

struct copy_args {
	struct seqset set;
	bool by_uid;
	struct strv mailbox;
	bool move;
	int64_t to; /* MOVE in several jobs: the mailbox of the first; 0: not known yet */
	struct seqset left; /* own: what the next jobs move */
	struct copy_result moved; /* own: by the jobs so far */
};

struct copy_job {
	struct cmd_job base;
	int64_t from;
	struct strv to;
	int64_t to_id; /* the destination must still have this id; 0: any */
	bool move;
	bool whole; /* by number: if a message of `all` is gone, nothing is done (RFC 2180 section 4.4.1) */
	bool no_target; /* the destination does not exist */
	bool gone; /* a message of `all` is gone */
	struct seqset all; /* own: all messages of the command, in the first job */
	struct seqset uids; /* own */
	struct copy_result result; /* own sets */
};

static bool copy_parse(struct cmd *cmd, struct parse *parse)
{
	struct copy_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	bool uids = false;
	bool ok = parse_seqset_or_saved(parse, &args->set, &uids);
	args->by_uid = uids || cmd->row->flags & CMD_UID;
	return ok && parse_sp(parse) && parse_mailbox(parse, &args->mailbox) && parse_end(parse);
}

static bool move_parse(struct cmd *cmd, struct parse *parse)
{
	if (!copy_parse(cmd, parse))
		return false;
	((struct copy_args *)cmd->args)->move = true;
	return true;
}

static void result_fini(struct copy_result *result)
{
	seqset_fini(&result->src);
	seqset_fini(&result->dst);
}

static enum rc cmd_copy_run(struct account *account, struct job *job)
{
	struct copy_job *copy = CONTAINER_OF(job, struct copy_job, base.job);
	struct mbox_info to;
	bool there = true;
	copy->no_target = copy->gone = false;
	result_fini(&copy->result);
	copy->result = (struct copy_result){ .src = SEQSET_EMPTY, .dst = SEQSET_EMPTY };
	enum rc rc = mbox_find(account, copy->to, &to);
	if (rc == RC_OK && (to.attrs & MBOX_NOSELECT))
		rc = RC_NOT_FOUND;
	if (rc != RC_OK) {
		copy->no_target = rc == RC_NOT_FOUND || rc == RC_INVALID;
		return rc;
	}
	if (copy->whole)
		rc = msg_all_there(account, copy->from, &copy->all, &there);
	copy->gone = !there;
	if (copy->to_id != 0 && copy->to_id != to.id)
		return RC_GONE;
	copy->to_id = to.id;
	if (rc != RC_OK || copy->gone || seqset_empty(&copy->uids))
		return rc;
	return msg_copy(account, copy->from, &copy->uids, to.id, copy->move, &copy->result);
}

static void copy_release(struct cmd_job *job)
{
	struct copy_job *copy = CONTAINER_OF(job, struct copy_job, base);
	seqset_fini(&copy->all);
	seqset_fini(&copy->uids);
	result_fini(&copy->result);
}

/* "COPYUID 38505 304,319:320 3956:3958", in the command's arena. */
static const char *cmd_copy_copyuid(struct cmd *cmd, const struct copy_result *result)
{
	struct buf code;
	buf_init(&code, BUF_UNBOUNDED);
	buf_adds(&code, "COPYUID ");
	buf_addu(&code, result->uidvalidity);
	buf_addc(&code, ' ');
	seqset_print(&code, &result->src);
	buf_addc(&code, ' ');
	seqset_print(&code, &result->dst);
	const char *text = arena_strndup(cmd->arena, code.p, code.len);
	buf_fini(&code);
	return text;
}

/* Tells COPYUID before the EXPUNGEs (RFC 6851 section 4.3). */
static void tell_copyuid(struct cmd *cmd, const char *code)
{
	struct buf line;
	buf_init(&line, BUF_UNBOUNDED);
	buf_adds(&line, "* OK [");
	buf_adds(&line, code);
	buf_adds(&line, "] Moved\r\n");
	answer_own(cmd->session, &line);
}

static void copy_answer(struct cmd *cmd, enum rc rc, const struct copy_result *result, bool no_target)
{
	struct copy_args *args = cmd->args;
	bool copied = !seqset_empty(&result->src);
	cmd->law.removed = args->move && copied;
	if (args->move && copied)
		tell_copyuid(cmd, cmd_copy_copyuid(cmd, result));
	if (no_target) {
		cmd_no(cmd, "TRYCREATE", "Mailbox doesn't exist");
	} else if (rc != RC_OK || !copied || args->move) {
		cmd_finish_rc(cmd, rc);
	} else {
		cmd_ok(cmd, cmd_copy_copyuid(cmd, result),
			arena_printf(cmd->arena, "%s completed", cmd->row->name));
	}
}

static void copy_submit(struct cmd *cmd);

static void copy_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct copy_job *copy = CONTAINER_OF(job, struct copy_job, base);
	struct copy_args *args = cmd->args;
	enum rc rc = job->job.rc;
	if (rc == RC_OK) {
		args->to = copy->to_id;
		if (!seqset_empty(&copy->result.src))
			args->moved.uidvalidity = copy->result.uidvalidity;
		seqset_add_set(&args->moved.src, &copy->result.src);
		seqset_add_set(&args->moved.dst, &copy->result.dst);
	}
	if (copy->gone)
		cmd_no(cmd, "EXPUNGEISSUED",
			copy->move ? "Some of the messages no longer exist, none is moved"
				   : "Some of the messages no longer exist, none is copied");
	else if (rc == RC_OK && !seqset_empty(&args->left))
		copy_submit(cmd);
	else
		copy_answer(cmd, rc, &args->moved, copy->no_target);
}

/* RFC 9738 section 3.1: MOVE moves as many messages as it may, COPY all or nothing. False: the command has
 * been ended. */
static bool within_limit(struct cmd *cmd, struct seqset *uids)
{
	unsigned limit = message_limit_save(cmd);
	uint32_t last;
	if (((struct copy_args *)cmd->args)->move) {
		message_limit_clip(cmd, uids);
		return true;
	}
	if (!message_limit_cut(uids, limit, &last))
		return true;
	cmd_no(cmd, message_limit_code(cmd, limit, last), "Too many messages to copy, nothing is copied");
	return false;
}

/* Submits the next job, with a part of a MOVE or all of a COPY. Without messages it only looks for the
 * destination. */
static void copy_submit(struct cmd *cmd)
{
	struct copy_args *args = cmd->args;
	struct seqset part = args->left;
	struct seqset all = SEQSET_EMPTY;
	bool slow = write_slice_slow(&args->left);
	bool whole = args->to == 0 && !(cmd->row->flags & CMD_UID);
	if (whole)
		seqset_copy(&all, &args->left);
	if (args->move)
		write_slice_take(&args->left, &part);
	else
		seqset_init(&args->left);
	struct copy_job *copy = cmd_job_new(
		cmd, sizeof(*copy), seqset_empty(&part) ? JOB_READ : JOB_WRITE, cmd_copy_run, copy_finish);
	copy->base.release = copy_release;
	copy->base.job.slow = slow;
	copy->from = view_mailbox(cmd->session->view);
	copy->to = arena_strv(copy->base.arena, args->mailbox);
	copy->to_id = args->to;
	copy->move = args->move;
	copy->whole = whole;
	copy->all = all;
	copy->uids = part;
	cmd_submit(cmd, copy);
}

static void copy_start(struct cmd *cmd)
{
	struct copy_args *args = cmd->args;
	struct session *session = cmd->session;
	struct uid_run *runs;
	size_t count;
	struct seqset uids = SEQSET_EMPTY;
	enum rc rc = view_clip(session->view, &args->set, args->by_uid, cmd->arena, &runs, &count, &uids);
	if (rc != RC_OK) {
		if (rc == RC_INVALID)
			cmd_bad(cmd, "Invalid message sequence number");
		else
			cmd_finish_rc(cmd, rc);
		return;
	}
	if (!within_limit(cmd, &uids)) {
		seqset_fini(&uids);
		return;
	}
	args->left = uids;
	copy_submit(cmd);
}

static void copy_cancel(struct cmd *cmd)
{
	struct copy_args *args = cmd->args;
	if (!args)
		return;
	seqset_fini(&args->left);
	result_fini(&args->moved);
}

const struct cmd_row cmd_copy_rows[] = {
	{
		.name = "COPY",
		.usage = "sequence-set mailbox",
		.help = "copies messages to another mailbox",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS,
		.parse = copy_parse,
		.run = copy_start,
		.cancel = copy_cancel,
	},
	{
		.name = "UID COPY",
		.usage = "sequence-set mailbox",
		.help = "copies messages to another mailbox, by their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID,
		.parse = copy_parse,
		.run = copy_start,
		.cancel = copy_cancel,
	},
	{
		.name = "MOVE",
		.usage = "sequence-set mailbox",
		.help = "moves messages to another mailbox",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_READ_WRITE,
		.capability = "MOVE",
		.parse = move_parse,
		.run = copy_start,
		.cancel = copy_cancel,
	},
	{
		.name = "UID MOVE",
		.usage = "sequence-set mailbox",
		.help = "moves messages to another mailbox, by their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_READ_WRITE,
		.parse = move_parse,
		.run = copy_start,
		.cancel = copy_cancel,
	},
	{ 0 },
};
