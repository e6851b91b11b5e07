#include "auth/auth.h"

enum rc sasl_plain_parse(
	struct strv message, struct strv *ret_authzid, struct strv *ret_user, struct strv *ret_password)
{
	size_t first = strv_index(message, '\0');
	struct strv rest = strv_sub(message, first + 1, message.n);
	size_t second = strv_index(rest, '\0');

	if (first == message.n || second == rest.n)
		return RC_INVALID;
	struct strv user = strv_sub(rest, 0, second);
	struct strv password = strv_sub(rest, second + 1, rest.n);
	/* RFC 4616: authcid and passwd have at least one character, and no NUL. */
	if (user.n == 0 || password.n == 0 || strv_index(password, '\0') != password.n)
		return RC_INVALID;
	*ret_authzid = strv_sub(message, 0, first);
	*ret_user = user;
	*ret_password = password;
	return RC_OK;
}
