/*
 * Runs the slices of a FETCH, one job for each, and sends what they have made.
 */
#include "imapd/fetch_cmd.h"

#include "base/list.h"
#include "imapd/fetch_view.h"
#include "imapd/message_limit.h"
#include "imapd/answer.h"
#include "imap/uid_runs.h"
#include "imapd/session.h"
#include "imapd/view.h"

#include <inttypes.h>

struct slice_job {
	struct cmd_job base;
	struct fetch_cmd *run; /* borrowed; the command's, so for finish only */
	struct fetch *fetch; /* own */
};

uint64_t fetch_cmd_count(const struct fetch_cmd *run)
{
	return uid_runs_count(run->fetch->runs, run->fetch->run_count);
}

enum rc fetch_cmd_init(struct fetch_cmd *run, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids)
{
	enum rc rc = fetch_view_new(cmd->session, cmd, plan, set, by_uid, ret_uids, &run->fetch);
	if (rc == RC_OK)
		run->waits_for_room = false;
	return rc;
}

bool fetch_cmd_empty(const struct fetch_cmd *run)
{
	return run->fetch->run_count == 0;
}

static enum rc fetch_cmd_slice_run(struct account *account, struct job *job)
{
	struct slice_job *slice = CONTAINER_OF(job, struct slice_job, base.job);
	return fetch_slice(account, slice->fetch);
}

static void fetch_cmd_slice_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct slice_job *slice = CONTAINER_OF(job, struct slice_job, base);
	struct fetch_cmd *run = slice->run;
	run->fetch = slice->fetch;
	slice->fetch = NULL;
	fetch_cmd_deliver(cmd, run, job->job.rc);
}

static void slice_release(struct cmd_job *job)
{
	fetch_free(&CONTAINER_OF(job, struct slice_job, base)->fetch);
}

void fetch_cmd_next(struct cmd *cmd, struct fetch_cmd *run)
{
	struct slice_job *slice =
		cmd_job_new(cmd, sizeof(*slice), JOB_READ, fetch_cmd_slice_run, fetch_cmd_slice_finish);
	struct fetch *fetch = run->fetch;
	bool first = fetch->place.run == 0 && fetch->place.uid == 0;
	bool memory = fetch->plan.memory && first && fetch_cmd_count(run) <= FETCH_BORROW_MAX;
	slice->base.release = slice_release;
	slice->run = run;
	slice->fetch = fetch;
	run->fetch = NULL;
	cmd_submit_or_borrow(cmd, slice, memory);
}

static void fetch_cmd_end(struct cmd *cmd, struct fetch_cmd *run, enum rc rc)
{
	fetch_free(&run->fetch);
	run->done(cmd, rc);
}

void fetch_cmd_deliver(struct cmd *cmd, struct fetch_cmd *run, enum rc rc)
{
	struct fetch *fetch = run->fetch;
	if (rc != RC_OK && fetch->broken) {
		/* The client has been promised octets that can't be read, so the connection ends. */
		session_abort(cmd->session);
		return;
	}
	if (rc != RC_OK) {
		fetch_cmd_end(cmd, run, rc);
		return;
	}
	bool finished = fetch_view_take(cmd->session, fetch);
	cmd->law.in_response = fetch->place.inside;
	uint64_t before = uid_runs_before(fetch->runs, fetch->place.run, fetch->place.uid);
	cmd_progress(cmd, fetch->place.inside ? before - 1 : before, fetch_cmd_count(run));
	if (finished) {
		if (fetch->place.damaged > 0)
			answer_untagged(cmd->session,
				"NO [CORRUPTION] %" PRIu64
				" of these messages cannot be read as they were stored",
				fetch->place.damaged);
		run->gone = fetch->place.gone > 0;
		fetch_cmd_end(cmd, run, fetch->place.rc);
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
