/*
 * SELECT and EXAMINE: one job reads the mailbox's snapshot and claims \Recent, then the session gets a view
 * of it. With QRESYNC (RFC 7162 section 3.2.5) the flags that have changed follow, as a FETCH does. The
 * commands that leave a mailbox are in close.c.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "base/seqset.h"
#include "imapd/fetch_cmd.h"
#include "imapd/hub.h"
#include "imapd/session.h"
#include "imapd/sync_print.h"
#include "query/list.h"
#include "imap/objectid.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/sync.h"
#include "imap/uid_runs.h"
#include "query/vanished.h"
#include "imapd/view.h"
#include "store/message.h"

#include <inttypes.h>

#define SELECT_OUTPUT_MAX (1024 * 1024)

/* The client's knowledge of the mailbox: QRESYNC, RFC 7162 section 3.2.5. The sets are in an arena. */
struct resync {
	uint32_t uidvalidity;
	uint64_t modseq;
	struct seqset known; /* UIDs; empty: all */
	struct seqset match_seqs; /* message sequence match data; empty: none */
	struct seqset match_uids;
};

struct select_args {
	struct strv name;
	struct strv sent; /* the name as the client wrote it */
	bool condstore;
	bool qresync;
	bool read_write;
	struct resync resync;
	struct fetch_cmd run; /* for the flags that have changed */
};

struct select_job {
	struct cmd_job base;
	struct strv name;
	struct strv sent;
	bool claim; /* \Recent */
	bool rev2; /* no \Recent is claimed, a LIST response is sent */
	struct strv list; /* that response, in the job's arena */
	bool read_write;
	bool qresync;
	struct resync resync; /* in the job's arena */
	struct seqset vanished; /* own */
	struct mbox_snapshot snapshot;
	const struct strv *keywords; /* in the job's arena */
	size_t keyword_count;
	bool taken; /* the session has the watch now */
};

/* A set of numbers without '*'. */
static bool parse_numbers(struct parse *parse, struct seqset *ret_set)
{
	if (!parse_seqset(parse, ret_set))
		return false;
	return !seqset_has_star(ret_set) || parse_fail(parse, "'*' is not allowed here");
}

/* "(1:3,7 4:6,9)" */
static bool parse_match(struct parse *parse, struct resync *resync)
{
	if (!parse_numbers_allowed(parse))
		return false;
	if (!parse_char(parse, '(') || !parse_numbers(parse, &resync->match_seqs) || !parse_sp(parse) ||
		!parse_numbers(parse, &resync->match_uids))
		return false;
	if (seqset_count(&resync->match_seqs) != seqset_count(&resync->match_uids))
		return parse_fail(parse, "As many message numbers as UIDs expected");
	return parse_char(parse, ')');
}

/* "(67890007 90060115194045000 41:211,214:541 (1:3 4:6))" */
static bool parse_resync(struct parse *parse, struct resync *resync)
{
	if (!parse_char(parse, '(') || !parse_nz_number(parse, &resync->uidvalidity) || !parse_sp(parse) ||
		!parse_number64(parse, &resync->modseq))
		return false;
	bool more = parse_more(parse);
	if (more && !parse_peek(parse, '(')) {
		if (!parse_numbers(parse, &resync->known))
			return false;
		more = parse_more(parse);
	}
	return (!more || parse_match(parse, resync)) && parse_char(parse, ')');
}

static bool parse_parameter(struct cmd *cmd, struct parse *parse, struct select_args *args)
{
	if (parse_keyword(parse, "CONDSTORE")) {
		args->condstore = true;
		return true;
	}
	if (args->qresync || !parse_keyword(parse, "QRESYNC"))
		return parse_fail(parse, "Unknown parameter");
	if (!(cmd->session->enabled & ENABLED_QRESYNC))
		return parse_fail(parse, "QRESYNC needs to be enabled");
	args->qresync = true;
	return parse_sp(parse) && parse_resync(parse, &args->resync);
}

static bool parse_parameters(struct cmd *cmd, struct parse *parse, struct select_args *args)
{
	if (!parse_more(parse))
		return true;
	if (!parse_char(parse, '('))
		return false;
	do {
		if (!parse_parameter(cmd, parse, args))
			return false;
	} while (parse_more(parse));
	return parse_char(parse, ')');
}

static bool select_parse(struct cmd *cmd, struct parse *parse)
{
	struct select_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox_sent(parse, &args->name, &args->sent) && parse_parameters(cmd, parse, args) &&
	       parse_end(parse);
}

static bool cmd_select_resyncs(const struct select_job *select, const struct mbox_info *info)
{
	return select->qresync && select->resync.uidvalidity == info->uidvalidity;
}

/* Finds messages that the client believes to exist and that do not. */
static enum rc find_vanished(struct account *account, struct select_job *select, const struct mbox_info *info)
{
	const struct resync *resync = &select->resync;
	struct seqset asked = SEQSET_EMPTY;
	uint32_t agreed = 0;

