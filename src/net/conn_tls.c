#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/conn_priv.h"
#include "net/tls_priv.h"

#define EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define EXPORTER_SIZE 32

/*
 * Bytes that SSL sends and the socket does not take are kept in `spill`, so that for SSL the socket always
 * has room. If SSL had to repeat a write later, it could not answer a key update meanwhile, and the
 * connection would break.
 */
struct conn_tls {
	struct tls_ctx *ctx; /* own: one reference */
	SSL *ssl; /* own; NULL until the handshake begins */
	char *spill; /* own; a record, and answers that SSL made while reading; NULL: nothing */
	size_t spill_off;
	size_t spill_len;
	bool up; /* the handshake is done */
	bool broken; /* SSL reported a fatal error: no close_notify */
	bool closed; /* close_notify was given to SSL */
	bool socket_eof;
};

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static bool try_again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static int bio_read(BIO *bio, char *p, int cap)
{
	struct conn *conn = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = recv(conn->fd, p, (size_t)cap, 0);
	if (try_again(n))
		BIO_set_retry_read(bio);
	if (n == 0)
		conn->tls->socket_eof = true;
	return (int)n;
}

static void conn_tls_spill(struct conn_tls *tls, const char *p, size_t n)
{
	if (n == 0)
		return;
	if (tls->spill_off > 0) {
		memmove(tls->spill, tls->spill + tls->spill_off, tls->spill_len);
		tls->spill_off = 0;
	}
	tls->spill = mem_realloc(tls->spill, tls->spill_len + n, 1);
	memcpy(tls->spill + tls->spill_len, p, n);
	tls->spill_len += n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
	struct conn *conn = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t sent = 0;
	if (conn->tls->spill_len == 0) {
		sent = send(conn->fd, p, (size_t)n, MSG_NOSIGNAL);
		if (try_again(sent))
			sent = 0;
		if (sent < 0)
			return -1;
	}
	conn_tls_spill(conn->tls, p + sent, (size_t)n - (size_t)sent);
	return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
	(void)number;
	(void)p;
	struct conn *conn = BIO_get_data(bio);
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return conn->tls->socket_eof;
	default:
		return 0;
	}
}

BIO_METHOD *conn_bio_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "connection");
	if (!method)
		return NULL;
	BIO_meth_set_create(method, bio_create);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

bool conn_tls_up(const struct conn *conn)
{
	return conn->tls && conn->tls->up;
}

void conn_tls_free(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls->spill);
	tls_ctx_unref(&tls->ctx);
	free(tls);
	conn->tls = NULL;
}

void conn_tls_prepare(struct conn *conn, struct tls_ctx *ctx)
{
	conn->tls = mem_zalloc(sizeof(*conn->tls));
	conn->tls->ctx = tls_ctx_ref(ctx);
}

size_t conn_tls_spilled(const struct conn *conn)
{
	return conn->tls->spill_len;
}

enum io conn_tls_flush(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	if (tls->spill_len == 0)
		return IO_OK;
	ssize_t n = send(conn->fd, tls->spill + tls->spill_off, tls->spill_len, MSG_NOSIGNAL);
	if (n < 0)
		return try_again(n) ? IO_WAIT : IO_FAIL;
	conn->progress_at = reactor_now(conn->reactor);
	tls->spill_off += (size_t)n;
	tls->spill_len -= (size_t)n;
	if (tls->spill_len > 0)
		return IO_WAIT;
	free(tls->spill);
	tls->spill = NULL;
	tls->spill_off = 0;
	return IO_OK;
}

bool conn_tls_pending(const struct conn *conn)
{
	return conn->tls->ssl && SSL_has_pending(conn->tls->ssl);
}

static SSL *make_ssl(struct conn *conn)
{
	SSL *ssl = SSL_new(conn->tls->ctx->ssl_ctx);
	BIO *bio = BIO_new(conn->tls->ctx->bio);
	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	BIO_set_data(bio, conn);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	return ssl;
}

void conn_tls_begin(struct conn *conn)
{
	conn_set_state(conn, CONN_HANDSHAKE);
	ERR_clear_error();
	conn->tls->ssl = make_ssl(conn);
	if (!conn->tls->ssl) {
		log_error(reactor_log(conn->reactor), "cannot make a TLS session error=%s", tls_reason());
		conn_end(conn, CONN_ERROR);
		return;
	}
	conn_tls_handshake(conn);
}

static void handshake_done(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	tls->up = true;
	timer_cancel(&conn->timer);
	conn_set_state(conn, CONN_OPEN);
	/* The first record may have arrived with the end of the handshake. */
	conn->more = true;
	conn_schedule(conn, WORK_PUMP | WORK_FLUSH);
	if (conn->ops->on_tls)
		conn->ops->on_tls(conn->arg);
	conn_update_events(conn);
}

/* Finds the meaning of an SSL call that failed. `what` is for the log. */
static enum io conn_tls_explain(struct conn *conn, int ret, const char *what)
{
	struct conn_tls *tls = conn->tls;
	int error = errno;
	int reason = SSL_get_error(tls->ssl, ret);
	if (reason == SSL_ERROR_ZERO_RETURN)
		return IO_EOF;
	tls->broken = true;
	if (reason == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
		log_debug(reactor_log(conn->reactor), "connection lost in TLS during=%s peer=%s errno=%d",
			what, conn->peer, error);
		return IO_FAIL;
	}
	log_info(reactor_log(conn->reactor), "TLS failed during=%s peer=%s error=%s", what, conn->peer,
		tls_reason());
	return IO_FAIL;
}

