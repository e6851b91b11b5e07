/*
 * Matches names with LIST patterns. With each octet of the name a set of positions in the pattern moves on,
 * so that there is no backtracking.
 */
#include "imap/list_match.h"

#include "base/str.h"
#include "store/mailbox.h"

#include <string.h>

#define INBOX_LENGTH 5

static bool is_wildcard(char c)
{
	return c == '*' || c == '%';
}

void list_pattern_init(
	struct list_pattern *pattern, struct strv reference, struct strv text, struct arena *arena)
{
	size_t length = reference.n + text.n;
	char *out = arena_alloc(arena, length + 1);
	size_t n = 0;

	*pattern = (struct list_pattern){ 0 };
	for (size_t i = 0; i < length; i++) {
		char c = i < reference.n ? reference.p[i] : text.p[i - reference.n];
		if (!is_wildcard(c)) {
			pattern->literals++;
			out[n++] = c;
		} else if (n > 0 && is_wildcard(out[n - 1])) {
			/* "*%" means the same as "*". */
			if (c == '*')
				out[n - 1] = c;
		} else {
			out[n++] = c;
		}
	}
	pattern->text = strv_make(out, n);
	pattern->now = arena_alloc(arena, (n + 1) * sizeof(bool));
	pattern->next = arena_alloc(arena, (n + 1) * sizeof(bool));
}

/* Marks place i as reached, and the places after a wildcard there, since a wildcard may match nothing. */
static void list_match_reach(const struct list_pattern *pattern, bool *places, size_t i)
{
	places[i] = true;
	if (i < pattern->text.n && is_wildcard(pattern->text.p[i]))
		places[i + 1] = true;
}

static void list_match_start(struct list_pattern *pattern)
{
	memset(pattern->now, 0, (pattern->text.n + 1) * sizeof(bool));
	list_match_reach(pattern, pattern->now, 0);
}

/* Takes one character of the name. False: no match is possible any more. */
static bool list_match_step(struct list_pattern *pattern, char c, bool fold)
{
	size_t length = pattern->text.n;
	bool any = false;

	memset(pattern->next, 0, (length + 1) * sizeof(bool));
	for (size_t i = 0; i < length; i++) {
		if (!pattern->now[i])
			continue;
		char p = pattern->text.p[i];
		bool wildcard = p == '*' || (p == '%' && c != MBOX_SEPARATOR);
		if (wildcard)
			list_match_reach(pattern, pattern->next, i);
		else if (!is_wildcard(p) && (p == c || (fold && str_upper(p) == str_upper(c))))
			list_match_reach(pattern, pattern->next, i + 1);
		else
			continue;
		any = true;
	}
	bool *swap = pattern->now;
	pattern->now = pattern->next;
	pattern->next = swap;
	return any;
}

/* The number of characters of the name that are "INBOX". */
static size_t folded_length(struct strv name)
{
	if (!strv_istarts(name, STRV("INBOX")))
		return 0;
	return name.n == INBOX_LENGTH || name.p[INBOX_LENGTH] == MBOX_SEPARATOR ? INBOX_LENGTH : 0;
}

bool list_match(struct list_pattern *pattern, struct strv name)
{
	size_t folded = folded_length(name);
	if (pattern->literals > name.n)
		return false;
	list_match_start(pattern);
	for (size_t i = 0; i < name.n; i++) {
		if (!list_match_step(pattern, name.p[i], i < folded))
			return false;
	}
	return pattern->now[pattern->text.n];
}

void list_match_parents(
	struct list_pattern *pattern, struct strv name, void (*fn)(void *arg, struct strv parent), void *arg)
{
	size_t folded = folded_length(name);
	if (pattern->literals > name.n)
		return;
	list_match_start(pattern);
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == MBOX_SEPARATOR && pattern->now[pattern->text.n])
			fn(arg, strv_sub(name, 0, i));
		if (!list_match_step(pattern, name.p[i], i < folded))
			return;
	}
}
