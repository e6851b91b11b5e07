/* NOTIFY (RFC 5465): the command. notify.h has the rest. */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/notify.h"
#include "imapd/hub.h"
#include "imapd/notify_priv.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"

#define EVENTS_MAX 512 /* octets of BADEVENT and its list */

struct notify_args {
	struct notify_set *set; /* own; NULL: refused */
	enum notify_refusal refusal;
	bool status;
};

struct set_job {
	struct cmd_job base;
	struct notify_set *set; /* counted */
	bool status;
	int64_t selected;
	bool utf8;
	struct buf out; /* own */
	bool taken; /* the session has the watch now */
};

static bool notify_parse(struct cmd *cmd, struct parse *parse)
{
	struct notify_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	if (parse_keyword(parse, "NONE")) {
		args->set = notify_set_none();
		return parse_end(parse);
	}
	if (!parse_keyword(parse, "SET"))
		return parse_fail(parse, "SET or NONE expected");
	if (!parse_sp(parse))
		return false;
	args->status = parse_keyword(parse, "STATUS");
	if (args->status && !parse_sp(parse))
		return false;
	return notify_set_parse(parse, account_store(cmd->session->account), &args->set, &args->refusal);
}

static enum rc cmd_notify_set_run(struct account *account, struct job *job)
{
	struct set_job *set = CONTAINER_OF(job, struct set_job, base.job);

	buf_reset(&set->out);
	if (set->status) {
		enum rc rc = notify_lines_status(account, set->set, set->selected, set->utf8, &set->out);
		if (rc != RC_OK)
			return rc;
	}
	change_watch(account, &set->base.hub->sink);
	return RC_OK;
}

static void cmd_notify_install(struct cmd *cmd, struct notify_set *set, bool watched, bool told)
{
	const struct fetch_plan *plan = notify_set_plan(set);

	/* MODSEQ among its items enables CONDSTORE, as in a FETCH. */
	if (plan && plan->modseq)
		sync_condstore(cmd->session);
	notify_replace(cmd->session, notify_set_ref(set), watched, told);
	/*
	 * RFC 5465 section 3.1: everything that has gathered is told, even what the earlier set had switched
	 * off.
	 */
	cmd->law.tells_all = true;
}

static void cmd_notify_set_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct set_job *set = CONTAINER_OF(job, struct set_job, base);

	if (job->job.rc == RC_LIMIT) {
		cmd_no(cmd, "NOTIFICATIONOVERFLOW", "Too much for one command");
		return;
	}
	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	/* Lines that belong to the earlier set go first. */
	notify_flush(cmd->session);
	answer_raw(cmd->session, buf_strv(&set->out));
	cmd_notify_install(cmd, set->set, true, set->status);
	set->taken = true;
	cmd_finish_rc(cmd, RC_OK);
}

static void set_release(struct cmd_job *job)
{
	struct set_job *set = CONTAINER_OF(job, struct set_job, base);

	/* The session is gone, so nobody takes over the watch. */
	if (job->job.rc == RC_OK && job->job.account && !set->taken)
		change_unwatch(job->job.account, &job->hub->sink);
	notify_set_unref(&set->set);
	buf_fini(&set->out);
}

static void cmd_notify_refuse(struct cmd *cmd, enum notify_refusal why)
{
	struct buf code;

	if (why == NOTIFY_TOO_MUCH) {
		cmd_no(cmd, "NOTIFICATIONOVERFLOW", "Too many event groups or mailboxes");
		return;
	}
	buf_init(&code, EVENTS_MAX);
	buf_adds(&code, "BADEVENT ");
	notify_events_print(&code);
	const char *text = arena_strndup(cmd->arena, code.p, code.len);
	buf_fini(&code);
	cmd_no(cmd, text, "An event is not supported");
}

static void notify_run(struct cmd *cmd)
{
	const struct notify_args *args = cmd->args;
	struct session *session = cmd->session;

	if (args->refusal != NOTIFY_TAKEN) {
		cmd_notify_refuse(cmd, args->refusal);
		return;
	}
	/* The view of the selected mailbox watches it already. */
	if (!notify_set_others(args->set)) {
		cmd_notify_install(cmd, args->set, false, true);
		cmd_finish_rc(cmd, RC_OK);
		return;
	}
	struct set_job *set =
		cmd_job_new(cmd, sizeof(*set), JOB_READ, cmd_notify_set_run, cmd_notify_set_finish);
	set->base.release = set_release;
	set->base.job.rc = RC_CANCELLED;
	set->set = notify_set_ref(args->set);
	set->status = args->status;
	set->selected = session->view ? view_mailbox(session->view) : 0;
	set->utf8 = session_utf8(session);
	buf_init(&set->out, NOTIFY_OUTPUT_MAX);
	cmd_submit(cmd, set);
}

static void notify_cancel(struct cmd *cmd)
{
	struct notify_args *args = cmd->args;
	if (args)
		notify_set_unref(&args->set);
}

const struct cmd_row cmd_notify_rows[] = {
	{
		.name = "NOTIFY",
		.usage = "NONE | SET [STATUS] (mailboxes events) ...",
		.help = "chooses the mailboxes and events that are told as they happen",
		.states = CMD_AUTH_STATES,
		.capability = "NOTIFY",
		.parse = notify_parse,
		.run = notify_run,
		.cancel = notify_cancel,
	},
	{ 0 },
};
