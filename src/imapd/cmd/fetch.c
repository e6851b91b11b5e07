/*
 * FETCH and UID FETCH. For VANISHED a job first reads which messages are gone (RFC 7162). If items set \Seen,
 * a job sets it before the answer. Then fetch_cmd.c sends the items slice by slice.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "base/seqset.h"
#include "imapd/fetch_cmd.h"
#include "imapd/message_limit.h"
#include "imap/partial.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imap/uid_runs.h"
#include "imapd/sync_print.h"
#include "query/vanished.h"
#include "imapd/view.h"
#include "store/marked.h"
#include "store/message.h"

/* Largest set that the reactor itself scans for unseen messages; more go to a worker. */
#define LOOK_BORROW_MAX 20000

struct fetch_args {
	struct seqset set;
	bool by_uid;
	struct fetch_plan plan;
	bool changed; /* CHANGEDSINCE */
	bool vanished;
	uint64_t since;
	bool cut; /* PARTIAL (RFC 9394): only a part of the set */
	struct partial partial;
	struct fetch_cmd run;
	int64_t mailbox;
	struct seqset moving; /* own: to be moved after the command has read them (store/marked.h) */
};

/* Sets \Seen before the data are sent, or only looks whether a message lacks it. */
struct seen_job {
	struct cmd_job base;
	struct fetch *fetch; /* own */
	struct seqset unseen; /* own */
	bool owes_move; /* marked messages have not been handed over */
};

/* Finds the messages that have vanished since, and are not in the view any more or never were. They are
 * told before everything else. */
struct vanished_job {
	struct cmd_job base;
	int64_t mailbox;
	uint64_t since;
	struct seqset asked; /* own */
	struct seqset uids; /* own */
};

static bool parse_modifier(struct cmd *cmd, struct parse *parse, struct fetch_args *args)
{
	if (!args->changed && parse_keyword(parse, "CHANGEDSINCE")) {
		args->changed = true;
		return parse_sp(parse) && parse_number64(parse, &args->since);
	}
	if (!args->cut && parse_keyword(parse, "PARTIAL")) {
		args->cut = true;
		if (!(cmd->row->flags & CMD_UID))
			return parse_fail(parse, "PARTIAL belongs to UID FETCH");
		return parse_sp(parse) && partial_parse(parse, &args->partial);
	}
	if (args->vanished || !parse_keyword(parse, "VANISHED"))
		return parse_fail(parse, "Unknown FETCH modifier");
	args->vanished = true;
	if (!(cmd->row->flags & CMD_UID))
		return parse_fail(parse, "VANISHED belongs to UID FETCH");
	if (!(cmd->session->enabled & ENABLED_QRESYNC))
		return parse_fail(parse, "VANISHED needs ENABLE QRESYNC");
	return true;
}

/* " (CHANGEDSINCE 12345 VANISHED PARTIAL 1:50)" */
static bool cmd_fetch_parse_modifiers(struct cmd *cmd, struct parse *parse, struct fetch_args *args)
{
	if (!parse_more(parse))
		return true;
	if (!parse_char(parse, '('))
		return false;
	do {
		if (!parse_modifier(cmd, parse, args))
			return false;
	} while (parse_more(parse));
	if (args->vanished && !args->changed)
		return parse_fail(parse, "VANISHED needs CHANGEDSINCE");
	if (args->changed)
		fetch_plan_add_modseq(cmd->arena, &args->plan);
	return parse_char(parse, ')');
}

static bool fetch_parse(struct cmd *cmd, struct parse *parse)
{
	struct fetch_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	bool uids = false;
	bool ok = parse_seqset_or_saved(parse, &args->set, &uids);
	args->by_uid = uids || cmd->row->flags & CMD_UID;
	/* UIDFETCH begins with the UID. */
	bool add_uid = cmd->row->flags & CMD_UID && !parse->uidonly;
	return ok && parse_sp(parse) && fetch_plan_parse(parse, add_uid, &args->plan) &&
	       cmd_fetch_parse_modifiers(cmd, parse, args) && parse_end(parse);
}

static enum rc seen_look(struct account *account, struct job *job)
{
	struct seen_job *seen = CONTAINER_OF(job, struct seen_job, base.job);
	seqset_clear(&seen->unseen);
	return fetch_unseen(account, seen->fetch, &seen->unseen);
}

