/* link: base */
/*
 * A mailbox name as a client writes it. What is accepted is valid UTF-8 and encodes back to the same bytes;
 * what is valid UTF-8 encodes to ASCII that decodes back. Base64 and the repair of UTF-8 run over the same
 * bytes.
 */
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_mutf7(struct strv in, size_t room)
{
	struct buf out, back;
	buf_init(&out, room);
	buf_init(&back, room);
	if (str_mutf7_decode(&out, in) == RC_OK) {
		check(str_utf8_valid(buf_strv(&out)));
		check(str_mutf7_encode(&back, buf_strv(&out)) == RC_OK);
		check(strv_eq(buf_strv(&back), in));
	} else {
		check(out.len == 0);
	}
	buf_reset(&out);
	buf_reset(&back);
	if (str_utf8_valid(in)) {
		check(str_mutf7_encode(&out, in) == RC_OK);
		check(str_is_ascii(buf_strv(&out)));
		check(str_mutf7_decode(&back, buf_strv(&out)) == RC_OK);
		check(strv_eq(buf_strv(&back), in));
	} else {
		check(str_mutf7_encode(&out, in) == RC_INVALID);
	}
	buf_fini(&out);
	buf_fini(&back);
}

static void check_base64(struct strv in, size_t room)
{
	struct buf out, back;
	buf_init(&out, room);
	buf_init(&back, room);
	if (str_base64_decode(&out, in) == RC_OK) {
		str_base64(&back, buf_strv(&out));
		check(strv_eq(buf_strv(&back), in));
		buf_reset(&back);
		check(str_base64_decode_any(&back, in) == RC_OK);
		check(strv_eq(buf_strv(&back), buf_strv(&out)));
	}
	buf_reset(&out);
	buf_reset(&back);
	str_base64url(&out, in);
	check(str_base64_decode_any(&back, buf_strv(&out)) == RC_OK);
	check(strv_eq(buf_strv(&back), in));
	buf_fini(&out);
	buf_fini(&back);
}

static void check_utf8(struct strv in, size_t room)
{
	struct buf out;
	buf_init(&out, room);
	str_utf8_repair(&out, in);
	check(buf_ok(&out) && str_utf8_valid(buf_strv(&out)));
	check(strv_eq(buf_strv(&out), in) == str_utf8_valid(in));
	for (size_t max = 0; max <= out.len && max < 64; max++) {
		size_t cut = str_utf8_cut(buf_strv(&out), max);
		check(cut <= max && str_utf8_valid(strv_sub(buf_strv(&out), 0, cut)));
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv in = strv_make(data, size);
	size_t room = size * 8 + 64;
	check_mutf7(in, room);
	check_base64(in, room);
	check_utf8(in, room);
	return 0;
}
