#include "unit/net/net_helper.h"

#define BIG (3u << 20)
#define PIECE 40000u

static struct test_cert cert;

static int make_group_cert(void **state)
{
	(void)state;
	make_cert(&cert);
	return 0;
}

static int free_group_cert(void **state)
{
	(void)state;
	free_cert(&cert);
	return 0;
}

/* A connection that begins with TLS, and its peer; no byte has moved yet. */
static void start(struct user *user, struct tls_peer *peer, bool tcp, const struct conn_limits *limits)
{
	int fd;
	user_init(user, &fd, tcp, limits);
	user->tls = make_tls(&cert, "1.2", "imap");
	conn_start_tls(user->conn, user->tls);
	tls_peer_init(peer, fd);
}

static void shake_hands(struct user *user, struct tls_peer *peer)
{
	tls_peer_begin(peer);
	SPIN_TLS(user, peer, peer->up && user->handshakes > 0);
	assert_int_equal(user->handshakes, 1);
}

static void finish(struct user *user, struct tls_peer *peer)
{
	user_fini(user);
	tls_peer_fini(peer);
}

static void set_alpn(struct tls_peer *peer, const char *wire)
{
	SSL_CTX_set_alpn_protos(peer->ctx, (const unsigned char *)wire, (unsigned)strlen(wire));
}

static void both_versions_shake_hands_and_talk(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct user user;
		struct tls_peer peer;
		start(&user, &peer, true, NULL);
		SSL_CTX_set_min_proto_version(peer.ctx, version);
		SSL_CTX_set_max_proto_version(peer.ctx, version);
		set_alpn(&peer, "\4imap");
		conn_write(
			user.conn, "* OK hello\r\n", 12); /* queued before: must not go out in plain text */
		conn_flush(user.conn);
		/* Output queued after conn_start_tls waits for the handshake. */
		turns(&user, 3);
		struct buf raw;
		buf_init(&raw, 1000);
		assert_true(peer_take(peer.fd, &raw));
		assert_int_equal(raw.len, 0);
		buf_fini(&raw);

		shake_hands(&user, &peer);
		assert_true(conn_is_tls(user.conn));
		assert_string_equal(
			conn_tls_version(user.conn), version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
		assert_string_equal(conn_tls_cipher(user.conn), SSL_get_cipher_name(peer.ssl));
		assert_true(strv_eq(conn_tls_alpn(user.conn), STRV("imap")));
		tls_peer_says(&peer, "a1 noop\r\n");
		SPIN_TLS(&user, &peer, user.got.len == 9 && peer.got.len == 12);
		assert_memory_equal(user.got.p, "a1 noop\r\n", 9);
		assert_memory_equal(peer.got.p, "* OK hello\r\n", 12);
		finish(&user, &peer);
	}
}

static void a_handshake_byte_by_byte_is_the_same(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	peer.step = 1;
	shake_hands(&user, &peer);
	tls_peer_says(&peer, "a1 noop\r\na2 noop\r\n");
	SPIN_TLS(&user, &peer, user.got.len == 18);
	assert_memory_equal(user.got.p, "a1 noop\r\na2 noop\r\n", 18);
	finish(&user, &peer);
}

static void an_unknown_protocol_offer_is_ignored(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	set_alpn(&peer, "\4smtp\5imaps");
	shake_hands(&user, &peer);
	assert_int_equal(conn_tls_alpn(user.conn).n, 0);
	const unsigned char *p;
	unsigned n;
	SSL_get0_alpn_selected(peer.ssl, &p, &n);
	assert_int_equal(n, 0);
	finish(&user, &peer);
}

static void a_client_below_the_minimum_is_refused(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	int fd;
	user_init(&user, &fd, true, NULL);
	user.tls = make_tls(&cert, "1.3", NULL);
	conn_start_tls(user.conn, user.tls);
	tls_peer_init(&peer, fd);
	SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
	tls_peer_begin(&peer);
	SPIN_TLS(&user, &peer, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	assert_int_equal(user.handshakes, 0);
	finish(&user, &peer);
}

static void garbage_instead_of_a_handshake_is_an_error(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	peer_says(peer.fd, "a1 LOGIN in plain text\r\n");
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	assert_int_equal(user.got.len, 0);
	finish(&user, &peer);
}

static void a_handshake_has_a_time_limit(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	struct conn_limits limits = { .tls_ms = 20000 };
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, &limits);
	turns(&user, 3);
	clock_fake_advance(19999);
	turns(&user, 3);
	assert_int_equal(user.ends, 0);
	clock_fake_advance(1);
	turns(&user, 3);
	assert_int_equal(user.ends, 1);
	assert_int_equal(user.why, CONN_TIMEOUT);
	finish(&user, &peer);
	clock_fake_set(0, 0);
}