void conn_tls_handshake(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	ERR_clear_error();
	int ret = SSL_do_handshake(tls->ssl);
	if (ret == 1) {
		handshake_done(conn);
		return;
	}
	if (SSL_get_error(tls->ssl, ret) == SSL_ERROR_WANT_READ) {
		conn_update_events(conn);
		return;
	}
	enum io io = conn_tls_explain(conn, ret, "handshake");
	conn_end(conn, io == IO_EOF || tls->socket_eof ? CONN_EOF : CONN_ERROR);
}

enum io conn_tls_read(struct conn *conn, char *p, size_t cap, size_t *ret_n)
{
	struct conn_tls *tls = conn->tls;
	ERR_clear_error();
	int ret = SSL_read_ex(tls->ssl, p, cap, ret_n);
	if (ret == 1)
		return IO_OK;
	if (SSL_get_error(tls->ssl, ret) == SSL_ERROR_WANT_READ)
		return IO_WAIT;
	return conn_tls_explain(conn, ret, "read");
}

enum io conn_tls_write(struct conn *conn, size_t *ret_n)
{
	struct conn_tls *tls = conn->tls;
	enum io io = conn_tls_flush(conn);
	if (io != IO_OK)
		return io;
	size_t length = evbuffer_get_length(conn->wire);
	size_t n = length < CONN_CHUNK ? length : CONN_CHUNK;
	char chunk[CONN_CHUNK];
	const char *p = chunk;
	struct evbuffer_iovec iov;
	/* Records are filled: pieces are put together. */
	if (evbuffer_peek(conn->wire, -1, NULL, &iov, 1) == 1 && iov.iov_len >= n)
		p = iov.iov_base;
	else
		evbuffer_copyout(conn->wire, chunk, n);

	ERR_clear_error();
	int ret = SSL_write_ex(tls->ssl, p, n, ret_n);
	if (ret == 1)
		return IO_OK;
	conn_tls_explain(conn, ret, "write");
	return IO_FAIL;
}

enum io conn_tls_shutdown(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	if (tls->broken)
		return IO_FAIL;
	if (!tls->closed) {
		tls->closed = true;
		ERR_clear_error();
		if (SSL_shutdown(tls->ssl) < 0) {
			ERR_clear_error();
			return IO_FAIL;
		}
	}
	return conn_tls_flush(conn);
}

bool conn_is_tls(const struct conn *conn)
{
	return conn_tls_up(conn);
}

const char *conn_tls_version(const struct conn *conn)
{
	return conn_tls_up(conn) ? SSL_get_version(conn->tls->ssl) : "";
}

const char *conn_tls_cipher(const struct conn *conn)
{
	return conn_tls_up(conn) ? SSL_get_cipher_name(conn->tls->ssl) : "";
}

struct strv conn_tls_alpn(const struct conn *conn)
{
	if (!conn_tls_up(conn))
		return STRV_NULL;
	const unsigned char *p = NULL;
	unsigned int n = 0;
	SSL_get0_alpn_selected(conn->tls->ssl, &p, &n);
	return strv_make(p, n);
}

static enum rc exporter_binding(SSL *ssl, struct buf *out)
{
	/* RFC 9266 section 4.2: before TLS 1.3 the exporter is unique only with an extended master secret. */
	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return RC_NOT_FOUND;
	unsigned char key[EXPORTER_SIZE];
	ERR_clear_error();
	if (SSL_export_keying_material(ssl, key, sizeof(key), EXPORTER_LABEL, sizeof(EXPORTER_LABEL) - 1,
		    (const unsigned char *)"", 0, 1) != 1) {
		ERR_clear_error();
		return RC_NOT_FOUND;
	}
	buf_add(out, key, sizeof(key));
	mem_wipe(key, sizeof(key));
	return RC_OK;
}

/*
 * RFC 5929 section 4.1: the hash of the certificate with the hash function of its signature; SHA-256 in place
 * of MD5 and SHA-1.
 */
static enum rc end_point_binding(SSL *ssl, struct buf *out)
{
	X509 *cert = SSL_get_certificate(ssl);
	int nid = NID_undef;
	if (!cert || X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1)
		return RC_NOT_FOUND;
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	const EVP_MD *md = nid != NID_undef ? EVP_get_digestbynid(nid) : NULL;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	if (!md || X509_digest(cert, md, hash, &n) != 1) {
		ERR_clear_error();
		return RC_NOT_FOUND;
	}
	buf_add(out, hash, n);
	return RC_OK;
}

enum rc conn_channel_binding(struct conn *conn, const char *type, struct buf *out)
{
	if (!conn_tls_up(conn))
		return RC_NOT_FOUND;
	if (strcmp(type, "tls-exporter") == 0)
		return exporter_binding(conn->tls->ssl, out);
	if (strcmp(type, "tls-server-end-point") == 0)
		return end_point_binding(conn->tls->ssl, out);
	return RC_NOT_FOUND;
}
