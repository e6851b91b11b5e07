/*
 * Growable bytes with a maximum that is given at the start. Writers append without checks. If the maximum
 * would be passed, nothing more is added and `full` stays set: the code that sends or stores the result calls
 * buf_ok() once.
 */
#ifndef COID_BASE_BUF_H
#define COID_BASE_BUF_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The maximum of a buffer whose content is bounded by what the server itself holds (a mailbox's UIDs, the
 * results of a search), never by what a peer sends. */
#define BUF_UNBOUNDED (SIZE_MAX / 2)

struct buf {
	char *p; /* own */
	size_t len;
	size_t cap;
	size_t max;
	bool full; /* something did not fit */
};

void buf_init(struct buf *buf, size_t max);
/* Frees the bytes; the struct may be initialised again. */
void buf_fini(struct buf *buf);
/* Like buf_fini, but wipes the bytes first: for secrets. */
void buf_wipe(struct buf *buf);
/* Sets the length to 0 and clears `full`; keeps the memory. */
void buf_reset(struct buf *buf);
/* Gives spare memory back if more than `keep` bytes are held. */
void buf_shrink(struct buf *buf, size_t keep);

void buf_add(struct buf *buf, const void *p, size_t n);
void buf_adds(struct buf *buf, const char *s);
void buf_addv(struct buf *buf, struct strv v);
void buf_addc(struct buf *buf, char c);
void buf_addu(struct buf *buf, uint64_t number);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n bytes at the end; NULL (and `full`): that passes the maximum. Then call buf_commit with
 * the number of bytes written. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_commit(struct buf *buf, size_t n);
/* Removes n bytes from the front. */
void buf_consume(struct buf *buf, size_t n);

static inline bool buf_ok(const struct buf *buf)
{
	return !buf->full;
}

static inline struct strv buf_strv(const struct buf *buf)
{
	return (struct strv){ buf->p, buf->len };
}

#endif