static size_t take_starttls(struct user *user, struct strv in)
{
	buf_addv(&user->got, in);
	if (!strv_starts(in, STRV("a STARTTLS\r\n")))
		return in.n;
	conn_write(user->conn, "a OK begin\r\n", 12);
	user->inside = true;
	conn_start_tls(user->conn, user->tls);
	user->inside = false;
	user->eat = NULL;
	return 12;
}

static void starttls_throws_away_what_was_slipped_in_before(void **state)
{
	(void)state;
	/* The line with more in the same segment, and in the next one. */
	for (int split = 0; split < 2; split++) {
		struct user user;
		struct tls_peer peer;
		int fd;
		user_init(&user, &fd, true, NULL);
		user.tls = make_tls(&cert, "1.2", "imap");
		user.eat = take_starttls;
		tls_peer_init(&peer, fd);
		if (!split) {
			peer_says(fd, "a STARTTLS\r\nb LOGIN evil evil\r\nc NO");
			SPIN(&user, user.calls > 0);
		} else {
			/* Unread because reading was paused by then. */
			peer_says(fd, "a STARTTLS\r\n");
			SPIN(&user, user.calls > 0);
		}
		turns(&user, 2);
		buf_reset(&user.got);
		struct buf plain;
		buf_init(&plain, 1000);
		assert_true(peer_take(fd, &plain));
		assert_int_equal(plain.len, 12);
		assert_memory_equal(plain.p, "a OK begin\r\n", 12);
		buf_fini(&plain);
		shake_hands(&user, &peer);
		tls_peer_says(&peer, "d LOGIN good good\r\n");
		SPIN_TLS(&user, &peer, user.got.len >= 19);
		assert_int_equal(user.got.len, 19);
		assert_memory_equal(user.got.p, "d LOGIN good good\r\n", 19);
		finish(&user, &peer);
	}
}

static size_t eat_nothing(struct user *user, struct strv in)
{
	(void)user;
	(void)in;
	return 0;
}

static void starttls_outside_of_a_callback_drops_unread_input_too(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	int fd;
	user_init(&user, &fd, true, NULL);
	user.tls = make_tls(&cert, "1.2", "imap");
	user.eat = eat_nothing;
	tls_peer_init(&peer, fd);
	peer_says(fd, "b LOGIN evil evil\r\n");
	SPIN(&user, user.calls > 0);
	conn_start_tls(user.conn, user.tls);
	conn_start_tls(user.conn, user.tls); /* harmless */
	user.eat = NULL;
	shake_hands(&user, &peer);
	conn_kick(user.conn);
	tls_peer_says(&peer, "x");
	SPIN_TLS(&user, &peer, user.got.len > 0);
	assert_int_equal(user.got.len, 1);
	finish(&user, &peer);
}

static void plain_bytes_that_are_sent_after_starttls_never_count(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	int fd;
	user_init(&user, &fd, true, NULL);
	user.tls = make_tls(&cert, "1.2", "imap");
	user.eat = take_starttls;
	tls_peer_init(&peer, fd);
	peer_says(fd, "a STARTTLS\r\n");
	SPIN(&user, user.calls > 0);
	peer_says(fd, "b LOGIN evil evil\r\n");
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	assert_int_equal(user.calls, 1);
	finish(&user, &peer);
}

static void what_is_queued_after_starttls_goes_out_inside_tls(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	int fd;
	user_init(&user, &fd, true, NULL);
	user.tls = make_tls(&cert, "1.2", NULL);
	tls_peer_init(&peer, fd);
	char *own = malloc(3000);
	memset(own, 'p', 3000);
	conn_write_own(user.conn, own, 3000);
	conn_write(user.conn, "plain", 5);
	conn_start_tls(user.conn, user.tls);
	conn_write(user.conn, "secret", 6);
	conn_flush(user.conn);
	turns(&user, 3);
	struct buf plain;
	buf_init(&plain, 10000);
	SPIN(&user, (peer_take(fd, &plain), plain.len >= 3005));
	assert_int_equal(plain.len, 3005);
	assert_memory_equal(plain.p + 3000, "plain", 5);
	buf_fini(&plain);
	shake_hands(&user, &peer);
	SPIN_TLS(&user, &peer, peer.got.len == 6);
	assert_memory_equal(peer.got.p, "secret", 6);
	finish(&user, &peer);
}

