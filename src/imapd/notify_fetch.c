/*
 * Sends the attributes of new messages of the selected mailbox (RFC 5465 section 5.2): a FETCH that the
 * client has not asked for, slice by slice. While it is under way no command begins and nothing else is told
 * of the mailbox, so that its message numbers stay valid.
 */
#include "imapd/answer.h"
#include "imapd/hub.h"
#include "imapd/notify_priv.h"

#include "base/list.h"
#include "base/mem.h"
#include "imapd/command.h"
#include "imapd/fetch_view.h"
#include "imapd/session.h"
#include "imapd/view.h"
#include "store/message.h"

#include <stdlib.h>

struct notify_fetch {
	struct job job;
	struct hub *hub; /* borrowed */
	struct fetch *fetch; /* own */
	bool seeing; /* sets \Seen before it reads */
};

static enum rc notify_fetch_slice_run(struct account *account, struct job *job)
{
	struct fetch *fetch = CONTAINER_OF(job, struct notify_fetch, job)->fetch;
	return fetch_slice(account, fetch);
}

/* Sets \Seen, for attributes that do so, and does the first slice, whose FETCH responses contain the new
 * flags. */
static enum rc seeing_run(struct account *account, struct job *job)
{
	struct fetch *fetch = CONTAINER_OF(job, struct notify_fetch, job)->fetch;
	struct seqset modified = SEQSET_EMPTY;

	seqset_clear(&fetch->seen);
	enum rc rc = fetch_unseen(account, fetch, &fetch->seen);
	if (rc == RC_OK && !seqset_empty(&fetch->seen))
		rc = msg_store_flags(account, fetch->mailbox, &fetch->seen, FLAGS_ADD, MSG_SEEN, NULL,
			UINT64_MAX, &modified, NULL);
	seqset_fini(&modified);
	return rc == RC_OK ? fetch_slice(account, fetch) : rc;
}

static void notify_fetch_submit(struct session *session, bool seeing);

/* The last response is complete; the session goes on. */
static void notify_fetch_end(struct session *session)
{
	struct notify *notify = session->notify;

	fetch_free(&notify->fetch);
	notify->in_response = false;
	notify->waits_for_room = false;
	session->hub->settled(session);
	answer_flush(session);
}

static void notify_fetch_deliver(struct session *session, bool seeing, enum rc rc)
{
	struct notify *notify = session->notify;
	struct fetch *fetch = notify->fetch;

	if (rc != RC_OK && fetch->broken) {
		session_abort(session);
		return;
	}
	if (rc != RC_OK && seeing) {
		/* If the mailbox can't be written, it can still be read. */
		seqset_clear(&fetch->seen);
		notify_fetch_submit(session, false);
		return;
	}
	if (rc != RC_OK || !session->view) {
		notify_fetch_end(session);
		return;
	}
	bool finished = fetch_view_take(session, fetch);
	notify->in_response = fetch->place.inside;
	if (finished) {
		notify_fetch_end(session);
		return;
	}
	answer_flush(session);
	if (answer_full(session))
		notify->waits_for_room = true;
	else
		notify_fetch_submit(session, false);
}

static void notify_fetch_done(struct job *job)
{
	struct notify_fetch *done = CONTAINER_OF(job, struct notify_fetch, job);
	struct session *session = hub_session(done->hub, job->asker);
	struct notify *notify = session ? session->notify : NULL;

	if (notify && notify->sending == done && session->state != SESSION_LOGOUT) {
		notify->sending = NULL;
		notify->fetch = done->fetch;
		done->fetch = NULL;
		notify_fetch_deliver(session, done->seeing, job->rc);
	}
	fetch_free(&done->fetch);
	free(done);
}

static void notify_fetch_submit(struct session *session, bool seeing)
{
	struct notify *notify = session->notify;
	struct notify_fetch *sending = mem_zalloc(sizeof(*sending));

	sending->job.kind = seeing ? JOB_WRITE_RELAXED : JOB_READ;
	sending->job.run = seeing ? seeing_run : notify_fetch_slice_run;
	sending->job.done = notify_fetch_done;
	sending->job.home = session->hub->reactor;
	sending->job.asker = session->id;
	sending->job.origin = session->id;
	sending->hub = session->hub;
	sending->seeing = seeing;
	sending->fetch = notify->fetch;
	notify->fetch = NULL;
	notify->sending = sending;
	/* A session has at most one job, as with other jobs of NOTIFY, so no limit is needed. */
	job_submit_always(session->account, &sending->job);
}

void notify_fetch_start(struct session *session)
{
	struct notify *notify = session->notify;
	const struct fetch_plan *plan = notify_set_plan(notify->set);
	struct fetch *fetch = NULL;

	if (!plan || !session->view || seqset_empty(&notify->due))
		return;
	enum rc rc = fetch_view_new(session, NULL, plan, &notify->due, true, NULL, &fetch);
	seqset_fini(&notify->due);
	if (rc != RC_OK)
		return;
	if (fetch->run_count == 0) {
		fetch_free(&fetch);
		return;
	}
	/* RFC 7162 section 3.2: MODSEQ is in all FETCH responses that were not asked for. */
	if (session->enabled & ENABLED_CONDSTORE)
		fetch_plan_add_modseq(fetch->arena, &fetch->plan);
	notify->fetch = fetch;
	notify_fetch_submit(session, plan->seen && !view_read_only(session->view));
}

void notify_fetch_drain(struct session *session)
{
	session->notify->waits_for_room = false;
	notify_fetch_submit(session, false);
}
