/*
 * SELECT, EXAMINE and what leaves a mailbox: CLOSE, UNSELECT; and CHECK.
 */
#include "imapd/command.h"
#include "imapd/resp.h"
#include "imapd/rows.h"
#include "imapd/sync.h"
#include "store/message.h"

#define SELECT_OUTPUT_MAX (128 * 1024)

struct select_args {
	struct strv name;
};

struct select_job {
	struct cmd_job base;
	struct strv name;
	bool read_write;
	struct mbox_snapshot snapshot;
	const struct strv *keywords; /* in the job's arena */
	size_t keyword_count;
	bool taken; /* the session has the watch now */
};

static bool select_parse(struct cmd *cmd, struct parse *parse)
{
	struct select_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox(parse, &args->name) && parse_end(parse);
}

static void copy_keywords(struct select_job *select, const struct strv *names, size_t count)
{
	struct strv *copy = arena_alloc(select->base.arena, (count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strv(select->base.arena, names[i]);
	select->keywords = copy;
	select->keyword_count = count;
}

static enum rc select_job_run(struct account *account, struct job *job)
{
	struct select_job *select = (struct select_job *)job;
	const struct strv *names;
	size_t count;
	struct mbox_info info;

	seqset_fini(&select->snapshot.uids);
	enum rc rc = mbox_find(account, select->name, &info);
	if (rc == RC_OK && info.attrs & MBOX_NOSELECT)
		rc = RC_CANNOT;
	/* \Recent is claimed, and an index loaded, by a worker. */
	bool claims = select->read_write && info.recent > 0;
	if (rc == RC_OK && select->base.borrowed && (claims || !msg_index_loaded(account, info.id)))
		return RC_AGAIN;
	if (rc == RC_OK)
		rc = mbox_keywords(account, info.id, &names, &count);
	if (rc != RC_OK)
		return rc;
	copy_keywords(select, names, count);
	return mbox_select(account, info.id, select->read_write, &select->base.hub->sink, &select->snapshot);
}

static void print_selected(struct session *session, const struct mbox_snapshot *snapshot)
{
	const struct view *view = session->view;
	uint32_t unseen = view_seq(view, snapshot->first_unseen);
	struct buf out;

	buf_init(&out, SELECT_OUTPUT_MAX);
	sync_print_flags(&out, view);
	buf_printf(&out, "* %u EXISTS\r\n* %u RECENT\r\n", view_exists(view), view_recent(view));
	if (unseen > 0)
		buf_printf(&out, "* OK [UNSEEN %u] First unseen message\r\n", unseen);
	buf_printf(&out, "* OK [UIDVALIDITY %u] UIDs valid\r\n", snapshot->info.uidvalidity);
	buf_printf(&out, "* OK [UIDNEXT %u] Predicted next UID\r\n", snapshot->info.uidnext);
	resp_raw(session, buf_strv(&out));
	buf_fini(&out);
}

static void submit_select(struct cmd *cmd, struct strv name, bool read_write, bool memory_ok);

static void select_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct select_job *select = (struct select_job *)job;
	struct session *session = cmd->session;

	if (job->job.rc == RC_AGAIN && job->borrowed) {
		submit_select(cmd, select->name, select->read_write, false);
		return;
	}
	if (job->job.rc == RC_CANNOT) {
		cmd_no(cmd, "CANNOT", "Mailbox can't be selected: it is only a name above others");
		return;
	}
	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	struct view *view = view_new(&select->snapshot, !select->read_write);
	view_set_keywords(view, select->keywords, select->keyword_count);
	session_select(session, view);
	select->taken = true;
	print_selected(session, &select->snapshot);
	cmd_ok(cmd, select->read_write ? "READ-WRITE" : "READ-ONLY",
		select->read_write ? "SELECT completed" : "EXAMINE completed");
}

static void select_release(struct cmd_job *job)
{
	struct select_job *select = (struct select_job *)job;
	seqset_fini(&select->snapshot.uids);
	/* Nobody is there any more to take it over. */
	if (job->job.rc == RC_OK && job->job.account && !select->taken)
		account_unwatch(job->job.account, &job->hub->sink);
}

static void submit_select(struct cmd *cmd, struct strv name, bool read_write, bool memory_ok)
{
	struct select_job *select = cmd_job_new(cmd, sizeof(*select),
		read_write ? JOB_WRITE_RELAXED : JOB_READ, select_job_run, select_finish);
	select->base.release = select_release;
	select->base.job.rc = RC_CANCELLED;
	select->name = arena_strv(select->base.arena, name);
	select->read_write = read_write;
	cmd_submit_or_borrow(cmd, select, memory_ok);
}

static void select_mailbox(struct cmd *cmd, bool read_write)
{
	struct select_args *args = cmd->args;
	struct session *session = cmd->session;
	struct strv name;

	/* RFC 3501 6.3.1: whatever becomes of it, the mailbox selected before is not any more. */
	session_unselect(session);
	if (mbox_name_check(account_store(session->account), args->name, cmd->arena, &name) != RC_OK) {
		cmd_finish_rc(cmd, RC_NOT_FOUND);
		return;
	}
	submit_select(cmd, name, read_write, true);
}

static void select_run(struct cmd *cmd)
{
	select_mailbox(cmd, true);
}

static void examine_run(struct cmd *cmd)
{
	select_mailbox(cmd, false);
}

/* CLOSE: what this session has been told of and is \Deleted goes, without a word. */

struct close_job {
	struct cmd_job base;
	int64_t mailbox;
	struct seqset uids; /* own */
};

static bool no_arguments(struct cmd *cmd, struct parse *parse)
{
	(void)cmd;
	return parse_end(parse);
}

static enum rc close_job_run(struct account *account, struct job *job)
{
	struct close_job *closing = (struct close_job *)job;
	struct seqset removed = SEQSET_EMPTY;
	enum rc rc = msg_expunge(account, closing->mailbox, &closing->uids, false, &removed);
	seqset_fini(&removed);
	return rc;
}

static void close_finish(struct cmd *cmd, struct cmd_job *job)
{
	if (job->job.rc == RC_OK)
		session_unselect(cmd->session);
	cmd_finish_rc(cmd, job->job.rc);
}

static void close_release(struct cmd_job *job)
{
	seqset_fini(&((struct close_job *)job)->uids);
}

/* Known without a job: nothing is \Deleted. */
static bool nothing_deleted(struct session *session)
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
	if (view_read_only(view) || view_exists(view) == 0 || nothing_deleted(session)) {
		session_unselect(session);
		cmd_finish_rc(cmd, RC_OK);
		return;
	}
	struct close_job *closing =
		cmd_job_new(cmd, sizeof(*closing), JOB_WRITE, close_job_run, close_finish);
	closing->base.release = close_release;
	closing->mailbox = view_mailbox(view);
	struct seqrange range = { 1, SEQSET_STAR };
	struct seqset all = { .v = &range, .n = 1, .cap = 1 };
	struct view_run *runs;
	size_t count;
	if (view_clip(view, &all, true, cmd->arena, &runs, &count, &closing->uids) != RC_OK)
		seqset_init(&closing->uids);
	cmd_submit(cmd, closing);
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

const struct cmd_row cmd_select_rows[] = {
	{
		.name = "SELECT",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NO_SYNC,
		.parse = select_parse,
		.run = select_run,
	},
	{
		.name = "EXAMINE",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NO_SYNC,
		.parse = select_parse,
		.run = examine_run,
	},
	{
		.name = "CLOSE",
		.states = SESSION_SELECTED,
		.flags = CMD_NO_SYNC,
		.parse = no_arguments,
		.run = close_run,
	},
	{
		.name = "UNSELECT",
		.states = SESSION_SELECTED,
		.flags = CMD_NO_SYNC,
		.capability = "UNSELECT",
		.parse = no_arguments,
		.run = unselect_run,
	},
	{
		.name = "CHECK",
		.states = SESSION_SELECTED,
		.parse = no_arguments,
		.run = check_run,
	},
	{ 0 },
};
