/*
 * Carries out a LIST: walks over the names in order, matches them with the patterns, and prints a line for
 * each with its attributes and the other data that were asked for.
 */
#include "query/list.h"

#include "base/hash.h"
#include "base/special_use.h"
#include "imap/acl_rights.h"
#include "query/metadata_read.h"
#include "imap/list_match.h"
#include "imap/print.h"
#include "query/status.h"
#include "imap/status_items.h"
#include "store/mailbox.h"

#define LIST_LINE_MAX (64 * 1024) /* two names, encoded, and all attributes */

/* A name that has selected names below it: for RECURSIVEMATCH. */
struct above {
	UT_hash_handle hh;
	struct strv name;
	bool hidden; /* a selected name below it does not match the patterns */
	bool listed; /* it is a name of the account */
};

struct entry {
	struct mbox_info info;
	bool matches;
	bool selected;
};

struct run {
	struct account *account;
	const struct list_options *options;
	bool utf8;
	struct arena *arena;
	struct buf *out;
	struct list_pattern *patterns;
	struct entry *entries;
	size_t count;
	size_t cap;
	struct above *above; /* uthash; nodes in the arena */
};

static bool list_matches(struct run *run, struct strv name)
{
	for (size_t i = 0; i < run->options->pattern_count; i++) {
		if (list_match(&run->patterns[i], name))
			return true;
	}
	return false;
}

static bool list_selected(const struct run *run, const struct mbox_info *info)
{
	unsigned select = run->options->select;
	bool exists = info->id != 0;

	if (select & LIST_SELECT_SUBSCRIBED && !info->subscribed)
		return false;
	if (select & LIST_SELECT_SPECIAL_USE && !(info->attrs & MBOX_SPECIAL_MASK))
		return false;
	/* A name without a mailbox is shown only if subscriptions are selected. */
	return exists || select & LIST_SELECT_SUBSCRIBED;
}

static bool list_collect(void *arg, const struct mbox_info *info)
{
	struct run *run = arg;

	if (run->count == run->cap) {
		size_t cap = run->cap ? 2 * run->cap : 64;
		struct entry *more = arena_alloc(run->arena, cap * sizeof(*more));
		if (run->count > 0)
			memcpy(more, run->entries, run->count * sizeof(*more));
		run->entries = more;
		run->cap = cap;
	}
	run->entries[run->count++] = (struct entry){
		.info = *info,
		.matches = list_matches(run, info->name),
		.selected = list_selected(run, info),
	};
	return true;
}

static void add_attribute(struct buf *out, size_t start, const char *name)
{
	if (out->len > start)
		buf_addc(out, ' ');
	buf_adds(out, name);
}

static void print_attributes(struct buf *out, const struct mbox_info *info, bool subscribed)
{
	size_t start = out->len;

	if (info->id == 0)
		add_attribute(out, start, "\\NonExistent");
	else if (info->attrs & MBOX_NOSELECT)
		add_attribute(out, start, "\\Noselect");
	if (subscribed && info->subscribed)
		add_attribute(out, start, "\\Subscribed");
	add_attribute(out, start, info->has_children ? "\\HasChildren" : "\\HasNoChildren");
	for (uint32_t use = MBOX_SENT; use <= MBOX_IMPORTANT; use <<= 1) {
		if (info->attrs & use)
			add_attribute(out, start, special_use_name(use));
	}
}

void list_print_name(struct buf *out, const struct mbox_info *info, bool utf8, struct strv old_name)
{
	buf_adds(out, "* LIST (");
	print_attributes(out, info, true);
	buf_adds(out, ") \"/\" ");
	print_mailbox(out, info->name, utf8);
	if (old_name.n > 0) {
		buf_adds(out, " (\"OLDNAME\" (");
		print_mailbox(out, old_name, utf8);
		buf_adds(out, "))");
	}
	buf_adds(out, "\r\n");
}

struct strv list_name_line(struct arena *arena, const struct mbox_info *info, bool utf8, struct strv old_name)
{
	struct buf out;

	buf_init(&out, LIST_LINE_MAX);
	list_print_name(&out, info, utf8, old_name);
	struct strv line = arena_strv(arena, buf_strv(&out));
	buf_fini(&out);
	return line;
}

static void print_childinfo(const struct run *run)
{
	unsigned select = run->options->select;

	buf_adds(run->out, " (\"CHILDINFO\" (");
	if (select & LIST_SELECT_SUBSCRIBED)
		buf_adds(run->out, "\"SUBSCRIBED\"");
	if (select & LIST_SELECT_SPECIAL_USE)
		buf_printf(run->out, "%s\"SPECIAL-USE\"", select & LIST_SELECT_SUBSCRIBED ? " " : "");
	buf_adds(run->out, "))");
}

