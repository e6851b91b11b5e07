/* link: mime */
/*
 * Content: the first byte chooses a transfer encoding and how the input is cut, the second a charset. The
 * result must not depend on the cut and must be valid UTF-8; case mapping and the stripping of HTML must keep
 * it so.
 */
#include "mime/decode.h"

#include "base/str.h"
#include "mime/summary_priv.h"

#include <stdint.h>
#include <stdlib.h>

#define OUT_MAX (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void decode(
	struct buf *out, struct strv in, enum mime_encoding encoding, struct strv name, size_t step)
{
	struct mime_decoder decoder;
	struct charset *charset = NULL;
	struct buf bytes;
	buf_init(&bytes, OUT_MAX);
	mime_decoder_init(&decoder, encoding);
	check(charset_open(name, &charset) == RC_OK);
	for (size_t i = 0; i < in.n; i += step) {
		mime_decoder_feed(&decoder, strv_sub(in, i, step), &bytes);
		charset_feed(charset, buf_strv(&bytes), out);
		buf_reset(&bytes);
	}
	mime_decoder_finish(&decoder, &bytes);
	charset_feed(charset, buf_strv(&bytes), out);
	charset_finish(charset, out);
	charset_close(&charset);
	mime_decoder_fini(&decoder);
	buf_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "utf-8", "us-ascii", "iso-8859-1", "koi8-r", "windows-1255",
		"windows-1258", "utf-7", "utf-16", "utf-16le", "utf-32", "iso-2022-jp", "iso-2022-kr",
		"euc-jp", "shift_jis", "euc-kr", "gb2312", "gb18030", "big5", "big5-hkscs", "tis-620",
		"macintosh" };
	struct buf whole;
	struct buf pieces;
	struct buf mapped;
	if (size < 2)
		return 0;
	enum mime_encoding encoding = (enum mime_encoding)(data[0] % (MIME_ENC_UNKNOWN + 1));
	struct strv name = strv_cstr(names[data[1] % (sizeof(names) / sizeof(names[0]))]);
	struct strv in = strv_make(data + 2, size - 2);
	buf_init(&whole, OUT_MAX);
	buf_init(&pieces, OUT_MAX);
	buf_init(&mapped, OUT_MAX);
	decode(&whole, in, encoding, name, size);
	decode(&pieces, in, encoding, name, 1 + data[0] / 8);
	check(buf_ok(&whole) && strv_eq(buf_strv(&whole), buf_strv(&pieces)));
	check(str_utf8_valid(buf_strv(&whole)));
	mime_casemap(&mapped, buf_strv(&whole));
	check(buf_ok(&mapped) && str_utf8_valid(buf_strv(&mapped)));
	buf_reset(&mapped);
	mime_html_strip(&mapped, buf_strv(&whole));
	check(buf_ok(&mapped) && str_utf8_valid(buf_strv(&mapped)));
	buf_fini(&whole);
	buf_fini(&pieces);
	buf_fini(&mapped);
	return 0;
}
