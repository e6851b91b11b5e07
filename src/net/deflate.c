#include "net/deflate.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <zlib.h>

#include "base/mem.h"

/* These settings need 70 KiB of state while sending, and half the time of level 6 for nearly its ratio. */
#define OUT_WINDOW_BITS 13
#define OUT_MEM_LEVEL 6
#define OUT_LEVEL 4

#define IN_WINDOW_BITS 15
#define IN_WINDOW_SIZE 32768u

/* The bits that inflate reports in data_type. */
#define BITS_MASK 7
#define LAST_BLOCK 64
#define BLOCK_END 128

/* The receiving window, packed. */
struct frozen {
	unsigned char *p; /* own */
	size_t n; /* bytes at p */
	size_t plain; /* bytes of the unpacked window; equal to n: it is not compressed */
	int bits; /* bits of the last input byte that are still to be read */
};

struct deflate {
	z_stream *out; /* own; NULL: put away */
	z_stream *in; /* own; NULL: put away in `frozen` */
	struct frozen frozen;
	unsigned char last_byte; /* last byte of the input taken so far */
	bool between_blocks; /* `in` stands at the end of a block and has given out all its bytes */
	bool in_pending;
	bool in_ended;
	bool unflushed;
};

struct deflate *deflate_new(void)
{
	struct deflate *d = mem_zalloc(sizeof(*d));
	return d;
}

static void free_out(struct deflate *d)
{
	if (!d->out)
		return;
	deflateEnd(d->out);
	free(d->out);
	d->out = NULL;
}

static void free_in(struct deflate *d)
{
	if (!d->in)
		return;
	inflateEnd(d->in);
	free(d->in);
	d->in = NULL;
}

static void drop_frozen(struct deflate *d)
{
	free(d->frozen.p);
	d->frozen = (struct frozen){ .p = NULL };
}

void deflate_free(struct deflate **d)
{
	if (!*d)
		return;
	free_out(*d);
	free_in(*d);
	drop_frozen(*d);
	free(*d);
	*d = NULL;
}

static enum rc make_out(struct deflate *d)
{
	if (d->out)
		return RC_OK;
	d->out = mem_zalloc(sizeof(z_stream));
	if (deflateInit2(d->out, OUT_LEVEL, Z_DEFLATED, -OUT_WINDOW_BITS, OUT_MEM_LEVEL,
		    Z_DEFAULT_STRATEGY) == Z_OK)
		return RC_OK;
	free(d->out);
	d->out = NULL;
	return RC_UNAVAILABLE;
}

/* Compresses in[n] (n may be 0: it only flushes) and appends the output. */
static enum rc deflate_squeeze(struct deflate *d, unsigned char *in, size_t n, int flush, struct evbuffer *to)
{
	unsigned char piece[DEFLATE_PIECE];
	z_stream *z = d->out;
	z->next_in = in;
	z->avail_in = (uInt)n;
	do {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		int ret = deflate(z, flush);
		if (ret != Z_OK && ret != Z_BUF_ERROR)
			return RC_CORRUPT;
		size_t made = sizeof(piece) - z->avail_out;
		if (made > 0 && evbuffer_add(to, piece, made) < 0)
			return RC_UNAVAILABLE;
	} while (z->avail_out == 0);
	return RC_OK;
}

enum rc deflate_out(struct deflate *d, struct evbuffer *from, struct evbuffer *to, size_t max, bool flush)
{
	enum rc rc = make_out(d);
	while (rc == RC_OK && max > 0) {
		struct evbuffer_iovec iov;
		if (evbuffer_peek(from, -1, NULL, &iov, 1) < 1 || iov.iov_len == 0)
			break;
		size_t n = iov.iov_len < max ? iov.iov_len : max;
		rc = deflate_squeeze(d, iov.iov_base, n, Z_NO_FLUSH, to);
		evbuffer_drain(from, n);
		max -= n;
		d->unflushed = true;
	}
	if (rc == RC_OK && flush && d->unflushed && evbuffer_get_length(from) == 0) {
		rc = deflate_squeeze(d, NULL, 0, Z_SYNC_FLUSH, to);
		d->unflushed = false;
	}
	return rc;
}

bool deflate_unflushed(const struct deflate *d)
{
	return d->unflushed;
}

/* Unpacks the window into `window`, which must have room for it. */
static bool deflate_unpack(const struct frozen *frozen, unsigned char *window)
{
	if (frozen->n == frozen->plain) {
		if (frozen->n > 0)
			memcpy(window, frozen->p, frozen->n);
		return true;
	}
	z_stream z = { .next_in = frozen->p, .avail_in = (uInt)frozen->n };
	if (inflateInit2(&z, -IN_WINDOW_BITS) != Z_OK)
		return false;
	z.next_out = window;
	z.avail_out = (uInt)frozen->plain;
	int ret = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return ret == Z_STREAM_END && z.avail_out == 0;
}

