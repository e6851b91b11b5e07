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

/* Output is handed on in pieces of at most this many bytes. */
#define DEFLATE_PIECE 8192

struct deflate *deflate_new(void);
void deflate_free(struct deflate **d);

/*
 * Compresses up to `max` bytes from the front of `from` onto the end of `to`. When that empties `from` and
 * `flush` is set, everything taken so far is made readable for the peer (sync flush).
 */
enum rc deflate_out(
	struct deflate *d, struct evbuffer *from, struct evbuffer *to, size_t max, bool flush) MUST_CHECK;
/* True if something was compressed that no flush has followed yet. */
bool deflate_unflushed(const struct deflate *d);

/*
 * Inflates from the front of *in, which is advanced, into out[cap]. RC_AGAIN: *in is used up and nothing more
 * can be produced without more; RC_OK: call again; RC_GONE: the peer ended its stream; RC_CORRUPT: not a
 * deflate stream.
 */
enum rc deflate_in(
	struct deflate *d, struct strv *in, char *out, size_t cap, size_t *ret_produced) MUST_CHECK;
/* True if deflate_in would produce more without further input. */
bool deflate_in_pending(const struct deflate *d);

/*
 * Frees the sending state if all is flushed, and packs the receiving state if it stands between two blocks.
 * Both work on as if nothing had been.
 */
void deflate_freeze(struct deflate *d);
/* Both directions put away. */
bool deflate_frozen(const struct deflate *d);

#endif
