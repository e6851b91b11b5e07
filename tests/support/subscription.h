/*
 * A validated push subscription of an account, as a client would have made it.
 */
#ifndef COID_TESTS_SUBSCRIPTION_H
#define COID_TESTS_SUBSCRIPTION_H

#include "webpush/subs.h"

/* [strand], in a write transaction. `type`: "chat", "mail" or "all". */
static inline enum rc subscription_make(struct account *account, const char *id, const char *type)
{
	struct arena *arena = arena_new(0);
	char why[SUBS_WHY_MAX];
	struct sub sub;
	const char *json = arena_printf(arena,
		"{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"%s\",\"resource\":{"
		"\"endpoint\":\"https://push.example.org/x\",\"keys\":{\"p256dh\":"
		"\"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4\","
		"\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}}",
		type);
	enum rc rc = subs_parse(strv_cstr(id), strv_cstr(json), false, arena, &sub, why);
	sub.validated = true;
	if (rc == RC_OK)
		rc = subs_save(account, &sub);
	arena_free(&arena);
	return rc;
}

#endif
