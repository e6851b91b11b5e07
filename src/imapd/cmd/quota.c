/*
 * QUOTA (RFC 9208): there is one root, "", for the whole account; the administrator sets the limits. STORAGE
 * and MESSAGE are limited if he wants that, MAILBOX always is. STORAGE comes first, and GETQUOTAROOT tells
 * MAILBOX only after it: clients take the first resource, or the only one, for the storage, and would show "0
 * %" of the number of mailboxes.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/answer.h"
#include "imap/print.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "store/mailbox.h"

#include <inttypes.h>

#define QUOTA_LINE_MAX 16384
#define KIB 1024

struct quota_args {
	struct strv name; /* root, or mailbox */
};

struct quota_job {
	struct cmd_job base;
	struct quota quota;
};

static bool root_parse(struct cmd *cmd, struct parse *parse)
{
	struct quota_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_astring(parse, &args->name) && parse_end(parse);
}

static bool cmd_quota_mailbox_parse(struct cmd *cmd, struct parse *parse)
{
	struct quota_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox(parse, &args->name) && parse_end(parse);
}

/* root SP "(" [resource SP limit ...] ")" */
static bool cmd_quota_set_parse(struct cmd *cmd, struct parse *parse)
{
	struct quota_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	struct strv resource;
	uint64_t limit;

	cmd->args = args;
	if (!parse_astring(parse, &args->name) || !parse_sp(parse) || !parse_char(parse, '('))
		return false;
	if (parse_skip(parse, ')'))
		return parse_end(parse);
	do {
		if (!parse_atom(parse, &resource) || !parse_sp(parse) || !parse_number64(parse, &limit))
			return false;
	} while (parse_more(parse));
	return parse_char(parse, ')') && parse_end(parse);
}

static enum rc quota_job_run(struct account *account, struct job *job)
{
	return account_quota(account, &CONTAINER_OF(job, struct quota_job, base.job)->quota);
}

static void print_resource(struct buf *out, const char *name, uint64_t used, uint64_t limit, bool *first)
{
	if (limit == 0)
		return;
	buf_printf(out, "%s%s %" PRIu64 " %" PRIu64, *first ? "" : " ", name, used, limit);
	*first = false;
}

/* STORAGE counts units of 1024 octets: the usage is rounded up, the limit down. */
static void print_quota(struct buf *out, const struct quota *quota, bool mailboxes)
{
	bool first = true;

	buf_adds(out, "* QUOTA \"\" (");
	print_resource(
		out, "STORAGE", (quota->storage_used + KIB - 1) / KIB, quota->storage_max / KIB, &first);
	print_resource(out, "MESSAGE", quota->messages_used, quota->messages_max, &first);
	if (mailboxes)
		print_resource(out, "MAILBOX", quota->mailboxes_used, quota->mailboxes_max, &first);
	buf_adds(out, ")\r\n");
}

static void root_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct quota_job *quota = CONTAINER_OF(job, struct quota_job, base);
	struct buf out;

	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	buf_init(&out, QUOTA_LINE_MAX);
	print_quota(&out, &quota->quota, true);
	answer_own(cmd->session, &out);
	cmd_finish_rc(cmd, RC_OK);
}

static void cmd_quota_mailbox_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct quota_job *quota = CONTAINER_OF(job, struct quota_job, base);
	const struct quota_args *args = cmd->args;
	struct buf out;

	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	buf_init(&out, QUOTA_LINE_MAX);
	buf_adds(&out, "* QUOTAROOT ");
	print_mailbox(&out, args->name, session_utf8(cmd->session));
	buf_adds(&out, " \"\"\r\n");
	print_quota(&out, &quota->quota, quota->quota.storage_max > 0);
	answer_own(cmd->session, &out);
	cmd_finish_rc(cmd, RC_OK);
}

static void cmd_quota_submit(struct cmd *cmd, void (*finish)(struct cmd *cmd, struct cmd_job *job))
{
	cmd_submit_or_borrow(
		cmd, cmd_job_new(cmd, sizeof(struct quota_job), JOB_READ, quota_job_run, finish), true);
}

static void root_run(struct cmd *cmd)
{
	const struct quota_args *args = cmd->args;

	if (args->name.n > 0)
		cmd_no(cmd, "NONEXISTENT", "No such quota root");
	else
		cmd_quota_submit(cmd, root_finish);
}

/* The mailbox need not exist (RFC 9208 section 4.1.2). */
static void mailbox_run(struct cmd *cmd)
{
	cmd_quota_submit(cmd, cmd_quota_mailbox_finish);
}

static void cmd_quota_set_run(struct cmd *cmd)
{
	cmd_no(cmd, "NOPERM", "Limits are set by the administrator");
}

const struct cmd_row cmd_quota_rows[] = {
	{
		.name = "GETQUOTA",
		.usage = "root",
		.help = "tells the limits of the account and what is used of them",
		.states = CMD_AUTH_STATES,
		.capability = "QUOTA",
		.parse = root_parse,
		.run = root_run,
	},
	{
		.name = "GETQUOTAROOT",
		.usage = "mailbox",
		.help = "tells which root a mailbox belongs to, and its limits",
		.states = CMD_AUTH_STATES,
		.parse = cmd_quota_mailbox_parse,
		.run = mailbox_run,
	},
	{
		.name = "SETQUOTA",
		.usage = "root (resource limit ...)",
		.help = "is refused: the administrator sets limits",
		.states = CMD_AUTH_STATES,
		.parse = cmd_quota_set_parse,
		.run = cmd_quota_set_run,
	},
	{ 0 },
};
