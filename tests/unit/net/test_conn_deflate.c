#include "unit/net/net_helper.h"

#include <zlib.h>

#define BIG (2u << 20)
#define PIECE 30000u

/* An independent peer: plain zlib with its default settings. */
struct zpeer {
	z_stream out;
	z_stream in;
	int fd;
	struct buf got;
};

static void zpeer_init(struct zpeer *z, int fd)
{
	*z = (struct zpeer){ .fd = fd };
	assert_int_equal(deflateInit2(&z->out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(inflateInit2(&z->in, -15), Z_OK);
	buf_init(&z->got, HELPER_MAX);
}

static void zpeer_fini(struct zpeer *z)
{
	deflateEnd(&z->out);
	inflateEnd(&z->in);
	buf_fini(&z->got);
	if (z->fd >= 0)
		close(z->fd);
}

static void zpeer_compress(struct zpeer *z, struct strv text, struct buf *wire)
{
	z->out.next_in = (unsigned char *)(uintptr_t)text.p;
	z->out.avail_in = (uInt)text.n;
	do {
		unsigned char piece[4096];
		z->out.next_out = piece;
		z->out.avail_out = sizeof(piece);
		(void)deflate(&z->out, Z_SYNC_FLUSH);
		buf_add(wire, piece, sizeof(piece) - z->out.avail_out);
	} while (z->out.avail_out == 0);
}

static void zpeer_says(struct zpeer *z, const char *text)
{
	struct buf wire;
	buf_init(&wire, 1u << 20);
	zpeer_compress(z, strv_cstr(text), &wire);
	peer_send(z->fd, wire.p, wire.len);
	buf_fini(&wire);
}

/* Inflates p[n] from the connection. */
static void zpeer_inflate(struct zpeer *z, const void *p, size_t n)
{
	z->in.next_in = (unsigned char *)(uintptr_t)p;
	z->in.avail_in = (uInt)n;
	do {
		unsigned char piece[16384];
		z->in.next_out = piece;
		z->in.avail_out = sizeof(piece);
		int ret = inflate(&z->in, Z_SYNC_FLUSH);
		assert_true(ret == Z_OK || ret == Z_BUF_ERROR);
		buf_add(&z->got, piece, sizeof(piece) - z->in.avail_out);
	} while (z->in.avail_out == 0);
}

static bool zpeer_take(struct zpeer *z)
{
	struct buf raw;
	buf_init(&raw, HELPER_MAX);
	bool open = peer_take(z->fd, &raw);
	zpeer_inflate(z, raw.p, raw.len);
	buf_fini(&raw);
	return open;
}

static void start(struct user *user, struct zpeer *z, const struct conn_limits *limits)
{
	int fd;
	user_init(user, &fd, true, limits);
	assert_int_equal(conn_start_deflate(user->conn), RC_OK);
	assert_true(conn_is_deflate(user->conn));
	zpeer_init(z, fd);
}

static void finish(struct user *user, struct zpeer *z)
{
	user_fini(user);
	zpeer_fini(z);
}

static size_t take_compress(struct user *user, struct strv in)
{
	buf_addv(&user->got, in);
	if (!strv_starts(in, STRV("a COMPRESS\r\n")))
		return in.n;
	conn_write(user->conn, "a OK DEFLATE active\r\n", 21);
	assert_int_equal(conn_start_deflate(user->conn), RC_OK);
	assert_int_equal(conn_start_deflate(user->conn), RC_EXISTS);
	conn_write(user->conn, "* compressed\r\n", 14);
	conn_flush(user->conn);
	return 12;
}

static void the_answer_goes_out_plain_and_all_after_it_compressed(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	int fd;
	user_init(&user, &fd, true, NULL);
	zpeer_init(&z, fd);
	user.eat = take_compress;
	assert_false(conn_is_deflate(user.conn));
	/* Bytes after the command are compressed, even if they came in the same segment. */
	struct buf wire;
	buf_init(&wire, 1000);
	buf_adds(&wire, "a COMPRESS\r\n");
	zpeer_compress(&z, STRV("b NOOP\r\n"), &wire);
	peer_send(fd, wire.p, wire.len);
	SPIN(&user, user.calls > 1);
	turns(&user, 2);
	size_t n = user.got.len;
	assert_memory_equal(user.got.p + n - 8, "b NOOP\r\n", 8);

	struct buf raw;
	buf_init(&raw, 1000);
	assert_true(peer_take(fd, &raw));
	assert_memory_equal(raw.p, "a OK DEFLATE active\r\n", 21);
	zpeer_inflate(&z, raw.p + 21, raw.len - 21);
	assert_int_equal(z.got.len, 14);
	assert_memory_equal(z.got.p, "* compressed\r\n", 14);
	assert_int_equal(conn_bytes_out(user.conn), 35);
	buf_fini(&raw);
	buf_fini(&wire);
	finish(&user, &z);
}

static size_t eat_nothing(struct user *user, struct strv in)
{
	(void)user;
	(void)in;
	return 0;
}

static void unread_bytes_count_as_compressed_when_deflate_begins_later(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	int fd;
	user_init(&user, &fd, true, NULL);
	zpeer_init(&z, fd);
	user.eat = eat_nothing;
	zpeer_says(&z, "c NOOP\r\n");
	SPIN(&user, user.calls > 0);
	user.eat = NULL;
	assert_int_equal(conn_start_deflate(user.conn), RC_OK);
	SPIN(&user, user.got.len == 8);
	assert_memory_equal(user.got.p, "c NOOP\r\n", 8);
	finish(&user, &z);
}

static void deflate_may_begin_with_bytes_that_were_unread_before(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	int fd;
	user_init(&user, &fd, true, NULL);
	zpeer_init(&z, fd);
	user.eat = eat_nothing;
	struct buf wire;
	buf_init(&wire, 1000);
	buf_adds(&wire, "a COMPRESS\r\n");
	zpeer_compress(&z, STRV("d NOOP\r\n"), &wire);
	peer_send(fd, wire.p, wire.len);
	SPIN(&user, user.calls > 0);
	user.eat = take_compress;
	conn_kick(user.conn);
	SPIN(&user, user.calls > 2);
	assert_memory_equal(user.got.p + user.got.len - 8, "d NOOP\r\n", 8);
	buf_fini(&wire);
	finish(&user, &z);
}

static void a_bomb_costs_no_more_memory_than_the_high_mark(void **state)
{
	(void)state;
	struct conn_limits limits = { .in_high = 40000 };
	struct user user;
	struct zpeer z;
	start(&user, &z, &limits);
	user.eat = eat_nothing;
	struct buf wire;
	buf_init(&wire, 1u << 20);
	char *zeros = calloc(1, 8u << 20);
	zpeer_compress(&z, strv_make(zeros, 8u << 20), &wire);
	assert_true(wire.len < 20000);
	peer_send(z.fd, wire.p, wire.len);
	SPIN(&user, user.last_view > 40000);
	turns(&user, 10);
	assert_true(user.last_view <= 40000 + 16384);
	/* No input was lost. */
	user.eat = NULL;
	conn_kick(user.conn);
	SPIN(&user, user.got.len == 8u << 20);
	free(zeros);
	buf_fini(&wire);
	finish(&user, &z);
}

static size_t pause_at_once(struct user *user, struct strv in)
{
	size_t n = in.n < 10 ? in.n : 10;
	buf_add(&user->got, in.p, n);
	conn_pause_read(user->conn);
	return n;
}

static void a_pause_also_stops_what_was_received_compressed(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	start(&user, &z, NULL);
	user.eat = pause_at_once;
	zpeer_says(&z, "0123456789");
	zpeer_says(&z, "abcdefghij");
	zpeer_says(&z, "ABCDEFGHIJ");
	SPIN(&user, user.calls == 1);
	turns(&user, 3);
	assert_int_equal(user.calls, 1);
	conn_resume_read(user.conn);
	turns(&user, 3);
	assert_int_equal(user.calls, 2);
	shutdown(z.fd, SHUT_WR);
	turns(&user, 3);
	conn_resume_read(user.conn);
	turns(&user, 3);
	assert_int_equal(user.got.len, 30);
	assert_memory_equal(user.got.p, "0123456789abcdefghijABCDEFGHIJ", 30);
	assert_int_equal(user.ends, 0);
	conn_resume_read(user.conn);
	turns(&user, 3);
	assert_int_equal(user.why, CONN_EOF);
	finish(&user, &z);
}

static void produce(struct user *user)
{
	char piece[PIECE];
	while (user->left > 0 && !conn_out_full(user->conn)) {
		size_t n = user->left < PIECE ? user->left : PIECE;
		fill(piece, n, (uint32_t)user->left);
		conn_write(user->conn, piece, n);
		user->left -= n;
	}
	conn_flush(user->conn);
}

static void big_transfers_survive_and_stay_bounded(void **state)
{
	(void)state;
	struct conn_limits limits = { .out_high = 100000 };
	struct user user;
	struct zpeer z;
	start(&user, &z, &limits);
	user.drained = produce;
	user.left = BIG;
	produce(&user);
	struct buf wire;
	buf_init(&wire, 4 * BIG);
	char *text = malloc(BIG);
	fill(text, BIG, 99);
	zpeer_compress(&z, strv_make(text, BIG), &wire);
	size_t sent = 0;
	time_t began = time(NULL);
	while (z.got.len < BIG || user.got.len < BIG) {
		assert_true(in_time(began));
		ssize_t n = send(z.fd, wire.p + sent, wire.len - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		/* Compressed data may be a little longer than the input. */
		assert_true(conn_out_length(user.conn) <= 100000 + 65536 + 2 * PIECE);
		turns(&user, 1);
		assert_true(zpeer_take(&z));
	}
	assert_memory_equal(user.got.p, text, BIG);
	size_t at = 0;
	for (size_t left = BIG; left > 0;) {
		char piece[PIECE];
		size_t n = left < PIECE ? left : PIECE;
		fill(piece, n, (uint32_t)left);
		assert_memory_equal(piece, z.got.p + at, n);
		at += n;
		left -= n;
	}
	assert_true(user.drains > 3);
	free(text);
	buf_fini(&wire);
	finish(&user, &z);
}

static void idling_puts_the_state_away_and_nothing_changes(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	struct user user;
	struct zpeer z;
	start(&user, &z, NULL);
	size_t said = 0, heard = 0;
	char line[100];
	for (int i = 0; i < 60; i++) {
		int n = snprintf(line, sizeof(line), "a%d UID FETCH %d:* (FLAGS MODSEQ)\r\n", i, i * 7 % 13);
		zpeer_says(&z, line);
		said += (size_t)n;
		SPIN(&user, user.got.len == said);
		assert_memory_equal(user.got.p + said - (size_t)n, line, (size_t)n);

		n = snprintf(line, sizeof(line), "* %d FETCH (FLAGS (\\Seen) MODSEQ (%d))\r\n", i, i * 3);
		conn_write(user.conn, line, (size_t)n);
		conn_flush(user.conn);
		heard += (size_t)n;
		SPIN(&user, (zpeer_take(&z), z.got.len == heard));
		assert_memory_equal(z.got.p + heard - (size_t)n, line, (size_t)n);

		if (i % 3 == 1)
			conn_idle(user.conn);
		clock_fake_advance(i % 2 ? 3000 : 15000);
		turns(&user, 2);
		clock_fake_advance((uint64_t)(i % 5) * 1000);
		turns(&user, 2);
	}
	finish(&user, &z);
	clock_fake_set(0, 0);
}

static void garbage_is_an_error(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	start(&user, &z, NULL);
	peer_says(z.fd, "a1 NOOP in plain text\r\n");
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	finish(&user, &z);
}

static void the_end_of_the_peers_stream_is_the_end(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	start(&user, &z, NULL);
	zpeer_says(&z, "bye");
	unsigned char wire[100];
	z.out.next_out = wire;
	z.out.avail_out = sizeof(wire);
	assert_int_equal(deflate(&z.out, Z_FINISH), Z_STREAM_END);
	peer_send(z.fd, wire, sizeof(wire) - z.out.avail_out);
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.got.len, 3);
	assert_int_equal(user.why, CONN_EOF);
	finish(&user, &z);
}

static void close_sends_what_was_not_flushed(void **state)
{
	(void)state;
	struct user user;
	struct zpeer z;
	start(&user, &z, NULL);
	conn_write(user.conn, "* BYE\r\n", 7);
	conn_close(user.conn);
	time_t began = time(NULL);
	while (zpeer_take(&z)) {
		assert_true(in_time(began));
		turns(&user, 1);
	}
	assert_int_equal(z.got.len, 7);
	SPIN(&user, user.ends == 1);
	assert_int_equal(user.why, CONN_CLOSED);
	finish(&user, &z);
}

static void deflate_works_inside_tls(void **state)
{
	(void)state;
	struct test_cert cert;
	make_cert(&cert);
	struct user user;
	struct tls_peer peer;
	struct zpeer z;
	int fd;
	user_init(&user, &fd, true, NULL);
	user.tls = make_tls(&cert, "1.2", NULL);
	conn_start_tls(user.conn, user.tls);
	tls_peer_init(&peer, fd);
	tls_peer_begin(&peer);
	SPIN_TLS(&user, &peer, peer.up && user.handshakes > 0);
	zpeer_init(&z, -1);
	conn_write(user.conn, "OK", 2);
	assert_int_equal(conn_start_deflate(user.conn), RC_OK);
	conn_write(user.conn, "compressed", 10);
	conn_flush(user.conn);
	struct buf wire;
	buf_init(&wire, 1000);
	zpeer_compress(&z, STRV("b NOOP\r\n"), &wire);
	assert_int_equal(SSL_write(peer.ssl, wire.p, (int)wire.len), (int)wire.len);
	SPIN_TLS(&user, &peer, user.got.len == 8 && peer.got.len > 12);
	assert_memory_equal(user.got.p, "b NOOP\r\n", 8);
	assert_memory_equal(peer.got.p, "OK", 2);
	zpeer_inflate(&z, peer.got.p + 2, peer.got.len - 2);
	assert_int_equal(z.got.len, 10);
	assert_memory_equal(z.got.p, "compressed", 10);
	buf_fini(&wire);
	user_fini(&user);
	tls_peer_fini(&peer);
	zpeer_fini(&z);
	free_cert(&cert);
}

static void a_connection_that_ended_cannot_start_deflate(void **state)
{
	(void)state;
	struct user user;
	int fd;
	user_init(&user, &fd, true, NULL);
	conn_abort(user.conn);
	assert_int_equal(conn_start_deflate(user.conn), RC_GONE);
	close(fd);
	user_fini(&user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_goes_out_plain_and_all_after_it_compressed),
		cmocka_unit_test(unread_bytes_count_as_compressed_when_deflate_begins_later),
		cmocka_unit_test(deflate_may_begin_with_bytes_that_were_unread_before),
		cmocka_unit_test(a_bomb_costs_no_more_memory_than_the_high_mark),
		cmocka_unit_test(a_pause_also_stops_what_was_received_compressed),
		cmocka_unit_test(big_transfers_survive_and_stay_bounded),
		cmocka_unit_test(idling_puts_the_state_away_and_nothing_changes),
		cmocka_unit_test(garbage_is_an_error),
		cmocka_unit_test(the_end_of_the_peers_stream_is_the_end),
		cmocka_unit_test(close_sends_what_was_not_flushed),
		cmocka_unit_test(deflate_works_inside_tls),
		cmocka_unit_test(a_connection_that_ended_cannot_start_deflate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
