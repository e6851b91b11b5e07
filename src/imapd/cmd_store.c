#include "imapd/command.h"
#include "imapd/fetch_run.h"
#include "imapd/rows.h"

struct store_args {
	struct seqset set;
	enum flag_op op;
	bool silent;
	uint32_t flags;
	struct strv *keywords;
	size_t keyword_count;
	struct fetch_run run;
};

/* Changes the flags; what the answer tells is built in the same job, as far as one slice goes. */
struct store_job {
	struct cmd_job base;
	enum flag_op op;
	bool silent;
	uint32_t flags;
	const struct strv *keywords;
	size_t keyword_count;
	struct seqset uids; /* own */
	struct seqset gone; /* own */
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
		args->silent = cmd->silent = true;
	else if (!parse_keyword(parse, "FLAGS"))
		return parse_fail(parse, "Unknown STORE item");
	return true;
}

static bool store_parse(struct cmd *cmd, struct parse *parse)
{
	struct store_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_seqset(parse, &args->set) && parse_sp(parse) && parse_op(cmd, parse, args) &&
	       parse_sp(parse) &&
	       parse_flag_list(parse, true, &args->flags, &args->keywords, &args->keyword_count) &&
	       parse_end(parse);
}

static enum rc store_run(struct account *account, struct job *job)
{
	struct store_job *store = (struct store_job *)job;
	int64_t mailbox = store->fetch->mailbox;
	uint64_t mask = 0;
	seqset_fini(&store->gone);
	enum rc rc = RC_OK;
	if (store->keyword_count > 0)
		rc = mbox_keyword_mask(account, mailbox, store->keywords, store->keyword_count,
			store->op != FLAGS_REMOVE, &mask);
	if (rc != RC_OK)
		return rc;
	struct seqset modified = SEQSET_EMPTY;
	rc = msg_store_flags(account, mailbox, &store->uids, store->op, store->flags, mask, UINT64_MAX,
		&modified, &store->gone);
	seqset_fini(&modified);
	if (rc == RC_OK && !store->silent)
		rc = fetch_slice(account, store->fetch);
	return rc;
}

static void store_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct store_job *store = (struct store_job *)job;
	struct store_args *args = cmd->args;
	if (job->job.rc != RC_OK || store->silent) {
		if (!seqset_empty(&store->gone) && !(cmd->row->flags & CMD_UID))
			cmd->expunge_issued = true;
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	args->run.fetch = store->fetch;
	store->fetch = NULL;
	fetch_run_deliver(cmd, &args->run, RC_OK);
}

static void store_release(struct cmd_job *job)
{
	struct store_job *store = (struct store_job *)job;
	seqset_fini(&store->uids);
	seqset_fini(&store->gone);
	fetch_free(&store->fetch);
}

static struct strv *copy_names(struct arena *arena, const struct strv *names, size_t count)
{
	struct strv *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strv(arena, names[i]);
	return copy;
}

static void submit_store(struct cmd *cmd, struct seqset *uids)
{
	struct store_args *args = cmd->args;
	struct store_job *store =
		cmd_job_new(cmd, sizeof(*store), JOB_WRITE_RELAXED, store_run, store_finish);
	store->base.release = store_release;
	store->op = args->op;
	store->silent = args->silent;
	store->flags = args->flags;
	store->keywords = copy_names(store->base.arena, args->keywords, args->keyword_count);
	store->keyword_count = args->keyword_count;
	store->uids = *uids;
	store->fetch = args->run.fetch;
	args->run.fetch = NULL;
	cmd_submit(cmd, store);
}

static void store_start(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	bool by_uid = cmd->row->flags & CMD_UID;
	struct fetch_plan plan;
	struct seqset uids = SEQSET_EMPTY;
	fetch_plan_flags(cmd->arena, by_uid, &plan);
	enum rc rc = fetch_run_init(&args->run, cmd, &plan, &args->set, by_uid, &uids);
	args->run.done = cmd_finish_rc;
	if (rc == RC_INVALID) {
		cmd_bad(cmd, "Invalid message sequence number");
	} else if (rc != RC_OK || fetch_run_empty(&args->run)) {
		seqset_fini(&uids);
		cmd_finish_rc(cmd, rc);
	} else {
		submit_store(cmd, &uids);
	}
}

static void store_drain(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	fetch_run_drain(cmd, &args->run);
}

static void store_cancel(struct cmd *cmd)
{
	struct store_args *args = cmd->args;
	if (args)
		fetch_run_cancel(&args->run);
}

const struct cmd_row cmd_store_rows[] = {
	{
		.name = "STORE",
		.states = SESSION_SELECTED,
		.flags = CMD_NO_EXPUNGE | CMD_READ_WRITE,
		.parse = store_parse,
		.run = store_start,
		.drain = store_drain,
		.cancel = store_cancel,
	},
	{
		.name = "UID STORE",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_READ_WRITE,
		.parse = store_parse,
		.run = store_start,
		.drain = store_drain,
		.cancel = store_cancel,
	},
	{ 0 },
};
