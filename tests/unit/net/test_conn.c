#include "unit/net/net_helper.h"

#include "net/conn_priv.h"

static size_t eat_lines(struct user *user, struct strv in)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n')
			n = i + 1;
	}
	buf_add(&user->got, in.p, n);
	return n;
}

static size_t eat_one_line(struct user *user, struct strv in)
{
	size_t n = strv_index(in, '\n');
	if (n == in.n)
		return 0;
	buf_add(&user->got, in.p, n + 1);
	return n + 1;
}

static size_t eat_nothing(struct user *user, struct strv in)
{
	(void)user;
	(void)in;
	return 0;
}

static void assert_got(struct buf *buf, const char *text)
{
	assert_int_equal(buf->len, strlen(text));
	if (buf->len > 0)
		assert_memory_equal(buf->p, text, buf->len);
}

static void what_is_not_consumed_comes_again_with_more(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	user.eat = eat_lines;
	peer_says(peer, "one\ntwo");
	turns(&user, 2);
	assert_got(&user.got, "one\n");
	assert_int_equal(user.calls, 1);
	turns(&user, 3);
	assert_int_equal(user.calls, 1);
	peer_says(peer, " and a half\nrest");
	turns(&user, 2);
	assert_got(&user.got, "one\ntwo and a half\n");
	assert_int_equal(user.calls, 2);
	assert_int_equal(user.last_view, strlen("two and a half\nrest"));
	assert_int_equal(conn_bytes_in(user.conn), 23);
	close(peer);
	turns(&user, 3);
	user_fini(&user);
	assert_int_equal(user.why, CONN_EOF);
}

static void input_byte_by_byte_is_the_same(void **state)
{
	(void)state;
	const char *text = "a login x y\r\nb select inbox\r\n";
	struct user user;
	int peer;
	user_init(&user, &peer, true, NULL);
	user.eat = eat_lines;
	for (size_t i = 0; i < strlen(text); i++) {
		size_t calls = user.calls;
		peer_send(peer, text + i, 1);
		SPIN(&user, user.calls > calls);
	}
	assert_got(&user.got, text);
	close(peer);
	user_fini(&user);
}

static void a_kick_gives_the_unread_bytes_again(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	user.eat = eat_one_line;
	peer_says(peer, "1\n2\n3\n");
	turns(&user, 3);
	assert_got(&user.got, "1\n");
	user.inside = true;
	conn_kick(user.conn);
	conn_kick(user.conn);
	user.inside = false;
	turns(&user, 1);
	assert_got(&user.got, "1\n2\n");
	conn_kick(user.conn);
	turns(&user, 1);
	assert_got(&user.got, "1\n2\n3\n");
	conn_kick(user.conn); /* nothing left: no call */
	turns(&user, 2);
	assert_int_equal(user.calls, 3);
	close(peer);
	user_fini(&user);
}

/* A client that sends all its commands and shuts down its side wants the answers. */
static void the_end_of_input_waits_for_answers_under_way(void **state)
{
	(void)state;
	struct user user;
	struct buf got;
	int peer;
	user_init(&user, &peer, false, NULL);
	buf_init(&got, 100);
	user.busy = true;
	peer_says(peer, "command\n");
	shutdown(peer, SHUT_WR);
	turns(&user, 5);
	assert_got(&user.got, "command\n");
	assert_int_equal(user.ends, 0);
	/* Asked again, and not ready yet. */
	conn_kick(user.conn);
	turns(&user, 5);
	assert_int_equal(user.ends, 0);
	conn_write(user.conn, "answer\n", 7);
	conn_flush(user.conn);
	user.busy = false;
	conn_kick(user.conn);
	turns(&user, 5);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.why, CONN_EOF);
	peer_take(peer, &got);
	assert_got(&got, "answer\n");
	buf_fini(&got);
	close(peer);
	user_fini(&user);
}

static void pauses_nest_and_resuming_gives_what_waited(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	conn_pause_read(user.conn);
	conn_pause_read(user.conn);
	peer_says(peer, "hello");
	turns(&user, 3);
	assert_int_equal(user.calls, 0);
	conn_resume_read(user.conn);
	turns(&user, 3);
	assert_int_equal(user.calls, 0);
	user.inside = true;
	conn_resume_read(user.conn);
	user.inside = false;
	turns(&user, 3);
	assert_got(&user.got, "hello");
	close(peer);
	user_fini(&user);
}

static size_t pause_after_one_line(struct user *user, struct strv in)
{
	size_t n = eat_one_line(user, in);
	if (n > 0)
		conn_pause_read(user->conn);
	return n;
}

