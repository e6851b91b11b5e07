/* Looks up and prints what NOTIFY tells of mailboxes other than the selected one. */
#include "query/notify_lines.h"

#include "query/list.h"
#include "imap/print.h"
#include "query/status.h"
#include "imap/status_items.h"

#define METADATA_LINE_MAX 4096 /* a response of several entries is ended beyond this */

static void lines_item(struct status_items *items, enum status_item which)
{
	if (items->mask & 1u << which)
		return;
	items->v[items->count++] = which;
	items->mask |= 1u << which;
}

static enum rc lines_status(struct account *account, const struct mbox_info *info,
	const struct status_items *items, bool utf8, struct buf *out)
{
	struct status_values values;

	enum rc rc = status_read(account, info, items, &values);
	if (rc == RC_OK)
		status_items_print(out, info->name, utf8, items, &values);
	return rc;
}

/* Prints the STATUS of a changed mailbox. RFC 5465 sections 5.1 to 5.3 define its items. */

static enum rc lines_box(struct account *account, struct notify_lines *lines, struct notify_ask *ask)
{
	struct status_items items = { .count = 0 };
	struct mbox_info info;

	ask->found = false;
	enum rc rc = mbox_get(account, ask->id, &info);
	if (rc != RC_OK || info.attrs & MBOX_NOSELECT)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	ask->found = true;
	ask->events = notify_set_match(lines->set, info.name, info.subscribed);
	unsigned due = ask->marks & ask->events;
	bool flags = ask->events & NOTIFY_FLAG_CHANGE;
	bool other = flags && ask->marks & NOTIFY_UIDVALIDITY;
	bool unseen = flags && !(ask->unseen_known && ask->unseen == info.unseen);
	if (due & (NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE) || other) {
		lines_item(&items, STATUS_MESSAGES);
		lines_item(&items, STATUS_UIDNEXT);
	}
	/* A change of a flag that shows neither in counters nor in mod-sequences can't be told. */
	if (due & NOTIFY_FLAG_CHANGE && !lines->condstore && !unseen)
		due &= ~(unsigned)NOTIFY_FLAG_CHANGE;
	if (due & NOTIFY_FLAG_CHANGE || other)
		lines_item(&items, STATUS_UIDVALIDITY);
	if (!due && !other)
		return RC_OK;
	if (flags)
		lines_item(&items, STATUS_UNSEEN);
	if (lines->condstore)
		lines_item(&items, STATUS_HIGHESTMODSEQ);
	ask->unseen_known = flags;
	ask->unseen = info.unseen;
	return lines_status(account, &info, &items, lines->utf8, &lines->out);
}

/* These functions print the LIST response of a name as it is now (RFC 5465 sections 5.4 and 5.5). */

/* Prints it if the set wants that event of that name. */
static void lines_name(struct account *account, struct notify_lines *lines, struct strv name, unsigned event)
{
	struct mbox_info info;

	mbox_describe(account, name, &info);
	/* A name that has just lost its subscription still counts as subscribed. */
	bool subscribed = info.subscribed || event == NOTIFY_SUBSCRIPTION;
	if (notify_set_match(lines->set, name, subscribed) & event)
		list_print_name(&lines->out, &info, lines->utf8, STRV_NULL);
}

/* Tells whether a later item names it, too: a \Noselect name that is deleted with its last child. */
static bool lines_named_later(
	const struct notify_lines *lines, const struct notify_item *item, struct strv name)
{
	for (const struct list_node *node = item->node.next; node != &lines->items.head; node = node->next) {
		const struct notify_item *other = CONTAINER_OF(node, struct notify_item, node);
		if (other->kind == NOTIFY_KIND_NAME && strv_eq(other->name, name))
			return true;
	}
	return false;
}

static void lines_name_and_parent(
	struct account *account, struct notify_lines *lines, const struct notify_item *item)
{
	struct strv name = item->name;
	size_t n = name.n;

	lines_name(account, lines, name, NOTIFY_MAILBOX_NAME);
	while (n > 0 && name.p[n - 1] != MBOX_SEPARATOR)
		n--;
	struct strv parent = strv_sub(name, 0, n > 1 ? n - 1 : 0);
	if (parent.n > 0 && !lines_named_later(lines, item, parent))
		lines_name(account, lines, parent, NOTIFY_MAILBOX_NAME);
}

static void lines_renamed(struct account *account, struct notify_lines *lines, const struct notify_item *item)
{
	struct mbox_info info;
	struct mbox_info old;

	mbox_describe(account, item->name, &info);
	mbox_describe(account, item->old_name, &old);
	if (info.id != item->mailbox) {
		/* The name was renamed again or deleted, so the present state of both names is told. */
		lines_name(account, lines, item->old_name, NOTIFY_MAILBOX_NAME);
		lines_name(account, lines, item->name, NOTIFY_MAILBOX_NAME);
		return;
	}
	unsigned events = notify_set_match(lines->set, item->name, info.subscribed);
	/* INBOX still exists, so it has no event of its own. */
	if (!strv_eq(item->old_name, STRV("INBOX")))
		events |= notify_set_match(lines->set, item->old_name, old.subscribed);
	if (events & NOTIFY_MAILBOX_NAME)
		list_print_name(&lines->out, &info, lines->utf8, item->old_name);
}

