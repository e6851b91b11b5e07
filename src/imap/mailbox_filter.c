/*
 * Reads mailbox filters and matches names with them.
 */
#include "imap/mailbox_filter.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void mailbox_filter_reader_init(struct mailbox_filter_reader *reader, struct parse *parse,
	struct store *store, struct arena *arena, enum mailbox_filter_kind unknown)
{
	*reader = (struct mailbox_filter_reader){
		.parse = parse,
		.store = store,
		.arena = arena,
		.unknown = unknown,
		.names = arena_alloc(parse->arena, MAILBOX_FILTER_NAMES_MAX * sizeof(struct strv)),
	};
}

static bool take_name(struct mailbox_filter_reader *reader, struct mailbox_filter *filter)
{
	struct strv name;
	struct strv checked;

	if (!parse_mailbox(reader->parse, &name))
		return false;
	reader->name_bytes += name.n;
	if (++reader->name_count > MAILBOX_FILTER_NAMES_MAX)
		return true;
	if (mbox_name_check(reader->store, name, reader->arena, &checked) == RC_OK)
		reader->names[filter->name_count++] = checked;
	return true;
}

static int mailbox_filter_compare_names(const void *a, const void *b)
{
	return strv_cmp(*(const struct strv *)a, *(const struct strv *)b);
}

/* Reads one name, or several in parentheses. */
static bool parse_names(struct mailbox_filter_reader *reader, struct mailbox_filter *filter)
{
	if (!parse_sp(reader->parse))
		return false;
	bool list = parse_skip(reader->parse, '(');
	do {
		if (!take_name(reader, filter))
			return false;
	} while (list && parse_more(reader->parse));
	if (list && !parse_char(reader->parse, ')'))
		return false;
	if (filter->name_count == 0)
		return true;
	size_t size = filter->name_count * sizeof(*filter->names);
	struct strv *names = arena_alloc(reader->arena, size);
	memcpy(names, reader->names, size);
	qsort(names, filter->name_count, sizeof(*names), mailbox_filter_compare_names);
	filter->names = names;
	return true;
}

bool mailbox_filter_parse(struct mailbox_filter_reader *reader, struct mailbox_filter *ret_filter)
{
	static const struct {
		const char *name;
		enum mailbox_filter_kind kind;
	} filters[] = {
		{ "selected", FILTER_SELECTED },
		{ "selected-delayed", FILTER_SELECTED_DELAYED },
		{ "inboxes", FILTER_PERSONAL },
		{ "personal", FILTER_PERSONAL },
		{ "subscribed", FILTER_SUBSCRIBED },
		{ "subtree", FILTER_SUBTREE },
		{ "subtree-one", FILTER_SUBTREE_ONE },
		{ "mailboxes", FILTER_MAILBOXES },
	};

	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		if (filters[i].kind == reader->unknown || !parse_keyword(reader->parse, filters[i].name))
			continue;
		*ret_filter = (struct mailbox_filter){ .kind = filters[i].kind };
		return filters[i].kind < FILTER_SUBTREE || parse_names(reader, ret_filter);
	}
	return parse_fail(reader->parse, "Unknown mailbox filter");
}

static bool has_name(const struct mailbox_filter *filter, struct strv name)
{
	return filter->name_count > 0 &&
	       bsearch(&name, filter->names, filter->name_count, sizeof(*filter->names),
		       mailbox_filter_compare_names) != NULL;
}

/* True: the filter has the name itself, or a name above it. `one`: only the level directly above counts. */
static bool in_subtree(const struct mailbox_filter *filter, struct strv name, bool one)
{
	if (has_name(filter, name))
		return true;
	for (size_t i = name.n; i-- > 0;) {
		if (name.p[i] != MBOX_SEPARATOR)
			continue;
		if (has_name(filter, strv_sub(name, 0, i)))
			return true;
		if (one)
			return false;
	}
	return false;
}

bool mailbox_filter_match(const struct mailbox_filter *filter, struct strv name, bool subscribed)
{
	switch (filter->kind) {
	case FILTER_SELECTED:
	case FILTER_SELECTED_DELAYED:
		return false;
	case FILTER_PERSONAL:
		return true;
	case FILTER_SUBSCRIBED:
		return subscribed;
	case FILTER_SUBTREE:
	case FILTER_SUBTREE_ONE:
		return in_subtree(filter, name, filter->kind == FILTER_SUBTREE_ONE);
	case FILTER_MAILBOXES:
		return has_name(filter, name);
	}
	return false;
}
