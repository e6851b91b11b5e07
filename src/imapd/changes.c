/*
 * Takes in the change lists of the store: every session of the account applies them to its view, in the order
 * of commits, and tells what it may tell now. One session of a mailbox claims \Recent of new messages.
 */
#include "imapd/changes.h"

#include "base/list.h"
#include "base/mem.h"
#include "imap/notify_set.h"
#include "imapd/command.h"
#include "imapd/search_update.h"
#include "imapd/hub.h"
#include "imapd/notify.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"
#include "store/mailbox.h"

#include <stdlib.h>

/* A session's own job is done: its result may be told, and a command that waited for it may go on. */
static void changes_settled(struct session *session)
{
	sync_offer(session);
	cmd_ungate(session);
}

/* Claims \Recent of deliveries to a selected mailbox. Only one session asks; the store gives \Recent once. */

struct claim {
	struct job job;
	struct hub *hub; /* borrowed */
	int64_t mailbox;
	uint32_t lo; /* 0: none */
	uint32_t hi;
};

static enum rc claim_run(struct account *account, struct job *job)
{
	struct claim *claim = CONTAINER_OF(job, struct claim, job);
	uint32_t count = 0;
	claim->lo = claim->hi = 0;
	enum rc rc = mbox_claim_recent(account, claim->mailbox, &claim->lo, &count);
	if (rc != RC_OK || claim->lo == 0)
		return rc;
	struct mbox_info info;
	rc = mbox_get(account, claim->mailbox, &info);
	if (rc == RC_OK)
		claim->hi = info.uidnext - 1;
	return rc;
}

static void add_recent(struct session *session, uint32_t lo, uint32_t hi)
{
	view_add_recent(session->view, lo, hi);
	search_updates_recent(session, lo, hi);
}

static void claim_done(struct job *job)
{
	struct claim *claim = CONTAINER_OF(job, struct claim, job);
	struct session *session = hub_session(claim->hub, job->asker);
	if (session) {
		struct view *view = session->view;
		session->claiming = false;
		bool wanted =
			view && view_mailbox(view) == claim->mailbox && !(session->enabled & ENABLED_REV2);
		if (job->rc == RC_OK && claim->lo > 0 && wanted)
			add_recent(session, claim->lo, claim->hi);
		changes_settled(session);
	}
	free(claim);
}

static void claim_recent(struct session *session)
{
	struct claim *claim = mem_zalloc(sizeof(*claim));
	claim->job.kind = JOB_WRITE_RELAXED;
	claim->job.run = claim_run;
	claim->job.done = claim_done;
	claim->job.home = session->hub->reactor;
	claim->job.asker = session->id;
	claim->hub = session->hub;
	claim->mailbox = view_mailbox(session->view);
	if (job_submit(session->account, &claim->job) == RC_OK)
		session->claiming = true;
	else
		free(claim);
}

/* Change lists. */

static bool appends_to(const struct change_list *list, int64_t mailbox)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->changes[i].kind == CHANGE_APPEND && list->changes[i].mailbox == mailbox)
			return true;
	}
	return false;
}

/* Another session has deleted the mailbox that this session has selected. */
static void selected_gone(struct session *session, const struct change *change)
{
	if (!session->view || change->mailbox != view_mailbox(session->view))
		return;
	if (change->origin == session->id)
		session_unselect(session);
	else
		session_bye(session, NULL, "Selected mailbox was deleted");
}

/* Handles the changes that end a session or its selection. */
static void apply_ends(struct session *session, const struct change_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		switch (list->changes[i].kind) {
		case CHANGE_DELETED:
			selected_gone(session, &list->changes[i]);
			break;
		case CHANGE_RESET:
			session_bye(
				session, "UNAVAILABLE", "Account had to be opened anew, please reconnect");
			break;
		case CHANGE_ACCOUNT_GONE:
			session_bye(session, NULL, "Account was removed");
			break;
		case CHANGE_APPEND:
		case CHANGE_FLAGS:
		case CHANGE_EXPUNGE:
		case CHANGE_KEYWORDS:
		case CHANGE_CREATED:
		case CHANGE_RENAMED:
		case CHANGE_SUBSCRIBED:
		case CHANGE_UNSUBSCRIBED:
		case CHANGE_ANNOTATION:
			break;
		}
	}
}

/* Sessions that will not announce new messages do not claim \Recent. */
static bool may_claim(const struct session *session)
{
	return !view_read_only(session->view) && !session->claiming && !(session->enabled & ENABLED_REV2) &&
	       notify_selected(session) & NOTIFY_MESSAGE_NEW;
}

static void on_changes(void *ctx, struct change_list *list)
{
	struct hub *hub = ctx;
	struct list *sessions = hub_account_sessions(hub, list->account_id);
	int64_t claimed = 0;

	if (!sessions)
		return;
	LIST_EACH (node, sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_account);
		if (session->state == SESSION_LOGOUT)
			continue;
		apply_ends(session, list);
		struct view *view = session->view;
		if ((!view && !session->notify) || session->state == SESSION_LOGOUT)
			continue;
		notify_apply(session, list);
		if (view) {
			view_apply(view, list, session->id);
			search_updates_apply(session, list);
		}
		if (view && view_mailbox(view) != claimed && may_claim(session) &&
			appends_to(list, view_mailbox(view))) {
			claimed = view_mailbox(view);
			claim_recent(session);
		}
		sync_offer(session);
		if (view && session->view == view && view_pending_foreign(view) > VIEW_PENDING_MAX)
			session_bye(session, "UNAVAILABLE",
				"Too many changes while nothing was read, please reconnect");
	}
}

void changes_init(struct hub *hub)
{
	hub->sink = (struct change_sink){ .reactor = hub->reactor, .fn = on_changes, .ctx = hub };
	hub->settled = changes_settled;
}
