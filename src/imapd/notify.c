/*
 * NOTIFY of one session: marks the mailboxes that change lists name, and starts jobs that find out what to
 * tell.
 */
#include "imapd/notify.h"
#include "base/hash.h"
#include "imapd/hub.h"
#include "imapd/notify_priv.h"

#include "base/mem.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/answer.h"
#include "imapd/session.h"
#include "imapd/view.h"
#include "metadata/provider.h"
#include "store/message.h"

#include <stdlib.h>

/* Data that wait. */

static void drop_items(struct notify *notify)
{
	while (!list_empty(&notify->items))
		free(CONTAINER_OF(list_pop(&notify->items), struct notify_item, node));
	notify->item_count = 0;
	notify->item_bytes = 0;
}

static void drop_boxes(struct notify *notify)
{
	struct notify_box *box, *next;

	HASH_ITER (hh, notify->boxes, box, next) {
		HASH_DEL(notify->boxes, box);
		free(box);
	}
	notify->box_count = 0;
	notify->marked = 0;
}

/* Forgets everything that waits. The result of a job under way will be ignored. */
static void drop_all(struct notify *notify)
{
	drop_items(notify);
	drop_boxes(notify);
	seqset_fini(&notify->due);
	buf_reset(&notify->ready);
	buf_shrink(&notify->ready, 0);
	notify->job = NULL;
}

static void imapd_notify_unwatch(struct session *session)
{
	struct notify *notify = session->notify;
	if (notify->watching)
		change_unwatch(session->account, &session->hub->sink);
	notify->watching = false;
}

void notify_free(struct session *session)
{
	struct notify *notify = session->notify;

	if (!notify)
		return;
	imapd_notify_unwatch(session);
	drop_all(notify);
	buf_fini(&notify->ready);
	fetch_free(&notify->fetch);
	notify_set_unref(&notify->set);
	free(notify);
	session->notify = NULL;
}

void notify_overflow(struct session *session)
{
	struct notify *notify = session->notify;

	drop_all(notify);
	imapd_notify_unwatch(session);
	notify_set_unref(&notify->set);
	notify->set = notify_set_none();
	notify->overflowed = true;
}

/* NOTIFY. */

static void forget_marks(struct notify *notify)
{
	for (struct notify_box *box = notify->boxes; box; box = box->hh.next)
		box->marks = 0;
	notify->marked = 0;
}

/* Call this when names or filters have changed: what is known of mailboxes must be found out again. */
static void imapd_notify_unresolve(struct notify *notify)
{
	notify->names++;
}

void notify_replace(struct session *session, struct notify_set *set, bool watched, bool told)
{
	struct notify *notify = session->notify;

	if (!notify) {
		notify = mem_zalloc(sizeof(*notify));
		list_init(&notify->items);
		buf_init(&notify->ready, NOTIFY_OUTPUT_MAX);
		session->notify = notify;
	}
	notify_set_unref(&notify->set);
	notify->set = set;
	notify->overflowed = false;
	if (watched && notify->watching)
		change_unwatch(session->account, &session->hub->sink);
	notify->watching = notify->watching || watched;
	imapd_notify_unresolve(notify);
	if (told)
		forget_marks(notify);
	if (!notify_set_plan(set))
		seqset_fini(&notify->due);
	if (notify_set_others(set))
		return;
	drop_items(notify);
	drop_boxes(notify);
	notify->job = NULL;
	imapd_notify_unwatch(session);
}

unsigned notify_selected(const struct session *session)
{
	bool all = !session->notify || (session->cmd && session->cmd->law.tells_all);
	return all ? NOTIFY_MESSAGES : notify_set_selected(session->notify->set);
}

bool notify_sending(const struct session *session)
{
	return session->notify && (session->notify->sending || session->notify->fetch);
}

bool notify_in_response(const struct session *session)
{
	return session->notify && session->notify->in_response;
}

void notify_unselected(struct session *session)
{
	if (session->notify)
		seqset_fini(&session->notify->due);
}

/* Change lists. */

static struct notify_box *find_box(struct notify *notify, int64_t id)
{
	struct notify_box *box = NULL;
	HASH_FIND(hh, notify->boxes, &id, sizeof(id), box);
	return box;
}

