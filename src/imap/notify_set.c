/* Reads the event groups of NOTIFY SET, and finds the events that they mean for a mailbox. */
#include "imap/notify_set.h"

#include "base/mem.h"
#include "imap/mailbox_filter.h"

#include <stdatomic.h>
#include <stdlib.h>

struct group {
	struct mailbox_filter filter;
	unsigned events; /* 0: NONE */
};

struct notify_set {
	atomic_uint refs;
	struct arena *arena; /* own: all of it */
	struct group *groups; /* without the group of the selected mailbox */
	size_t group_count;
	unsigned others;
	unsigned selected;
	bool immediate;
	bool has_plan;
	struct fetch_plan plan;
};

/* The set while it is parsed. */
struct builder {
	struct parse *parse;
	struct mailbox_filter_reader filters;
	struct notify_set *set;
	enum notify_refusal refusal;
	bool has_selected;
	struct group groups[NOTIFY_GROUPS_MAX];
	size_t group_count; /* the selected mailbox's is counted, too */
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

#define EVENT_COUNT (COUNT_OF(event_names))

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

/* Notes a refusal; the first one stays. Malformed text after it is still BAD. */
static void notify_set_refuse(struct builder *builder, enum notify_refusal why)
{
	if (builder->refusal == NOTIFY_TAKEN)
		builder->refusal = why;
}

static bool parse_filter(struct builder *builder, struct group *group)
{
	const struct mailbox_filter_reader *filters = &builder->filters;

	if (!mailbox_filter_parse(&builder->filters, &group->filter))
		return false;
	if (filters->name_count > MAILBOX_FILTER_NAMES_MAX || filters->name_bytes > NOTIFY_NAME_BYTES_MAX)
		notify_set_refuse(builder, NOTIFY_TOO_MUCH);
	return true;
}

static bool is_selected(const struct group *group)
{
	return group->filter.kind == FILTER_SELECTED || group->filter.kind == FILTER_SELECTED_DELAYED;
}

/* Reads " (UID FLAGS)", after "MessageNew". */
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
	notify_set_refuse(builder, NOTIFY_BAD_EVENT);
	return true;
}

/* RFC 5465 section 5: some events must be asked for together. */
static bool check_events(struct builder *builder, const struct group *group)
{
	unsigned both = NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE;
	unsigned events = group->events;

	/* An unknown event must be answered with NO, not BAD, whatever else is wrong. */
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

/* Reads "(MessageNew MessageExpunge)" or "NONE". */
static bool parse_events(struct builder *builder, struct group *group)
{
	if (parse_keyword(builder->parse, "NONE"))
		return true;
	if (!parse_char(builder->parse, '('))
		return false;
	do {
		if (!parse_event(builder, group))
			return false;
	} while (parse_more(builder->parse));
	return parse_char(builder->parse, ')') && check_events(builder, group);
}

static bool parse_group(struct builder *builder)
{
	struct parse *parse = builder->parse;
	struct notify_set *set = builder->set;
	struct group group = { .events = 0 };

	if (!parse_char(parse, '(') || !parse_filter(builder, &group) || !parse_sp(parse) ||
		!parse_events(builder, &group) || !parse_char(parse, ')'))
		return false;
	if (++builder->group_count > NOTIFY_GROUPS_MAX) {
		notify_set_refuse(builder, NOTIFY_TOO_MUCH);
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
	set->immediate = group.filter.kind == FILTER_SELECTED;
	return true;
}

bool notify_set_parse(struct parse *parse, struct store *store, struct notify_set **ret_set,
	enum notify_refusal *ret_refusal)
{
	struct notify_set *set = set_new();
	struct builder builder = { .parse = parse, .set = set };
	bool ok;

	mailbox_filter_reader_init(&builder.filters, parse, store, set->arena, FILTER_SUBTREE_ONE);
	do {
		ok = parse_group(&builder);
	} while (ok && parse_more(parse));
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

unsigned notify_set_match(const struct notify_set *set, struct strv name, bool subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < set->group_count; i++) {
		const struct group *group = &set->groups[i];
		if (!mailbox_filter_match(&group->filter, name, subscribed))
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
