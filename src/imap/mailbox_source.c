/*
 * Reads the IN option of ESEARCH: a list of mailbox filters.
 */
#include "imap/mailbox_source.h"

static bool parse_source(struct mailbox_filter_reader *reader, struct mailbox_sources *sources)
{
	struct parse *parse = reader->parse;
	struct mailbox_filter filter;

	if (!mailbox_filter_parse(reader, &filter))
		return false;
	if (reader->name_count > MAILBOX_FILTER_NAMES_MAX)
		return parse_fail(parse, "Too many mailbox names");
	if (filter.kind == FILTER_SELECTED) {
		sources->selected = true;
		return true;
	}
	struct mailbox_source *source = arena_alloc(parse->arena, sizeof(*source));
	*source = (struct mailbox_source){ filter, sources->first };
	sources->first = source;
	return true;
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
	struct mailbox_filter_reader reader;
	mailbox_filter_reader_init(&reader, parse, store, parse->arena, FILTER_SELECTED_DELAYED);
	do {
		/* RFC 7377 defines no scope options. */
		if (parse_peek(parse, '('))
			return parse_fail(parse, "Unknown scope option");
		if (!parse_source(&reader, &sources))
			return false;
	} while (parse_more(parse));
	*ret_sources = sources;
	return parse_char(parse, ')') && parse_sp(parse);
}

struct mailbox_source *mailbox_source_copy(const struct mailbox_source *source, struct arena *arena)
{
	struct mailbox_source *first = NULL;
	struct mailbox_source **at = &first;
	for (; source; source = source->next) {
		struct mailbox_source *copy = arena_alloc(arena, sizeof(*copy));
		struct strv *names = arena_alloc(arena, (source->filter.name_count + 1) * sizeof(*names));
		for (size_t i = 0; i < source->filter.name_count; i++)
			names[i] = arena_strv(arena, source->filter.names[i]);
		*copy = *source;
		copy->filter.names = names;
		copy->next = NULL;
		*at = copy;
		at = &copy->next;
	}
	return first;
}

bool mailbox_source_match(const struct mailbox_source *source, struct strv name, bool subscribed)
{
	for (; source; source = source->next)
		if (mailbox_filter_match(&source->filter, name, subscribed))
			return true;
	return false;
}