static void print_line(struct run *run, const struct mbox_info *info, bool childinfo)
{
	bool subscribed =
		run->options->select & LIST_SELECT_SUBSCRIBED || run->options->ret & LIST_RETURN_SUBSCRIBED;

	buf_adds(run->out, "* LIST (");
	print_attributes(run->out, info, subscribed);
	buf_adds(run->out, ") \"/\" ");
	print_mailbox(run->out, info->name, run->utf8);
	if (childinfo)
		print_childinfo(run);
	buf_adds(run->out, "\r\n");
}

static enum rc print_status(struct run *run, const struct mbox_info *info)
{
	struct status_values values;

	if (!(run->options->ret & LIST_RETURN_STATUS) || info->attrs & MBOX_NOSELECT)
		return RC_OK;
	enum rc rc = status_read(run->account, info, &run->options->status, &values);
	if (rc == RC_OK)
		status_items_print(run->out, info->name, run->utf8, &run->options->status, &values);
	return rc;
}

static void print_myrights(struct run *run, const struct mbox_info *info)
{
	if (!(run->options->ret & LIST_RETURN_MYRIGHTS) || info->attrs & MBOX_NOSELECT)
		return;
	buf_adds(run->out, "* MYRIGHTS ");
	print_mailbox(run->out, info->name, run->utf8);
	buf_adds(run->out, " " ACL_ALL_LETTERS "\r\n");
}

/* Prints the further data that were asked for. */
static enum rc print_more(struct run *run, const struct mbox_info *info)
{
	print_myrights(run, info);
	enum rc rc = print_status(run, info);
	if (rc == RC_OK && run->options->ret & LIST_RETURN_METADATA)
		rc = metadata_read_list(run->options->annotations, run->account, info,
			&run->options->metadata, run->utf8, run->out);
	return rc;
}

/* Notes every level above a selected name. */
static void note_above(struct run *run, const struct entry *entry)
{
	struct strv name = entry->info.name;

	for (size_t i = 1; i < name.n; i++) {
		struct strv part = strv_sub(name, 0, i);
		struct above *above = NULL;
		if (name.p[i] != MBOX_SEPARATOR)
			continue;
		HASH_FIND(hh, run->above, part.p, part.n, above);
		if (!above) {
			above = arena_zalloc(run->arena, sizeof(*above));
			above->name = part;
			HASH_ADD_KEYPTR(hh, run->above, above->name.p, above->name.n, above);
		}
		above->hidden |= !entry->matches;
	}
}

static struct above *find_above(struct run *run, struct strv name)
{
	struct above *above = NULL;
	if (run->above)
		HASH_FIND(hh, run->above, name.p, name.n, above);
	return above;
}

static enum rc print_entry(struct run *run, const struct entry *entry)
{
	struct above *above = find_above(run, entry->info.name);

	if (above)
		above->listed = true;
	/* A name that is not selected is shown only because of a name below it that would not be shown
	 * otherwise. */
	if (!entry->matches || (!entry->selected && !(above && above->hidden)))
		return RC_OK;
	print_line(run, &entry->info, above != NULL);
	/* Such a name has its LIST line only (RFC 5819 and 8440, second examples). */
	return entry->selected ? print_more(run, &entry->info) : RC_OK;
}

/* Prints levels above subscribed names that are not names of the account. */
static void print_missing(struct run *run)
{
	struct above *above, *next;

	HASH_ITER (hh, run->above, above, next) {
		struct mbox_info info = { .name = above->name, .attrs = MBOX_NOSELECT, .has_children = true };
		if (!above->listed && above->hidden && list_matches(run, above->name))
			print_line(run, &info, true);
	}
}

enum rc list_run(struct account *account, const struct list_options *options, bool utf8, struct arena *arena,
	struct buf *out)
{
	struct run run = { .account = account, .options = options, .utf8 = utf8, .arena = arena, .out = out };
	bool subscriptions = options->select & LIST_SELECT_SUBSCRIBED;

	run.patterns = arena_alloc(arena, options->pattern_count * sizeof(*run.patterns));
	for (size_t i = 0; i < options->pattern_count; i++)
		list_pattern_init(&run.patterns[i], options->reference, options->patterns[i], arena);
	enum rc rc = mbox_list(account, subscriptions, options->ret & LIST_RETURN_STATUS, list_collect, &run);
	if (options->select & LIST_SELECT_RECURSIVEMATCH) {
		for (size_t i = 0; i < run.count; i++) {
			if (run.entries[i].selected)
				note_above(&run, &run.entries[i]);
		}
	}
	for (size_t i = 0; rc == RC_OK && i < run.count; i++) {
		rc = print_entry(&run, &run.entries[i]);
		if (rc == RC_OK && !buf_ok(out))
			rc = RC_LIMIT;
	}
	if (rc == RC_OK)
		print_missing(&run);
	HASH_CLEAR(hh, run.above);
	return rc == RC_OK && !buf_ok(out) ? RC_LIMIT : rc;
}