static bool deflate_restore(struct deflate *d)
{
	const struct frozen *frozen = &d->frozen;
	unsigned char window[IN_WINDOW_SIZE];
	if (!deflate_unpack(frozen, window))
		return false;
	if (frozen->plain > 0 && inflateSetDictionary(d->in, window, (uInt)frozen->plain) != Z_OK)
		return false;
	int value = d->last_byte >> (8 - frozen->bits);
	return frozen->bits == 0 || inflatePrime(d->in, frozen->bits, value) == Z_OK;
}

static enum rc make_in(struct deflate *d)
{
	if (d->in)
		return RC_OK;
	d->in = mem_zalloc(sizeof(z_stream));
	if (inflateInit2(d->in, -IN_WINDOW_BITS) != Z_OK) {
		free(d->in);
		d->in = NULL;
		return RC_UNAVAILABLE;
	}
	if (!deflate_restore(d)) {
		free_in(d);
		return RC_UNAVAILABLE;
	}
	drop_frozen(d);
	return RC_OK;
}

enum rc deflate_in(struct deflate *d, struct strv *in, char *out, size_t cap, size_t *ret_produced)
{
	*ret_produced = 0;
	if (d->in_ended) {
		d->in_pending = false;
		return RC_GONE;
	}
	if (in->n == 0 && !d->in_pending)
		return RC_AGAIN;
	enum rc rc = make_in(d);
	if (rc != RC_OK)
		return rc;

	z_stream *z = d->in;
	z->next_in = mem_unconst(in->p);
	z->avail_in = (uInt)in->n;
	z->next_out = (unsigned char *)out;
	z->avail_out = (uInt)cap;
	/* Z_BLOCK stops at the end of each block: only there is the state small enough to be put away. */
	int ret = inflate(z, Z_BLOCK);
	size_t taken = in->n - z->avail_in;
	if (taken > 0)
		d->last_byte = (unsigned char)in->p[taken - 1];
	*in = strv_sub(*in, taken, in->n);
	*ret_produced = cap - z->avail_out;

	if (ret == Z_STREAM_END) {
		d->in_ended = true;
		d->in_pending = *ret_produced > 0; /* the end of the stream is still to be reported */
		return d->in_pending ? RC_OK : RC_GONE;
	}
	if (ret != Z_OK && ret != Z_BUF_ERROR)
		return RC_CORRUPT;
	bool block_end = z->data_type & BLOCK_END;
	bool last = z->data_type & LAST_BLOCK;
	d->between_blocks = block_end && !last;
	/* After the last block one more call is needed to learn that the stream has ended. */
	d->in_pending = block_end ? last : z->avail_out == 0;
	return in->n > 0 || d->in_pending || *ret_produced > 0 ? RC_OK : RC_AGAIN;
}

bool deflate_in_pending(const struct deflate *d)
{
	return d->in_pending;
}

/* Compresses window[n] into `frozen`, or copies it if that is not smaller. */
static void deflate_pack(struct frozen *frozen, unsigned char *window, size_t n)
{
	unsigned char packed[IN_WINDOW_SIZE];
	size_t made = 0;
	z_stream z = { .next_in = window, .avail_in = (uInt)n, .next_out = packed, .avail_out = (uInt)n };
	if (n > 0 && deflateInit2(&z, 6, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK) {
		if (deflate(&z, Z_FINISH) == Z_STREAM_END)
			made = n - z.avail_out;
		deflateEnd(&z);
	}
	bool smaller = made > 0 && made < n;
	frozen->plain = n;
	frozen->n = smaller ? made : n;
	if (n == 0)
		return;
	frozen->p = mem_alloc(frozen->n);
	memcpy(frozen->p, smaller ? packed : window, frozen->n);
}

static void freeze_in(struct deflate *d)
{
	if (!d->in || !d->between_blocks || d->in_ended)
		return;
	unsigned char window[IN_WINDOW_SIZE];
	uInt n = 0;
	if (inflateGetDictionary(d->in, window, &n) != Z_OK)
		return;
	deflate_pack(&d->frozen, window, n);
	d->frozen.bits = d->in->data_type & BITS_MASK;
	free_in(d);
}

void deflate_freeze(struct deflate *d)
{
	if (!d->unflushed)
		free_out(d);
	freeze_in(d);
}

bool deflate_frozen(const struct deflate *d)
{
	return !d->out && !d->in;
}