static void remove_box(struct notify *notify, struct notify_box *box)
{
	notify->marked -= box->marks ? 1 : 0;
	notify->box_count--;
	HASH_DEL(notify->boxes, box);
	free(box);
}

/* Removes boxes without marks; their data can be found out again. */
static void remove_unmarked(struct notify *notify)
{
	struct notify_box *box, *next;

	HASH_ITER (hh, notify->boxes, box, next) {
		if (!box->marks)
			remove_box(notify, box);
	}
}

static struct notify_box *get_box(struct notify *notify, int64_t id)
{
	struct notify_box *box = find_box(notify, id);

	if (box)
		return box;
	if (notify->box_count == NOTIFY_BOXES_MAX)
		remove_unmarked(notify);
	box = mem_zalloc(sizeof(*box));
	box->id = id;
	HASH_ADD(hh, notify->boxes, id, sizeof(box->id), box);
	notify->box_count++;
	return box;
}

static void imapd_notify_mark(struct session *session, int64_t mailbox, unsigned event)
{
	struct notify *notify = session->notify;
	unsigned wanted = event & NOTIFY_UIDVALIDITY ? NOTIFY_FLAG_CHANGE : event;

	if (!(notify_set_others(notify->set) & wanted))
		return;
	struct notify_box *box = get_box(notify, mailbox);
	if (box->names == notify->names && !(box->events & wanted))
		return;
	notify->marked += box->marks ? 0 : 1;
	box->marks |= event;
	if (notify->marked > NOTIFY_BOXES_MAX)
		notify_overflow(session);
}

static bool same_item(const struct notify_item *a, const struct change *change, enum notify_kind kind)
{
	/* Except for renames, only the final state of a name is told, so one item is enough. Renames are
	 * told in their order. */
	return a->kind == kind && kind != NOTIFY_KIND_RENAME && a->mailbox == change->mailbox &&
	       strv_eq(a->name, change->name);
}

static void imapd_notify_queue(
	struct session *session, const struct change *change, enum notify_kind kind, unsigned event)
{
	struct notify *notify = session->notify;
	struct strv name = change->name;
	struct strv old = kind == NOTIFY_KIND_METADATA ? STRV_NULL : change->old_name;

	if (!(notify_set_others(notify->set) & event) || change->origin == session->id)
		return;
	LIST_EACH (node, &notify->items) {
		if (same_item(CONTAINER_OF(node, struct notify_item, node), change, kind))
			return;
	}
	size_t bytes = sizeof(struct notify_item) + name.n + old.n;
	if (notify->item_count == NOTIFY_QUEUE_MAX || notify->item_bytes + bytes > NOTIFY_QUEUE_BYTES_MAX) {
		notify_overflow(session);
		return;
	}
	struct notify_item *item = mem_zalloc(bytes);
	char *text = (char *)(item + 1);
	item->kind = kind;
	item->mailbox = change->mailbox;
	item->name = strv_make(text, name.n);
	item->old_name = strv_make(text + name.n, old.n);
	if (name.n > 0)
		memcpy(text, name.p, name.n);
	if (old.n > 0)
		memcpy(text + name.n, old.p, old.n);
	list_append(&notify->items, &item->node);
	notify->item_count++;
	notify->item_bytes += bytes;
}

/* Entries of some extensions of RFC 5464 must not be told to other sessions. */
static bool is_secret(const struct session *session, const struct change *change)
{
	const struct metadata *metadata = session->settings->metadata;
	struct metadata_scope scope = { .mailbox = change->mailbox };
	const struct metadata_provider *owner =
		metadata ? metadata_provider_of(metadata, &scope, change->name) : NULL;
	return owner && owner->flags & METADATA_SECRET;
}

static void apply_annotation(struct session *session, const struct change *change)
{
	if (!is_secret(session, change))
		imapd_notify_queue(session, change, NOTIFY_KIND_METADATA,
			change->mailbox ? NOTIFY_MAILBOX_METADATA : NOTIFY_SERVER_METADATA);
}

/* True: the renamed mailbox is below another one that the same job has renamed. Such renames are not told. */
static bool renamed_below(const struct change_list *list, size_t at)
{
	struct strv name = list->changes[at].old_name;
	size_t first = 0;

	while (list->changes[first].kind != CHANGE_RENAMED)
		first++;
	struct strv above = list->changes[first].old_name;
	return name.n > above.n && name.p[above.n] == MBOX_SEPARATOR && strv_starts(name, above);
}

