/*
 * Memory of idle connections: a server of one reactor, and a client process that opens many connections,
 * talks a little on each and then keeps still. Prints the growth of the server's resident memory per
 * connection.
 *
 * idle_conn plain|tls|tls12|deflate [connections]
 *
 * `deflate` is TLS 1.3 with DEFLATE on top, measured while the compressor's state is held and after it was
 * put away.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/tls.h"
#include "work/reactor.h"

#define LINES 20
#define WARM_UP 50u
#define DEFAULT_CONNECTIONS 1000u

struct mode {
	const char *name;
	bool tls;
	bool deflate;
	int version;
};

static const struct mode modes[] = {
	{ "plain", false, false, 0 },
	{ "tls", true, false, TLS1_3_VERSION },
	{ "tls12", true, false, TLS1_2_VERSION },
	{ "deflate", true, true, TLS1_3_VERSION },
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* --- the server --- */

struct server {
	const struct mode *mode;
	struct reactor *reactor;
	struct tls_ctx *tls;
	unsigned ready; /* connections that have talked and are idle */
};

struct session {
	struct server *server;
	struct conn *conn;
	unsigned lines;
};

static size_t on_read(void *arg, struct strv in)
{
	struct session *session = arg;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\n')
			continue;
		char line[80];
		int n = snprintf(line, sizeof(line), "* %u FETCH (FLAGS (\\Seen) MODSEQ (%u))\r\n",
			session->lines, session->lines * 37);
		conn_write(session->conn, line, (size_t)n);
		if (++session->lines < LINES)
			continue;
		conn_idle(session->conn);
		session->server->ready++;
	}
	conn_flush(session->conn);
	return in.n;
}

static void on_end(void *arg, enum conn_end why)
{
	(void)why;
	free(arg);
}

static void on_tls(void *arg)
{
	struct session *session = arg;
	if (session->server->mode->deflate && conn_start_deflate(session->conn) != RC_OK)
		die("deflate");
}

static const struct conn_ops ops = { .on_read = on_read, .on_end = on_end, .on_tls = on_tls };

static void on_accept(void *arg, int fd)
{
	struct server *server = arg;
	struct session *session = calloc(1, sizeof(*session));
	if (!session)
		die("calloc");
	session->server = server;
	session->conn = conn_new(server->reactor, fd, &ops, session, NULL);
	if (server->mode->tls)
		conn_start_tls(session->conn, server->tls);
}

static size_t resident(void)
{
	malloc_trim(0);
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0, all;
	if (!f || fscanf(f, "%lu %lu", &all, &pages) != 2)
		die("/proc/self/statm");
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void serve_until(struct server *server, unsigned ready)
{
	while (server->ready < ready)
		reactor_run_once(server->reactor, true);
	for (int i = 0; i < 10; i++)
		reactor_run_once(server->reactor, false);
}

static void report(const char *what, size_t before, unsigned connections)
{
	printf("%-24s %7.2f KiB/connection\n", what, (double)(resident() - before) / 1024 / connections);
}

/* --- the client --- */

static int dial(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		die("connect");
	return fd;
}

static void send_all(SSL *ssl, int fd, const void *p, size_t n)
{
	if (ssl ? SSL_write(ssl, p, (int)n) != (int)n : send(fd, p, n, 0) != (ssize_t)n)
		die("send");
}

static void say_lines(SSL *ssl, int fd, bool compressed)
{
	z_stream z = { .next_in = NULL };
	if (deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die("deflate");
	for (unsigned i = 0; i < LINES; i++) {
		char line[80];
		unsigned char wire[200];
		int n = snprintf(line, sizeof(line), "a%u UID FETCH %u:* (FLAGS)\r\n", i, i * 11);
		if (!compressed) {
			send_all(ssl, fd, line, (size_t)n);
			continue;
		}
		z.next_in = (unsigned char *)line;
		z.avail_in = (uInt)n;
		z.next_out = wire;
		z.avail_out = sizeof(wire);
		(void)deflate(&z, Z_SYNC_FLUSH);
		send_all(ssl, fd, wire, sizeof(wire) - z.avail_out);
	}
	deflateEnd(&z);
}

static void run_client(const struct mode *mode, uint16_t port, unsigned connections)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, mode->version);
	SSL_CTX_set_max_proto_version(ctx, mode->version);
	for (unsigned i = 0; i < connections; i++) {
		int fd = dial(port);
		SSL *ssl = NULL;
		if (mode->tls) {
			ssl = SSL_new(ctx);
			SSL_set_fd(ssl, fd);
			if (SSL_connect(ssl) != 1)
				die("SSL_connect");
		}
		say_lines(ssl, fd, mode->deflate);
	}
	pause();
	exit(0);
}