static void a_close_before_the_handshake_sends_only_what_was_plain(void **state)
{
	(void)state;
	struct user user;
	int fd;
	user_init(&user, &fd, true, NULL);
	user.tls = make_tls(&cert, "1.2", "imap");
	conn_write(user.conn, "plain", 5);
	conn_start_tls(user.conn, user.tls);
	conn_write(user.conn, "secret", 6);
	conn_close(user.conn);
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_CLOSED);
	struct buf got;
	buf_init(&got, 100);
	assert_false(peer_take(fd, &got));
	assert_int_equal(got.len, 5);
	buf_fini(&got);
	close(fd);
	user_fini(&user);
}

static void a_close_in_the_handshake_ends_it(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	turns(&user, 3);
	conn_write(user.conn, "secret", 6);
	conn_close(user.conn);
	turns(&user, 3);
	assert_int_equal(user.ends, 1);
	finish(&user, &peer);
}

static void channel_bindings_are_the_same_on_both_sides(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct user user;
		struct tls_peer peer;
		struct buf ours;
		start(&user, &peer, true, NULL);
		SSL_CTX_set_max_proto_version(peer.ctx, version);
		shake_hands(&user, &peer);
		buf_init(&ours, 1000);
		assert_int_equal(conn_channel_binding(user.conn, "tls-exporter", &ours), RC_OK);
		unsigned char theirs[32];
		assert_int_equal(SSL_export_keying_material(peer.ssl, theirs, 32, "EXPORTER-Channel-Binding",
					 24, (const unsigned char *)"", 0, 1),
			1);
		assert_int_equal(ours.len, 32);
		assert_memory_equal(ours.p, theirs, 32);

		buf_reset(&ours);
		assert_int_equal(conn_channel_binding(user.conn, "tls-server-end-point", &ours), RC_OK);
		unsigned char hash[EVP_MAX_MD_SIZE];
		unsigned n;
		assert_int_equal(X509_digest(cert.cert, EVP_sha256(), hash, &n), 1);
		assert_int_equal(ours.len, n);
		assert_memory_equal(ours.p, hash, n);
		assert_int_equal(conn_channel_binding(user.conn, "tls-unique", &ours), RC_NOT_FOUND);
		buf_fini(&ours);
		finish(&user, &peer);
	}
}

static void close_says_goodbye_in_tls(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	shake_hands(&user, &peer);
	conn_write_own(user.conn, calloc(1, 1u << 20), 1u << 20);
	conn_write(user.conn, "bye", 3);
	conn_close(user.conn);
	SPIN_TLS(&user, &peer, user.ends > 0 && peer.ended && peer.got.len == (1u << 20) + 3);
	SPIN_TLS(&user, &peer, peer.clean);
	assert_int_equal(user.why, CONN_CLOSED);
	finish(&user, &peer);
}

static void both_kinds_of_end_are_the_end_of_the_stream(void **state)
{
	(void)state;
	for (int clean = 0; clean < 2; clean++) {
		struct user user;
		struct tls_peer peer;
		start(&user, &peer, true, NULL);
		shake_hands(&user, &peer);
		tls_peer_says(&peer, "last");
		SPIN_TLS(&user, &peer, user.got.len == 4);
		if (clean) {
			SSL_shutdown(peer.ssl);
			tls_peer_move(&peer);
		}
		shutdown(peer.fd, SHUT_WR);
		SPIN(&user, user.ends > 0);
		assert_int_equal(user.why, CONN_EOF);
		finish(&user, &peer);
	}
}

static void plain_bytes_inside_tls_are_an_error(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	shake_hands(&user, &peer);
	peer_says(peer.fd, "b LOGIN evil evil\r\n");
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	assert_int_equal(user.got.len, 0);
	finish(&user, &peer);
}

