/*
 * Runs the slices of a search, one job for each, and hands the finished search to the row of the command.
 */
#include "imapd/search_cmd.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/seqset.h"
#include "imapd/search_update.h"
#include "imapd/message_limit.h"
#include "imapd/answer.h"
#include "imap/rc_text.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imap/uid_runs.h"
#include "imapd/view.h"

/* The largest set that the reactor itself searches if the index has all data that the keys need; larger
 * ones go to a worker. */
#define SEARCH_BORROW_MAX 1000

struct search_job {
	struct cmd_job base;
	struct search *search; /* own */
};

bool search_cmd_fits(struct parse *parse, struct search_cmd *args)
{
	const struct search_return *options = &args->options;
	if (options->extended)
		args->enough = search_return_enough(options);
	args->keep_hits =
		options->items & SEARCH_RELEVANCY || (args->keys.modseq && options->items & SEARCH_PARTIAL);
	return search_return_fits(parse, options, args->keys.fuzzy || args->keys.bad_charset);
}

static enum rc search_job_run(struct account *account, struct job *job)
{
	return search_slice(account, CONTAINER_OF(job, struct search_job, base.job)->search);
}

static void search_job_release(struct cmd_job *job)
{
	search_free(&CONTAINER_OF(job, struct search_job, base)->search);
}

void search_cmd_failed(struct cmd *cmd, const char *code, const char *text)
{
	const struct search_cmd *args = cmd->args;
	if (args->options.items & SEARCH_SAVE)
		view_save_none(cmd->session->view);
	cmd_no(cmd, code, text);
}

/* Ends the command, because it would have to work on more messages than it may. */
static void search_cmd_too_many(struct cmd *cmd)
{
	const struct search_cmd *args = cmd->args;
	if (args->options.items & SEARCH_SAVE)
		view_save_none(cmd->session->view);
	cmd_no(cmd, message_limit_code(cmd, message_limit(cmd), 0),
		"Too many messages, narrow them down by UID");
}

static enum rc search_cmd_save(struct cmd *cmd, const struct search_result *result)
{
	const struct search_cmd *args = cmd->args;
	struct view *view = cmd->session->view;
	struct seqset numbers = SEQSET_EMPTY;
	struct seqset uids = SEQSET_EMPTY;
	struct uid_run *runs;
	size_t count;
	search_return_saved(&args->options, result, &numbers);
	enum rc rc = RC_OK;
	if (!seqset_empty(&numbers))
		rc = view_clip(view, &numbers, result->by_uid, cmd->arena, &runs, &count, &uids);
	if (rc == RC_OK)
		rc = view_save(view, &uids);
	seqset_fini(&numbers);
	seqset_fini(&uids);
	return rc;
}

static void begin_updates(struct cmd *cmd, const struct search *search)
{
	struct search_cmd *args = cmd->args;
	struct search_update *context = args->context;
	args->context = NULL;
	/* RFC 9738: the limit was reached, and only a part was searched. */
	bool part = cmd->law.limit_uid > 0;
	if (context && part) {
		search_update_drop(cmd->session, context);
		args->refused = "Results of a part are not kept up to date";
	} else if (context) {
		args->refused = search_update_start(cmd->session, context, search, args->sort);
	}
	if (args->refused)
		answer_untagged(cmd->session, "NO [NOUPDATE \"%.*s\"] %s", STRV_ARG(cmd->tag), args->refused);
}

void search_cmd_end(struct cmd *cmd, const struct search *search, const struct search_result *result)
{
	const struct search_cmd *args = cmd->args;
	enum rc rc = search->place.rc;
	/* One damaged message does not make the command fail: clients that get NO would repeat it for
	 * ever. */
	if (rc == RC_CORRUPT)
		answer_untagged(
			cmd->session, "NO [CORRUPTION] Some messages cannot be read as they were stored");
	else if (rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(rc), rc_text(rc));
		return;
	}
	if (args->options.items & SEARCH_SAVE && search_cmd_save(cmd, result) != RC_OK) {
		search_cmd_failed(cmd, "NOTSAVED", "The result is too large to be saved");
		return;
	}
	if (args->options.items & SEARCH_UPDATE)
		begin_updates(cmd, search);
	if (search->place.gone > 0 && !result->by_uid)
		cmd_ok(cmd, "EXPUNGEISSUED", "Some of the messages no longer exist");
	else
		cmd_finish_rc(cmd, RC_OK);
}

static void search_next(struct cmd *cmd, bool borrow);

static void search_job_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct search_job *search_job = CONTAINER_OF(job, struct search_job, base);
	struct search_cmd *args = cmd->args;
	args->search = search_job->search;
	search_job->search = NULL;
	if (job->job.rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(job->job.rc), rc_text(job->job.rc));
		return;
	}
	struct search *search = args->search;
	search_accept(search);
	uint64_t goal = args->more ? 0 : uid_runs_count(search->runs, search->run_count);
	cmd_progress(cmd, uid_runs_before(search->runs, search->place.run, search->place.uid), goal);
	if (search->finished)
		args->finished(cmd, args->search);
	else
		search_next(cmd, false);
}

