#include "auth/argon.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

#ifdef COID_ARGON2
#include <argon2.h>
#endif

#define ARGON_PREFIX "$argon2"

/* The number after a key such as "m=" in "m=65536,t=3,p=4". */
static bool argon_number(struct strv params, const char *key, uint32_t max)
{
	while (params.n > 0) {
		size_t end = strv_index(params, ',');
		struct strv param = strv_sub(params, 0, end);
		uint32_t number;
		if (strv_starts(param, strv_cstr(key)))
			return str_u32(strv_sub(param, 2, param.n), &number) == RC_OK && number > 0 &&
			       number <= max;
		params = strv_sub(params, end + 1, params.n);
	}
	return false;
}

bool argon_readable(struct strv text)
{
	struct strv fields[6] = { 0 };
	size_t count = 0;
	if (text.n > ARGON_TEXT_MAX || !strv_starts(text, STRV(ARGON_PREFIX)))
		return false;
	/* The fields are "", "argon2id", "v=19" (may be missing), "m=..,t=..,p=..", salt, hash. */
	while (text.n > 0 && count < 6) {
		size_t end = strv_index(text, '$');
		fields[count++] = strv_sub(text, 0, end);
		text = strv_sub(text, end + 1, text.n);
	}
	if (text.n > 0 || count < 5)
		return false;
	struct strv params = fields[count - 3];
	return argon_number(params, "m=", ARGON_MEMORY_MAX) && argon_number(params, "t=", ARGON_PASSES_MAX) &&
	       argon_number(params, "p=", ARGON_LANES_MAX) && fields[count - 1].n > 0 &&
	       fields[count - 2].n > 0;
}

#ifdef COID_ARGON2

bool argon_available(void)
{
	return true;
}

enum rc argon_verify(struct strv text, struct strv password)
{
	if (!argon_readable(text))
		return RC_INVALID;
	argon2_type type = Argon2_d;
	if (strv_starts(text, STRV("$argon2id$")))
		type = Argon2_id;
	else if (strv_starts(text, STRV("$argon2i$")))
		type = Argon2_i;
	char *encoded = mem_strndup(text.p, text.n);
	int result = argon2_verify(encoded, password.p, password.n, type);
	free(encoded);
	if (result == ARGON2_OK)
		return RC_OK;
	if (result == ARGON2_MEMORY_ALLOCATION_ERROR || result == ARGON2_THREAD_FAIL)
		return RC_UNAVAILABLE;
	return result == ARGON2_VERIFY_MISMATCH ? RC_AUTH : RC_INVALID;
}

#else

bool argon_available(void)
{
	return false;
}

enum rc argon_verify(struct strv text, struct strv password)
{
	(void)text;
	(void)password;
	return RC_INVALID;
}

#endif
