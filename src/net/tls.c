#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "net/tls_priv.h"

/* TLS 1.2 suites with forward secrecy and authenticated encryption; all TLS 1.3 suites have both. */
#define DEFAULT_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

const char *tls_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = NULL;
	/* OpenSSL has no text for errors of system calls (no such file, permission denied). */
	if (code && ERR_SYSTEM_ERROR(code))
		reason = strerrordesc_np(ERR_GET_REASON(code));
	else if (code)
		reason = ERR_reason_error_string(code);
	ERR_clear_error();
	return reason ? reason : "no reason given";
}

/* Chooses our protocol if the client offers it, otherwise none. */
static int select_alpn(SSL *ssl, const unsigned char **ret_p, unsigned char *ret_n,
	const unsigned char *offer, unsigned int offer_n, void *arg)
{
	(void)ssl;
	const struct tls_ctx *ctx = arg;
	size_t n = strlen(ctx->alpn);
	for (unsigned int i = 0; i < offer_n; i += 1u + offer[i]) {
		if (offer[i] != n || offer_n - i - 1 < n || memcmp(offer + i + 1, ctx->alpn, n) != 0)
			continue;
		*ret_p = offer + i + 1;
		*ret_n = offer[i];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* Replaces the question for a passphrase on the terminal. */
static int no_passphrase(char *p, int n, int for_writing, void *arg)
{
	(void)p;
	(void)n;
	(void)for_writing;
	(void)arg;
	return -1;
}

static void tls_set_options(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	/* This reads header and body of a record with one system call. */
	SSL_CTX_set_read_ahead(ctx, 1);
	/* Sessions are resumed by tickets, which need no memory here. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
}

static enum rc set_protocol(SSL_CTX *ctx, const struct tls_settings *settings, struct buf *errors)
{
	int version;
	if (strcmp(settings->min_version, "1.2") == 0) {
		version = TLS1_2_VERSION;
	} else if (strcmp(settings->min_version, "1.3") == 0) {
		version = TLS1_3_VERSION;
	} else {
		buf_printf(errors, "TLS version must be 1.2 or 1.3, not \"%s\"\n", settings->min_version);
		return RC_INVALID;
	}
	if (!SSL_CTX_set_min_proto_version(ctx, version)) {
		buf_printf(errors, "TLS %s is not available: %s\n", settings->min_version, tls_reason());
		return RC_INVALID;
	}
	bool own = settings->ciphers && settings->ciphers[0] != '\0';
	const char *ciphers = own ? settings->ciphers : DEFAULT_CIPHERS;
	if (!SSL_CTX_set_cipher_list(ctx, ciphers)) {
		buf_printf(errors, "no usable cipher in \"%s\": %s\n", ciphers, tls_reason());
		return RC_INVALID;
	}
	return RC_OK;
}

/* NULL: the file can be read; otherwise the reason why not. For a folder OpenSSL would only report that it
 * has no certificate. */
static const char *file_fault(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, &c, 1) : -1;
	int error = errno;

	if (fd >= 0)
		close(fd);
	return got < 0 ? strerrordesc_np(error) : NULL;
}

static enum rc tls_check_files(const struct tls_settings *settings, struct buf *errors)
{
	const char *fault = file_fault(settings->cert_file);

	if (fault) {
		buf_printf(errors, "cannot use certificate file %s: %s\n", settings->cert_file, fault);
		return RC_IO;
	}
	fault = file_fault(settings->key_file);
	if (fault) {
		buf_printf(errors, "cannot use key file %s: %s\n", settings->key_file, fault);
		return RC_IO;
	}
	return RC_OK;
}

static enum rc load_keys(SSL_CTX *ctx, const struct tls_settings *settings, struct buf *errors)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, settings->cert_file) != 1) {
		buf_printf(errors, "cannot use certificate file %s: %s\n", settings->cert_file, tls_reason());
		return RC_IO;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, settings->key_file, SSL_FILETYPE_PEM) != 1) {
		buf_printf(errors, "cannot use key file %s: %s\n", settings->key_file, tls_reason());
		return RC_IO;
	}
	if (SSL_CTX_check_private_key(ctx) != 1) {
		buf_printf(errors, "key file %s does not belong to certificate file %s: %s\n",
			settings->key_file, settings->cert_file, tls_reason());
		return RC_INVALID;
	}
	return RC_OK;
}

static void ctx_free(struct tls_ctx *ctx)
{
	SSL_CTX_free(ctx->ssl_ctx);
	tls_tickets_free(&ctx->tickets);
	BIO_meth_free(ctx->bio);
	free(ctx->alpn);
	free(ctx);
}

enum rc tls_ctx_new(const struct tls_settings *settings, struct buf *errors, struct tls_ctx **ret_ctx)
{
	ERR_clear_error();
	struct tls_ctx *ctx = mem_zalloc(sizeof(*ctx));
	atomic_init(&ctx->refs, 1);
	ctx->bio = conn_bio_method_new();
	ctx->ssl_ctx = SSL_CTX_new(TLS_server_method());
	enum rc rc = RC_UNAVAILABLE;
	if (!ctx->bio || !ctx->ssl_ctx) {
		buf_printf(errors, "cannot set up TLS: %s\n", tls_reason());
		goto fail;
	}
	tls_set_options(ctx->ssl_ctx);
	ctx->tickets = tls_tickets_new(settings->ticket_key_ms);
	tls_tickets_attach(ctx->tickets, ctx->ssl_ctx);
	rc = set_protocol(ctx->ssl_ctx, settings, errors);
	if (rc != RC_OK)
		goto fail;
	rc = tls_check_files(settings, errors);
	if (rc == RC_OK)
		rc = load_keys(ctx->ssl_ctx, settings, errors);
	if (rc != RC_OK)
		goto fail;
	if (settings->alpn && settings->alpn[0] != '\0') {
		ctx->alpn = mem_strdup(settings->alpn);
		SSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, select_alpn, ctx);
	}
	ERR_clear_error();
	*ret_ctx = ctx;
	return RC_OK;
fail:
	ctx_free(ctx);
	return rc;
}

void tls_ctx_tick(struct tls_ctx *ctx)
{
	tls_tickets_tick(ctx->tickets);
}

bool tls_ctx_expires(const struct tls_ctx *ctx, int64_t *ret_end)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx->ssl_ctx);
	struct tm tm;

	if (!cert || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return false;
	*ret_end = timegm(&tm);
	return true;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

void tls_ctx_unref(struct tls_ctx **ctx)
{
	struct tls_ctx *c = *ctx;
	if (!c)
		return;
	*ctx = NULL;
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		ctx_free(c);
}