	if (seqset_empty(&resync->known))
		seqset_add_range(&asked, 1, UID_MAX);
	else
		seqset_copy(&asked, &resync->known);
	enum rc rc = vanished_match(account, info->id, &resync->match_seqs, &resync->match_uids, &agreed);
	if (rc == RC_OK && agreed > 0)
		seqset_remove_range(&asked, 1, agreed);
	if (rc == RC_OK)
		rc = vanished_since(account, info->id, resync->modseq, &asked, &select->vanished);
	seqset_fini(&asked);
	return rc;
}

static enum rc select_job_run(struct account *account, struct job *job)
{
	struct select_job *select = CONTAINER_OF(job, struct select_job, base.job);
	const struct strv *names;
	size_t count;
	struct mbox_info info;

	seqset_fini(&select->snapshot.uids);
	seqset_fini(&select->vanished);
	enum rc rc = mbox_find(account, select->name, &info);
	if (rc == RC_OK && info.attrs & MBOX_NOSELECT)
		rc = RC_CANNOT;
	/* A worker has to claim \Recent, load an index, or read the log of expunges. */
	bool claims = select->claim && info.recent > 0;
	bool reads = rc == RC_OK && cmd_select_resyncs(select, &info) &&
		     select->resync.modseq < info.highestmodseq;
	if (rc == RC_OK && select->base.borrowed && (claims || reads || !msg_index_loaded(account, info.id)))
		return RC_AGAIN;
	if (rc == RC_OK)
		rc = mbox_keywords(account, info.id, &names, &count);
	if (rc == RC_OK && cmd_select_resyncs(select, &info))
		rc = find_vanished(account, select, &info);
	if (rc != RC_OK)
		return rc;
	select->keywords = arena_strvs(select->base.arena, names, count);
	select->keyword_count = count;
	if (select->rev2)
		select->list = list_name_line(select->base.arena, &info, true,
			strv_eq(select->sent, info.name) ? STRV_NULL : select->sent);
	return mbox_select(account, info.id, select->claim, &select->base.hub->sink, &select->snapshot);
}

static void print_selected(struct session *session, const struct select_job *select)
{
	const struct mbox_snapshot *snapshot = &select->snapshot;
	const struct view *view = session->view;
	uint32_t unseen = view_seq(view, snapshot->first_unseen);
	struct buf out;

	buf_init(&out, SELECT_OUTPUT_MAX);
	sync_print_flags(&out, view);
	buf_printf(&out, "* %u EXISTS\r\n", view_exists(view));
	if (!select->rev2)
		buf_printf(&out, "* %u RECENT\r\n", view_recent(view));
	buf_addv(&out, select->list);
	if (unseen > 0 && !(session->enabled & (ENABLED_UIDONLY | ENABLED_REV2)))
		buf_printf(&out, "* OK [UNSEEN %u] First unseen message\r\n", unseen);
	buf_printf(&out, "* OK [UIDVALIDITY %u] UIDs valid\r\n", snapshot->info.uidvalidity);
	buf_printf(&out, "* OK [UIDNEXT %u] Predicted next UID\r\n", snapshot->info.uidnext);
	buf_printf(&out, "* OK [HIGHESTMODSEQ %" PRIu64 "] Highest\r\n", snapshot->info.highestmodseq);
	buf_adds(&out, "* OK [MAILBOXID (");
	objectid_mailbox(&out, snapshot->info.uidvalidity);
	buf_adds(&out, ")] Mailbox id\r\n");
	answer_own(session, &out);
}

static void print_vanished(struct session *session, const struct seqset *uids)
{
	struct buf out;
	buf_init(&out, BUF_UNBOUNDED);
	sync_print_vanished(&out, uids, true);
	answer_own(session, &out);
}

static void select_end(struct cmd *cmd, enum rc rc)
{
	const struct select_args *args = cmd->args;
	if (rc != RC_OK) {
		/* RFC 3501 section 6.3.1: after a SELECT that fails no mailbox is selected. */
		session_unselect(cmd->session);
		cmd_finish_rc(cmd, rc);
		return;
	}
	cmd_ok(cmd, args->read_write ? "READ-WRITE" : "READ-ONLY",
		args->read_write ? "SELECT completed" : "EXAMINE completed");
}

/* Sends the flags of known messages that have changed since. */
static void fetch_changed(struct cmd *cmd, const struct resync *resync)
{
	struct select_args *args = cmd->args;
	struct fetch_plan plan;
	struct seqset all = SEQSET_EMPTY;
	seqset_add_range(&all, 1, UID_MAX);
	fetch_plan_state(cmd->arena, !(cmd->session->enabled & ENABLED_UIDONLY), true, true, &plan);
	enum rc rc = fetch_cmd_init(
		&args->run, cmd, &plan, seqset_empty(&resync->known) ? &all : &resync->known, true, NULL);
	seqset_fini(&all);
	if (rc != RC_OK || fetch_cmd_empty(&args->run)) {
		select_end(cmd, rc);
		return;
	}
	args->run.done = select_end;
	args->run.fetch->changed_since = resync->modseq;
	fetch_cmd_next(cmd, &args->run);
}