static void a_peer_may_vanish_at_any_byte(void **state)
{
	(void)state;
	size_t whole = 0;
	for (size_t stop = 0; whole == 0 || stop <= whole; stop += 1 + (stop % 7)) {
		struct user user;
		struct tls_peer peer;
		start(&user, &peer, false, NULL);
		conn_write(user.conn, "* OK hello\r\n", 12);
		conn_flush(user.conn);
		tls_peer_begin(&peer);
		peer.stop_after = stop;
		bool said = false;
		for (int i = 0; i < 12; i++) {
			tls_peer_step(&peer);
			if (peer.up && !said) {
				tls_peer_says(&peer, "a1 noop\r\n");
				said = true;
			}
			turns(&user, 1);
		}
		if (stop == 0) {
			whole = peer.sent;
			assert_int_equal(user.got.len, 9);
		}
		close(peer.fd);
		peer.fd = -1;
		SPIN(&user, user.ends > 0);
		finish(&user, &peer);
	}
	assert_true(whole > 300);
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

static void assert_filled(const char *p, size_t total)
{
	size_t at = 0;
	for (size_t left = total; left > 0;) {
		char piece[PIECE];
		size_t n = left < PIECE ? left : PIECE;
		fill(piece, n, (uint32_t)left);
		assert_memory_equal(piece, p + at, n);
		at += n;
		left -= n;
	}
}

/* The peer sends `BIG` patterned bytes, too, as fast as it is let. */
static void peer_produce(struct tls_peer *peer, size_t *left)
{
	while (*left > 0 && tls_peer_backlog(peer) < 200000) {
		char piece[PIECE];
		size_t n = *left < PIECE ? *left : PIECE;
		fill(piece, n, (uint32_t)*left);
		assert_int_equal(SSL_write(peer->ssl, piece, (int)n), (int)n);
		*left -= n;
	}
}

static size_t eat_and_pause(struct user *user, struct strv in)
{
	buf_addv(&user->got, in);
	if (user->calls % 5 == 0)
		conn_pause_read(user->conn);
	return in.n;
}

static void cross_big_transfers(bool tcp, int version, bool small)
{
	struct conn_limits limits = { .out_high = 100000, .in_high = 20000 };
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, tcp, &limits);
	SSL_CTX_set_max_proto_version(peer.ctx, version);
	shake_hands(&user, &peer);
	if (small)
		small_buffers(&user, peer.fd);
	user.drained = produce;
	user.left = BIG;
	user.eat = eat_and_pause;
	produce(&user);
	size_t left = BIG;
	size_t resumed = 0;
	time_t began = time(NULL);
	while (peer.got.len < BIG || user.got.len < BIG) {
		assert_true(in_time(began));
		peer_produce(&peer, &left);
		tls_peer_step(&peer);
		assert_true(conn_out_length(user.conn) <= 100000 + PIECE);
		turns(&user, 1);
		/* Each pause lasts for a turn. */
		if (user.calls / 5 > resumed) {
			resumed++;
			conn_resume_read(user.conn);
		}
		/* New keys on the way, asked for by the peer. */
		if (version == TLS1_3_VERSION && peer.got.len > BIG / 2 && peer.got.len < BIG / 2 + 20000)
			SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED);
	}
	assert_filled(peer.got.p, BIG);
	assert_filled(user.got.p, BIG);
	assert_true(user.drains > 3);
	finish(&user, &peer);
}

static void big_transfers_cross_in_both_directions(void **state)
{
	(void)state;
	cross_big_transfers(true, TLS1_3_VERSION, false);
	cross_big_transfers(false, TLS1_2_VERSION, true);
	cross_big_transfers(false, TLS1_3_VERSION, true);
}

static void a_write_repeated_after_more_was_queued_loses_nothing(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, false, NULL);
	shake_hands(&user, &peer);
	small_buffers(&user, peer.fd);
	size_t total = 0;
	/* While the peer does not read, each turn finds the same write to be repeated and more behind it. */
	for (size_t n = 1; n < 3000; n += 97) {
		char piece[3000];
		fill(piece, n, (uint32_t)n);
		conn_write(user.conn, piece, n);
		conn_flush(user.conn);
		total += n;
		turns(&user, 1);
	}
	assert_true(conn_out_length(user.conn) > 0);
	SPIN_TLS(&user, &peer, peer.got.len == total);
	size_t at = 0;
	for (size_t n = 1; n < 3000; n += 97) {
		char piece[3000];
		fill(piece, n, (uint32_t)n);
		assert_memory_equal(peer.got.p + at, piece, n);
		at += n;
	}
	finish(&user, &peer);
}

