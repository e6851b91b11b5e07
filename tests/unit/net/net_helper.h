/*
 * Helpers of the tests of net: a user of a connection that records its callbacks, a plain or TLS peer that is
 * driven in the same loop, and a self-signed certificate.
 */
#ifndef COID_TESTS_NET_HELPER_H
#define COID_TESTS_NET_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/conn.h"
#include "net/tls.h"
#include "work/reactor.h"

#define HELPER_MAX (64u << 20)
#define SPIN_SECONDS 60

/* --- the user of a connection --- */

struct user {
	struct reactor *reactor;
	struct conn *conn;
	struct buf got;
	size_t calls; /* of on_read */
	size_t last_view; /* length of the last view */
	size_t (*eat)(struct user *user, struct strv in); /* NULL: everything */
	void (*drained)(struct user *user);
	int drains;
	int ends;
	int handshakes;
	enum conn_end why;
	bool busy; /* answers are under way */
	bool inside; /* a call into the connection is on the stack */
	struct tls_ctx *tls;
	size_t left; /* for eat and drained */
};

static inline size_t user_on_read(void *arg, struct strv in)
{
	struct user *user = arg;
	assert_false(user->inside);
	assert_int_equal(user->ends, 0);
	user->calls++;
	user->last_view = in.n;
	if (user->eat)
		return user->eat(user, in);
	buf_addv(&user->got, in);
	return in.n;
}

static inline void user_on_drain(void *arg)
{
	struct user *user = arg;
	assert_false(user->inside);
	assert_int_equal(user->ends, 0);
	user->drains++;
	if (user->drained)
		user->drained(user);
}

static inline bool user_is_busy(void *arg)
{
	return ((const struct user *)arg)->busy;
}

static inline void user_on_end(void *arg, enum conn_end why)
{
	struct user *user = arg;
	assert_false(user->inside);
	user->ends++;
	user->why = why;
}

static inline void user_on_tls(void *arg)
{
	struct user *user = arg;
	assert_false(user->inside);
	assert_int_equal(user->ends, 0);
	user->handshakes++;
}

static const struct conn_ops user_ops = { user_on_read, user_on_drain, user_on_end, user_on_tls,
	user_is_busy };

static inline void nonblocking(int fd)
{
	assert_true(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

/* A connected pair; [0] for the connection, [1] for the peer. Both non-blocking. */
static inline void make_pair(int fds[2], bool tcp)
{
	if (!tcp) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
		return;
	}
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &size), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&in, sizeof(in)), 0);
	fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fds[0] >= 0);
	nonblocking(fds[1]);
	close(listener);
}

static inline void user_init(struct user *user, int *ret_peer, bool tcp, const struct conn_limits *limits)
{
	int fds[2];
	*user = (struct user){ .ends = 0 };
	buf_init(&user->got, HELPER_MAX);
	user->reactor = reactor_new(0, NULL);
	make_pair(fds, tcp);
	user->conn = conn_new(user->reactor, fds[0], &user_ops, user, limits);
	*ret_peer = fds[1];
}

