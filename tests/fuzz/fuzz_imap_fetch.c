/* link: imap */
/* The items of FETCH: whatever is taken can be copied, and its labels stay within what was asked for. */
#include "imap/fetch_plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct arena *other = arena_new(0);
	struct parse parse;
	struct fetch_plan plan;
	struct fetch_plan copy;
	parse_init(&parse, strv_make(data, size), arena);
	if (fetch_plan_parse(&parse, size % 2, &plan) && parse_end(&parse)) {
		fetch_plan_copy(&plan, other, &copy);
		arena_free(&arena);
		if (copy.count == 0 || copy.count > FETCH_ITEMS_MAX)
			abort();
		for (size_t i = 0; i < copy.count; i++) {
			const struct fetch_item *item = &copy.items[i];
			if (item->kind != FETCH_SECTION && item->kind != FETCH_BINARY &&
				item->kind != FETCH_BINARY_SIZE)
				continue;
			if (item->label.n == 0 || item->depth > FETCH_PATH_MAX ||
				item->field_count > FETCH_FIELDS_MAX)
				abort();
			for (size_t j = 0; j < item->label.n; j++)
				if (item->label.p[j] < ' ' || item->label.p[j] == 0x7f)
					abort();
		}
	} else if (parse.failed && !parse.error) {
		abort();
	}
	arena_free(&arena);
	arena_free(&other);
	return 0;
}
