/*
 * The keys of TLS session tickets. With such a key an attacker can read all sessions that it resumed (TLS
 * 1.2), or their early keys. So a key makes tickets for one period, its tickets are accepted for one more,
 * and then it is wiped. Owned by a TLS context; any thread.
 */
#ifndef COID_NET_TLS_TICKETS_H
#define COID_NET_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdint.h>

#define TLS_TICKETS_PERIOD_MS ((uint64_t)12 * 3600 * 1000) /* if none is given */

struct tls_tickets;

struct tls_tickets *tls_tickets_new(uint64_t period_ms);
/* Call this after the SSL_CTX has been freed. */
void tls_tickets_free(struct tls_tickets **tickets);
void tls_tickets_attach(struct tls_tickets *tickets, SSL_CTX *ctx);
/* Wipes expired keys even if no client connects. */
void tls_tickets_tick(struct tls_tickets *tickets);

#endif
