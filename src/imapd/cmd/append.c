/*
 * APPEND of one message or several (RFC 3502), all or none: append.c takes in the messages, and one job
 * stores them.
 */
#include "coi/coi.h"
#include "base/list.h"
#include "imapd/append.h"
#include "imapd/session.h"
#include "query/append_target.h"
#include "imapd/imapd.h"
#include "query/list.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "store/message.h"

struct append_job {
	struct cmd_job base;
	struct strv mailbox;
	struct msg_new *messages; /* contents: own */
	size_t count;
	const struct coi *coi; /* borrowed */
	bool no_target;
	/* IMAP4rev2: the name as the client wrote it; a LIST response tells if the store has another form */
	struct strv sent;
	struct strv list; /* that response */
	uint32_t uidvalidity;
	uint32_t *uids;
};

static enum rc cmd_append_store_run(struct account *account, struct job *job)
{
	struct append_job *append = CONTAINER_OF(job, struct append_job, base.job);
	struct mbox_info info;
	enum rc rc = append_target(account, append->mailbox, &info, &append->no_target);
	for (size_t i = 0; rc == RC_OK && i < append->count; i++) {
		struct msg_new msg = append->messages[i];
		rc = coi_append(append->coi, account, info.id, &msg);
		if (rc == RC_OK)
			rc = msg_append(account, info.id, &msg, &append->uids[i]);
	}
	if (rc != RC_OK)
		return rc;
	append->uidvalidity = info.uidvalidity;
	if (append->sent.n > 0 && !strv_eq(append->sent, info.name))
		append->list = list_name_line(append->base.arena, &info, true, append->sent);
	return RC_OK;
}

static void cmd_append_store_release(struct cmd_job *job)
{
	struct append_job *append = CONTAINER_OF(job, struct append_job, base);
	for (size_t i = 0; i < append->count; i++)
		content_unref(&append->messages[i].content);
}

static void cmd_append_store_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct append_job *append = CONTAINER_OF(job, struct append_job, base);
	if (append->no_target) {
		cmd_no(cmd, "TRYCREATE", "Mailbox doesn't exist");
		return;
	}
	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	if (append->list.n > 0)
		answer_raw(cmd->session, append->list);
	cmd_ok(cmd, append_uid_code(cmd->arena, append->uidvalidity, append->uids, append->count),
		"APPEND completed");
}

static void cmd_append_submit_store(struct cmd *cmd)
{
	struct append *args = cmd->args;
	struct append_job *append =
		cmd_job_new(cmd, sizeof(*append), JOB_WRITE, cmd_append_store_run, cmd_append_store_finish);
	struct arena *arena = append->base.arena;
	append->base.release = cmd_append_store_release;
	append->coi = cmd->session->settings->coi;
	append->mailbox = arena_strv(arena, args->list.mailbox);
	if (cmd->session->enabled & ENABLED_REV2)
		append->sent = arena_strv(arena, args->list.sent);
	append->messages = arena_zalloc(arena, args->received * sizeof(*append->messages));
	append->uids = arena_zalloc(arena, args->received * sizeof(*append->uids));
	for (size_t i = 0; i < args->received; i++)
		append->messages[append->count++] = append_take(args, i, arena);
	cmd_submit(cmd, append);
}

static const struct append_hooks hooks = {
	.several = true,
	.store = cmd_append_submit_store,
	.args_size = sizeof(struct append),
};

static bool parse_append(struct cmd *cmd, struct parse *parse)
{
	return append_parse(cmd, parse, &hooks);
}

static void literal_of_append(struct cmd *cmd, const struct lex_literal *literal)
{
	append_literal(cmd, literal, &hooks);
}

const struct cmd_row cmd_append_rows[] = {
	{
		.name = "APPEND",
		.usage = "mailbox [(flags)] [date-time] literal|CATENATE (part ...) ...",
		.help = "stores one message or several",
		.states = SESSION_AUTH | SESSION_SELECTED,
		.flags = CMD_LITERALS_STREAM,
		.parse = parse_append,
		.run = append_run,
		.literal = literal_of_append,
		.literal_bytes = append_literal_bytes,
		.literal_end = append_literal_end,
		.cancel = append_cancel,
	},
	{ 0 },
};
