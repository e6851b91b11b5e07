/* link: imap */
/* RETURN options and search keys: whatever is taken can be resolved and copied. "$" stands for some UIDs. */
#include "imap/search_keys.h"
#include "imap/search_return.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void to_uids(void *arg, const struct seqset *seqs, struct seqset *uids)
{
	(void)arg;
	seqset_copy(uids, seqs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct arena *other = arena_new(0);
	struct parse parse;
	struct search_return options;
	struct search_keys keys;
	struct search_keys copy;
	struct seqset saved = SEQSET_EMPTY;
	seqset_add_range(&saved, 3, 5);
	parse_init(&parse, strv_make(data, size), arena);
	parse.saved = &saved;
	if (search_return_parse(&parse, &options) && search_keys_parse(&parse, &keys) && parse_end(&parse)) {
		if (options.extended != (options.items != 0))
			abort();
		if (!keys.bad_charset) {
			search_keys_resolve(&keys, 1000, to_uids, NULL, arena);
			search_keys_copy(&keys, other, &copy);
			if (!copy.root || copy.text_count > SEARCH_TEXTS_MAX)
				abort();
		}
	} else if (parse.failed && !parse.error) {
		abort();
	}
	seqset_fini(&saved);
	arena_free(&arena);
	arena_free(&other);
	return 0;
}
