#include "imapd/notify_set.h"

#include "base/mem.h"
#include "store/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>

enum filter {
	FILTER_SELECTED,
	FILTER_SELECTED_DELAYED,
	FILTER_PERSONAL, /* "inboxes", too: mail may be delivered into any mailbox */
	FILTER_SUBSCRIBED,
	FILTER_SUBTREE,
	FILTER_MAILBOXES
};

struct group {
	enum filter filter;
	unsigned events; /* 0: NONE */
	struct strv *names; /* sorted */
	size_t name_count;
};

struct notify_set {
	atomic_uint refs;
	struct arena *arena; /* own: all of it */
	struct group *groups; /* without that of the selected mailbox */
	size_t group_count;
	unsigned others;
	unsigned selected;
	bool immediate;
	bool has_plan;
	struct fetch_plan plan;
};

/* While parsing. */
struct builder {
	struct parse *parse;
	struct store *store;
	struct notify_set *set;
	enum notify_refusal refusal;
	bool has_selected;
	struct group groups[NOTIFY_GROUPS_MAX];
	size_t group_count; /* the selected mailbox's is counted, too */
	struct strv *names; /* of the group in hand; room for NOTIFY_NAMES_MAX in the parser's arena */
	size_t name_count; /* in all */
	size_t name_bytes;
};

static const struct {
	const char *name;
	enum notify_event event;
} event_names[] = {
	{ "MessageNew", NOTIFY_MESSAGE_NEW },
	{ "MessageExpunge", NOTIFY_MESSAGE_EXPUNGE },
	{ "FlagChange", NOTIFY_FLAG_CHANGE },
	{ "MailboxName", NOTIFY_MAILBOX_NAME },
	{ "SubscriptionChange", NOTIFY_SUBSCRIPTION },
	{ "MailboxMetadataChange", NOTIFY_MAILBOX_METADATA },
	{ "ServerMetadataChange", NOTIFY_SERVER_METADATA },
};

#define EVENT_COUNT (sizeof(event_names) / sizeof(event_names[0]))

/* Sets. */

static struct notify_set *set_new(void)
{
	struct arena *arena = arena_new(0);
	struct notify_set *set = arena_zalloc(arena, sizeof(*set));
	atomic_init(&set->refs, 1);
	set->arena = arena;
	return set;
}

struct notify_set *notify_set_none(void)
{
	return set_new();
}

