#include "unit/net/net_helper.h"

#include <pthread.h>

#include "net/listener.h"

/* Two reactors that share a port and a TLS context, and clients on threads of their own. */

#define REACTORS 2
#define CLIENTS 4
#define ROUNDS 6
#define AMOUNT 150000u

struct host {
	struct reactor *reactor;
	struct listener *listener;
	struct tls_ctx *tls;
	int fd;
	unsigned ended;
};

struct echo {
	struct host *host;
	struct conn *conn;
};

static size_t echo_read(void *arg, struct strv in)
{
	struct echo *echo = arg;
	conn_writev(echo->conn, in);
	conn_flush(echo->conn);
	if (conn_out_full(echo->conn))
		conn_pause_read(echo->conn);
	return in.n;
}

static void echo_drain(void *arg)
{
	struct echo *echo = arg;
	conn_resume_read(echo->conn);
}

static void echo_end(void *arg, enum conn_end why)
{
	(void)why;
	struct echo *echo = arg;
	echo->host->ended++;
	free(echo);
}

static const struct conn_ops echo_ops = { .on_read = echo_read, .on_drain = echo_drain, .on_end = echo_end };

static void accept_echo(void *arg, int fd)
{
	struct host *host = arg;
	struct conn_limits limits = { .out_high = 50000 };
	struct echo *echo = calloc(1, sizeof(*echo));
	echo->host = host;
	echo->conn = conn_new(host->reactor, fd, &echo_ops, echo, &limits);
	conn_start_tls(echo->conn, host->tls);
}

static void *host_main(void *arg)
{
	struct host *host = arg;
	reactor_run(host->reactor);
	return NULL;
}

struct client {
	uint16_t port;
	unsigned index;
	unsigned good;
};

static bool exchange(SSL *ssl, char *p, char *back)
{
	size_t sent = 0, got = 0;
	while (got < AMOUNT) {
		size_t n = AMOUNT - sent < 20000 ? AMOUNT - sent : 20000;
		if (n > 0 && SSL_write(ssl, p + sent, (int)n) != (int)n)
			return false;
		sent += n;
		while (got < sent) {
			int m = SSL_read(ssl, back + got, (int)(AMOUNT - got));
			if (m <= 0)
				return false;
			got += (size_t)m;
		}
	}
	return memcmp(p, back, AMOUNT) == 0;
}

static void *client_main(void *arg)
{
	struct client *client = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *p = malloc(AMOUNT), *back = malloc(AMOUNT);
	fill(p, AMOUNT, client->index);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct sockaddr_in in = { .sin_family = AF_INET,
			.sin_port = htons(client->port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		SSL *ssl = SSL_new(ctx);
		SSL_set_fd(ssl, fd);
		if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && SSL_connect(ssl) == 1)
			client->good += exchange(ssl, p, back);
		if (i % 2)
			SSL_shutdown(ssl);
		SSL_free(ssl);
		close(fd);
	}
	free(p);
	free(back);
	SSL_CTX_free(ctx);
	return NULL;
}

static void reactors_serve_side_by_side(void **state)
{
	(void)state;
	struct test_cert cert;
	struct buf errors;
	int fds[REACTORS];
	make_cert(&cert);
	buf_init(&errors, 1000);
	assert_int_equal(listen_open("127.0.0.1:0", REACTORS, 0, fds, &errors), RC_OK);
	struct tls_ctx *tls = make_tls(&cert, "1.2", "imap");
	struct host hosts[REACTORS];
	pthread_t threads[REACTORS], client_threads[CLIENTS];
	for (unsigned i = 0; i < REACTORS; i++) {
		hosts[i] = (struct host){
			.reactor = reactor_new(i, NULL), .tls = tls_ctx_ref(tls), .fd = fds[i]
		};
		hosts[i].listener = listener_new(hosts[i].reactor, fds[i], accept_echo, &hosts[i]);
		assert_int_equal(pthread_create(&threads[i], NULL, host_main, &hosts[i]), 0);
	}
	tls_ctx_unref(&tls);
	struct client clients[CLIENTS];
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){ listen_port(fds[0]), i, 0 };
		assert_int_equal(pthread_create(&client_threads[i], NULL, client_main, &clients[i]), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		pthread_join(client_threads[i], NULL);
		assert_int_equal(clients[i].good, ROUNDS);
	}
	unsigned ended = 0;
	for (unsigned i = 0; i < REACTORS; i++) {
		reactor_stop(hosts[i].reactor);
		pthread_join(threads[i], NULL);
	}
	/* Some ends may not have been read yet. */
	time_t began = time(NULL);
	while (ended < CLIENTS * ROUNDS) {
		assert_true(in_time(began));
		ended = 0;
		for (unsigned i = 0; i < REACTORS; i++) {
			reactor_run_once(hosts[i].reactor, false);
			ended += hosts[i].ended;
		}
	}
	for (unsigned i = 0; i < REACTORS; i++) {
		listener_free(&hosts[i].listener);
		close(fds[i]);
		reactor_free(&hosts[i].reactor);
		tls_ctx_unref(&hosts[i].tls);
	}
	buf_fini(&errors);
	free_cert(&cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reactors_serve_side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
