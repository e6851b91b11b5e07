/*
 * What NOTIFY has to say of other mailboxes than the selected one: found out and printed on the worker.
 */
#include "imapd/answer.h"
#include "imapd/notify_priv.h"

#include "base/mem.h"
#include "imapd/imapd_priv.h"
#include "imapd/list_run.h"
#include "imapd/print.h"
#include "imapd/status_items.h"

#include <stdlib.h>

#define METADATA_LINE_MAX 4096 /* a response of several entries is ended beyond this */

/* A marked mailbox, and what was found out. */
struct ask {
	int64_t id;
	unsigned marks;
	bool unseen_known;
	uint32_t unseen;
	bool found;
	unsigned events;
};

struct notify_job {
	struct job job;
	struct hub *hub; /* borrowed */
	struct notify_set *set; /* counted */
	bool utf8;
	bool condstore;
	struct list items; /* own */
	struct ask *asks; /* own */
	size_t count;
	struct buf out; /* own */
};

static void item(struct status_items *items, enum status_item which)
{
	if (items->mask & 1u << which)
		return;
	items->v[items->count++] = which;
	items->mask |= 1u << which;
}

static enum rc print_status(struct account *account, const struct mbox_info *info,
	const struct status_items *items, bool utf8, struct buf *out)
{
	struct status_values values;

	enum rc rc = status_items_read(account, info, items, &values);
	if (rc == RC_OK)
		status_items_print(out, info->name, utf8, items, &values);
	return rc;
}

/* STATUS of a mailbox in which something has happened. Sections 5.1 to 5.3 say what it holds. */

static enum rc print_box(struct account *account, struct notify_job *notify, struct ask *ask)
{
	struct status_items items = { .count = 0 };
	struct mbox_info info;

	ask->found = false;
	enum rc rc = mbox_get(account, ask->id, &info);
	if (rc != RC_OK || info.attrs & MBOX_NOSELECT)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	ask->found = true;
	ask->events = notify_set_match(notify->set, info.name, info.subscribed);
	unsigned due = ask->marks & ask->events;
	bool flags = ask->events & NOTIFY_FLAG_CHANGE;
	bool other = flags && ask->marks & NOTIFY_UIDVALIDITY;
	bool unseen = flags && !(ask->unseen_known && ask->unseen == info.unseen);
	if (due & (NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE) || other) {
		item(&items, STATUS_MESSAGES);
		item(&items, STATUS_UIDNEXT);
	}
	/* A flag that neither counters nor mod-sequences show can't be told here. */
	if (due & NOTIFY_FLAG_CHANGE && !notify->condstore && !unseen)
		due &= ~(unsigned)NOTIFY_FLAG_CHANGE;
	if (due & NOTIFY_FLAG_CHANGE || other)
		item(&items, STATUS_UIDVALIDITY);
	if (!due && !other)
		return RC_OK;
	if (flags)
		item(&items, STATUS_UNSEEN);
	if (notify->condstore)
		item(&items, STATUS_HIGHESTMODSEQ);
	ask->unseen_known = flags;
	ask->unseen = info.unseen;
	return print_status(account, &info, &items, notify->utf8, &notify->out);
}

/* LIST of a name as it is now (sections 5.4 and 5.5). */

/* If the set wants that event of that name. */
static void tell_name(struct account *account, struct notify_job *notify, struct strv name, unsigned event)
{
	struct mbox_info info;

	mbox_describe(account, name, &info);
	/* A name that has just lost its subscription was among the subscribed ones. */
	bool subscribed = info.subscribed || event == NOTIFY_SUBSCRIPTION;
	if (notify_set_match(notify->set, name, subscribed) & event)
		list_print_name(&notify->out, &info, notify->utf8, STRV_NULL);
}

/* Whether an item after this one names it: a name above others that goes with the last of them. */
static bool named_later(const struct notify_job *notify, const struct notify_item *item, struct strv name)
{
	for (const struct list_node *node = item->node.next; node != &notify->items.head; node = node->next) {
		const struct notify_item *other = CONTAINER_OF(node, struct notify_item, node);
		if (other->kind == NOTIFY_KIND_NAME && strv_eq(other->name, name))
			return true;
	}
	return false;
}

static void tell_name_and_parent(
	struct account *account, struct notify_job *notify, const struct notify_item *item)
{
	struct strv name = item->name;
	size_t n = name.n;

