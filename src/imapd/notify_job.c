/* Jobs of NOTIFY: gives marks and queued items to the strand, and sends the lines that come back. */
#include "base/hash.h"
#include "imapd/hub.h"
#include "imapd/notify.h"
#include "imapd/notify_priv.h"

#include "base/list.h"
#include "base/mem.h"
#include "imapd/answer.h"
#include "imapd/imapd_priv.h"
#include "imapd/session.h"
#include "imapd/view.h"

#include <stdlib.h>

struct notify_job {
	struct job job;
	struct hub *hub; /* borrowed */
	struct notify_lines lines;
};

static enum rc job_run(struct account *account, struct job *job)
{
	return notify_lines_print(account, &CONTAINER_OF(job, struct notify_job, job)->lines);
}

static void job_free(struct notify_job *notify)
{
	while (!list_empty(&notify->lines.items))
		free(CONTAINER_OF(list_pop(&notify->lines.items), struct notify_item, node));
	notify_set_unref(&notify->lines.set);
	free(notify->lines.asks);
	buf_fini(&notify->lines.out);
	free(notify);
}

/*
 * Takes the results for the mailboxes, unless the set has been replaced. Marks that were set while the job
 * was under way are of changes that it has seen: their lists arrived before its completion, since they were
 * committed earlier. The marks that the job has told are removed.
 */
static void take_boxes(struct notify *notify, const struct notify_job *job)
{
	for (size_t i = 0; i < job->lines.count; i++) {
		const struct notify_ask *ask = &job->lines.asks[i];
		struct notify_box *box = NULL;
		HASH_FIND(hh, notify->boxes, &ask->id, sizeof(ask->id), box);
		if (!box || !ask->found || job->lines.set != notify->set)
			continue;
		notify->marked -= box->marks && !(box->marks & ~ask->marks) ? 1 : 0;
		box->marks &= ~ask->marks;
		box->names = notify->names;
		box->events = ask->events;
		box->unseen_known = ask->unseen_known;
		box->unseen = ask->unseen;
	}
}

static void notify_job_done(struct job *job)
{
	struct notify_job *done = CONTAINER_OF(job, struct notify_job, job);
	struct session *session = hub_session(done->hub, job->asker);
	struct notify *notify = session ? session->notify : NULL;

	if (notify && notify->job == done && session->state != SESSION_LOGOUT) {
		notify->job = NULL;
		if (job->rc != RC_OK) {
			/* The client must learn that it may have missed something. */
			notify_overflow(session);
		} else {
			take_boxes(notify, done);
			buf_addv(&notify->ready, buf_strv(&done->lines.out));
		}
		notify_flush(session);
		answer_flush(session);
		session->hub->settled(session);
	}
	job_free(done);
}

static void take_marks(struct session *session, struct notify_job *job)
{
	struct notify *notify = session->notify;
	int64_t selected = session->view ? view_mailbox(session->view) : 0;
	size_t room = notify->marked < NOTIFY_JOB_BOXES ? notify->marked : NOTIFY_JOB_BOXES;

	job->lines.asks = mem_zalloc((room + 1) * sizeof(*job->lines.asks));
	for (struct notify_box *box = notify->boxes; box && notify->marked > 0; box = box->hh.next) {
		if (!box->marks)
			continue;
		if (job->lines.count == room)
			break;
		if (box->id != selected)
			job->lines.asks[job->lines.count++] = (struct notify_ask){
				.id = box->id,
				.marks = box->marks,
				.unseen_known = box->unseen_known,
				.unseen = box->unseen,
			};
		box->marks = 0;
		notify->marked--;
	}
}

void notify_job_start(struct session *session)
{
	struct notify *notify = session->notify;
	struct notify_job *job = mem_zalloc(sizeof(*job));

	job->job.kind = JOB_READ;
	job->job.run = job_run;
	job->job.done = notify_job_done;
	job->job.home = session->hub->reactor;
	job->job.asker = session->id;
	job->hub = session->hub;
	job->lines.set = notify_set_ref(notify->set);
	job->lines.utf8 = session_utf8(session);
	job->lines.condstore = session->enabled & ENABLED_CONDSTORE;
	buf_init(&job->lines.out, NOTIFY_OUTPUT_MAX);
	list_init(&job->lines.items);
	list_splice(&job->lines.items, &notify->items);
	notify->item_count = 0;
	notify->item_bytes = 0;
	take_marks(session, job);
	notify->job = job;
	/* A session has at most one such job, and sessions are counted, so no limit is needed. */
	job_submit_always(session->account, &job->job);
}
