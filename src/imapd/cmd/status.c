/* STATUS: one job reads the numbers; the reactor does if they are in memory. */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "query/status.h"
#include "imap/status_items.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"

#define STATUS_LINE_MAX 16384

struct status_args {
	struct strv name;
	struct status_items items;
};

struct status_job {
	struct cmd_job base;
	struct strv name;
	struct status_items items;
	struct status_values values;
};

static bool status_parse(struct cmd *cmd, struct parse *parse)
{
	struct status_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox(parse, &args->name) && parse_sp(parse) &&
	       status_items_parse(parse, &args->items) && parse_end(parse);
}

static enum rc status_job_run(struct account *account, struct job *job)
{
	struct status_job *status = CONTAINER_OF(job, struct status_job, base.job);
	struct mbox_info info;
	enum rc rc = mbox_find(account, status->name, &info);
	if (rc == RC_OK && info.attrs & MBOX_NOSELECT)
		rc = RC_CANNOT;
	return rc == RC_OK ? status_read(account, &info, &status->items, &status->values) : rc;
}

static void status_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct status_job *status = CONTAINER_OF(job, struct status_job, base);
	const struct status_args *args = cmd->args;
	struct buf out;

	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	const struct view *view = cmd->session->view;
	bool selected = view && view_mailbox(view) == status->values.info.id;
	/* Messages that arrived meanwhile are counted, so they are told first. */
	if (selected && !cmd->session->claiming)
		sync_tell_new(cmd->session);
	buf_init(&out, STATUS_LINE_MAX);
	status_items_print(&out, args->name, session_utf8(cmd->session), &args->items, &status->values);
	answer_own(cmd->session, &out);
	/* RFC 9051 section 6.3.11: clients should not ask for the STATUS of the selected mailbox. */
	if (cmd->session->enabled & ENABLED_REV2 && selected)
		cmd_ok(cmd, "CLIENTBUG", "STATUS of the selected mailbox");
	else
		cmd_finish_rc(cmd, RC_OK);
}

static void status_run(struct cmd *cmd)
{
	struct status_args *args = cmd->args;
	struct strv name;
	if (mbox_name_check(account_store(cmd->session->account), args->name, cmd->arena, &name) != RC_OK) {
		cmd_finish_rc(cmd, RC_NOT_FOUND);
		return;
	}
	sync_status(cmd->session, &args->items);
	struct status_job *status =
		cmd_job_new(cmd, sizeof(*status), JOB_READ, status_job_run, status_finish);
	status->name = arena_strv(status->base.arena, name);
	status->items = args->items;
	/* Names and counts are in memory while the account is open. */
	cmd_submit_or_borrow(cmd, status, status_items_memory(&args->items));
}

const struct cmd_row cmd_status_rows[] = {
	{
		.name = "STATUS",
		.usage = "mailbox (item ...)",
		.help = "tells numbers about a mailbox without selecting it",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NEWS_FIRST,
		.capability = "STATUS=SIZE",
		.parse = status_parse,
		.run = status_run,
	},
	{ 0 },
};
