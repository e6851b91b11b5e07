/* The insides of a TLS context, for conn_tls.c. */
#ifndef COID_NET_TLS_PRIV_H
#define COID_NET_TLS_PRIV_H

#include "net/tls.h"
#include "net/tls_tickets.h"

#include <openssl/ssl.h>

struct tls_ctx {
	_Atomic unsigned refs;
	SSL_CTX *ssl_ctx; /* own */
	BIO_METHOD *bio; /* own: the socket side of a connection's TLS */
	struct tls_tickets *tickets; /* own */
	char *alpn; /* own; NULL: none */
};

/* Made by conn_tls.c: reads and writes the socket of the struct conn that is the BIO's data. */
BIO_METHOD *conn_bio_method_new(void);
/* The oldest reason in this thread's error queue; empties the queue. */
const char *tls_reason(void);

#endif