static enum rc seen_set(struct account *account, struct job *job)
{
	struct seen_job *seen = CONTAINER_OF(job, struct seen_job, base.job);
	enum rc rc = seen_look(account, job);
	if (rc != RC_OK || seqset_empty(&seen->unseen))
		return rc;
	struct seqset modified = SEQSET_EMPTY;
	rc = msg_store_flags(account, seen->fetch->mailbox, &seen->unseen, FLAGS_ADD, MSG_SEEN, NULL,
		UINT64_MAX, &modified, NULL);
	seqset_fini(&modified);
	seen->owes_move = rc == RC_OK;
	return rc;
}

static void seen_release(struct cmd_job *job)
{
	struct seen_job *seen = CONTAINER_OF(job, struct seen_job, base);
	if (seen->owes_move && job->job.rc == RC_OK)
		marked_hand_over(job->job.account, seen->fetch->mailbox, &seen->unseen);
	fetch_free(&seen->fetch);
	seqset_fini(&seen->unseen);
}

static struct fetch_args *take_back(struct cmd *cmd, struct seen_job *seen)
{
	struct fetch_args *args = cmd->args;
	args->run.fetch = seen->fetch;
	seen->fetch = NULL;
	return args;
}

static void seen_were_set(struct cmd *cmd, struct cmd_job *job)
{
	struct seen_job *seen = CONTAINER_OF(job, struct seen_job, base);
	struct fetch_args *args = take_back(cmd, seen);
	/* If the mailbox can't be written, it can still be read. */
	if (job->job.rc == RC_OK) {
		seqset_copy(&args->run.fetch->seen, &seen->unseen);
		args->mailbox = args->run.fetch->mailbox;
		seqset_copy(&args->moving, &seen->unseen);
		seen->owes_move = false;
	}
	fetch_cmd_next(cmd, &args->run);
}

static void submit_seen(struct cmd *cmd, struct fetch_cmd *run, bool write);

static void seen_were_looked_up(struct cmd *cmd, struct cmd_job *job)
{
	struct seen_job *seen = CONTAINER_OF(job, struct seen_job, base);
	struct fetch_args *args = take_back(cmd, seen);
	if (job->job.rc == RC_OK && !seqset_empty(&seen->unseen))
		submit_seen(cmd, &args->run, true);
	else
		fetch_cmd_next(cmd, &args->run);
}

static void submit_seen(struct cmd *cmd, struct fetch_cmd *run, bool write)
{
	struct seen_job *seen = cmd_job_new(cmd, sizeof(*seen), write ? JOB_WRITE_RELAXED : JOB_READ,
		write ? seen_set : seen_look, write ? seen_were_set : seen_were_looked_up);
	seen->base.release = seen_release;
	seen->base.job.hold_marked = true;
	bool memory = !write && fetch_cmd_count(run) <= LOOK_BORROW_MAX;
	seen->fetch = run->fetch;
	run->fetch = NULL;
	cmd_submit_or_borrow(cmd, seen, memory);
}

static void fetch_messages(struct cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	if (fetch_cmd_empty(&args->run))
		cmd_finish_rc(cmd, RC_OK);
	else if (args->plan.seen && !view_read_only(cmd->session->view))
		submit_seen(cmd, &args->run, false);
	else
		fetch_cmd_next(cmd, &args->run);
}

static enum rc vanished_run(struct account *account, struct job *job)
{
	struct vanished_job *vanished = CONTAINER_OF(job, struct vanished_job, base.job);
	seqset_fini(&vanished->uids);
	return vanished_since(account, vanished->mailbox, vanished->since, &vanished->asked, &vanished->uids);
}

static void vanished_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct vanished_job *vanished = CONTAINER_OF(job, struct vanished_job, base);
	struct buf out;
	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	buf_init(&out, BUF_UNBOUNDED);
	sync_print_vanished(&out, &vanished->uids, true);
	answer_own(cmd->session, &out);
	fetch_messages(cmd);
}

static void vanished_release(struct cmd_job *job)
{
	struct vanished_job *vanished = CONTAINER_OF(job, struct vanished_job, base);
	seqset_fini(&vanished->asked);
	seqset_fini(&vanished->uids);
}

/* Messages that the session has been told of and are still in its view are told by VANISHED without
 * EARLIER. PARTIAL and the limit on messages count existing messages, so they do not cut this set. */
