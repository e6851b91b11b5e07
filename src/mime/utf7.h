/*
 * Converts UTF-7 (RFC 2152) to UTF-8, incrementally. glibc's converter is not used, because it loses its
 * place after invalid input.
 */
#ifndef COID_MIME_UTF7_H
#define COID_MIME_UTF7_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero is the initial state. */
struct utf7 {
	bool shifted; /* between '+' and the end of the base64 digits */
	bool empty; /* no digit since the '+' */
	uint32_t bits; /* the last `count` are not used yet */
	unsigned count;
	uint32_t high; /* surrogate that waits for its second half, or 0 */
};

void utf7_feed(struct utf7 *utf7, struct strv in, struct buf *out);
/* Ends the text; the state is the initial one again. */
void utf7_finish(struct utf7 *utf7, struct buf *out);

#endif
