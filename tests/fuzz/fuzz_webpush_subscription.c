/* link: webpush */
/* The value of a registration: what is taken can be kept, read again and shown; an endpoint that is taken has
 * a public host. */
#include "webpush/endpoint.h"
#include "webpush/retry.h"
#include "webpush/subs.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv value = strv_make(data, size);
	struct arena *arena = arena_new(0);
	char why[SUBS_WHY_MAX] = "";
	struct endpoint endpoint;
	const char *reason = NULL;
	uint64_t seconds = 0;
	struct sub sub, again;
	struct buf out;

	buf_init(&out, SUBS_JSON_MAX);
	if (subs_parse(STRV("0123456789"), value, false, arena, &sub, why) == RC_OK) {
		subs_encode(&sub, &out);
		check(buf_ok(&out) && subs_decode(buf_strv(&out), arena, &again) == RC_OK);
		check(strv_eq(again.endpoint, sub.endpoint) && strv_eq(again.client, sub.client));
		subs_print(&sub, &out);
	} else {
		check(why[0] != '\0');
	}
	(void)!subs_decode(value, arena, &again);
	if (endpoint_parse(value, false, &endpoint, &reason) == RC_OK)
		check(strv_starts(strv_cstr(endpoint.origin), STRV("https://")));
	else
		check(reason && reason[0]);
	if (retry_after(value, 1800000000, &seconds) == RC_OK)
		check(seconds <= RETRY_AFTER_MAX_S);
	buf_fini(&out);
	arena_free(&arena);
	return 0;
}
