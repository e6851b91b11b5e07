#include "unit/net/net_helper.h"

#include <zlib.h>

/*
 * A user and a peer that do anything at any time, over every combination of layers. Whatever happens: both
 * see the beginning of what the other wrote, on_end comes once, nothing leaks and nothing is touched after
 * its end.
 */

#define STORMS 120
#define STEPS 400
#define STREAM (1u << 20)

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Byte i of the stream that both sides write. */
static char byte_at(size_t i)
{
	return (char)((i / 5) ^ (i >> 11) * 7);
}

struct storm {
	struct user user;
	struct tls_peer tls; /* tls.fd is the peer's socket */
	z_stream deflater;
	z_stream inflater;
	bool with_tls;
	bool with_deflate;
	bool peer_open;
	struct buf outbox; /* of a plain peer */
	struct buf got; /* by the peer, all layers removed */
	struct buf raw;
	size_t peer_wrote;
	size_t user_wrote;
	size_t user_got;
	int pauses;
	bool closed; /* the user has called close */
	bool provoked; /* something was done that ends a connection */
};

static size_t storm_eat(struct user *user, struct strv in)
{
	struct storm *storm = CONTAINER_OF(user, struct storm, user);
	size_t n = draw(3) == 0 ? draw((uint32_t)in.n + 1) : in.n;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(in.p[i], byte_at(storm->user_got + i));
	storm->user_got += n;
	switch (draw(12)) {
	case 0:
		conn_pause_read(user->conn);
		storm->pauses++;
		break;
	case 1:
		conn_kick(user->conn);
		break;
	case 2:
		conn_idle(user->conn);
		break;
	case 3:
		if (draw(30) == 0) {
			conn_close(user->conn);
			storm->closed = storm->provoked = true;
		}
		break;
	case 4:
		if (draw(60) == 0) {
			conn_abort(user->conn);
			storm->provoked = true;
		}
		break;
	default:
		break;
	}
	if (n < in.n && draw(2) == 0)
		conn_kick(user->conn);
	return n;
}

static void user_writes(struct storm *storm)
{
	size_t n = draw(10) == 0 ? draw(60000) : draw(300);
	if (storm->closed || conn_out_full(storm->user.conn) || storm->user_wrote + n > STREAM)
		return;
	char *p = malloc(n + 1);
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(storm->user_wrote + i);
	storm->user_wrote += n;
	if (draw(2)) {
		conn_write_own(storm->user.conn, p, n);
	} else {
		conn_write(storm->user.conn, p, n);
		free(p);
	}
	if (draw(4) > 0)
		conn_flush(storm->user.conn);
}

static void user_acts(struct storm *storm)
{
	struct conn *conn = storm->user.conn;
	switch (draw(10)) {
	case 0:
		conn_kick(conn);
		break;
	case 1:
		conn_idle(conn);
		break;
	case 2:
	case 3:
		if (storm->pauses > 0) {
			storm->pauses--;
			conn_resume_read(conn);
		}
		break;
	case 4:
		clock_fake_advance(draw(2000));
		break;
	case 5:
		if (draw(100) == 0) {
			conn_close(conn);
			storm->closed = storm->provoked = true;
		}
		break;
	case 6:
		conn_flush(conn);
		break;
	default:
		user_writes(storm);
	}
}

/* Below deflate: into TLS or the outbox. */
static void peer_put(struct storm *storm, const void *p, size_t n)
{
	if (!storm->with_tls)
		buf_add(&storm->outbox, p, n);
	else if (n > 0 && SSL_write(storm->tls.ssl, p, (int)n) <= 0)
		storm->peer_open = false;
}

static void peer_writes(struct storm *storm)
{
	char text[3000];
	unsigned char wire[8000];
	size_t n = draw(5) == 0 ? draw(sizeof(text)) : draw(100);
	if (storm->peer_wrote + n > STREAM || (storm->with_tls && !storm->tls.up))
		return;
	for (size_t i = 0; i < n; i++)
		text[i] = byte_at(storm->peer_wrote + i);
	storm->peer_wrote += n;
	if (!storm->with_deflate) {
		peer_put(storm, text, n);
		return;
	}
	z_stream *z = &storm->deflater;
	z->next_in = (unsigned char *)text;
	z->avail_in = (uInt)n;
	z->next_out = wire;
	z->avail_out = sizeof(wire);
	(void)deflate(z, draw(3) ? Z_SYNC_FLUSH : Z_NO_FLUSH);
	peer_put(storm, wire, sizeof(wire) - z->avail_out);
}

/* Above TLS. */
static void peer_gets(struct storm *storm, const void *p, size_t n)
{
	if (!storm->with_deflate) {
		buf_add(&storm->got, p, n);
		return;
	}
	z_stream *z = &storm->inflater;
	z->next_in = (unsigned char *)(uintptr_t)p;
	z->avail_in = (uInt)n;
	do {
		unsigned char piece[16384];
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		int ret = inflate(z, Z_SYNC_FLUSH);
		assert_true(ret == Z_OK || ret == Z_BUF_ERROR);
		buf_add(&storm->got, piece, sizeof(piece) - z->avail_out);
	} while (z->avail_out == 0);
}

