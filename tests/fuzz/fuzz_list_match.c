/* link: imap */
/*
 * LIST patterns: the input is a pattern, a NUL and a name. The matcher must agree with a plain one that tries
 * every way, and the levels above that it reports must match themselves.
 */
#include "imap/list_match.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATTERN_MAX 12 /* the plain matcher is exponential */
#define NAME_MAX_OCTETS 24

/* Matches by the words of RFC 3501 section 6.3.8, without INBOX. */
static bool plain_match(struct strv pattern, struct strv name)
{
	if (pattern.n == 0)
		return name.n == 0;
	if (pattern.p[0] == '*' || pattern.p[0] == '%') {
		for (size_t i = 0; i <= name.n; i++) {
			if (plain_match(strv_sub(pattern, 1, pattern.n), strv_sub(name, i, name.n)))
				return true;
			if (i < name.n && pattern.p[0] == '%' && name.p[i] == '/')
				return false;
		}
		return false;
	}
	return name.n > 0 && pattern.p[0] == name.p[0] &&
	       plain_match(strv_sub(pattern, 1, pattern.n), strv_sub(name, 1, name.n));
}

struct above {
	struct strv pattern;
	struct strv name;
	struct arena *arena;
};

static void check_above(void *arg, struct strv parent)
{
	const struct above *above = arg;
	struct list_pattern pattern;

	if (parent.n >= above->name.n || above->name.p[parent.n] != '/')
		abort();
	list_pattern_init(&pattern, STRV_NULL, above->pattern, above->arena);
	if (!list_match(&pattern, parent))
		abort();
}

static bool looks_like_inbox(struct strv v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == 'i' || v.p[i] == 'I')
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv in = strv_make(data, size);
	size_t end = strv_index(in, '\0');
	struct strv text = strv_sub(in, 0, end);
	struct strv name = strv_sub(in, end + 1, in.n);
	struct arena *arena = arena_new(0);
	struct list_pattern pattern;

	list_pattern_init(&pattern, STRV_NULL, text, arena);
	bool matches = list_match(&pattern, name);
	if (text.n <= PATTERN_MAX && name.n <= NAME_MAX_OCTETS && !looks_like_inbox(name) &&
		matches != plain_match(text, name))
		abort();
	struct above above = { text, name, arena };
	list_match_parents(&pattern, name, check_above, &above);
	arena_free(&arena);
	return 0;
}