static void submit_vanished(struct cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	struct seqset known = SEQSET_EMPTY;
	struct uid_run *runs;
	size_t count;
	enum rc rc =
		view_clip(cmd->session->view, &args->set, args->by_uid, cmd->arena, &runs, &count, &known);
	if (rc != RC_OK) {
		cmd_finish_rc(cmd, rc);
		return;
	}
	struct vanished_job *vanished =
		cmd_job_new(cmd, sizeof(*vanished), JOB_READ, vanished_run, vanished_finish);
	vanished->base.release = vanished_release;
	vanished->mailbox = view_mailbox(cmd->session->view);
	vanished->since = args->since;
	/* With "n:*" messages above the last one may have vanished, too. */
	seqset_copy(&vanished->asked, &args->set);
	seqset_resolve(&vanished->asked, UID_MAX);
	seqset_remove_set(&vanished->asked, &known);
	seqset_fini(&known);
	cmd_submit(cmd, vanished);
}

/* RFC 9738 section 3.1: for PARTIAL the width of its range counts. */
static bool part_too_wide(const struct cmd *cmd)
{
	const struct partial *partial = &((struct fetch_args *)cmd->args)->partial;
	uint64_t apart = partial->first < partial->last ? partial->last - partial->first
							: partial->first - partial->last;
	return message_limit(cmd) > 0 && apart >= message_limit(cmd);
}

/* Keeps only the messages at these places of the set, as the view has it, before CHANGEDSINCE (RFC 9394
 * section 3.4). */
static enum rc init_part(struct cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	struct seqset whole = SEQSET_EMPTY;
	struct seqset part = SEQSET_EMPTY;
	struct uid_run *runs;
	size_t count;
	uint64_t from;
	uint64_t to;
	enum rc rc =
		view_clip(cmd->session->view, &args->set, args->by_uid, cmd->arena, &runs, &count, &whole);
	if (rc != RC_OK)
		return rc;
	partial_cut(&args->partial, seqset_count(&whole), &from, &to);
	seqset_slice(&whole, from, to, &part);
	rc = fetch_cmd_init(&args->run, cmd, &args->plan, &part, true, NULL);
	seqset_fini(&part);
	seqset_fini(&whole);
	return rc;
}

static void cmd_fetch_done(struct cmd *cmd, enum rc rc)
{
	const struct fetch_args *args = cmd->args;
	cmd->law.expunge_issued = args->run.gone && !(cmd->row->flags & CMD_UID);
	cmd_finish_rc(cmd, rc);
}

static void fetch_start(struct cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	enum rc rc;
	if (args->plan.modseq)
		sync_condstore(cmd->session);
	if (args->cut && part_too_wide(cmd)) {
		cmd_no(cmd, message_limit_code(cmd, message_limit(cmd), 0),
			"The range of PARTIAL is too wide");
		return;
	}
	if (args->cut)
		rc = init_part(cmd);
	else
		rc = fetch_cmd_init(&args->run, cmd, &args->plan, &args->set, args->by_uid, NULL);
	args->run.done = cmd_fetch_done;
	if (rc != RC_OK) {
		if (rc == RC_INVALID)
			cmd_bad(cmd, "Invalid message sequence number");
		else
			cmd_finish_rc(cmd, rc);
		return;
	}
	args->run.fetch->changed_since = args->since;
	if (args->vanished)
		submit_vanished(cmd);
	else
		fetch_messages(cmd);
}

static void fetch_drain(struct cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	fetch_cmd_drain(cmd, &args->run);
}

static void fetch_cancel(struct cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	if (!args)
		return;
	fetch_cmd_cancel(&args->run);
	if (!seqset_empty(&args->moving))
		marked_hand_over(cmd->session->account, args->mailbox, &args->moving);
	seqset_fini(&args->moving);
}

const struct cmd_row cmd_fetch_rows[] = {
	{
		.name = "FETCH",
		.usage = "sequence-set items [(CHANGEDSINCE modseq)]",
		.help = "reads messages",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_NO_EXPUNGE | CMD_NEWS_FIRST,
		.parse = fetch_parse,
		.run = fetch_start,
		.drain = fetch_drain,
		.cancel = fetch_cancel,
	},
	{
		.name = "UID FETCH",
		.usage = "sequence-set items [(CHANGEDSINCE modseq VANISHED PARTIAL from:to)]",
		.help = "reads messages by their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_NEWS_FIRST,
		.parse = fetch_parse,
		.run = fetch_start,
		.drain = fetch_drain,
		.cancel = fetch_cancel,
	},
	{ 0 },
};