static void submit_select(struct cmd *cmd, struct strv name, bool claim, bool memory_ok);

static bool not_written(enum rc rc)
{
	return rc == RC_NOSPACE || rc == RC_READONLY || rc == RC_IO || rc == RC_UNAVAILABLE;
}

static void select_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct select_job *select = CONTAINER_OF(job, struct select_job, base);
	struct session *session = cmd->session;

	if (job->job.rc == RC_AGAIN && job->borrowed) {
		submit_select(cmd, select->name, select->claim, false);
		return;
	}
	/* If the disk takes no writes, the mailbox can be read, and \Recent stays unclaimed. */
	if (job->job.rc != RC_OK && job->job.kind != JOB_READ && not_written(job->job.rc)) {
		submit_select(cmd, select->name, false, false);
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
	if (select->rev2)
		view_forget_recent(view);
	session_select(session, view);
	select->taken = true;
	print_selected(session, select);
	if (!cmd_select_resyncs(select, &select->snapshot.info)) {
		select_end(cmd, RC_OK);
		return;
	}
	print_vanished(session, &select->vanished);
	if (select->resync.modseq < select->snapshot.info.highestmodseq)
		fetch_changed(cmd, &select->resync);
	else
		select_end(cmd, RC_OK);
}

static void select_release(struct cmd_job *job)
{
	struct select_job *select = CONTAINER_OF(job, struct select_job, base);
	seqset_fini(&select->snapshot.uids);
	seqset_fini(&select->vanished);
	/* The session is gone, so nobody takes over the watch. */
	if (job->job.rc == RC_OK && job->job.account && !select->taken)
		change_unwatch(job->job.account, &job->hub->sink);
}

static void submit_select(struct cmd *cmd, struct strv name, bool claim, bool memory_ok)
{
	const struct select_args *args = cmd->args;
	struct select_job *select = cmd_job_new(
		cmd, sizeof(*select), claim ? JOB_WRITE_RELAXED : JOB_READ, select_job_run, select_finish);
	select->base.release = select_release;
	select->base.job.rc = RC_CANCELLED;
	select->name = arena_strv(select->base.arena, name);
	select->sent = arena_strv(select->base.arena, args->sent);
	select->claim = claim;
	select->rev2 = cmd->session->enabled & ENABLED_REV2;
	select->read_write = args->read_write;
	select->qresync = args->qresync;
	select->resync = args->resync;
	select->resync.known = seqset_in_arena(&args->resync.known, select->base.arena);
	select->resync.match_seqs = seqset_in_arena(&args->resync.match_seqs, select->base.arena);
	select->resync.match_uids = seqset_in_arena(&args->resync.match_uids, select->base.arena);
	cmd_submit_or_borrow(cmd, select, memory_ok);
}

static void select_mailbox(struct cmd *cmd, bool read_write)
{
	struct select_args *args = cmd->args;
	struct session *session = cmd->session;
	struct strv name;

	args->read_write = read_write;
	/* RFC 3501 section 6.3.1: the mailbox selected before is left, whether SELECT succeeds or not. */
	if (session->view) {
		session_unselect(session);
		answer_untagged(session, "OK [CLOSED] Previous mailbox closed");
	}
	if (args->condstore || args->qresync)
		sync_condstore(session);
	if (mbox_name_check(account_store(session->account), args->name, cmd->arena, &name) != RC_OK) {
		cmd_finish_rc(cmd, RC_NOT_FOUND);
		return;
	}
	submit_select(cmd, name, read_write && !(session->enabled & ENABLED_REV2), true);
}

static void select_run(struct cmd *cmd)
{
	select_mailbox(cmd, true);
}

static void examine_run(struct cmd *cmd)
{
	select_mailbox(cmd, false);
}

static void select_drain(struct cmd *cmd)
{
	struct select_args *args = cmd->args;
	fetch_cmd_drain(cmd, &args->run);
}

static void select_cancel(struct cmd *cmd)
{
	struct select_args *args = cmd->args;
	if (args)
		fetch_cmd_cancel(&args->run);
}

const struct cmd_row cmd_select_rows[] = {
	{
		.name = "SELECT",
		.usage = "mailbox [(CONDSTORE | QRESYNC (uidvalidity modseq [uids] [(numbers uids)]))]",
		.help = "opens a mailbox for reading and writing",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NO_SYNC,
		.parse = select_parse,
		.run = select_run,
		.drain = select_drain,
		.cancel = select_cancel,
	},
	{
		.name = "EXAMINE",
		.usage = "mailbox [(CONDSTORE | QRESYNC (uidvalidity modseq [uids] [(numbers uids)]))]",
		.help = "opens a mailbox for reading only",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NO_SYNC,
		.parse = select_parse,
		.run = examine_run,
		.drain = select_drain,
		.cancel = select_cancel,
	},
	{ 0 },
};
