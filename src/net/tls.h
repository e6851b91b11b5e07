/*
 * A TLS server context: certificate, key, protocol limits, ALPN ("imap" is chosen if it is offered; unknown
 * offers are ignored and never an error), session tickets. Reference-counted, and read-only after creation: a
 * reload makes a new one, running connections keep theirs. Any thread.
 */
#ifndef COID_NET_TLS_H
#define COID_NET_TLS_H

#include "base/buf.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct tls_ctx;

struct tls_settings {
	const char *cert_file; /* PEM chain */
	const char *key_file; /* PEM */
	const char *min_version; /* "1.2" or "1.3" */
	const char *ciphers; /* OpenSSL list for TLS 1.2; NULL or "": default */
	const char *alpn; /* "imap", or NULL: none */
	uint64_t ticket_key_ms; /* how long a key makes session tickets (tls_tickets.h); 0: half a day */
};

/* Makes a context. On failure `errors` names the error and the file. */
enum rc tls_ctx_new(
	const struct tls_settings *settings, struct buf *errors, struct tls_ctx **ret_ctx) MUST_CHECK;
/* Call this now and then: wipes keys of tickets that have expired. */
void tls_ctx_tick(struct tls_ctx *ctx);
/* The time when the certificate expires, in seconds since 1970. False: it is not known. */
bool tls_ctx_expires(const struct tls_ctx *ctx, int64_t *ret_end);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx **ctx);

#endif
