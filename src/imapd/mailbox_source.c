#include "imapd/mailbox_source.h"

#include <string.h>

struct builder {
	struct parse *parse;
	struct store *store;
	struct strv names[SOURCE_NAMES_MAX]; /* of the filter in hand */
	size_t count;
	size_t total;
};

static bool take_name(struct builder *builder)
{
	struct strv name;
	struct strv checked;
	if (!parse_mailbox(builder->parse, &name))
		return false;
	if (builder->total++ == SOURCE_NAMES_MAX)
		return parse_fail(builder->parse, "Too many mailbox names");
	if (mbox_name_check(builder->store, name, builder->parse->arena, &checked) == RC_OK)
		builder->names[builder->count++] = checked;
	return true;
}

/* One name, or some in parentheses. */
static bool parse_names(struct builder *builder, struct mailbox_source *source)
{
	struct parse *parse = builder->parse;
	builder->count = 0;
	if (!parse_sp(parse))
		return false;
	bool list = parse_skip(parse, '(');
	do {
		if (!take_name(builder))
			return false;
	} while (list && parse_skip(parse, ' '));
	struct strv *names = arena_alloc(parse->arena, (builder->count + 1) * sizeof(*names));
	memcpy(names, builder->names, builder->count * sizeof(*names));
	source->names = names;
	source->name_count = builder->count;
	return !list || parse_char(parse, ')');
}

static bool parse_source(struct builder *builder, struct mailbox_sources *sources)
{
	static const struct {
		const char *name;
		enum source_kind kind;
	} kinds[] = {
		{ "personal", SOURCE_PERSONAL },
		{ "inboxes", SOURCE_PERSONAL },
		{ "subscribed", SOURCE_SUBSCRIBED },
		{ "subtree", SOURCE_SUBTREE },
		{ "subtree-one", SOURCE_SUBTREE_ONE },
		{ "mailboxes", SOURCE_MAILBOXES },
	};
	struct parse *parse = builder->parse;
	if (parse_keyword(parse, "selected")) {
		sources->selected = true;
		return true;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!parse_keyword(parse, kinds[i].name))
			continue;
		struct mailbox_source *source = arena_zalloc(parse->arena, sizeof(*source));
		source->kind = kinds[i].kind;
		source->next = sources->first;
		sources->first = source;
		return source->kind < SOURCE_SUBTREE || parse_names(builder, source);
	}
	return parse_fail(parse, "Unknown mailbox filter");
}

bool mailbox_sources_parse(struct parse *parse, struct store *store, struct mailbox_sources *ret_sources)
{
	struct mailbox_sources sources = { false, NULL };
	if (!parse_keyword(parse, "IN")) {
		*ret_sources = (struct mailbox_sources){ true, NULL };
		return true;
	}
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	struct builder *builder = arena_zalloc(parse->arena, sizeof(*builder));
	builder->parse = parse;
	builder->store = store;
	do {
		/* " (scope-options)": none are defined. */
		if (parse_peek(parse, '('))
			return parse_fail(parse, "Unknown scope option");
		if (!parse_source(builder, &sources))
			return false;
	} while (parse_skip(parse, ' '));
	*ret_sources = sources;
	return parse_char(parse, ')') && parse_sp(parse);
}

struct mailbox_source *mailbox_source_copy(const struct mailbox_source *source, struct arena *arena)
{
	struct mailbox_source *first = NULL;
	struct mailbox_source **at = &first;
	for (; source; source = source->next) {
		struct mailbox_source *copy = arena_alloc(arena, sizeof(*copy));
		struct strv *names = arena_alloc(arena, (source->name_count + 1) * sizeof(*names));
		for (size_t i = 0; i < source->name_count; i++)
			names[i] = arena_strv(arena, source->names[i]);
		*copy = *source;
		copy->names = names;
		copy->next = NULL;
		*at = copy;
		at = &copy->next;
	}
	return first;
}

/* The name itself, or one below it. */
static bool in_tree(struct strv name, struct strv top, bool one_level)
{
	if (strv_eq(name, top))
		return true;
	if (name.n <= top.n || name.p[top.n] != MBOX_SEPARATOR || !strv_eq(strv_sub(name, 0, top.n), top))
		return false;
	struct strv rest = strv_sub(name, top.n + 1, name.n);
	return !one_level || !memchr(rest.p, MBOX_SEPARATOR, rest.n);
}

static bool match_one(const struct mailbox_source *source, struct strv name, bool subscribed)
{
	if (source->kind == SOURCE_PERSONAL)
		return true;
	if (source->kind == SOURCE_SUBSCRIBED)
		return subscribed;
	for (size_t i = 0; i < source->name_count; i++) {
		bool match = source->kind == SOURCE_MAILBOXES
				     ? strv_eq(name, source->names[i])
				     : in_tree(name, source->names[i], source->kind == SOURCE_SUBTREE_ONE);
		if (match)
			return true;
	}
	return false;
}

bool mailbox_source_match(const struct mailbox_source *source, struct strv name, bool subscribed)
{
	for (; source; source = source->next)
		if (match_one(source, name, subscribed))
			return true;
	return false;
}
