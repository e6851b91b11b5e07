/*
 * A client after COMPRESS: what it sends goes in stored blocks, what it receives is inflated.
 */
#ifndef COID_TESTS_DEFLATE_RIG_H
#define COID_TESTS_DEFLATE_RIG_H

#include "greeting_rig.h"

#include <zlib.h>

static UNUSED void compressed_print(struct buf *out, const char *text)
{
	size_t n = strlen(text);
	const unsigned char head[] = { 0, (unsigned char)n, (unsigned char)(n >> 8), (unsigned char)~n,
		(unsigned char)(~n >> 8) };
	buf_add(out, head, sizeof(head));
	buf_adds(out, text);
}

static UNUSED void compressed_send(struct client *client, const char *text)
{
	struct buf bytes;
	buf_init(&bytes, 65536);
	compressed_print(&bytes, text);
	client_send_bytes(client, buf_strv(&bytes));
	buf_fini(&bytes);
}

/* All that comes inflates to this. */
static UNUSED void assert_inflated(struct client *client, z_stream *stream, const char *expected)
{
	char text[4096];
	size_t got = 0;
	for (unsigned i = 0; i < 20000 && got < strlen(expected); i++) {
		(void)client_receive(client);
		if (client->in.len == 0) {
			turn(client);
			continue;
		}
		stream->next_in = (unsigned char *)client->in.p;
		stream->avail_in = (unsigned)client->in.len;
		stream->next_out = (unsigned char *)text + got;
		stream->avail_out = (unsigned)(sizeof(text) - 1 - got);
		assert_int_equal(inflate(stream, Z_SYNC_FLUSH), Z_OK);
		got = sizeof(text) - 1 - stream->avail_out;
		buf_consume(&client->in, client->in.len - stream->avail_in);
	}
	text[got] = '\0';
	assert_string_equal(text, expected);
}

static UNUSED void inflater_init(z_stream *stream)
{
	memset(stream, 0, sizeof(*stream));
	assert_int_equal(inflateInit2(stream, -15), Z_OK);
}

#endif