/* METADATA responses without values (RFC 5464 section 4.4.2). */

/* The mailbox's name; false: it is gone, or not watched. */
static enum rc lines_metadata_name(
	struct account *account, const struct notify_lines *lines, int64_t mailbox, struct strv *ret_name)
{
	struct mbox_info info = { .name = STRV("") };

	if (mailbox != 0) {
		enum rc rc = mbox_get(account, mailbox, &info);
		if (rc != RC_OK)
			return rc;
		if (!(notify_set_match(lines->set, info.name, info.subscribed) & NOTIFY_MAILBOX_METADATA))
			return RC_NOT_FOUND;
	}
	*ret_name = info.name;
	return RC_OK;
}

static const struct notify_item *lines_next_item(
	const struct notify_lines *lines, const struct notify_item *item)
{
	struct list_node *next = item->node.next;
	return next == &lines->items.head ? NULL : CONTAINER_OF(next, struct notify_item, node);
}

/* Prints the entry and those of the same mailbox that follow it directly. *ret_last: the last one printed. */
static enum rc lines_metadata(struct account *account, struct notify_lines *lines,
	const struct notify_item *item, const struct notify_item **ret_last)
{
	struct buf *out = &lines->out;
	struct strv name;
	size_t start = out->len;

	enum rc rc = lines_metadata_name(account, lines, item->mailbox, &name);
	*ret_last = item;
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	buf_adds(out, "* METADATA ");
	print_mailbox(out, name, lines->utf8);
	for (;;) {
		buf_addc(out, ' ');
		buf_addv(out, item->name);
		*ret_last = item;
		item = lines_next_item(lines, item);
		if (!item || item->kind != NOTIFY_KIND_METADATA || item->mailbox != (*ret_last)->mailbox ||
			out->len - start > METADATA_LINE_MAX)
			break;
	}
	buf_adds(out, "\r\n");
	return RC_OK;
}

static enum rc lines_items(struct account *account, struct notify_lines *lines)
{
	const struct notify_item *item = NULL;
	enum rc rc = RC_OK;

	if (!list_empty(&lines->items))
		item = CONTAINER_OF(lines->items.head.next, struct notify_item, node);
	for (; rc == RC_OK && item; item = lines_next_item(lines, item)) {
		switch (item->kind) {
		case NOTIFY_KIND_NAME:
			lines_name_and_parent(account, lines, item);
			break;
		case NOTIFY_KIND_RENAME:
			lines_renamed(account, lines, item);
			break;
		case NOTIFY_KIND_SUBSCRIPTION:
			lines_name(account, lines, item->name, NOTIFY_SUBSCRIPTION);
			break;
		case NOTIFY_KIND_METADATA:
			rc = lines_metadata(account, lines, item, &item);
			break;
		}
	}
	return rc;
}

enum rc notify_lines_print(struct account *account, struct notify_lines *lines)
{
	buf_reset(&lines->out);
	enum rc rc = lines_items(account, lines);
	for (size_t i = 0; rc == RC_OK && i < lines->count; i++)
		rc = lines_box(account, lines, &lines->asks[i]);
	return rc == RC_OK && !buf_ok(&lines->out) ? RC_LIMIT : rc;
}

/* NOTIFY SET STATUS (section 3.1). */

struct lines_walk {
	struct account *account;
	const struct notify_set *set;
	int64_t selected;
	bool utf8;
	struct buf *out;
	enum rc rc;
};

static bool lines_visit(void *arg, const struct mbox_info *info)
{
	struct lines_walk *walk = arg;
	struct status_items items = { .count = 0 };

	if (info->attrs & MBOX_NOSELECT || info->id == walk->selected)
		return true;
	unsigned events = notify_set_match(walk->set, info->name, info->subscribed);
	if (!(events & NOTIFY_MESSAGES))
		return true;
	lines_item(&items, STATUS_MESSAGES);
	lines_item(&items, STATUS_UIDNEXT);
	lines_item(&items, STATUS_UIDVALIDITY);
	if (events & NOTIFY_FLAG_CHANGE) {
		lines_item(&items, STATUS_UNSEEN);
		lines_item(&items, STATUS_HIGHESTMODSEQ);
	}
	walk->rc = lines_status(walk->account, info, &items, walk->utf8, walk->out);
	return walk->rc == RC_OK && buf_ok(walk->out);
}

enum rc notify_lines_status(
	struct account *account, const struct notify_set *set, int64_t selected, bool utf8, struct buf *out)
{
	struct lines_walk walk = {
		.account = account, .set = set, .selected = selected, .utf8 = utf8, .out = out, .rc = RC_OK
	};

	enum rc rc = mbox_list(account, false, true, lines_visit, &walk);
	if (rc == RC_OK)
		rc = walk.rc;
	return rc == RC_OK && !buf_ok(out) ? RC_LIMIT : rc;
}
