#include "net/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <zlib.h>

#include "base/buf.h"

#define TEXT 300000u

static uint32_t seed = 4711;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Words that come again and again, at distances of up to 32 KiB, with some noise between. */
static void make_text(char *p, size_t n)
{
	static const char *const words[] = { "* 1 FETCH (FLAGS (\\Seen) UID ", "BODY[]", " {2048}\r\n",
		"Subject: ", "the quick brown fox ", "Content-Type: text/plain\r\n" };
	size_t at = 0;
	while (at < n) {
		uint32_t kind = draw(8);
		char piece[4096];
		size_t len;
		if (kind < 6) {
			len = strlen(words[kind]);
			memcpy(piece, words[kind], len);
		} else if (kind == 6) {
			len = draw(40);
			for (size_t i = 0; i < len; i++)
				piece[i] = (char)draw(256);
		} else {
			size_t back = at < 32000 ? at : 32000;
			len = back > 0 ? draw(200) : 0;
			size_t from = at - (back > 0 ? 1 + draw((uint32_t)back) : 0);
			if (len > at - from)
				len = at - from;
			memcpy(piece, p + from, len);
		}
		if (len > n - at)
			len = n - at;
		memcpy(p + at, piece, len);
		at += len;
	}
}

static void take_all_in(struct deflate *d, struct strv in, size_t cap, struct buf *out)
{
	char piece[20000];
	for (;;) {
		size_t n;
		enum rc rc = deflate_in(d, &in, piece, cap, &n);
		assert_true(n <= cap);
		buf_add(out, piece, n);
		if (rc == RC_AGAIN) {
			assert_int_equal(in.n, 0);
			assert_false(deflate_in_pending(d));
			return;
		}
		assert_int_equal(rc, RC_OK);
	}
}

static void what_we_send_is_read_by_any_zlib_with_freezes_between(void **state)
{
	(void)state;
	char *text = malloc(TEXT);
	char *back = malloc(TEXT);
	make_text(text, TEXT);
	z_stream peer = { .next_in = NULL };
	assert_int_equal(inflateInit2(&peer, -15), Z_OK);
	struct deflate *d = deflate_new();
	struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
	size_t sent = 0, got = 0, wire = 0;
	while (sent < TEXT) {
		size_t n = 1 + draw(draw(4) == 0 ? 9000 : 200);
		if (n > TEXT - sent)
			n = TEXT - sent;
		evbuffer_add(from, text + sent, n);
		sent += n;
		bool flush = draw(3) > 0 || sent == TEXT;
		while (evbuffer_get_length(from) > 0)
			assert_int_equal(deflate_out(d, from, to, 5000, flush), RC_OK);
		assert_int_equal(deflate_unflushed(d), !flush);
		/* With something unflushed freezing must leave the sending state alone. */
		if (draw(4) == 0)
			deflate_freeze(d);
		assert_int_equal(deflate_out(d, from, to, 5000, flush), RC_OK);

		size_t made = evbuffer_get_length(to);
		wire += made;
		peer.next_in = evbuffer_pullup(to, -1);
		peer.avail_in = (uInt)made;
		peer.next_out = (unsigned char *)back + got;
		peer.avail_out = (uInt)(TEXT - got);
		int ret = made > 0 ? inflate(&peer, Z_SYNC_FLUSH) : Z_OK;
		assert_true(ret == Z_OK || ret == Z_BUF_ERROR);
		assert_int_equal(peer.avail_in, 0);
		evbuffer_drain(to, made);
		got = TEXT - peer.avail_out;
		if (flush)
			assert_int_equal(got, sent);
	}
	assert_int_equal(got, TEXT);
	assert_memory_equal(back, text, TEXT);
	assert_true(wire < TEXT / 2 + TEXT / 4);
	inflateEnd(&peer);
	deflate_free(&d);
	assert_null(d);
	evbuffer_free(from);
	evbuffer_free(to);
	free(text);
	free(back);
}

struct peer_style {
	int level;
	int window_bits;
	int mem_level;
	int strategy;
};

