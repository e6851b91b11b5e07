/* link: imapd */
/*
 * GETMETADATA and SETMETADATA with arbitrary arguments: whatever is taken names valid entries, within the
 * limits.
 */
#include "imapd/cmd/table.h"
#include "metadata/metadata.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void parse_as(const char *name, struct strv in)
{
	const struct cmd_row *row = cmd_find(cmd_table, strv_cstr(name), false);
	struct arena *arena = arena_new(0);
	struct cmd cmd = { .row = row, .arena = arena };
	struct parse parse;

	parse_init(&parse, in, arena);
	bool ok = row->parse(&cmd, &parse);
	check(cmd.args != NULL);
	check(ok == !parse.failed);
	check(ok || parse.error);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv in = strv_make(data, size);
	struct arena *arena = arena_new(0);

	parse_as("GETMETADATA", in);
	parse_as("SETMETADATA", in);
	if (entry_name_valid(in)) {
		struct strv lower = entry_lower(in, false, arena);
		check(lower.n == in.n && entry_name_valid(lower) && entry_within(in, lower, ENTRY_DEPTH_0));
		check(entry_name_usable(lower) == entry_name_usable(in));
		struct strv again = entry_lower(lower, true, arena);
		check(strv_eq(again, lower));
	}
	arena_free(&arena);
	return 0;
}