/* Kernel buffers as small as they get, so that writes block soon. */
static inline void small_buffers(struct user *user, int peer)
{
	int size = 1;
	assert_int_equal(setsockopt(conn_fd(user->conn), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

/* Ends the connection if it lives. */
static inline void user_fini(struct user *user)
{
	if (user->ends == 0)
		conn_abort(user->conn);
	for (int i = 0; i < 4; i++)
		reactor_run_once(user->reactor, false);
	assert_int_equal(user->ends, 1);
	reactor_free(&user->reactor);
	buf_fini(&user->got);
	tls_ctx_unref(&user->tls);
}

static inline void turns(struct user *user, int n)
{
	for (int i = 0; i < n; i++)
		reactor_run_once(user->reactor, false);
}

/* Real time, whatever the fake clock says. */
static inline bool in_time(time_t began)
{
	return time(NULL) - began < SPIN_SECONDS;
}

#define SPIN(user, condition)                                                                                \
	do {                                                                                                 \
		time_t spin_began = time(NULL);                                                              \
		while (!(condition)) {                                                                       \
			assert_true(in_time(spin_began));                                                    \
			reactor_run_once((user)->reactor, false);                                            \
		}                                                                                            \
	} while (0)

/* --- the plain peer --- */

static inline void peer_send(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline void peer_says(int fd, const char *text)
{
	peer_send(fd, text, strlen(text));
}

/* Takes the bytes that have arrived. False: the stream has ended. */
static inline bool peer_take(int fd, struct buf *out)
{
	for (;;) {
		char chunk[16384];
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		buf_add(out, chunk, (size_t)n);
	}
}

/* --- the TLS peer: an ordinary OpenSSL client over two memory BIOs --- */

struct tls_peer {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	size_t step; /* bytes moved to the socket in one go */
	bool up;
	bool ended; /* close_notify or end of stream */
	bool clean; /* close_notify */
	struct buf got;
	size_t sent; /* raw bytes */
	size_t stop_after; /* raw bytes after which the peer is silent; 0: never */
};

static inline void tls_peer_init(struct tls_peer *peer, int fd)
{
	*peer = (struct tls_peer){ .fd = fd, .step = 1u << 20 };
	buf_init(&peer->got, HELPER_MAX);
	peer->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(peer->ctx, SSL_VERIFY_NONE, NULL);
}

static inline void tls_peer_begin(struct tls_peer *peer)
{
	peer->ssl = SSL_new(peer->ctx);
	SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(peer->ssl);
}

static inline void tls_peer_fini(struct tls_peer *peer)
{
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->ctx);
	buf_fini(&peer->got);
	if (peer->fd >= 0)
		close(peer->fd);
}

/* Moves raw bytes both ways. */
static inline void tls_peer_move(struct tls_peer *peer)
{
	char chunk[65536];
	ssize_t n = recv(peer->fd, chunk, sizeof(chunk), 0);
	if (n > 0)
		BIO_write(SSL_get_rbio(peer->ssl), chunk, (int)n);
	if (n == 0)
		peer->ended = true;

	char *p;
	long waiting = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &p);
	size_t take = (size_t)waiting < peer->step ? (size_t)waiting : peer->step;
	if (peer->stop_after > 0 && peer->sent + take > peer->stop_after)
		take = peer->stop_after - peer->sent;
	if (take == 0)
		return;
	n = send(peer->fd, p, take, MSG_NOSIGNAL);
	if (n > 0) {
		char *rest = malloc((size_t)n);
		BIO_read(SSL_get_wbio(peer->ssl), rest, (int)n);
		free(rest);
		peer->sent += (size_t)n;
	}
}

/* One step of whatever is due. */
static inline void tls_peer_step(struct tls_peer *peer)
{
	tls_peer_move(peer);
	ERR_clear_error();
	if (!peer->up) {
		peer->up = SSL_do_handshake(peer->ssl) == 1;
		tls_peer_move(peer);
		return;
	}
	char chunk[16384];
	int n = SSL_read(peer->ssl, chunk, sizeof(chunk));
	if (n > 0)
		buf_add(&peer->got, chunk, (size_t)n);
	if (SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN)
		peer->ended = peer->clean = true;
	tls_peer_move(peer);
}

static inline void tls_peer_says(struct tls_peer *peer, const char *text)
{
	assert_int_equal(SSL_write(peer->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* Bytes that SSL has made and the socket has not taken. */
static inline size_t tls_peer_backlog(struct tls_peer *peer)
{
	return BIO_ctrl_pending(SSL_get_wbio(peer->ssl));
}

#define SPIN_TLS(user, peer, condition)                                                                      \
	do {                                                                                                 \
		time_t spin_began = time(NULL);                                                              \
		while (!(condition)) {                                                                       \
			assert_true(in_time(spin_began));                                                    \
			tls_peer_step(peer);                                                                 \
			reactor_run_once((user)->reactor, false);                                            \
		}                                                                                            \
	} while (0)

/* --- certificates --- */

struct test_cert {
	char cert_file[64];
	char key_file[64];
	X509 *cert;
	EVP_PKEY *key;
};

static inline FILE *temp_file(char *name, size_t cap)
{
	snprintf(name, cap, "/tmp/coid-net-XXXXXX");
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	return fdopen(fd, "w");
}

static inline void make_cert(struct test_cert *c)
{
	c->key = EVP_EC_gen("P-256");
	c->cert = X509_new();
	X509_set_version(c->cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c->cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(c->cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(c->cert), 86400);
	X509_NAME *name = X509_get_subject_name(c->cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(c->cert, name);
	X509_set_pubkey(c->cert, c->key);
	assert_true(X509_sign(c->cert, c->key, EVP_sha256()) > 0);

	FILE *f = temp_file(c->cert_file, sizeof(c->cert_file));
	assert_int_equal(PEM_write_X509(f, c->cert), 1);
	fclose(f);
	f = temp_file(c->key_file, sizeof(c->key_file));
	assert_int_equal(PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

static inline void free_cert(struct test_cert *c)
{
	unlink(c->cert_file);
	unlink(c->key_file);
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
}

static inline struct tls_ctx *make_tls(const struct test_cert *c, const char *min_version, const char *alpn)
{
	struct tls_settings settings = {
		.cert_file = c->cert_file, .key_file = c->key_file, .min_version = min_version, .alpn = alpn
	};
	struct buf errors;
	struct tls_ctx *ctx = NULL;
	buf_init(&errors, 1000);
	enum rc rc = tls_ctx_new(&settings, &errors, &ctx);
	if (rc != RC_OK)
		print_error("%.*s\n", STRV_ARG(buf_strv(&errors)));
	assert_int_equal(rc, RC_OK);
	buf_fini(&errors);
	return ctx;
}

/* Bytes that compress neither well nor badly. */
static inline void fill(char *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (char)((seed >> 24) & (i % 1000 < 500 ? 0x0f : 0xff));
	}
}

#endif