#define CUTS 4000

/* The places in the compressed stream at which the peer flushed. */
struct cuts {
	size_t at[CUTS];
	size_t n;
};

/* Compresses `text` as a peer might, with flushes of random kinds at random places. */
static void peer_compress(
	const struct peer_style *style, const char *text, size_t n, struct buf *wire, struct cuts *cuts)
{
	cuts->n = 0;
	static const int flushes[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_FULL_FLUSH, Z_BLOCK };
	z_stream z = { .next_in = NULL };
	assert_int_equal(deflateInit2(&z, style->level, Z_DEFLATED, -style->window_bits, style->mem_level,
				 style->strategy),
		Z_OK);
	size_t at = 0;
	while (at < n) {
		size_t len = 1 + draw(draw(5) == 0 ? 20000 : 500);
		if (len > n - at)
			len = n - at;
		char *copy = malloc(len);
		memcpy(copy, text + at, len);
		at += len;
		z.next_in = (unsigned char *)copy;
		z.avail_in = (uInt)len;
		int flush = at == n ? Z_SYNC_FLUSH : flushes[draw(5)];
		do {
			unsigned char piece[4096];
			z.next_out = piece;
			z.avail_out = sizeof(piece);
			(void)deflate(&z, flush);
			buf_add(wire, piece, sizeof(piece) - z.avail_out);
		} while (z.avail_out == 0);
		free(copy);
		if (flush != Z_NO_FLUSH) {
			assert_true(cuts->n < CUTS);
			cuts->at[cuts->n++] = wire->len;
		}
	}
	deflateEnd(&z);
}

static const struct peer_style styles[] = {
	{ 6, 15, 8, Z_DEFAULT_STRATEGY },
	{ 1, 15, 9, Z_DEFAULT_STRATEGY },
	{ 9, 12, 1, Z_FIXED },
	{ 0, 15, 8, Z_DEFAULT_STRATEGY },
	{ 6, 9, 2, Z_HUFFMAN_ONLY },
};

static void what_a_peer_sends_is_read_with_freezes_anywhere(void **state)
{
	(void)state;
	char *text = malloc(TEXT);
	make_text(text, TEXT);
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		struct buf wire, got;
		buf_init(&wire, 4 * TEXT);
		buf_init(&got, 4 * TEXT);
		static struct cuts cuts;
		peer_compress(&styles[i], text, TEXT, &wire, &cuts);
		struct deflate *d = deflate_new();
		size_t at = 0, cut = 0, frozen = 0;
		while (at < wire.len) {
			size_t n = 1 + draw(draw(3) == 0 ? 3000 : 30);
			/* Mostly up to where the peer flushed: only there is there something to put away. */
			while (cut < cuts.n && cuts.at[cut] <= at)
				cut++;
			if (n > cuts.at[cut] - at || draw(3) > 0)
				n = cuts.at[cut] - at;
			take_all_in(d, strv_make(wire.p + at, n), 1 + draw(draw(2) ? 20000 : 50), &got);
			at += n;
			if (draw(2) == 0) {
				deflate_freeze(d);
				frozen += deflate_frozen(d);
			}
		}
		assert_int_equal(got.len, TEXT);
		assert_memory_equal(got.p, text, TEXT);
		assert_true(frozen > 10);
		/* After the last sync flush it can be put away, and more than once. */
		deflate_freeze(d);
		assert_true(deflate_frozen(d));
		deflate_freeze(d);
		assert_true(deflate_frozen(d));
		deflate_free(&d);
		buf_fini(&wire);
		buf_fini(&got);
	}
	free(text);
}

