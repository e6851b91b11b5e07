/*
 * Reads the items of STATUS and prints the response.
 */
#include "imap/status_items.h"

#include "imap/objectid.h"
#include "imap/print.h"

static const char *const names[STATUS_KINDS] = {
	[STATUS_MESSAGES] = "MESSAGES",
	[STATUS_RECENT] = "RECENT",
	[STATUS_UIDNEXT] = "UIDNEXT",
	[STATUS_UIDVALIDITY] = "UIDVALIDITY",
	[STATUS_UNSEEN] = "UNSEEN",
	[STATUS_SIZE] = "SIZE",
	[STATUS_DELETED] = "DELETED",
	[STATUS_DELETED_STORAGE] = "DELETED-STORAGE",
	[STATUS_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
	[STATUS_APPENDLIMIT] = "APPENDLIMIT",
	[STATUS_MAILBOXID] = "MAILBOXID",
};

static bool status_items_parse_item(struct parse *parse, struct status_items *items)
{
	for (unsigned i = 0; i < STATUS_KINDS; i++) {
		if (!parse_keyword(parse, names[i]))
			continue;
		if (items->count == STATUS_ITEMS_MAX)
			return parse_fail(parse, "Too many items");
		items->v[items->count++] = (enum status_item)i;
		items->mask |= 1u << i;
		return true;
	}
	return parse_fail(parse, "Unknown STATUS item");
}

bool status_items_parse(struct parse *parse, struct status_items *ret_items)
{
	struct status_items items = { .count = 0 };

	if (!parse_char(parse, '('))
		return false;
	do {
		if (!status_items_parse_item(parse, &items))
			return false;
	} while (parse_more(parse));
	if (!parse_char(parse, ')'))
		return false;
	*ret_items = items;
	return true;
}

bool status_items_memory(const struct status_items *items)
{
	return !(items->mask & 1u << STATUS_DELETED_STORAGE);
}

static uint64_t status_items_value_of(const struct status_values *values, enum status_item item)
{
	const struct mbox_info *info = &values->info;

	switch (item) {
	case STATUS_MESSAGES:
		return info->messages;
	case STATUS_RECENT:
		return info->recent;
	case STATUS_UIDNEXT:
		return info->uidnext;
	case STATUS_UIDVALIDITY:
		return info->uidvalidity;
	case STATUS_UNSEEN:
		return info->unseen;
	case STATUS_SIZE:
		return info->size;
	case STATUS_DELETED:
		return info->deleted;
	case STATUS_DELETED_STORAGE:
		return values->deleted_storage;
	case STATUS_HIGHESTMODSEQ:
		return info->highestmodseq;
	case STATUS_APPENDLIMIT:
		return values->message_max;
	case STATUS_MAILBOXID:
	case STATUS_KINDS:
		break;
	}
	return 0;
}

void status_items_print(struct buf *out, struct strv name, bool utf8, const struct status_items *items,
	const struct status_values *values)
{
	buf_adds(out, "* STATUS ");
	print_mailbox(out, name, utf8);
	buf_adds(out, " (");
	for (size_t i = 0; i < items->count; i++) {
		enum status_item item = items->v[i];
		buf_printf(out, "%s%s ", i > 0 ? " " : "", names[item]);
		if (item == STATUS_MAILBOXID) {
			buf_addc(out, '(');
			objectid_mailbox(out, values->info.uidvalidity);
			buf_addc(out, ')');
		} else {
			buf_addu(out, status_items_value_of(values, item));
		}
	}
	buf_adds(out, ")\r\n");
}