	tell_name(account, notify, name, NOTIFY_MAILBOX_NAME);
	while (n > 0 && name.p[n - 1] != MBOX_SEPARATOR)
		n--;
	struct strv parent = strv_sub(name, 0, n > 1 ? n - 1 : 0);
	if (parent.n > 0 && !named_later(notify, item, parent))
		tell_name(account, notify, parent, NOTIFY_MAILBOX_NAME);
}

static void tell_renamed(struct account *account, struct notify_job *notify, const struct notify_item *item)
{
	struct mbox_info info;
	struct mbox_info old;

	mbox_describe(account, item->name, &info);
	mbox_describe(account, item->old_name, &old);
	if (info.id != item->mailbox) {
		/* Renamed, or deleted, once more: what is left is the state of both names. */
		tell_name(account, notify, item->old_name, NOTIFY_MAILBOX_NAME);
		tell_name(account, notify, item->name, NOTIFY_MAILBOX_NAME);
		return;
	}
	unsigned events = notify_set_match(notify->set, item->name, info.subscribed);
	/* INBOX is there as before: it has no event of its own. */
	if (!strv_eq(item->old_name, STRV("INBOX")))
		events |= notify_set_match(notify->set, item->old_name, old.subscribed);
	if (events & NOTIFY_MAILBOX_NAME)
		list_print_name(&notify->out, &info, notify->utf8, item->old_name);
}

/* METADATA without values (RFC 5464 section 4.4.2). */

/* The mailbox's name; false: it is gone, or not watched. */
static enum rc metadata_name(
	struct account *account, const struct notify_job *notify, int64_t mailbox, struct strv *ret_name)
{
	struct mbox_info info = { .name = STRV("") };

	if (mailbox != 0) {
		enum rc rc = mbox_get(account, mailbox, &info);
		if (rc != RC_OK)
			return rc;
		if (!(notify_set_match(notify->set, info.name, info.subscribed) & NOTIFY_MAILBOX_METADATA))
			return RC_NOT_FOUND;
	}
	*ret_name = info.name;
	return RC_OK;
}

static const struct notify_item *next_item(const struct notify_job *notify, const struct notify_item *item)
{
	struct list_node *next = item->node.next;
	return next == &notify->items.head ? NULL : CONTAINER_OF(next, struct notify_item, node);
}

/* The entry, and those of the same mailbox that follow it at once. *ret_last is the last one that is told. */
static enum rc tell_metadata(struct account *account, struct notify_job *notify,
	const struct notify_item *item, const struct notify_item **ret_last)
{
	struct buf *out = &notify->out;
	struct strv name;
	size_t start = out->len;

	enum rc rc = metadata_name(account, notify, item->mailbox, &name);
	*ret_last = item;
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	buf_adds(out, "* METADATA ");
	print_mailbox(out, name, notify->utf8);
	for (;;) {
		buf_addc(out, ' ');
		buf_addv(out, item->name);
		*ret_last = item;
		item = next_item(notify, item);
		if (!item || item->kind != NOTIFY_KIND_METADATA || item->mailbox != (*ret_last)->mailbox ||
			out->len - start > METADATA_LINE_MAX)
			break;
	}
	buf_adds(out, "\r\n");
	return RC_OK;
}

static enum rc tell_items(struct account *account, struct notify_job *notify)
{
	const struct notify_item *item = NULL;
	enum rc rc = RC_OK;

	if (!list_empty(&notify->items))
		item = CONTAINER_OF(notify->items.head.next, struct notify_item, node);
	for (; rc == RC_OK && item; item = next_item(notify, item)) {
		switch (item->kind) {
		case NOTIFY_KIND_NAME:
			tell_name_and_parent(account, notify, item);
			break;
		case NOTIFY_KIND_RENAME:
			tell_renamed(account, notify, item);
			break;
		case NOTIFY_KIND_SUBSCRIPTION:
			tell_name(account, notify, item->name, NOTIFY_SUBSCRIPTION);
			break;
		case NOTIFY_KIND_METADATA:
			rc = tell_metadata(account, notify, item, &item);
			break;
		}
	}
	return rc;
}

static enum rc job_run(struct account *account, struct job *job)
{
	struct notify_job *notify = (struct notify_job *)job;

	buf_reset(&notify->out);
	enum rc rc = tell_items(account, notify);
	for (size_t i = 0; rc == RC_OK && i < notify->count; i++)
		rc = print_box(account, notify, &notify->asks[i]);
	return rc == RC_OK && !buf_ok(&notify->out) ? RC_LIMIT : rc;
}

/* The reactor's side. */