static void apply_name(struct session *session, const struct change_list *list, size_t at)
{
	struct notify *notify = session->notify;
	const struct change *change = &list->changes[at];
	bool renamed = change->kind == CHANGE_RENAMED;
	/* A RENAME of INBOX makes a new mailbox (RFC 3501 section 6.3.5). */
	enum notify_kind kind = renamed || change->old_name.n > 0 ? NOTIFY_KIND_RENAME : NOTIFY_KIND_NAME;

	imapd_notify_unresolve(notify);
	if (change->kind == CHANGE_DELETED) {
		struct notify_box *box = find_box(notify, change->mailbox);
		if (box)
			remove_box(notify, box);
	} else if (change->origin != session->id) {
		imapd_notify_mark(session, change->mailbox, NOTIFY_UIDVALIDITY);
	}
	if (!renamed || !renamed_below(list, at))
		imapd_notify_queue(session, change, kind, NOTIFY_MAILBOX_NAME);
}

static void imapd_notify_apply_messages(struct session *session, const struct change *change, unsigned event)
{
	struct notify *notify = session->notify;
	bool selected = session->view && view_mailbox(session->view) == change->mailbox;

	/* RFC 5465 section 5: a client is not told of its own changes. */
	if (change->origin == session->id)
		return;
	if (!selected) {
		imapd_notify_mark(session, change->mailbox, event);
	} else if (event == NOTIFY_MESSAGE_NEW && notify_set_plan(notify->set)) {
		for (size_t i = 0; i < change->msg_count; i++)
			seqset_add(&notify->due, change->msgs[i].uid);
	}
}

static void apply_change(struct session *session, const struct change_list *list, size_t at)
{
	const struct change *change = &list->changes[at];

	switch (change->kind) {
	case CHANGE_APPEND:
		imapd_notify_apply_messages(session, change, NOTIFY_MESSAGE_NEW);
		break;
	case CHANGE_EXPUNGE:
		imapd_notify_apply_messages(session, change, NOTIFY_MESSAGE_EXPUNGE);
		break;
	case CHANGE_FLAGS:
		imapd_notify_apply_messages(session, change, NOTIFY_FLAG_CHANGE);
		break;
	case CHANGE_CREATED:
	case CHANGE_DELETED:
	case CHANGE_RENAMED:
		apply_name(session, list, at);
		break;
	case CHANGE_SUBSCRIBED:
	case CHANGE_UNSUBSCRIBED:
		imapd_notify_unresolve(session->notify);
		imapd_notify_queue(session, change, NOTIFY_KIND_SUBSCRIPTION, NOTIFY_SUBSCRIPTION);
		break;
	case CHANGE_ANNOTATION:
		apply_annotation(session, change);
		break;
	case CHANGE_KEYWORDS:
	case CHANGE_RESET:
	case CHANGE_ACCOUNT_GONE:
		break;
	}
}

void notify_apply(struct session *session, const struct change_list *list)
{
	if (!session->notify)
		return;
	for (size_t i = 0; i < list->count; i++)
		apply_change(session, list, i);
}

/* Telling. */

void notify_flush(struct session *session)
{
	struct notify *notify = session->notify;

	if (!notify || notify->in_response || (session->cmd && session->cmd->law.in_response))
		return;
	answer_own(session, &notify->ready);
	if (!notify->overflowed)
		return;
	notify->overflowed = false;
	answer_untagged(session, "OK [NOTIFICATIONOVERFLOW] Too many notifications, none will be sent");
}

bool notify_immediate(const struct session *session)
{
	return notify_set_immediate(session->notify->set);
}

void notify_start(struct session *session)
{
	struct notify *notify = session->notify;

	/* A claim of \Recent must be answered first: flags may be among the attributes. */
	if (!session->claiming)
		notify_fetch_start(session);
	if (!notify->job && (notify->marked > 0 || notify->item_count > 0))
		notify_job_start(session);
}

bool notify_drain(struct session *session)
{
	if (!session->notify || !session->notify->waits_for_room)
		return false;
	notify_fetch_drain(session);
	return true;
}
