/*
 * REPLACE and UID REPLACE (RFC 8508): append.c takes in the message. One job removes the old message and
 * stores the new one, so that no session ever sees both or neither, and only the difference counts in the
 * quota.
 */
#include "coi/coi.h"
#include "base/list.h"
#include "imapd/append.h"
#include "imapd/session.h"
#include "query/append_target.h"
#include "imapd/imapd.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/view.h"
#include "store/message.h"

struct replace_args {
	struct append append; /* first */
	uint32_t number; /* 0: the last message, "*" */
	uint32_t uid; /* of the message to be replaced */
};

struct replace_job {
	struct cmd_job base;
	int64_t selected;
	uint32_t uid;
	struct strv mailbox;
	struct msg_new msg; /* content: own */
	const struct coi *coi; /* borrowed */
	bool no_target;
	bool gone; /* the old message is gone */
	uint32_t uidvalidity;
	uint32_t new_uid;
};

static bool cmd_replace_read_number(struct cmd *cmd, struct parse *parse)
{
	struct replace_args *args = cmd->args;
	if (parse_skip(parse, '*'))
		args->number = 0;
	else if (!parse_nz_number(parse, &args->number))
		return false;
	return parse_sp(parse);
}

static void cmd_replace_refuse(struct cmd *cmd, bool bad, const char *code, const char *text)
{
	const struct replace_args *args = cmd->args;
	if (!args->append.whole)
		cmd_literal_refuse(cmd, bad, code, text);
	else if (bad)
		cmd_bad(cmd, text);
	else
		cmd_no(cmd, code, text);
}

/* Checks the destination before the message is accepted, and again when it is complete. */
static bool is_possible(struct cmd *cmd)
{
	struct replace_args *args = cmd->args;
	struct view *view = cmd->session->view;
	bool by_uid = cmd->row->flags & CMD_UID;
	if (view_read_only(view)) {
		cmd_replace_refuse(cmd, false, NULL, "Mailbox is selected read-only");
		return false;
	}
	if (args->number == 0)
		args->uid = view_last_uid(view);
	else if (by_uid)
		args->uid = view_seq(view, args->number) ? args->number : 0;
	else
		args->uid = view_uid(view, args->number);
	if (args->uid)
		return true;
	if (by_uid)
		cmd_replace_refuse(cmd, false, NULL, "No such message");
	else
		cmd_replace_refuse(cmd, true, NULL, "Invalid message sequence number");
	return false;
}

static enum rc remove_old(struct account *account, struct replace_job *replace)
{
	struct seqset uids = SEQSET_EMPTY;
	struct seqset removed = SEQSET_EMPTY;
	seqset_add(&uids, replace->uid);
	enum rc rc = msg_expunge(account, replace->selected, &uids, true, &removed);
	replace->gone = rc == RC_OK && seqset_empty(&removed);
	seqset_fini(&removed);
	seqset_fini(&uids);
	return replace->gone ? RC_NOT_FOUND : rc;
}

static enum rc cmd_replace_store_run(struct account *account, struct job *job)
{
	struct replace_job *replace = CONTAINER_OF(job, struct replace_job, base.job);
	struct mbox_info info;
	replace->gone = false;
	enum rc rc = append_target(account, replace->mailbox, &info, &replace->no_target);
	if (rc == RC_OK)
		rc = remove_old(account, replace);
	struct msg_new msg = replace->msg;
	if (rc == RC_OK)
		rc = coi_append(replace->coi, account, info.id, &msg);
	if (rc == RC_OK)
		rc = msg_append(account, info.id, &msg, &replace->new_uid);
	if (rc == RC_OK)
		replace->uidvalidity = info.uidvalidity;
	return rc;
}

static void cmd_replace_store_release(struct cmd_job *job)
{
	content_unref(&CONTAINER_OF(job, struct replace_job, base)->msg.content);
}

/* Tells APPENDUID before the EXPUNGE (RFC 8508 section 4.3). */
static void cmd_replace_tell(struct cmd *cmd, const struct replace_job *replace)
{
	answer_untagged(cmd->session, "OK [%s] Replacement message ready",
		append_uid_code(cmd->arena, replace->uidvalidity, &replace->new_uid, 1));
	cmd->law.removed = true;
	cmd_finish_rc(cmd, RC_OK);
}

static void cmd_replace_store_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct replace_job *replace = CONTAINER_OF(job, struct replace_job, base);
	if (replace->no_target)
		cmd_no(cmd, "TRYCREATE", "Mailbox doesn't exist");
	else if (replace->gone)
		cmd_no(cmd, "EXPUNGEISSUED", "The message no longer exists");
	else if (job->job.rc != RC_OK)
		cmd_finish_rc(cmd, job->job.rc);
	else
		cmd_replace_tell(cmd, replace);
}

static void cmd_replace_submit_store(struct cmd *cmd)
{
	struct replace_args *args = cmd->args;
	struct replace_job *replace = cmd_job_new(
		cmd, sizeof(*replace), JOB_WRITE, cmd_replace_store_run, cmd_replace_store_finish);
	struct arena *arena = replace->base.arena;
	replace->base.release = cmd_replace_store_release;
	replace->coi = cmd->session->settings->coi;
	replace->selected = view_mailbox(cmd->session->view);
	replace->uid = args->uid;
	replace->mailbox = arena_strv(arena, args->append.list.mailbox);
	replace->msg = append_take(&args->append, 0, arena);
	cmd_submit(cmd, replace);
}

static const struct append_hooks hooks = {
	.replaces = true,
	.prefix = cmd_replace_read_number,
	.possible = is_possible,
	.store = cmd_replace_submit_store,
	.args_size = sizeof(struct replace_args),
};

static bool parse_replace(struct cmd *cmd, struct parse *parse)
{
	return append_parse(cmd, parse, &hooks);
}

static void literal_of_replace(struct cmd *cmd, const struct lex_literal *literal)
{
	append_literal(cmd, literal, &hooks);
}

const struct cmd_row cmd_replace_rows[] = {
	{
		.name = "REPLACE",
		.usage = "number mailbox [(flags)] [date-time] literal|CATENATE (part ...)",
		.help = "stores a message and removes an old one in one step",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_LITERALS_STREAM | CMD_READ_WRITE,
		.capability = "REPLACE",
		.parse = parse_replace,
		.run = append_run,
		.literal = literal_of_replace,
		.literal_bytes = append_literal_bytes,
		.literal_end = append_literal_end,
		.cancel = append_cancel,
	},
	{
		.name = "UID REPLACE",
		.usage = "uid mailbox [(flags)] [date-time] literal|CATENATE (part ...)",
		.help = "stores a message and removes an old one, named by its UID, in one step",
		.states = SESSION_SELECTED,
		.flags = CMD_LITERALS_STREAM | CMD_READ_WRITE | CMD_UID,
		.parse = parse_replace,
		.run = append_run,
		.literal = literal_of_replace,
		.literal_bytes = append_literal_bytes,
		.literal_end = append_literal_end,
		.cancel = append_cancel,
	},
	{ 0 },
};