static void a_flood_of_key_updates_costs_a_bounded_answer(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, false, NULL);
	shake_hands(&user, &peer);
	small_buffers(&user, peer.fd);
	/* The peer asks for new keys again and again, and never reads an answer. */
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(peer.ssl), 1);
		char *p;
		long n = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &p);
		ssize_t sent = send(peer.fd, p, (size_t)n, MSG_NOSIGNAL);
		char sink[65536];
		if (sent > 0)
			BIO_read(SSL_get_wbio(peer.ssl), sink, (int)sent);
		turns(&user, 1);
		assert_true(conn_out_length(user.conn) <= 65536 + 2 * 16384);
	}
	assert_true(conn_out_length(user.conn) > 65536);
	/* When the answers are read, everything goes on. */
	conn_write(user.conn, "hello", 5);
	conn_flush(user.conn);
	tls_peer_says(&peer, "still here");
	SPIN_TLS(&user, &peer, peer.got.len == 5 && user.got.len == 10);
	finish(&user, &peer);
}

static void a_handshake_waits_for_room_to_write(void **state)
{
	(void)state;
	for (size_t plain = 500; plain < 9000; plain += 500) {
		struct user user;
		struct tls_peer peer;
		int fd;
		user_init(&user, &fd, false, NULL);
		small_buffers(&user, fd);
		user.tls = make_tls(&cert, "1.2", NULL);
		tls_peer_init(&peer, fd);
		char text[9000];
		memset(text, 'p', sizeof(text));
		conn_write(user.conn, text, plain);
		conn_start_tls(user.conn, user.tls);
		turns(&user, 2);
		/* The hello goes out before anything was read. */
		tls_peer_begin(&peer);
		SSL_do_handshake(peer.ssl);
		char *hello;
		long n = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &hello);
		peer_send(fd, hello, (size_t)n);
		(void)BIO_reset(SSL_get_wbio(peer.ssl));
		turns(&user, 4);
		for (size_t got = 0; got < plain;) {
			char chunk[1000];
			size_t want = plain - got < sizeof(chunk) ? plain - got : sizeof(chunk);
			ssize_t m = recv(fd, chunk, want, 0);
			got += m > 0 ? (size_t)m : 0;
			turns(&user, 1);
		}
		SPIN_TLS(&user, &peer, peer.up && user.handshakes == 1);
		conn_close(user.conn);
		SPIN_TLS(&user, &peer, peer.clean && user.ends == 1);
		finish(&user, &peer);
	}
}

static void the_farewell_waits_for_room_to_write(void **state)
{
	(void)state;
	for (size_t last = 1000; last < 9000; last += 100) {
		struct user user;
		struct tls_peer peer;
		start(&user, &peer, false, NULL);
		shake_hands(&user, &peer);
		small_buffers(&user, peer.fd);
		char text[9000];
		fill(text, sizeof(text), 5);
		conn_write(user.conn, text, last);
		conn_close(user.conn);
		turns(&user, 3);
		SPIN_TLS(&user, &peer, peer.clean && user.ends == 1);
		assert_int_equal(peer.got.len, last);
		assert_int_equal(user.why, CONN_CLOSED);
		finish(&user, &peer);
	}
}

static void writing_to_a_peer_that_is_gone_is_an_error_in_tls_too(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, false, NULL);
	shake_hands(&user, &peer);
	conn_pause_read(user.conn);
	close(peer.fd);
	peer.fd = -1;
	conn_write(user.conn, "hello", 5);
	conn_flush(user.conn);
	SPIN(&user, user.ends > 0);
	assert_int_equal(user.why, CONN_ERROR);
	finish(&user, &peer);
}

static size_t eat_a_little(struct user *user, struct strv in)
{
	size_t n = in.n < 100 ? in.n : 100;
	buf_add(&user->got, in.p, n);
	conn_pause_read(user->conn);
	return n;
}

static void records_held_by_tls_are_given_after_a_pause(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	shake_hands(&user, &peer);
	user.eat = eat_a_little;
	for (int i = 0; i < 20; i++)
		tls_peer_says(&peer, "0123456789");
	tls_peer_move(&peer);
	/* Everything is in the socket; the peer never sends again. */
	int pauses = 0;
	time_t began = time(NULL);
	while (user.got.len < 200) {
		assert_true(in_time(began));
		turns(&user, 2);
		if (user.calls > (size_t)pauses) {
			pauses++;
			conn_resume_read(user.conn);
		}
	}
	assert_int_equal(user.got.len, 200);
	if (user.calls > (size_t)pauses)
		conn_resume_read(user.conn);
	finish(&user, &peer);
}