static void the_end_of_the_stream_waits_behind_unread_lines(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	user.eat = pause_after_one_line;
	peer_says(peer, "1\n2\n3\n");
	shutdown(peer, SHUT_WR);
	for (int i = 0; i < 3; i++) {
		turns(&user, 4);
		assert_int_equal(user.calls, i + 1);
		assert_int_equal(user.ends, 0);
		conn_resume_read(user.conn);
	}
	turns(&user, 4);
	assert_got(&user.got, "1\n2\n3\n");
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.why, CONN_EOF);
	close(peer);
	user_fini(&user);
}

static size_t kick_after_one_line(struct user *user, struct strv in)
{
	size_t n = eat_one_line(user, in);
	if (n < in.n)
		conn_kick(user->conn);
	return n;
}

static void the_end_of_the_stream_waits_behind_kicks(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	user.eat = kick_after_one_line;
	peer_says(peer, "1\n2\n3\n4\n5\n");
	close(peer);
	SPIN(&user, user.ends == 1);
	assert_got(&user.got, "1\n2\n3\n4\n5\n");
	user_fini(&user);
}

static void a_flood_is_stopped_at_the_high_mark(void **state)
{
	(void)state;
	struct conn_limits limits = { .in_high = 10000 };
	struct user user;
	int peer;
	user_init(&user, &peer, true, &limits);
	user.eat = eat_nothing;
	char block[8192];
	memset(block, 'x', sizeof(block));
	/* Until the kernel's buffers are full and stay so. */
	int refused = 0;
	while (refused < 100) {
		if (send(peer, block, sizeof(block), MSG_NOSIGNAL) < 0)
			refused++;
		turns(&user, 1);
	}
	assert_true(user.last_view > 10000);
	assert_true(user.last_view <= 10000 + 16384);
	size_t calls = user.calls;
	turns(&user, 5);
	assert_int_equal(user.calls, calls);
	/* When it is consumed after all, reading goes on. */
	user.eat = NULL;
	conn_kick(user.conn);
	turns(&user, 3);
	assert_true(user.got.len > 26384);
	close(peer);
	user_fini(&user);
}

static void output_goes_out_in_order_at_the_end_of_the_turn(void **state)
{
	(void)state;
	struct user user;
	int peer;
	struct buf got;
	user_init(&user, &peer, false, NULL);
	buf_init(&got, 1000000);
	char *own = malloc(5000);
	memset(own, 'o', 5000);
	conn_write(user.conn, "one ", 4);
	conn_write_own(user.conn, own, 5000);
	conn_write_own(user.conn, strdup(" two"), 4);
	conn_write(user.conn, "", 0);
	conn_writev(user.conn, STRV(" three"));
	conn_flush(user.conn);
	assert_int_equal(conn_out_length(user.conn), 5014);
	assert_true(peer_take(peer, &got));
	assert_int_equal(got.len, 0);
	turns(&user, 1);
	assert_true(peer_take(peer, &got));
	assert_int_equal(got.len, 5014);
	assert_memory_equal(got.p, "one ooo", 7);
	assert_memory_equal(got.p + 5004, " two three", 10);
	assert_int_equal(conn_out_length(user.conn), 0);
	assert_int_equal(conn_bytes_out(user.conn), 5014);
	buf_fini(&got);
	close(peer);
	user_fini(&user);
}

#define BIG (8u << 20)
#define PIECE 40000u

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

static void a_slow_reader_costs_a_bounded_queue(void **state)
{
	(void)state;
	struct conn_limits limits = { .out_high = 100000 };
	struct user user;
	int peer;
	user_init(&user, &peer, true, &limits);
	user.drained = produce;
	user.left = BIG;
	produce(&user);
	assert_true(conn_out_full(user.conn));
	struct buf got;
	buf_init(&got, 2 * BIG);
	time_t began = time(NULL);
	while (got.len < BIG) {
		assert_true(in_time(began));
		assert_true(conn_out_length(user.conn) <= 100000 + PIECE);
		turns(&user, 1);
		char chunk[30000];
		ssize_t n = recv(peer, chunk, sizeof(chunk), 0);
		if (n > 0)
			buf_add(&got, chunk, (size_t)n);
	}
	assert_true(user.drains > 10);
	assert_false(conn_out_full(user.conn));
	size_t at = 0;
	for (size_t left = BIG; left > 0;) {
		char piece[PIECE];
		size_t n = left < PIECE ? left : PIECE;
		fill(piece, n, (uint32_t)left);
		assert_memory_equal(piece, got.p + at, n);
		at += n;
		left -= n;
	}
	buf_fini(&got);
	close(peer);
	user_fini(&user);
}

