/* Checks names of mailboxes, and puts them into the one form in which they are kept. */
#include "store/mail_priv.h"

#include "base/str.h"

#include <stdlib.h>
#include <utf8proc.h>

#define NAME_CHECK_MAX 4096 /* octets looked at: a longer name is over any limit before it is normalised */

/*
 * Refuses controls (C0, DEL, C1) and the two line separators of Unicode. Allows the wildcards of LIST, as RFC
 * 3501 section 5.1 does.
 */
static bool character_allowed(utf8proc_int32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x2028 && c != 0x2029;
}

static bool characters_allowed(struct strv name)
{
	size_t at = 0;

	while (at < name.n) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(
			(const utf8proc_uint8_t *)name.p + at, (utf8proc_ssize_t)(name.n - at), &c);
		if (n <= 0 || !character_allowed(c))
			return false;
		at += (size_t)n;
	}
	return true;
}

/* The number of levels. 0: one of them is empty. */
static unsigned depth_of(struct strv name)
{
	unsigned depth = 1;
	size_t level = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != MBOX_SEPARATOR) {
			level++;
			continue;
		}
		if (level == 0)
			return 0;
		level = 0;
		depth++;
	}
	return level == 0 ? 0 : depth;
}

static enum rc mbox_name_normalise(struct strv name, struct arena *arena, struct strv *ret_name)
{
	utf8proc_uint8_t *nfc = NULL;

	if (str_is_ascii(name)) {
		*ret_name = arena_strv(arena, name);
		return RC_OK;
	}
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)name.p, (utf8proc_ssize_t)name.n, &nfc,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (n < 0)
		return RC_INVALID;
	*ret_name = arena_strv(arena, strv_make(nfc, (size_t)n));
	free(nfc);
	return RC_OK;
}

struct strv mbox_name_nfc(struct strv name, struct arena *arena)
{
	struct strv nfc;

	return !str_is_ascii(name) && mbox_name_normalise(name, arena, &nfc) == RC_OK ? nfc : name;
}

/*
 * Puts the first level into capitals if it is INBOX in any case: "InBox/x" is below INBOX. `name` is a copy
 * in the arena.
 */
static struct strv fold_inbox(struct strv name, struct arena *arena)
{
	struct strv first = strv_sub(name, 0, strv_index(name, MBOX_SEPARATOR));

	if (!tree_is_inbox(first))
		return name;
	struct strv below = strv_sub(name, first.n, name.n);
	char *folded = arena_printf(arena, "INBOX%.*s", STRV_ARG(below));
	return strv_make(folded, name.n);
}

enum rc mbox_name_check(struct store *store, struct strv name, struct arena *arena, struct strv *ret_name)
{
	const struct store_settings *settings = store_settings(store);
	struct strv checked;

	if (name.n > NAME_CHECK_MAX)
		return RC_LIMIT;
	if (name.n > 1 && name.p[name.n - 1] == MBOX_SEPARATOR)
		name.n--;
	if (!characters_allowed(name))
		return RC_INVALID;
	enum rc rc = mbox_name_normalise(name, arena, &checked);
	if (rc != RC_OK)
		return rc;
	unsigned depth = depth_of(checked);
	if (depth == 0)
		return RC_INVALID;
	if (depth > settings->mailbox_depth_max || checked.n > settings->mailbox_name_max)
		return RC_LIMIT;
	*ret_name = fold_inbox(checked, arena);
	return RC_OK;
}