static void job_free(struct notify_job *notify)
{
	while (!list_empty(&notify->items))
		free(CONTAINER_OF(list_pop(&notify->items), struct notify_item, node));
	notify_set_unref(&notify->set);
	free(notify->asks);
	buf_fini(&notify->out);
	free(notify);
}

/*
 * What was found out of the mailboxes, unless the set has been replaced. Marks that came while the job was under way are of
 * changes that it has seen: their lists came before its completion, because their commits did. What it told of them is told.
 */
static void take_boxes(struct notify *notify, const struct notify_job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		const struct ask *ask = &job->asks[i];
		struct notify_box *box = NULL;
		HASH_FIND(hh, notify->boxes, &ask->id, sizeof(ask->id), box);
		if (!box || !ask->found || job->set != notify->set)
			continue;
		notify->marked -= box->marks && !(box->marks & ~ask->marks) ? 1 : 0;
		box->marks &= ~ask->marks;
		box->names = notify->names;
		box->events = ask->events;
		box->unseen_known = ask->unseen_known;
		box->unseen = ask->unseen;
	}
}

static void job_done(struct job *job)
{
	struct notify_job *done = (struct notify_job *)job;
	struct session *session = session_find(done->hub, job->asker);
	struct notify *notify = session ? session->notify : NULL;

	if (notify && notify->job == done && session->state != SESSION_LOGOUT) {
		notify->job = NULL;
		if (job->rc != RC_OK) {
			/* Nothing must be missed without a word. */
			notify_overflow(session);
		} else {
			take_boxes(notify, done);
			buf_addv(&notify->ready, buf_strv(&done->out));
		}
		notify_flush(session);
		answer_flush(session);
		notify_kick(session);
	}
	job_free(done);
}

static void take_marks(struct session *session, struct notify_job *job)
{
	struct notify *notify = session->notify;
	int64_t selected = session->view ? view_mailbox(session->view) : 0;
	size_t room = notify->marked < NOTIFY_JOB_BOXES ? notify->marked : NOTIFY_JOB_BOXES;

	job->asks = mem_zalloc((room + 1) * sizeof(*job->asks));
	for (struct notify_box *box = notify->boxes; box && notify->marked > 0; box = box->hh.next) {
		if (!box->marks)
			continue;
		if (job->count == room)
			break;
		if (box->id != selected)
			job->asks[job->count++] = (struct ask){
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
	job->job.done = job_done;
	job->job.home = session->hub->reactor;
	job->job.asker = session->id;
	job->hub = session->hub;
	job->set = notify_set_ref(notify->set);
	job->utf8 = session_utf8(session);
	job->condstore = session->enabled & ENABLED_CONDSTORE;
	buf_init(&job->out, NOTIFY_OUTPUT_MAX);
	list_init(&job->items);
	list_splice(&job->items, &notify->items);
	notify->item_count = 0;
	notify->item_bytes = 0;
	take_marks(session, job);
	notify->job = job;
	/* There is one of them at most for a session, and sessions are counted. */
	account_submit_always(session->account, &job->job);
}

/* NOTIFY SET STATUS (section 3.1). */

struct walk {
	struct account *account;
	const struct notify_set *set;
	int64_t selected;
	bool utf8;
	struct buf *out;
	enum rc rc;
};

static bool visit(void *arg, const struct mbox_info *info)
{
	struct walk *walk = arg;
	struct status_items items = { .count = 0 };

	if (info->attrs & MBOX_NOSELECT || info->id == walk->selected)
		return true;
	unsigned events = notify_set_match(walk->set, info->name, info->subscribed);
	if (!(events & NOTIFY_MESSAGES))
		return true;
	item(&items, STATUS_MESSAGES);
	item(&items, STATUS_UIDNEXT);
	item(&items, STATUS_UIDVALIDITY);
	if (events & NOTIFY_FLAG_CHANGE) {
		item(&items, STATUS_UNSEEN);
		item(&items, STATUS_HIGHESTMODSEQ);
	}
	walk->rc = print_status(walk->account, info, &items, walk->utf8, walk->out);
	return walk->rc == RC_OK && buf_ok(walk->out);
}

enum rc notify_status_all(
	struct account *account, const struct notify_set *set, int64_t selected, bool utf8, struct buf *out)
{
	struct walk walk = {
		.account = account, .set = set, .selected = selected, .utf8 = utf8, .out = out, .rc = RC_OK
	};

	enum rc rc = mbox_list(account, false, true, visit, &walk);
	if (rc == RC_OK)
		rc = walk.rc;
	return rc == RC_OK && !buf_ok(out) ? RC_LIMIT : rc;
}
