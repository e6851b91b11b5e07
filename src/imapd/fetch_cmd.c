#include "imapd/fetch_cmd.h"

#include "imapd/message_limit.h"
#include "imapd/answer.h"
#include "imapd/sync.h"
#include "imap/uid_runs.h"
#include "imapd/view.h"

struct slice_job {
	struct cmd_job base;
	struct fetch_cmd *run; /* borrowed; the command's, so for finish only */
	struct fetch *fetch; /* own */
};

uint64_t fetch_cmd_count(const struct fetch_cmd *run)
{
	return uid_runs_count(run->fetch->runs, run->fetch->run_count);
}

/* The messages of a set, as many as the limit lets through. Those with the highest UIDs come first if it does not let all. */
static enum rc clip(struct view *view, struct cmd *cmd, struct fetch *fetch, const struct seqset *set,
	bool by_uid, struct seqset *ret_uids)
{
	struct seqset again = SEQSET_EMPTY;
	enum rc rc = view_clip(view, set, by_uid, fetch->arena, &fetch->runs, &fetch->run_count, ret_uids);
	if (rc != RC_OK || !cmd || !message_limit_clip(cmd, ret_uids))
		return rc;
	rc = view_clip(view, ret_uids, true, fetch->arena, &fetch->runs, &fetch->run_count, &again);
	seqset_fini(&again);
	if (rc == RC_OK)
		fetch->runs =
			message_limit_down(fetch->arena, fetch->runs, fetch->run_count, &fetch->run_count);
	return rc;
}

enum rc fetch_cmd_of_view(struct session *session, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids, struct fetch **ret_fetch)
{
	struct view *view = session->view;
	struct fetch *fetch = fetch_new();
	struct seqset uids = SEQSET_EMPTY;
	enum rc rc = clip(view, cmd, fetch, set, by_uid, &uids);
	if (rc != RC_OK) {
		seqset_fini(&uids);
		fetch_free(&fetch);
		return rc;
	}
	fetch->mailbox = view_mailbox(view);
	fetch->told_modseq = view_told_flags_modseq(view);
	fetch->condstore = session->enabled & ENABLED_CONDSTORE;
	fetch->rev2 = session->enabled & ENABLED_REV2;
	fetch->uidonly = session->enabled & ENABLED_UIDONLY;
	fetch_plan_copy(plan, fetch->arena, &fetch->plan);
	/* Also for FLAGS that the plan does not ask for: of what fails a condition of STORE. */
	if ((plan->flags || plan->seen || plan->modseq) && view_recent(view) > 0)
		seqset_copy(&fetch->recent, view_recent_uids(view));
	if (ret_uids)
		*ret_uids = uids;
	else
		seqset_fini(&uids);
	*ret_fetch = fetch;
	return RC_OK;
}

enum rc fetch_cmd_init(struct fetch_cmd *run, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids)
{
	enum rc rc = fetch_cmd_of_view(cmd->session, cmd, plan, set, by_uid, ret_uids, &run->fetch);
	if (rc == RC_OK)
		run->waits_for_room = false;
	return rc;
}

bool fetch_cmd_empty(const struct fetch_cmd *run)
{
	return run->fetch->run_count == 0;
}

static enum rc slice_run(struct account *account, struct job *job)
{
	struct slice_job *slice = (struct slice_job *)job;
	return fetch_slice(account, slice->fetch);
}

static void slice_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct slice_job *slice = (struct slice_job *)job;
	struct fetch_cmd *run = slice->run;
	run->fetch = slice->fetch;
	slice->fetch = NULL;
	fetch_cmd_deliver(cmd, run, job->job.rc);
}

static void slice_release(struct cmd_job *job)
{
	fetch_free(&((struct slice_job *)job)->fetch);
}

void fetch_cmd_next(struct cmd *cmd, struct fetch_cmd *run)
{
	struct slice_job *slice = cmd_job_new(cmd, sizeof(*slice), JOB_READ, slice_run, slice_finish);
	struct fetch *fetch = run->fetch;
	bool first = fetch->place.run == 0 && fetch->place.uid == 0;
	bool memory = fetch->plan.memory && first && fetch_cmd_count(run) <= FETCH_BORROW_MAX;
	slice->base.release = slice_release;
	slice->run = run;
	slice->fetch = fetch;
	run->fetch = NULL;
	cmd_submit_or_borrow(cmd, slice, memory);
}

static void end(struct cmd *cmd, struct fetch_cmd *run, enum rc rc)
{
	fetch_free(&run->fetch);
	run->done(cmd, rc);
}

bool fetch_cmd_take(struct session *session, struct fetch *fetch)
{
	struct view *view = session->view;
	if (!fetch->place.inside)
		sync_tell_keywords(session);
	for (size_t i = 0; i < fetch->told_count; i++) {
		const struct fetch_told *told = &fetch->told[i];
		if (told->flags)
			view_told_flags(view, told->uid, told->modseq);
		else
			view_told_own(view, told->uid, told->modseq);
	}
	answer_own(session, &fetch->out);
	bool finished = fetch->finished;
	fetch_accept(fetch);
	view_said_modseq(view, fetch->place.said);
	return finished;
}

void fetch_cmd_deliver(struct cmd *cmd, struct fetch_cmd *run, enum rc rc)
{
	struct fetch *fetch = run->fetch;
	if (rc != RC_OK && fetch->broken) {
		/* The client has been promised octets that can't be had. */
		session_abort(cmd->session);
		return;
	}
	if (rc != RC_OK) {
		end(cmd, run, rc);
		return;
	}
	bool finished = fetch_cmd_take(cmd->session, fetch);
	cmd->in_response = fetch->place.inside;
	uint64_t before = uid_runs_before(fetch->runs, fetch->place.run, fetch->place.uid);
	cmd_progress(cmd, fetch->place.inside ? before - 1 : before, fetch_cmd_count(run));
	if (finished) {
		if (fetch->place.damaged > 0)
			answer_untagged(cmd->session,
				"NO [CORRUPTION] %llu of these messages cannot be read as they were stored",
				(unsigned long long)fetch->place.damaged);
		run->gone = fetch->place.gone > 0;
		end(cmd, run, fetch->place.rc);
		return;
	}
	answer_flush(cmd->session);
	if (cmd_out_full(cmd))
		run->waits_for_room = true;
	else
		fetch_cmd_next(cmd, run);
}

void fetch_cmd_drain(struct cmd *cmd, struct fetch_cmd *run)
{
	if (!run->waits_for_room)
		return;
	run->waits_for_room = false;
	fetch_cmd_next(cmd, run);
}

void fetch_cmd_cancel(struct fetch_cmd *run)
{
	fetch_free(&run->fetch);
}