static void a_stalled_write_ends_the_connection(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	struct conn_limits limits = { .write_ms = 60000 };
	struct user user;
	int peer;
	user_init(&user, &peer, true, &limits);
	conn_write_own(user.conn, calloc(1, 32u << 20), 32u << 20);
	conn_flush(user.conn);
	turns(&user, 20);
	assert_true(conn_out_length(user.conn) > 0);
	clock_fake_advance(50000);
	turns(&user, 2);
	/* Progress gives a new minute. */
	struct buf got;
	buf_init(&got, 64u << 20);
	size_t before = conn_out_length(user.conn);
	SPIN(&user, (peer_take(peer, &got), conn_out_length(user.conn) < before));
	turns(&user, 20);
	clock_fake_advance(59999);
	turns(&user, 2);
	assert_int_equal(user.ends, 0);
	clock_fake_advance(1);
	turns(&user, 3);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.why, CONN_TIMEOUT);
	buf_fini(&got);
	close(peer);
	user_fini(&user);
	clock_fake_set(0, 0);
}

static void close_sends_what_is_queued_first(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		struct user user;
		int peer;
		struct buf got;
		user_init(&user, &peer, tcp, NULL);
		buf_init(&got, 16u << 20);
		conn_write_own(user.conn, calloc(1, 3u << 20), 3u << 20);
		conn_write(user.conn, "bye", 3);
		user.inside = true;
		conn_close(user.conn);
		user.inside = false;
		conn_write(user.conn, "too late", 8);
		conn_write_own(user.conn, calloc(1, 5000), 5000);
		time_t began = time(NULL);
		while (peer_take(peer, &got)) {
			assert_true(in_time(began));
			turns(&user, 1);
		}
		assert_int_equal(got.len, (3u << 20) + 3);
		assert_memory_equal(got.p + got.len - 3, "bye", 3);
		SPIN(&user, user.ends == 1);
		assert_int_equal(user.why, CONN_CLOSED);
		buf_fini(&got);
		close(peer);
		user_fini(&user);
	}
}

static void close_gives_up_when_the_peer_does_not_read(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	struct user user;
	int peer;
	user_init(&user, &peer, true, NULL);
	conn_write_own(user.conn, calloc(1, 32u << 20), 32u << 20);
	conn_close(user.conn);
	turns(&user, 10);
	assert_int_equal(user.ends, 0);
	clock_fake_advance(CONN_CLOSE_MS - 1);
	turns(&user, 3);
	assert_int_equal(user.ends, 0);
	clock_fake_advance(1);
	turns(&user, 3);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.why, CONN_TIMEOUT);
	close(peer);
	user_fini(&user);
	clock_fake_set(0, 0);
}

static size_t say_bye(struct user *user, struct strv in)
{
	(void)in;
	conn_write(user->conn, "* BYE\r\n", 7);
	conn_close(user->conn);
	return 0;
}

static void last_words_arrive_although_the_peer_goes_on_sending(void **state)
{
	(void)state;
	struct user user;
	int peer;
	struct buf got;
	user_init(&user, &peer, true, NULL);
	buf_init(&got, 1000);
	user.eat = say_bye;
	char block[50000];
	memset(block, 'x', sizeof(block));
	peer_send(peer, block, sizeof(block));
	SPIN(&user, user.calls > 0);
	turns(&user, 5);
	assert_int_equal(user.ends, 0);
	peer_send(peer, block, sizeof(block)); /* no reset yet */
	turns(&user, 5);
	assert_false(peer_take(peer, &got)); /* the end of the stream, and not an error */
	assert_got(&got, "* BYE\r\n");
	close(peer);
	SPIN(&user, user.ends == 1);
	assert_int_equal(user.why, CONN_CLOSED);
	buf_fini(&got);
	user_fini(&user);
}

static void a_peer_that_never_stops_is_cut_off(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	for (int by_time = 0; by_time < 2; by_time++) {
		struct user user;
		int peer;
		user_init(&user, &peer, true, NULL);
		user.eat = say_bye;
		char block[50000];
		memset(block, 'x', sizeof(block));
		peer_send(peer, block, sizeof(block));
		SPIN(&user, user.calls > 0);
		turns(&user, 5);
		if (by_time)
			clock_fake_advance(CONN_LINGER_MS);
		time_t began = time(NULL);
		while (user.ends == 0) {
			assert_true(in_time(began));
			if (!by_time)
				(void)send(peer, block, sizeof(block), MSG_NOSIGNAL);
			turns(&user, 1);
		}
		close(peer);
		user_fini(&user);
	}
	clock_fake_set(0, 0);
}

