/*
 * A test: a job of the account makes the pushes, each of them adds its line to the answer, the last one sends
 * the answer.
 */
#include "webpush/trial.h"

#include "base/list.h"
#include "base/mem.h"
#include "webpush/compose.h"
#include "webpush/core.h"
#include "webpush/key.h"
#include "webpush/queue.h"
#include "webpush/webpush.h"

#include <stdlib.h>

#define TRIAL_OUT_MAX (256 * 1024) /* octets of the whole answer */

struct trial_job {
	struct job job;
	struct trial *trial; /* borrowed */
	struct webpush_test *test; /* borrowed */
	struct arena *arena; /* own; of one run */
	struct push_list pushes; /* own: the result */
};

/* Runs on the asker's reactor. */
static void trial_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct webpush_test *test = CONTAINER_OF(msg, struct webpush_test, msg);
	struct core *core = test->trial->core;

	(void)reactor;
	test->done(test);
	core_pending_sub(core);
}

static void trial_answer(struct webpush_test *test, enum rc rc)
{
	test->rc = rc;
	reactor_post(test->home, &test->msg);
}

/* [push] A push_tell_fn: adds a line to the answer. */
static void trial_tell(struct push *push, const char *text, bool ok)
{
	struct webpush_test *test = push->test;

	buf_printf(&test->out, "%s: %s\n", push->subscription, text);
	test->failed += ok ? 0 : 1;
	if (--test->left == 0)
		trial_answer(test, RC_OK);
}

static enum rc trial_run(struct account *account, struct job *job)
{
	struct trial_job *t = CONTAINER_OF(job, struct trial_job, job);
	struct vapid_key *vapid = key_current(t->trial->key);
	struct compose_request request = {
		.core = t->trial->core, .vapid = vapid, .arena = t->arena, .list = &t->pushes
	};

	push_list_drop(&t->pushes, NULL, NULL);
	arena_reset(t->arena);
	enum rc rc = compose_tests(&request, account, t->test->id);
	vapid_key_unref(&vapid);
	return rc == RC_OK && t->pushes.n == 0 ? RC_NOT_FOUND : rc;
}

/* Sends the pushes. All are counted before the first one can end. */
static void trial_send(struct trial_job *t)
{
	struct queue *queue = t->trial->queue;

	t->test->left = (unsigned)t->pushes.n;
	for (size_t i = 0; i < t->pushes.n; i++) {
		t->pushes.v[i]->test = t->test;
		t->pushes.v[i]->tell = trial_tell;
	}
	for (size_t i = 0; i < t->pushes.n; i++)
		queue_wait(queue, t->pushes.v[i]);
	t->pushes.n = 0;
}

static void trial_done(struct job *job)
{
	struct trial_job *t = CONTAINER_OF(job, struct trial_job, job);
	struct core *core = t->trial->core;
	enum rc rc = core->closed ? RC_CANCELLED : job->rc;

	if (rc == RC_OK)
		trial_send(t);
	else
		trial_answer(t->test, rc);
	push_list_fini(&t->pushes);
	arena_free(&t->arena);
	free(t);
	core_pending_sub(core);
}

void trial_submit(struct trial *trial, struct webpush_test *test)
{
	struct trial_job *t = mem_zalloc(sizeof(*t));

	/* One count is for the test until it is answered, one for the job. */
	core_pending_add(trial->core);
	core_pending_add(trial->core);
	buf_init(&test->out, TRIAL_OUT_MAX);
	test->trial = trial;
	test->msg.fn = trial_arrived;
	t->trial = trial;
	t->test = test;
	t->arena = arena_new(0);
	t->job.kind = JOB_READ;
	t->job.run = trial_run;
	t->job.done = trial_done;
	t->job.home = trial->core->reactor;
	job_submit_always(test->account, &t->job);
}
