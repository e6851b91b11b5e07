/*
 * STORE and UID STORE (RFC 3501, RFC 7162). The messages are cut into jobs that change flags; the last one
 * also reads the answer. Messages that fail UNCHANGEDSINCE are gathered for MODIFIED.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/fetch_cmd.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"
#include "query/write_slice.h"
#include "store/message.h"

struct store_args {
	struct seqset set;
	bool by_uid;
	enum flag_op op;
	bool silent;
	uint32_t flags;
	struct strv *keywords;
	size_t keyword_count;
	bool conditional; /* UNCHANGEDSINCE */
	uint64_t unchanged_since;
	struct seqset left; /* own: what the next jobs change */
	struct seqset modified; /* own: UIDs that failed the condition */
	bool gone; /* other sessions have removed some; the tagged line tells that */
	struct fetch_cmd run;
};

/* Changes the flags. The same job builds the answer, up to one slice. */
struct store_job {
	struct cmd_job base;
	enum flag_op op;
	bool told; /* messages are answered by `fetch`, in the last job */
	uint32_t flags;
	const struct strv *keywords;
	size_t keyword_count;
	uint64_t unchanged_since;
	struct seqset uids; /* own */
	struct seqset gone; /* own */
	struct seqset modified; /* own: of this job */
	struct seqset modified_before; /* own */
	struct fetch *fetch; /* own */
};

/* "+FLAGS.SILENT" */
static bool parse_op(struct cmd *cmd, struct parse *parse, struct store_args *args)
{
	args->op = FLAGS_SET;
	if (parse_skip(parse, '+'))
		args->op = FLAGS_ADD;
	else if (parse_skip(parse, '-'))
		args->op = FLAGS_REMOVE;
	if (parse_keyword(parse, "FLAGS.SILENT"))
		args->silent = cmd->law.silent = true;
	else if (!parse_keyword(parse, "FLAGS"))
		return parse_fail(parse, "Unknown STORE item");
	return true;
}

/* "(UNCHANGEDSINCE 12345) " */
static bool cmd_store_parse_modifiers(struct parse *parse, struct store_args *args)
{
	args->unchanged_since = UINT64_MAX;
	if (!parse_skip(parse, '('))
		return true;
	if (!parse_keyword(parse, "UNCHANGEDSINCE"))
		return parse_fail(parse, "Unknown STORE modifier");
	args->conditional = true;
	return parse_sp(parse) && parse_number64(parse, &args->unchanged_since) && parse_char(parse, ')') &&
	       parse_sp(parse);
}

static bool store_parse(struct cmd *cmd, struct parse *parse)
{
	struct store_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	bool uids = false;
	bool ok = parse_seqset_or_saved(parse, &args->set, &uids);
	args->by_uid = uids || cmd->row->flags & CMD_UID;
	return ok && parse_sp(parse) && cmd_store_parse_modifiers(parse, args) &&
	       parse_op(cmd, parse, args) && parse_sp(parse) &&
	       parse_flag_list(parse, true, &args->flags, &args->keywords, &args->keyword_count) &&
	       parse_end(parse);
}

static enum rc cmd_store_run(struct account *account, struct job *job)
{
	struct store_job *store = CONTAINER_OF(job, struct store_job, base.job);
	int64_t mailbox = store->fetch->mailbox;
	struct keyword_set keywords = { 0 };
	seqset_fini(&store->gone);
	seqset_fini(&store->modified);
	enum rc rc = RC_OK;
	if (store->keyword_count > 0)
		rc = mbox_keyword_set(account, mailbox, store->keywords, store->keyword_count,
			store->op != FLAGS_REMOVE, &keywords);
	if (rc != RC_OK)
		return rc;
	rc = msg_store_flags(account, mailbox, &store->uids, store->op, store->flags, &keywords,
		store->unchanged_since, &store->modified, &store->gone);
	if (rc != RC_OK || !store->told)
		return rc;
	/* Messages that fail UNCHANGEDSINCE are answered with their current flags. */
	seqset_copy(&store->fetch->seen, &store->modified);
	seqset_add_set(&store->fetch->seen, &store->modified_before);
	return fetch_slice(account, store->fetch);
}

/* "MODIFIED 7,9": message numbers, or UIDs of a UID STORE. */
static const char *modified_code(struct cmd *cmd)
{
	const struct store_args *args = cmd->args;
	const struct view *view = cmd->session->view;
	struct seqset numbers = SEQSET_EMPTY;
	struct buf code;
	uint32_t uid;
	if (cmd->row->flags & CMD_UID)
		seqset_copy(&numbers, &args->modified);
	else
		for (struct seqiter it = seqset_iter(&args->modified); seqset_next(&it, &uid);)
			seqset_add(&numbers, view_seq(view, uid));
	buf_init(&code, BUF_UNBOUNDED);
	buf_adds(&code, "MODIFIED ");
	seqset_print(&code, &numbers);
	const char *text = arena_strndup(cmd->arena, code.p, code.len);
	buf_fini(&code);
	seqset_fini(&numbers);
	return text;
}