/* The peer has sent so much, and so long ago, when a connection that closes has said its last words. */
static void assert_lingers(size_t sent, uint64_t ms, bool lingers)
{
	struct user user;
	int peer;
	char block[4096];

	user_init(&user, &peer, true, NULL);
	user.eat = say_bye;
	memset(block, 'x', sizeof(block));
	peer_send(peer, block, 1);
	SPIN(&user, user.calls > 0);
	turns(&user, 5);
	for (size_t left = sent; left > 0;) {
		size_t n = left < sizeof(block) ? left : sizeof(block);
		peer_send(peer, block, n);
		turns(&user, 1);
		left -= n;
	}
	SPIN(&user, user.ends == 1 || user.conn->lingered == sent);
	clock_fake_advance(ms);
	turns(&user, 3);
	assert_int_equal(user.ends, lingers ? 0 : 1);
	close(peer);
	SPIN(&user, user.ends == 1);
	user_fini(&user);
}

static void a_peer_may_go_on_for_a_while_and_so_much(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	assert_lingers(CONN_LINGER_MAX - 1, 0, true);
	assert_lingers(CONN_LINGER_MAX, 0, true);
	assert_lingers(CONN_LINGER_MAX + 1, 0, false);
	assert_lingers(1, CONN_LINGER_MS - 1, true);
	assert_lingers(1, CONN_LINGER_MS, false);
	clock_fake_set(0, 0);
}

static size_t abort_inside(struct user *user, struct strv in)
{
	user->inside = true;
	conn_abort(user->conn);
	conn_write(user->conn, "x", 1);
	conn_flush(user->conn);
	conn_kick(user->conn);
	conn_pause_read(user->conn);
	conn_resume_read(user->conn);
	conn_close(user->conn);
	conn_abort(user->conn);
	conn_idle(user->conn);
	user->inside = false;
	assert_int_equal(conn_fd(user->conn), -1);
	return in.n / 2;
}

static void abort_inside_a_callback_ends_once(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, true, NULL);
	user.eat = abort_inside;
	peer_says(peer, "some words");
	SPIN(&user, user.ends > 0);
	turns(&user, 5);
	assert_int_equal(user.calls, 1);
	assert_int_equal(user.why, CONN_CLOSED);
	close(peer);
	user_fini(&user);
}

static void the_answer_to_a_half_closed_peer_is_sent(void **state)
{
	(void)state;
	struct user user;
	int peer;
	struct buf got;
	user_init(&user, &peer, true, NULL);
	buf_init(&got, 64u << 20);
	conn_write_own(user.conn, calloc(1, 20u << 20), 20u << 20);
	conn_flush(user.conn);
	turns(&user, 2);
	shutdown(peer, SHUT_WR);
	turns(&user, 2);
	assert_int_equal(user.ends, 0);
	time_t began = time(NULL);
	while (peer_take(peer, &got)) {
		assert_true(in_time(began));
		turns(&user, 1);
	}
	assert_int_equal(got.len, 20u << 20);
	SPIN(&user, user.ends == 1);
	assert_int_equal(user.why, CONN_EOF);
	buf_fini(&got);
	close(peer);
	user_fini(&user);
}

static void a_reset_is_an_error(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, true, NULL);
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(peer);
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	user_fini(&user);
}

static void writing_to_a_peer_that_is_gone_is_an_error_and_no_signal(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	conn_pause_read(user.conn);
	close(peer);
	conn_write(user.conn, "hello", 5);
	conn_flush(user.conn);
	turns(&user, 3);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.why, CONN_ERROR);
	user_fini(&user);
}

static void a_paused_connection_can_be_closed(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, true, NULL);
	conn_pause_read(user.conn);
	peer_says(peer, "unread");
	conn_write(user.conn, "bye", 3);
	conn_close(user.conn);
	turns(&user, 3);
	struct buf got;
	buf_init(&got, 100);
	assert_false(peer_take(peer, &got));
	assert_got(&got, "bye");
	buf_fini(&got);
	close(peer);
	SPIN(&user, user.ends == 1);
	user_fini(&user);
}