struct notify_set *notify_set_ref(struct notify_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void notify_set_unref(struct notify_set **set)
{
	struct notify_set *s = *set;
	*set = NULL;
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	struct arena *arena = s->arena;
	arena_free(&arena);
}

unsigned notify_set_selected(const struct notify_set *set)
{
	return set->selected;
}

bool notify_set_immediate(const struct notify_set *set)
{
	return set->immediate;
}

const struct fetch_plan *notify_set_plan(const struct notify_set *set)
{
	return set->has_plan ? &set->plan : NULL;
}

unsigned notify_set_others(const struct notify_set *set)
{
	return set->others;
}

/* Parsing. */

/* The refusal that was found first stays; what is malformed behind it is BAD all the same. */
static void refuse(struct builder *builder, enum notify_refusal why)
{
	if (builder->refusal == NOTIFY_TAKEN)
		builder->refusal = why;
}

static bool take_name(struct builder *builder, struct group *group)
{
	struct strv name;
	struct strv checked;

	if (!parse_mailbox(builder->parse, &name))
		return false;
	builder->name_bytes += name.n;
	if (++builder->name_count > NOTIFY_NAMES_MAX || builder->name_bytes > NOTIFY_NAME_BYTES_MAX) {
		refuse(builder, NOTIFY_TOO_MUCH);
		return true;
	}
	if (mbox_name_check(builder->store, name, builder->set->arena, &checked) == RC_OK)
		builder->names[group->name_count++] = checked;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strv_cmp(*(const struct strv *)a, *(const struct strv *)b);
}

/* One name, or some in parentheses. */
static bool parse_names(struct builder *builder, struct group *group)
{
	if (!parse_sp(builder->parse))
		return false;
	bool list = parse_skip(builder->parse, '(');
	do {
		if (!take_name(builder, group))
			return false;
	} while (list && parse_skip(builder->parse, ' '));
	if (list && !parse_char(builder->parse, ')'))
		return false;
	if (group->name_count == 0)
		return true;
	size_t size = group->name_count * sizeof(*group->names);
	group->names = arena_alloc(builder->set->arena, size);
	memcpy(group->names, builder->names, size);
	qsort(group->names, group->name_count, sizeof(*group->names), compare_names);
	return true;
}

static bool parse_filter(struct builder *builder, struct group *group)
{
	static const struct {
		const char *name;
		enum filter filter;
	} filters[] = {
		{ "selected", FILTER_SELECTED },
		{ "selected-delayed", FILTER_SELECTED_DELAYED },
		{ "inboxes", FILTER_PERSONAL },
		{ "personal", FILTER_PERSONAL },
		{ "subscribed", FILTER_SUBSCRIBED },
		{ "subtree", FILTER_SUBTREE },
		{ "mailboxes", FILTER_MAILBOXES },
	};
	size_t i = 0;

	while (i < sizeof(filters) / sizeof(filters[0]) && !parse_keyword(builder->parse, filters[i].name))
		i++;
	if (i == sizeof(filters) / sizeof(filters[0]))
		return parse_fail(builder->parse, "Unknown mailbox filter");
	group->filter = filters[i].filter;
	if (group->filter == FILTER_SUBTREE || group->filter == FILTER_MAILBOXES)
		return parse_names(builder, group);
	return true;
}

static bool is_selected(const struct group *group)
{
	return group->filter == FILTER_SELECTED || group->filter == FILTER_SELECTED_DELAYED;
}

/* Behind "MessageNew": " (UID FLAGS)" */
static bool parse_attributes(struct builder *builder, const struct group *group)
{
	struct parse *parse = builder->parse;
	struct strv rest = parse_rest(parse);

	if (rest.n < 2 || rest.p[0] != ' ' || rest.p[1] != '(')
		return true;
	if (!is_selected(group))
		return parse_fail(parse, "Only the selected mailbox can have FETCH attributes");
	if (builder->set->has_plan)
		return parse_fail(parse, "FETCH attributes are given twice");
	struct fetch_plan plan;
	if (!parse_sp(parse) || !fetch_plan_parse(parse, !parse->uidonly, &plan))
		return false;
	fetch_plan_copy(&plan, builder->set->arena, &builder->set->plan);
	builder->set->has_plan = true;
	return true;
}

static bool parse_event(struct builder *builder, struct group *group)
{
	struct strv name;

	for (size_t i = 0; i < EVENT_COUNT; i++) {
		if (!parse_keyword(builder->parse, event_names[i].name))
			continue;
		group->events |= event_names[i].event;
		return event_names[i].event != NOTIFY_MESSAGE_NEW || parse_attributes(builder, group);
	}
	if (!parse_atom(builder->parse, &name))
		return false;
	refuse(builder, NOTIFY_BAD_EVENT);
	return true;
}

/* Section 5: what must be asked for together. */
static bool check_events(struct builder *builder, const struct group *group)
{
	unsigned both = NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE;
	unsigned events = group->events;

	/* That must be NO and not BAD, whatever else is missing. */
	if (builder->refusal == NOTIFY_BAD_EVENT)
		return true;
	if (is_selected(group) && events & ~(unsigned)NOTIFY_MESSAGES)
		return parse_fail(builder->parse, "Only message events for the selected mailbox");
	if (events & both && (events & both) != both)
		return parse_fail(builder->parse, "MessageNew and MessageExpunge belong together");
	if (events & NOTIFY_FLAG_CHANGE && !(events & both))
		return parse_fail(builder->parse, "FlagChange needs MessageNew and MessageExpunge");
	return true;
}

/* "(MessageNew MessageExpunge)" or "NONE" */
static bool parse_events(struct builder *builder, struct group *group)
{
	if (parse_keyword(builder->parse, "NONE"))
		return true;
	if (!parse_char(builder->parse, '('))
		return false;
	do {
		if (!parse_event(builder, group))
			return false;
	} while (parse_skip(builder->parse, ' '));
	return parse_char(builder->parse, ')') && check_events(builder, group);
}

static bool parse_group(struct builder *builder)
{
	struct parse *parse = builder->parse;
	struct notify_set *set = builder->set;
	struct group group = { .filter = FILTER_PERSONAL };

	if (!parse_char(parse, '(') || !parse_filter(builder, &group) || !parse_sp(parse) ||
		!parse_events(builder, &group) || !parse_char(parse, ')'))
		return false;
	if (++builder->group_count > NOTIFY_GROUPS_MAX) {
		refuse(builder, NOTIFY_TOO_MUCH);
		return true;
	}
	if (!is_selected(&group)) {
		builder->groups[set->group_count++] = group;
		set->others |= group.events;
		return true;
	}
	if (builder->has_selected)
		return parse_fail(parse, "The selected mailbox can be given once");
	builder->has_selected = true;
	set->selected = group.events;
	set->immediate = group.filter == FILTER_SELECTED;
	return true;
}

bool notify_set_parse(struct parse *parse, struct store *store, struct notify_set **ret_set,
	enum notify_refusal *ret_refusal)
{
	struct notify_set *set = set_new();
	struct builder builder = { .parse = parse, .store = store, .set = set };
	bool ok;

	builder.names = arena_alloc(parse->arena, NOTIFY_NAMES_MAX * sizeof(*builder.names));
	do {
		ok = parse_group(&builder);
	} while (ok && parse_skip(parse, ' '));
	ok = ok && parse_end(parse);
	set->groups = arena_alloc(set->arena, (set->group_count + 1) * sizeof(*set->groups));
	memcpy(set->groups, builder.groups, set->group_count * sizeof(*set->groups));
	if (!ok || builder.refusal != NOTIFY_TAKEN)
		notify_set_unref(&set);
	if (!ok)
		return false;
	*ret_refusal = builder.refusal;
	*ret_set = set;
	return true;
}

/* Matching. */

static bool has_name(const struct group *group, struct strv name)
{
	return group->name_count > 0 &&
	       bsearch(&name, group->names, group->name_count, sizeof(*group->names), compare_names) != NULL;
}

/* The name itself, or one above it. */
static bool in_subtree(const struct group *group, struct strv name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == MBOX_SEPARATOR && has_name(group, strv_sub(name, 0, i)))
			return true;
	}
	return has_name(group, name);
}

static bool matches(const struct group *group, struct strv name, bool subscribed)
{
	switch (group->filter) {
	case FILTER_SELECTED:
	case FILTER_SELECTED_DELAYED:
		return false;
	case FILTER_PERSONAL:
		return true;
	case FILTER_SUBSCRIBED:
		return subscribed;
	case FILTER_SUBTREE:
		return in_subtree(group, name);
	case FILTER_MAILBOXES:
		return has_name(group, name);
	}
	return false;
}

unsigned notify_set_match(const struct notify_set *set, struct strv name, bool subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < set->group_count; i++) {
		const struct group *group = &set->groups[i];
		if (!matches(group, name, subscribed))
			continue;
		if (group->events == 0)
			return 0;
		events |= group->events;
	}
	return events;
}

void notify_events_print(struct buf *out)
{
	for (size_t i = 0; i < EVENT_COUNT; i++)
		buf_printf(out, "%s%s", i == 0 ? "(" : " ", event_names[i].name);
	buf_addc(out, ')');
}
