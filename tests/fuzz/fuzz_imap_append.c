/* link: imap */
/*
 * The arguments of APPEND, as a whole command and as the input before each announced literal; and each URL in
 * them.
 */
#include "imap/append_parse.h"
#include "imap/imap_url.h"

#include <stdlib.h>

#define LITERALS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct append_list *list, struct arena *arena)
{
	struct imap_url url;
	size_t parts = 0;
	if (list->part_count > APPEND_PARTS_MAX)
		abort();
	for (size_t i = 0; i < list->count; i++) {
		if (list->specs[i].part_from != parts)
			abort();
		parts += list->specs[i].part_count;
		/* A complete message comes after the text before it; only the last one may be incomplete. */
		bool last = i + 1 == list->count;
		if (list->specs[i].to ? list->specs[i].to <= list->specs[i].from : !last)
			abort();
		if (i > 0 && list->specs[i].from != list->specs[i - 1].to)
			abort();
	}
	if (parts != list->part_count)
		abort();
	for (size_t i = 0; i < parts; i++) {
		if (!list->parts[i].url.p || !imap_url_parse(list->parts[i].url, arena, &url))
			continue;
		if (url.uid == 0 || url.section.count != 1)
			abort();
	}
}

/* Every "{n}" CRLF is taken for a streamed literal. */
static size_t find_literals(struct strv in, struct lex_literal *literals)
{
	size_t count = 0;
	for (size_t i = 0; i < in.n && count < LITERALS_MAX; i++) {
		bool binary = i > 0 && in.p[i - 1] == '~';
		if (in.p[i] == '{')
			literals[count++] =
				(struct lex_literal){ .offset = i - (binary ? 1 : 0), .binary = binary };
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lex_literal literals[LITERALS_MAX];
	const struct lex_literal announced = { .binary = size % 2 };
	struct strv in = strv_make(data, size);
	for (int i = 0; i < 3; i++) {
		struct arena *arena = arena_new(0);
		struct append_list list;
		struct parse parse;
		parse_init(&parse, in, arena);
		parse.streamed = literals;
		parse.streamed_count = find_literals(in, literals);
		enum append_place place = append_parse_list(&parse, i == 1 ? &announced : NULL, i < 2, &list);
		if (place != APPEND_BAD)
			look_at(&list, arena);
		else if (!parse.error)
			abort();
		arena_free(&arena);
	}
	return 0;
}