static void the_peer_is_known_by_name(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, true, NULL);
	struct sockaddr_in in;
	socklen_t size = sizeof(in);
	assert_int_equal(getsockname(peer, (struct sockaddr *)&in, &size), 0);
	assert_string_equal(conn_peer(user.conn), "127.0.0.1");
	assert_int_equal(conn_peer_port(user.conn), ntohs(in.sin_port));
	assert_true(conn_peer_loopback(user.conn));
	assert_int_equal(conn_peer_uid(user.conn), (unsigned)-1);
	assert_ptr_equal(conn_reactor(user.conn), user.reactor);
	assert_false(conn_is_tls(user.conn));
	assert_string_equal(conn_tls_version(user.conn), "");
	assert_string_equal(conn_tls_cipher(user.conn), "");
	assert_int_equal(conn_tls_alpn(user.conn).n, 0);
	struct buf binding;
	buf_init(&binding, 100);
	assert_int_equal(conn_channel_binding(user.conn, "tls-exporter", &binding), RC_NOT_FOUND);
	buf_fini(&binding);
	close(peer);
	user_fini(&user);

	user_init(&user, &peer, false, NULL);
	assert_string_equal(conn_peer(user.conn), "unix");
	assert_int_equal(conn_peer_port(user.conn), 0);
	assert_int_equal(conn_peer_uid(user.conn), getuid());
	close(peer);
	user_fini(&user);
}

/* Checks how a peer is shown that connects to `address` through an IPv6 socket. */
static void assert_v6_peer(const char *address, const char *shown)
{
	int listener = socket(AF_INET6, SOCK_STREAM, 0);
	int off = 0;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	inet_pton(AF_INET6, address, &in6.sin6_addr);
	socklen_t size = sizeof(in6);
	if (listener < 0)
		return; /* a kernel without IPv6 has no such peers */
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(listener, (struct sockaddr *)&in6, sizeof(in6)) < 0) {
		close(listener);
		return;
	}
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in6, &size), 0);
	int peer = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&in6, sizeof(in6)), 0);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	struct user user = { .ends = 0 };
	user.reactor = reactor_new(0, NULL);
	user.conn = conn_new(user.reactor, fd, &user_ops, &user, NULL);
	assert_string_equal(conn_peer(user.conn), shown);
	assert_true(conn_peer_loopback(user.conn));
	assert_true(conn_peer_port(user.conn) > 0);
	close(peer);
	close(listener);
	buf_init(&user.got, 10);
	user_fini(&user);
}

static void ipv6_peers_are_shown_plainly_and_mapped_ones_as_ipv4(void **state)
{
	(void)state;
	assert_v6_peer("::1", "::1");
	assert_v6_peer("::ffff:127.0.0.1", "127.0.0.1");
}

static void connections_left_at_the_end_of_the_reactor_are_told(void **state)
{
	(void)state;
	struct user user;
	int peer;
	user_init(&user, &peer, false, NULL);
	conn_abort(user.conn);
	reactor_free(&user.reactor);
	assert_int_equal(user.ends, 1);
	buf_fini(&user.got);
	close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_consumed_comes_again_with_more),
		cmocka_unit_test(input_byte_by_byte_is_the_same),
		cmocka_unit_test(a_kick_gives_the_unread_bytes_again),
		cmocka_unit_test(pauses_nest_and_resuming_gives_what_waited),
		cmocka_unit_test(the_end_of_the_stream_waits_behind_unread_lines),
		cmocka_unit_test(the_end_of_the_stream_waits_behind_kicks),
		cmocka_unit_test(the_end_of_input_waits_for_answers_under_way),
		cmocka_unit_test(a_flood_is_stopped_at_the_high_mark),
		cmocka_unit_test(output_goes_out_in_order_at_the_end_of_the_turn),
		cmocka_unit_test(a_slow_reader_costs_a_bounded_queue),
		cmocka_unit_test(a_stalled_write_ends_the_connection),
		cmocka_unit_test(close_sends_what_is_queued_first),
		cmocka_unit_test(close_gives_up_when_the_peer_does_not_read),
		cmocka_unit_test(last_words_arrive_although_the_peer_goes_on_sending),
		cmocka_unit_test(a_peer_that_never_stops_is_cut_off),
		cmocka_unit_test(a_peer_may_go_on_for_a_while_and_so_much),
		cmocka_unit_test(abort_inside_a_callback_ends_once),
		cmocka_unit_test(the_answer_to_a_half_closed_peer_is_sent),
		cmocka_unit_test(a_reset_is_an_error),
		cmocka_unit_test(writing_to_a_peer_that_is_gone_is_an_error_and_no_signal),
		cmocka_unit_test(a_paused_connection_can_be_closed),
		cmocka_unit_test(the_peer_is_known_by_name),
		cmocka_unit_test(ipv6_peers_are_shown_plainly_and_mapped_ones_as_ipv4),
		cmocka_unit_test(connections_left_at_the_end_of_the_reactor_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