/*
 * RFC 2180 section 4.2: flags of the remaining messages are set, and gone messages get no flags. A client
 * that used .SILENT learns of them by the EXPUNGE alone.
 */
static void store_end(struct cmd *cmd, enum rc rc)
{
	static const char gone[] = "Some of the messages no longer exist";
	const struct store_args *args = cmd->args;
	bool failed = !seqset_empty(&args->modified);
	if (rc != RC_OK || (!failed && !args->gone))
		cmd_finish_rc(cmd, rc);
	else if (!failed)
		cmd_ok(cmd, "EXPUNGEISSUED", gone);
	else if (args->gone) /* example 11 of RFC 7162 */
		cmd_no(cmd, modified_code(cmd), gone);
	else
		cmd_ok(cmd, modified_code(cmd), "Conditional STORE failed");
}

static void cmd_store_submit_store(struct cmd *cmd);

static void cmd_store_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct store_job *store = CONTAINER_OF(job, struct store_job, base);
	struct store_args *args = cmd->args;
	bool numbers = !(cmd->row->flags & CMD_UID);
	bool last = seqset_empty(&args->left);
	args->gone = args->gone || (numbers && !args->silent && !seqset_empty(&store->gone));
	if (job->job.rc != RC_OK || (last && !store->told)) {
		store_end(cmd, job->job.rc);
		return;
	}
	seqset_add_set(&args->modified, &store->modified);
	args->run.fetch = store->fetch;
	store->fetch = NULL;
	if (last) {
		fetch_cmd_deliver(cmd, &args->run, RC_OK);
		return;
	}
	/* Pending FETCHes of own changes need not be kept until the end. */
	if (args->silent && !(cmd->session->enabled & ENABLED_CONDSTORE))
		view_forget_own(cmd->session->view);
	cmd_store_submit_store(cmd);
}

static void cmd_store_release(struct cmd_job *job)
{
	struct store_job *store = CONTAINER_OF(job, struct store_job, base);
	seqset_fini(&store->uids);
	seqset_fini(&store->gone);
	seqset_fini(&store->modified);
	seqset_fini(&store->modified_before);
	fetch_free(&store->fetch);
}

/* Submits the next job. The last one reads the answer. */
static void cmd_store_submit_store(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	struct seqset part;
	bool slow = write_slice_slow(&args->left);
	write_slice_take(&args->left, &part);
	struct store_job *store =
		cmd_job_new(cmd, sizeof(*store), JOB_WRITE_RELAXED, cmd_store_run, cmd_store_finish);
	store->base.release = cmd_store_release;
	store->base.job.slow = slow;
	store->op = args->op;
	store->told = seqset_empty(&args->left) && (!args->silent || args->conditional);
	store->flags = args->flags;
	store->unchanged_since = args->unchanged_since;
	store->keywords = arena_strvs(store->base.arena, args->keywords, args->keyword_count);
	store->keyword_count = args->keyword_count;
	store->uids = part;
	seqset_copy(&store->modified_before, &args->modified);
	store->fetch = args->run.fetch;
	store->fetch->silent = args->silent;
	args->run.fetch = NULL;
	cmd_submit(cmd, store);
}

static void store_start(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	bool uidonly = cmd->session->enabled & ENABLED_UIDONLY;
	struct fetch_plan plan;
	struct seqset uids = SEQSET_EMPTY;
	if (args->conditional)
		sync_condstore(cmd->session);
	bool condstore = cmd->session->enabled & ENABLED_CONDSTORE;
	bool with_uid = !uidonly && (cmd->row->flags & CMD_UID || condstore);
	fetch_plan_state(cmd->arena, with_uid, !args->silent, condstore, &plan);
	enum rc rc = fetch_cmd_init(&args->run, cmd, &plan, &args->set, args->by_uid, &uids);
	args->run.done = store_end;
	if (rc == RC_INVALID) {
		cmd_bad(cmd, "Invalid message sequence number");
	} else if (rc != RC_OK || fetch_cmd_empty(&args->run)) {
		seqset_fini(&uids);
		cmd_finish_rc(cmd, rc);
	} else {
		args->left = uids;
		cmd_store_submit_store(cmd);
	}
}

static void store_drain(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	fetch_cmd_drain(cmd, &args->run);
}

static void store_cancel(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	if (!args)
		return;
	fetch_cmd_cancel(&args->run);
	seqset_fini(&args->left);
	seqset_fini(&args->modified);
}

const struct cmd_row cmd_store_rows[] = {
	{
		.name = "STORE",
		.usage = "sequence-set [(UNCHANGEDSINCE modseq)] [+|-]FLAGS[.SILENT] flags",
		.help = "changes flags of messages",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_NO_EXPUNGE | CMD_READ_WRITE,
		.parse = store_parse,
		.run = store_start,
		.drain = store_drain,
		.cancel = store_cancel,
	},
	{
		.name = "UID STORE",
		.usage = "sequence-set [(UNCHANGEDSINCE modseq)] [+|-]FLAGS[.SILENT] flags",
		.help = "changes flags of messages by their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_READ_WRITE,
		.parse = store_parse,
		.run = store_start,
		.drain = store_drain,
		.cancel = store_cancel,
	},
	{ 0 },
};
