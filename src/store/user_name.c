/*
 * Names of accounts.
 */
#include "store/users.h"

#include "base/str.h"

enum rc user_name_check(struct strv name, struct arena *arena, struct strv *ret_name)
{
	size_t at = strv_index(name, '@');
	if (name.n > USER_NAME_MAX || at == 0 || at + 1 >= name.n)
		return RC_INVALID;
	if (strv_index(strv_sub(name, at + 1, name.n), '@') != name.n - at - 1 || !str_utf8_valid(name))
		return RC_INVALID;
	char *lower = arena_strndup(arena, name.p, name.n);
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)lower[i];
		if (c <= ' ' || c == 0x7f)
			return RC_INVALID;
		if (c >= 'A' && c <= 'Z')
			lower[i] = (char)(c - 'A' + 'a');
	}
	*ret_name = strv_make(lower, name.n);
	return RC_OK;
}