/* --- both --- */

static void make_certificate(const char *cert_file, const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	FILE *f = fopen(cert_file, "w");
	if (!f || !PEM_write_X509(f, cert))
		die(cert_file);
	fclose(f);
	f = fopen(key_file, "w");
	if (!f || !PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL))
		die(key_file);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static struct tls_ctx *make_context(void)
{
	char dir[] = "/tmp/idle-conn-XXXXXX";
	char cert_file[64], key_file[64];
	if (!mkdtemp(dir))
		die(dir);
	snprintf(cert_file, sizeof(cert_file), "%s/cert.pem", dir);
	snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
	make_certificate(cert_file, key_file);
	struct tls_settings settings = {
		.cert_file = cert_file, .key_file = key_file, .min_version = "1.2", .alpn = "imap"
	};
	struct buf errors;
	struct tls_ctx *tls = NULL;
	buf_init(&errors, 1000);
	if (tls_ctx_new(&settings, &errors, &tls) != RC_OK) {
		fprintf(stderr, "%.*s\n", STRV_ARG(buf_strv(&errors)));
		exit(1);
	}
	buf_fini(&errors);
	unlink(cert_file);
	unlink(key_file);
	rmdir(dir);
	return tls;
}

static pid_t start_client(const struct mode *mode, uint16_t port, unsigned connections)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		run_client(mode, port, connections);
	return pid;
}

static void measure(const struct mode *mode, unsigned connections)
{
	int fd;
	struct buf errors;
	buf_init(&errors, 1000);
	if (listen_open("127.0.0.1:0", 1, 0, &fd, &errors) != RC_OK)
		die("listen");
	uint16_t port = listen_port(fd);
	/* Clients are forked first, so that they inherit none of the server's state. */
	struct server server = { .mode = mode, .reactor = reactor_new(0, NULL), .tls = make_context() };
	struct listener *listener = listener_new(server.reactor, fd, on_accept, &server);
	pid_t warm = start_client(mode, port, WARM_UP);
	serve_until(&server, WARM_UP);

	size_t before = resident();
	pid_t client = start_client(mode, port, connections);
	serve_until(&server, WARM_UP + connections);
	report(mode->name, before, connections);
	if (mode->deflate) {
		uint64_t began = clock_mono_ms();
		struct timer *timer = calloc(1, sizeof(*timer));
		timer_init(timer, server.reactor, free, timer);
		timer_set(timer, 4000);
		while (clock_mono_ms() - began < 4000)
			reactor_run_once(server.reactor, true);
		report("deflate, put away", before, connections);
	}
	fflush(stdout);
	kill(client, SIGKILL);
	kill(warm, SIGKILL);
	listener_free(&listener);
	_exit(0);
}

int main(int argc, char **argv)
{
	uint32_t connections = DEFAULT_CONNECTIONS;
	const struct mode *mode = NULL;
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) == 0)
			mode = &modes[i];
	}
	if (!mode || (argc > 2 && str_u32(strv_cstr(argv[2]), &connections) != RC_OK) || connections == 0) {
		fprintf(stderr, "usage: idle_conn plain|tls|tls12|deflate [connections]\n");
		return 2;
	}
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	mallopt(M_ARENA_MAX, 2);
	measure(mode, connections);
	return 0;
}
