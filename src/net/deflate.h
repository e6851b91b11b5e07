/*
 * Raw DEFLATE in both directions (RFC 4978), without I/O. Owned by one connection. The sending window is
 * small; the receiving one must be the largest, because the peer chooses. Between flushes of either side the
 * big parts of the state can be put away with deflate_freeze and come back by themselves.
 */
#ifndef COID_NET_DEFLATE_H
#define COID_NET_DEFLATE_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct deflate;

/* Output is passed on in pieces of at most this size in bytes. */
#define DEFLATE_PIECE 8192

struct deflate *deflate_new(void);
void deflate_free(struct deflate **d);

/*
 * Compresses up to `max` bytes from the front of `from` to the end of `to`. If `from` is empty afterwards and
 * `flush` is set, everything taken so far becomes readable for the peer (sync flush).
 */
enum rc deflate_out(
	struct deflate *d, struct evbuffer *from, struct evbuffer *to, size_t max, bool flush) MUST_CHECK;
/* True: bytes were compressed that have not been flushed. */
bool deflate_unflushed(const struct deflate *d);

/*
 * Inflates from the front of *in, which is advanced, into out[cap]. RC_AGAIN: *in is used up and no more
 * output is possible without more input. RC_OK: call again. RC_GONE: the peer ended its stream. RC_CORRUPT:
 * it is no deflate stream.
 */
enum rc deflate_in(
	struct deflate *d, struct strv *in, char *out, size_t cap, size_t *ret_produced) MUST_CHECK;
/* True if deflate_in would produce more without further input. */
bool deflate_in_pending(const struct deflate *d);

/*
 * Frees the sending state if everything is flushed, and packs the receiving state if it is between two
 * blocks. Both directions go on working as before.
 */
void deflate_freeze(struct deflate *d);
/* True: the state of both directions is put away. */
bool deflate_frozen(const struct deflate *d);

#endif