static void a_flood_in_tls_is_stopped_at_the_high_mark(void **state)
{
	(void)state;
	struct conn_limits limits = { .in_high = 30000 };
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, &limits);
	shake_hands(&user, &peer);
	user.eat = eat_nothing;
	size_t left = BIG;
	for (int i = 0; i < 300; i++) {
		peer_produce(&peer, &left);
		tls_peer_step(&peer);
		turns(&user, 1);
	}
	assert_true(user.last_view > 30000);
	assert_true(user.last_view <= 30000 + 16384);
	finish(&user, &peer);
}

static void a_session_is_resumed_by_ticket(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_ctx *tls = make_tls(&cert, "1.2", NULL);
		SSL_SESSION *session = NULL;
		for (int round = 0; round < 2; round++) {
			struct user user;
			struct tls_peer peer;
			int fd;
			user_init(&user, &fd, true, NULL);
			user.tls = tls_ctx_ref(tls);
			conn_start_tls(user.conn, user.tls);
			tls_peer_init(&peer, fd);
			SSL_CTX_set_max_proto_version(peer.ctx, version);
			tls_peer_begin(&peer);
			if (session)
				SSL_set_session(peer.ssl, session);
			SPIN_TLS(&user, &peer, peer.up && user.handshakes > 0);
			conn_write(user.conn, "x", 1);
			conn_flush(user.conn);
			SPIN_TLS(&user, &peer, peer.got.len == 1);
			assert_int_equal(SSL_session_reused(peer.ssl), round);
			SSL_SESSION_free(session);
			session = SSL_get1_session(peer.ssl);
			SSL_shutdown(peer.ssl); /* OpenSSL forgets the session otherwise */
			finish(&user, &peer);
		}
		SSL_SESSION_free(session);
		tls_ctx_unref(&tls);
	}
}

static void renegotiation_is_refused(void **state)
{
	(void)state;
	struct user user;
	struct tls_peer peer;
	start(&user, &peer, true, NULL);
	SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
	shake_hands(&user, &peer);
	SSL_renegotiate(peer.ssl);
	SSL_do_handshake(peer.ssl);
	/* A warning comes back and the old keys stay. */
	for (int i = 0; i < 5; i++) {
		tls_peer_move(&peer);
		turns(&user, 2);
	}
	assert_int_equal(user.handshakes, 1);
	assert_int_equal(user.got.len, 0);
	finish(&user, &peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_shake_hands_and_talk),
		cmocka_unit_test(a_handshake_byte_by_byte_is_the_same),
		cmocka_unit_test(an_unknown_protocol_offer_is_ignored),
		cmocka_unit_test(a_client_below_the_minimum_is_refused),
		cmocka_unit_test(garbage_instead_of_a_handshake_is_an_error),
		cmocka_unit_test(a_handshake_has_a_time_limit),
		cmocka_unit_test(starttls_throws_away_what_was_slipped_in_before),
		cmocka_unit_test(starttls_outside_of_a_callback_drops_unread_input_too),
		cmocka_unit_test(plain_bytes_that_are_sent_after_starttls_never_count),
		cmocka_unit_test(what_is_queued_after_starttls_goes_out_inside_tls),
		cmocka_unit_test(a_close_before_the_handshake_sends_only_what_was_plain),
		cmocka_unit_test(a_close_in_the_handshake_ends_it),
		cmocka_unit_test(channel_bindings_are_the_same_on_both_sides),
		cmocka_unit_test(close_says_goodbye_in_tls),
		cmocka_unit_test(both_kinds_of_end_are_the_end_of_the_stream),
		cmocka_unit_test(plain_bytes_inside_tls_are_an_error),
		cmocka_unit_test(a_peer_may_vanish_at_any_byte),
		cmocka_unit_test(big_transfers_cross_in_both_directions),
		cmocka_unit_test(a_write_repeated_after_more_was_queued_loses_nothing),
		cmocka_unit_test(a_flood_of_key_updates_costs_a_bounded_answer),
		cmocka_unit_test(a_handshake_waits_for_room_to_write),
		cmocka_unit_test(the_farewell_waits_for_room_to_write),
		cmocka_unit_test(writing_to_a_peer_that_is_gone_is_an_error_in_tls_too),
		cmocka_unit_test(records_held_by_tls_are_given_after_a_pause),
		cmocka_unit_test(a_flood_in_tls_is_stopped_at_the_high_mark),
		cmocka_unit_test(a_session_is_resumed_by_ticket),
		cmocka_unit_test(renegotiation_is_refused),
	};
	return cmocka_run_group_tests(tests, make_group_cert, free_group_cert);
}
