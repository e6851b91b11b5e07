/* link: webpush */
/*
 * A message, cut into header and body at the first octet's offset: whatever it holds, the payload is valid
 * JSON in valid UTF-8 and fits into one record, in every mode, and can be made smaller.
 */
#include "base/str.h"
#include "webpush/payload.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_json(struct strv text)
{
	check(text.n <= PAYLOAD_MAX && str_utf8_valid(text));
	json_t *value = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	check(json_is_object(value));
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv all = strv_make(data, size);
	size_t header = size > 2 ? ((size_t)data[0] << 8 | data[1]) % size : size;
	struct payload_source source = { .header = strv_sub(all, 0, header),
		.body = strv_sub(all, header, size),
		.uid = 1,
		.uidvalidity = 2,
		.folder = strv_sub(all, 0, 40) };
	struct buf out, small;
	struct arena *arena = arena_new(0);

	buf_init(&out, PAYLOAD_MAX);
	buf_init(&small, PAYLOAD_MAX);
	for (int mode = PAYLOAD_FULL; mode <= PAYLOAD_MINIMAL; mode++) {
		buf_reset(&out);
		buf_reset(&small);
		check(payload_build(&source, (enum payload_content)mode, &out) == RC_OK);
		check_json(buf_strv(&out));
		if (payload_shrink(buf_strv(&out), &small) == RC_OK)
			check_json(buf_strv(&small));
	}
	(void)payload_is_notification(source.header);
	(void)payload_from(source.header, arena);
	arena_free(&arena);
	buf_fini(&out);
	buf_fini(&small);
	return 0;
}
