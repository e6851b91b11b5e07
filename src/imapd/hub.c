#include "imapd/hub.h"

#include "base/mem.h"
#include "imapd/answer.h"
#include "imapd/command.h"
#include "imapd/context.h"
#include "imapd/notify.h"
#include "imapd/progress.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"
#include "store/mailbox.h"

#include <stdlib.h>

#define STOP_MS 2000

/* The sessions of one account on this reactor. */
struct hub_account {
	int64_t id;
	struct list sessions;
	UT_hash_handle hh;
};

/* The registry. */

void hub_add(struct hub *hub, struct session *session)
{
	list_append(&hub->sessions, &session->in_hub);
	HASH_ADD(by_id, hub->by_id, id, sizeof(session->id), session);
}

static struct hub_account *find_account(struct hub *hub, int64_t id)
{
	struct hub_account *entry;
	HASH_FIND(hh, hub->by_account, &id, sizeof(id), entry);
	return entry;
}

void hub_add_account(struct hub *hub, struct session *session)
{
	int64_t id = account_id(session->account);
	struct hub_account *entry = find_account(hub, id);
	if (!entry) {
		entry = mem_zalloc(sizeof(*entry));
		entry->id = id;
		list_init(&entry->sessions);
		HASH_ADD(hh, hub->by_account, id, sizeof(entry->id), entry);
	}
	list_append(&entry->sessions, &session->in_account);
}

void hub_remove_account(struct hub *hub, struct session *session)
{
	if (!list_linked(&session->in_account))
		return;
	list_remove(&session->in_account);
	struct hub_account *entry = find_account(hub, account_id(session->account));
	if (entry && list_empty(&entry->sessions)) {
		HASH_DELETE(hh, hub->by_account, entry);
		free(entry);
	}
}

void hub_remove(struct hub *hub, struct session *session)
{
	list_remove(&session->in_hub);
	HASH_DELETE(by_id, hub->by_id, session);
	hub_remove_account(hub, session);
}

struct session *session_find(struct hub *hub, uint64_t id)
{
	struct session *session;
	HASH_FIND(by_id, hub->by_id, &id, sizeof(id), session);
	return session;
}

void hub_share_view(struct hub *hub, struct session *session)
{
	struct hub_account *entry = find_account(hub, account_id(session->account));
	if (!entry)
		return;
	LIST_EACH (node, &entry->sessions) {
		struct session *other = CONTAINER_OF(node, struct session, in_account);
		if (other != session && other->view &&
			view_mailbox(other->view) == view_mailbox(session->view)) {
			view_share(session->view, other->view);
			return;
		}
	}
}

/* \Recent of deliveries to a selected mailbox: one session asks for it; the store gives it once. */

struct claim {
	struct job job;
	struct hub *hub; /* borrowed */
	int64_t mailbox;
	uint32_t lo; /* 0: none */
	uint32_t hi;
};

static enum rc claim_run(struct account *account, struct job *job)
{
	struct claim *claim = (struct claim *)job;
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
	contexts_recent(session, lo, hi);
}

static void claim_done(struct job *job)
{
	struct claim *claim = (struct claim *)job;
	struct session *session = session_find(claim->hub, job->asker);
	if (session) {
		struct view *view = session->view;
		session->claiming = false;
		bool wanted =
			view && view_mailbox(view) == claim->mailbox && !(session->enabled & ENABLED_REV2);
		if (job->rc == RC_OK && claim->lo > 0 && wanted)
			add_recent(session, claim->lo, claim->hi);
		cmd_ungate(session);
		notify_kick(session);
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
	if (account_submit(session->account, &claim->job) == RC_OK)
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

/* The mailbox that somebody removed under a session that has it selected. */
static void selected_gone(struct session *session, const struct change *change)
{
	if (!session->view || change->mailbox != view_mailbox(session->view))
		return;
	if (change->origin == session->id)
		session_unselect(session);
	else
		session_bye(session, NULL, "Selected mailbox was deleted");
}

/* What ends sessions or deselects. */
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

/* Idlers are told at once (one that does not read: when it does, on_drain); others when their next command ends, or before if too much
 * gathers. With NOTIFY, as that says. */
static void tell_if_due(struct session *session)
{
	struct view *view = session->view;
	if (session->notify)
		notify_kick(session);
	if (!view || session->state == SESSION_LOGOUT)
		return;
	bool waiting = !session->cmd && view_pending_flags(view) > VIEW_PENDING_SOON && !answer_full(session);

	bool dirty = view_dirty(view) || contexts_due(session);
	bool idling = session->idling && dirty && !answer_full(session);

	if (idling && !session->notify)
		sync_tell(session, true);
	else if (waiting && !session->notify)
		sync_tell(session, false);
	else if (view_pending_foreign(view) > VIEW_PENDING_MAX)
		session_bye(
			session, "UNAVAILABLE", "Too many changes while nothing was read, please reconnect");
	else
		return;
	answer_flush(session);
}

/* Who is not told of new messages leaves \Recent to others. */
static bool may_claim(const struct session *session)
{
	return !view_read_only(session->view) && !session->claiming && !(session->enabled & ENABLED_REV2) &&
	       notify_selected(session) & NOTIFY_MESSAGE_NEW;
}

static void on_changes(void *ctx, struct change_list *list)
{
	struct hub *hub = ctx;
	struct hub_account *entry = find_account(hub, list->account_id);
	int64_t claimed = 0;

	if (!entry)
		return;
	LIST_EACH (node, &entry->sessions) {
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
			contexts_apply(session, list);
		}
		if (view && view_mailbox(view) != claimed && may_claim(session) &&
			appends_to(list, view_mailbox(view))) {
			claimed = view_mailbox(view);
			claim_recent(session);
		}
		tell_if_due(session);
	}
}

/* The end. */

static int compare_names(const void *a, const void *b)
{
	return strv_cmp(*(const struct strv *)a, *(const struct strv *)b);
}

void hub_end_users(struct hub *hub, const struct strv *names, size_t count, const char *text)
{
	LIST_EACH (node, &hub->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_hub);
		struct strv user = strv_cstr(session->user);
		if (session->user && bsearch(&user, names, count, sizeof(*names), compare_names))
			session_bye(session, NULL, text);
	}
}

static void stop_now(void *arg)
{
	struct hub *hub = arg;
	LIST_EACH (node, &hub->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_hub);
		session_bye(session, NULL, "Server is shutting down");
	}
}

void hub_stop(struct hub *hub)
{
	if (hub->stopping) {
		stop_now(hub);
		return;
	}
	hub->stopping = true;
	LIST_EACH (node, &hub->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_hub);
		if (session->cmd && !session->idling)
			session->stopping = true;
		else
			session_bye(session, NULL, "Server is shutting down");
	}
	timer_set(&hub->stop_timer, STOP_MS);
}

static void on_parked(void *arg)
{
	cmd_retry_parked(arg);
}

void hub_init(struct hub *hub, struct imapd *imapd, struct reactor *reactor)
{
	*hub = (struct hub){ .imapd = imapd, .reactor = reactor };
	hub->sink = (struct change_sink){ .reactor = reactor, .fn = on_changes, .ctx = hub };
	list_init(&hub->sessions);
	list_init(&hub->parked);
	timer_init(&hub->parked_timer, reactor, on_parked, hub);
	timer_init(&hub->stop_timer, reactor, stop_now, hub);
	progress_init(hub);
}

void hub_fini(struct hub *hub)
{
	timer_fini(&hub->parked_timer);
	timer_fini(&hub->stop_timer);
	progress_fini(hub);
}
