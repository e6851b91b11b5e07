/* link: net base */
/*
 * The bytes of a peer after COMPRESS. The stream is read twice: at once, and in pieces with the state put
 * away between them; both must give the same. The first two bytes choose the pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/strv.h"
#include "net/deflate.h"

#define MOST 200000u /* bytes of output looked at: a bomb has no end */

/* Feeds `in`, appends what comes out. RC_OK: more may follow. */
static enum rc feed(struct deflate *d, struct strv in, size_t cap, struct buf *out)
{
	char piece[4096];
	enum rc rc = RC_OK;
	while (rc == RC_OK && out->len < MOST) {
		size_t n;
		rc = deflate_in(d, &in, piece, cap, &n);
		buf_add(out, piece, n);
	}
	return rc == RC_AGAIN ? RC_OK : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t step = 1u + data[0], cap = 1u + data[1] * 16u;
	struct strv in = strv_make(data + 2, size - 2);
	struct buf whole, parts;
	buf_init(&whole, 2 * MOST);
	buf_init(&parts, 2 * MOST);

	struct deflate *d = deflate_new();
	enum rc first = feed(d, in, 4096, &whole);
	deflate_free(&d);

	d = deflate_new();
	enum rc second = RC_OK;
	for (size_t at = 0; at < in.n && second == RC_OK && parts.len < MOST; at += step) {
		second = feed(d, strv_sub(in, at, step), cap, &parts);
		deflate_freeze(d);
	}
	deflate_free(&d);

	size_t n = whole.len < parts.len ? whole.len : parts.len;
	if (n > 0 && memcmp(whole.p, parts.p, n) != 0)
		abort();
	if (whole.len < MOST && parts.len < MOST && (first != second || whole.len != parts.len))
		abort();
	buf_fini(&whole);
	buf_fini(&parts);
	return 0;
}