static void peer_moves(struct storm *storm)
{
	if (storm->with_tls) {
		tls_peer_step(&storm->tls);
		peer_gets(storm, storm->tls.got.p, storm->tls.got.len);
		buf_reset(&storm->tls.got);
		storm->peer_open = storm->peer_open && !storm->tls.ended;
		return;
	}
	buf_reset(&storm->raw);
	if (!peer_take(storm->tls.fd, &storm->raw))
		storm->peer_open = false;
	peer_gets(storm, storm->raw.p, storm->raw.len);
	if (storm->outbox.len == 0)
		return;
	ssize_t n = send(storm->tls.fd, storm->outbox.p, storm->outbox.len, MSG_NOSIGNAL);
	if (n > 0)
		buf_consume(&storm->outbox, (size_t)n);
}

static void peer_acts(struct storm *storm)
{
	switch (draw(8)) {
	case 0:
	case 1:
		peer_writes(storm);
		break;
	case 2:
		if (draw(150) == 0) {
			shutdown(storm->tls.fd, draw(2) ? SHUT_WR : SHUT_RDWR);
			storm->peer_open = false;
			storm->provoked = true;
		}
		break;
	case 3:
		if (storm->with_tls && storm->tls.up && draw(5) == 0)
			SSL_key_update(storm->tls.ssl, SSL_KEY_UPDATE_REQUESTED);
		break;
	default:
		peer_moves(storm);
	}
}

static void storm_init(struct storm *storm)
{
	struct conn_limits limits = { .in_high = 1 + draw(20000), .out_high = 1 + draw(100000) };
	int fd;
	*storm = (struct storm){ .with_tls = draw(2), .with_deflate = draw(2), .peer_open = true };
	user_init(&storm->user, &fd, draw(2), &limits);
	storm->user.eat = storm_eat;
	if (draw(2) && conn_peer_port(storm->user.conn) == 0)
		small_buffers(&storm->user, fd);
	buf_init(&storm->outbox, HELPER_MAX);
	buf_init(&storm->got, HELPER_MAX);
	buf_init(&storm->raw, HELPER_MAX);
	tls_peer_init(&storm->tls, fd);
	storm->tls.step = draw(2) ? 1u << 20 : 1 + draw(500);
	assert_int_equal(deflateInit2(&storm->deflater, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(inflateInit2(&storm->inflater, -15), Z_OK);
}

static void start_layers(struct storm *storm, struct test_cert *cert)
{
	if (storm->with_tls) {
		storm->user.tls = make_tls(cert, "1.2", NULL);
		conn_start_tls(storm->user.conn, storm->user.tls);
		tls_peer_begin(&storm->tls);
		SPIN_TLS(&storm->user, &storm->tls, storm->tls.up && storm->user.handshakes > 0);
	}
	if (storm->with_deflate)
		assert_int_equal(conn_start_deflate(storm->user.conn), RC_OK);
}

static void storm_fini(struct storm *storm)
{
	user_fini(&storm->user);
	tls_peer_fini(&storm->tls);
	deflateEnd(&storm->deflater);
	inflateEnd(&storm->inflater);
	buf_fini(&storm->outbox);
	buf_fini(&storm->got);
	buf_fini(&storm->raw);
}

/* With nobody misbehaving any more, all that was written arrives. */
static void calm_down(struct storm *storm)
{
	time_t began = time(NULL);
	while (storm->user.ends == 0 && storm->peer_open &&
		(storm->got.len < storm->user_wrote || storm->outbox.len > 0)) {
		assert_true(in_time(began));
		conn_flush(storm->user.conn);
		peer_moves(storm);
		turns(&storm->user, 1);
	}
	if (storm->user.ends == 0 && storm->peer_open)
		assert_int_equal(storm->got.len, storm->user_wrote);
}

static void nothing_that_user_or_peer_do_breaks_a_connection(void **state)
{
	(void)state;
	struct test_cert cert;
	make_cert(&cert);
	clock_fake_set(1000000, 0);
	size_t total = 0;
	for (uint32_t i = 0; i < STORMS; i++) {
		seed = i * 2654435761u + 1;
		static struct storm storm;
		storm_init(&storm);
		start_layers(&storm, &cert);
		for (int step = 0; step < STEPS && storm.user.ends == 0; step++) {
			user_acts(&storm);
			peer_acts(&storm);
			if (draw(2))
				turns(&storm.user, 1);
		}
		calm_down(&storm);
		assert_true(storm.user.ends == 0 || storm.provoked);
		total += storm.got.len + storm.user_got;
		assert_true(storm.got.len <= storm.user_wrote);
		assert_true(storm.user_got <= storm.peer_wrote);
		for (size_t k = 0; k < storm.got.len; k++)
			assert_int_equal(storm.got.p[k], byte_at(k));
		storm_fini(&storm);
	}
	assert_true(total > STORMS * 10000); /* they did talk */
	clock_fake_set(0, 0);
	free_cert(&cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_user_or_peer_do_breaks_a_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
