/*
 * The bytes after DATA: removes the dots that RFC 5321 section 4.5.2 adds, and finds the end. Resumable at
 * any byte; passes pieces of its input to a callback, copies nothing. Only CRLF "." CRLF ends the message,
 * and only a dot after CRLF is removed. Bare LF and bare CR are ordinary octets here, otherwise a message
 * could smuggle a second one; the spool makes CRLF of a bare LF afterwards.
 */
#ifndef COID_LMTP_DATA_H
#define COID_LMTP_DATA_H

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum data_state {
	DATA_LINE_START, /* after CRLF, or at the very beginning */
	DATA_LINE, /* inside a line */
	DATA_CR, /* after a CR inside a line */
	DATA_DOT, /* after a dot at the start of a line */
	DATA_DOT_CR, /* after that dot and CR: LF ends the message */
	DATA_END
};

struct data {
	enum data_state state;
};

void data_init(struct data *data);
/* Returns how many bytes of `in` were used: all, unless the message has ended. */
size_t data_feed(struct data *data, struct strv in, void (*out)(void *arg, struct strv piece), void *arg);

static inline bool data_ended(const struct data *data)
{
	return data->state == DATA_END;
}

#endif