static void search_next(struct cmd *cmd, bool borrow)
{
	struct search_cmd *args = cmd->args;
	struct search_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, search_job_run, search_job_finish);
	job->base.release = search_job_release;
	job->base.job.slow = args->search->keys.root->cost >= SEARCH_COST_HEADER;
	job->search = args->search;
	args->search = NULL;
	cmd_submit_or_borrow(cmd, job, borrow);
}

/* Turns sequence numbers into UIDs; numbers beyond the mailbox match nothing. */
static void seqs_to_uids(void *arg, const struct seqset *seqs, struct seqset *uids)
{
	struct cmd *cmd = arg;
	struct view *view = cmd->session->view;
	struct seqset known = SEQSET_EMPTY;
	struct uid_run *runs;
	size_t count;
	seqset_copy(&known, seqs);
	seqset_resolve(&known, view_exists(view));
	seqset_remove_range(&known, view_exists(view) + 1, UINT32_MAX);
	enum rc rc = RC_OK;
	if (!seqset_empty(&known))
		rc = view_clip(view, &known, false, cmd->arena, &runs, &count, uids);
	if (rc != RC_OK)
		seqset_clear(uids);
	seqset_fini(&known);
}

/* The messages that can match at all: the intersection of the sets among the top keys. */
static void search_cmd_candidates(const struct search_keys *keys, struct seqset *ret_uids)
{
	seqset_add_range(ret_uids, 1, UID_MAX);
	for (const struct search_key *key = keys->root->child; key; key = key->next)
		if (key->kind == SEARCH_UIDS && !key->negate)
			seqset_intersect(ret_uids, &key->set);
}

/* Makes args->search. */
static enum rc search_cmd_prepare(struct cmd *cmd, uint64_t *ret_count)
{
	struct search_cmd *args = cmd->args;
	struct view *view = cmd->session->view;
	struct search *search = search_new();
	struct seqset set = SEQSET_EMPTY;
	struct seqset uids = SEQSET_EMPTY;
	args->search = search;
	search->mailbox = view_mailbox(view);
	search->by_uid = args->uids || cmd->row->flags & CMD_UID;
	search->now = clock_wall();
	search_keys_resolve(&args->keys, view_last_uid(view), seqs_to_uids, cmd, cmd->arena);
	search_keys_copy(&args->keys, search->arena, &search->keys);
	search_prepare(search);
	if (view_recent(view) > 0)
		seqset_copy(&search->recent, view_recent_uids(view));
	search_cmd_candidates(&search->keys, &set);
	enum rc rc = view_clip(view, &set, true, search->arena, &search->runs, &search->run_count, &uids);
	if (rc == RC_OK && message_limit_clip(cmd, &uids)) {
		seqset_fini(&set);
		rc = view_clip(view, &uids, true, search->arena, &search->runs, &search->run_count, &set);
	}
	if (rc == RC_OK)
		*ret_count = seqset_count(&uids);
	seqset_fini(&uids);
	seqset_fini(&set);
	return rc;
}

/* Makes the context. False: the command has been ended. */
static bool new_context(struct cmd *cmd)
{
	struct search_cmd *args = cmd->args;
	struct search_update_name name = {
		.tag = cmd->tag,
		.by_uid = cmd->row->flags & CMD_UID || args->uidvalidity > 0,
		.mailbox = args->mailbox,
		.uidvalidity = args->uidvalidity,
	};
	if (search_update_exists(cmd->session, cmd->tag)) {
		cmd_bad(cmd, "Tag is in use by an updating context");
		return false;
	}
	args->uids = true;
	args->context = search_update_new(cmd->session, &name);
	if (!args->context)
		args->refused = "Too many updating contexts";
	return true;
}

void search_cmd_start(struct cmd *cmd)
{
	struct search_cmd *args = cmd->args;
	uint64_t count = 0;
	if (args->keys.bad_charset) {
		search_cmd_failed(cmd, "BADCHARSET (US-ASCII UTF-8)", "Unknown charset");
		return;
	}
	if (args->options.items & SEARCH_UPDATE && !new_context(cmd))
		return;
	cmd->law.no_expunge = args->keys.seqs;
	if (args->keys.modseq)
		sync_condstore(cmd->session);
	enum rc rc = search_cmd_prepare(cmd, &count);
	if (rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(rc), rc_text(rc));
		return;
	}
	if (args->more && cmd->law.limit_uid > 0) {
		cmd->law.limit_uid = 0;
		search_cmd_too_many(cmd);
		return;
	}
	args->search->enough = args->enough;
	args->search->keep_hits = args->keep_hits;
	if (count == 0)
		args->finished(cmd, args->search);
	else
		search_next(cmd,
			args->search->keys.root->cost == SEARCH_COST_INDEX && count <= SEARCH_BORROW_MAX);
}

void search_cmd_cancel(struct cmd *cmd)
{
	struct search_cmd *args = cmd->args;
	if (!args)
		return;
	search_free(&args->search);
	if (args->context)
		search_update_drop(cmd->session, args->context);
}