static void a_freeze_after_every_single_byte_changes_nothing(void **state)
{
	(void)state;
	const size_t n = 20000;
	char *text = malloc(n);
	make_text(text, n);
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		struct buf wire, got;
		buf_init(&wire, 4 * n);
		buf_init(&got, 4 * n);
		static struct cuts cuts;
		peer_compress(&styles[i], text, n, &wire, &cuts);
		struct deflate *d = deflate_new();
		size_t frozen = 0;
		for (size_t at = 0; at < wire.len; at++) {
			take_all_in(d, strv_make(wire.p + at, 1), 1000, &got);
			deflate_freeze(d);
			frozen += deflate_frozen(d);
		}
		assert_int_equal(got.len, n);
		assert_memory_equal(got.p, text, n);
		assert_true(frozen > 3);
		deflate_free(&d);
		buf_fini(&wire);
		buf_fini(&got);
	}
	free(text);
}

static void nothing_written_makes_nothing(void **state)
{
	(void)state;
	struct deflate *d = deflate_new();
	struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
	assert_int_equal(deflate_out(d, from, to, 100, true), RC_OK);
	assert_int_equal(evbuffer_get_length(to), 0);
	evbuffer_free(from);
	evbuffer_free(to);
	deflate_free(&d);
	deflate_free(&d);
}

static void garbage_is_corrupt(void **state)
{
	(void)state;
	struct deflate *d = deflate_new();
	struct strv in = STRV("a1 NOOP in plain text\r\n");
	char out[100];
	size_t n;
	enum rc rc;
	do
		rc = deflate_in(d, &in, out, sizeof(out), &n);
	while (rc == RC_OK);
	assert_int_equal(rc, RC_CORRUPT);
	deflate_free(&d);
}

static void a_reference_before_the_beginning_is_corrupt_also_after_a_thaw(void **state)
{
	(void)state;
	/* A peer that first sent 100 bytes that we never saw. */
	char text[200];
	make_text(text, 100);
	memcpy(text + 100, text, 100);
	z_stream z = { .next_in = (unsigned char *)text, .avail_in = 100 };
	unsigned char all[1000];
	z.next_out = all;
	z.avail_out = sizeof(all);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_FIXED), Z_OK);
	deflate(&z, Z_SYNC_FLUSH);
	size_t cut = z.total_out;
	z.next_in = (unsigned char *)text + 100;
	z.avail_in = 100;
	deflate(&z, Z_SYNC_FLUSH);
	size_t total = z.total_out;
	deflateEnd(&z);
	struct deflate *d = deflate_new();
	deflate_freeze(d);
	struct strv in = strv_make(all + cut, total - cut);
	char out[1000];
	size_t n;
	enum rc rc;
	do
		rc = deflate_in(d, &in, out, sizeof(out), &n);
	while (rc == RC_OK);
	assert_int_equal(rc, RC_CORRUPT);
	deflate_free(&d);
}

static void the_end_of_the_stream_is_told_after_its_last_byte(void **state)
{
	(void)state;
	struct deflate *d = deflate_new();
	unsigned char wire[100];
	z_stream z = { .next_in = (unsigned char *)"farewell",
		.avail_in = 8,
		.next_out = wire,
		.avail_out = sizeof(wire) };
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	struct strv in = strv_make(wire, z.total_out);
	deflateEnd(&z);
	struct buf got;
	buf_init(&got, 100);
	char out[3];
	enum rc rc;
	do {
		size_t n;
		rc = deflate_in(d, &in, out, sizeof(out), &n);
		buf_add(&got, out, n);
	} while (rc == RC_OK);
	assert_int_equal(rc, RC_GONE);
	assert_int_equal(got.len, 8);
	deflate_freeze(d);
	size_t n;
	assert_int_equal(deflate_in(d, &in, out, sizeof(out), &n), RC_GONE);
	buf_fini(&got);
	deflate_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_send_is_read_by_any_zlib_with_freezes_between),
		cmocka_unit_test(what_a_peer_sends_is_read_with_freezes_anywhere),
		cmocka_unit_test(a_freeze_after_every_single_byte_changes_nothing),
		cmocka_unit_test(nothing_written_makes_nothing),
		cmocka_unit_test(garbage_is_corrupt),
		cmocka_unit_test(a_reference_before_the_beginning_is_corrupt_also_after_a_thaw),
		cmocka_unit_test(the_end_of_the_stream_is_told_after_its_last_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
