#include "net/tls_tickets.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#define NAME_SIZE 16
#define SECRET_SIZE 32
#define IV_SIZE 16

struct ticket_key {
	unsigned char name[NAME_SIZE];
	unsigned char aes[SECRET_SIZE];
	unsigned char mac[SECRET_SIZE];
	uint64_t made_ms;
	bool valid;
};

struct tls_tickets {
	pthread_mutex_t lock;
	struct ticket_key current;
	struct ticket_key previous;
	uint64_t period_ms;
};

struct tls_tickets *tls_tickets_new(uint64_t period_ms)
{
	struct tls_tickets *tickets = mem_zalloc(sizeof(*tickets));
	pthread_mutex_init(&tickets->lock, NULL);
	tickets->period_ms = period_ms ? period_ms : TLS_TICKETS_PERIOD_MS;
	return tickets;
}

void tls_tickets_free(struct tls_tickets **tickets)
{
	struct tls_tickets *t = *tickets;
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	mem_wipe(t, sizeof(*t));
	free(t);
	*tickets = NULL;
}

/* Wipes expired keys. Call it under the lock. */
static void tickets_expire(struct tls_tickets *tickets, uint64_t now)
{
	if (tickets->current.valid && now - tickets->current.made_ms >= tickets->period_ms) {
		tickets->previous = tickets->current;
		mem_wipe(&tickets->current, sizeof(tickets->current));
	}
	if (tickets->previous.valid && now - tickets->previous.made_ms >= 2 * tickets->period_ms)
		mem_wipe(&tickets->previous, sizeof(tickets->previous));
}

/* The key that makes tickets now. Call it under the lock. */
static const struct ticket_key *tickets_current(struct tls_tickets *tickets, uint64_t now)
{
	struct ticket_key *key = &tickets->current;

	tickets_expire(tickets, now);
	if (key->valid)
		return key;
	rand_bytes(key->name, sizeof(key->name));
	rand_bytes(key->aes, sizeof(key->aes));
	rand_bytes(key->mac, sizeof(key->mac));
	key->made_ms = now;
	key->valid = true;
	return key;
}

/* The key of that name, or NULL. Call it under the lock. */
static const struct ticket_key *tickets_find(
	struct tls_tickets *tickets, const unsigned char *name, uint64_t now)
{
	tickets_expire(tickets, now);
	if (tickets->current.valid && memcmp(tickets->current.name, name, NAME_SIZE) == 0)
		return &tickets->current;
	if (tickets->previous.valid && memcmp(tickets->previous.name, name, NAME_SIZE) == 0)
		return &tickets->previous;
	return NULL;
}

static bool key_use(const struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	bool encrypt)
{
	char digest[] = "SHA256";
	unsigned char secret[SECRET_SIZE];
	memcpy(secret, key->mac, sizeof(secret));
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, sizeof(secret)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	bool ok = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv, encrypt) == 1 &&
		  EVP_MAC_CTX_set_params(mac, params) == 1;
	mem_wipe(secret, sizeof(secret));
	return ok;
}

/*
 * OpenSSL's callback: -1 failure, 0 the ticket is not ours, 1 it is ours, 2 it is ours and a new one is to be
 * made.
 */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int encrypt)
{
	struct tls_tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	uint64_t now = clock_mono_ms();
	int answer = -1;

	pthread_mutex_lock(&tickets->lock);
	if (encrypt) {
		const struct ticket_key *key = tickets_current(tickets, now);
		memcpy(name, key->name, NAME_SIZE);
		rand_bytes(iv, IV_SIZE);
		answer = key_use(key, iv, cipher, mac, true) ? 1 : -1;
	} else {
		const struct ticket_key *key = tickets_find(tickets, name, now);
		if (!key)
			answer = 0;
		else if (key_use(key, iv, cipher, mac, false))
			answer = key == &tickets->current ? 1 : 2;
	}
	pthread_mutex_unlock(&tickets->lock);
	return answer;
}

void tls_tickets_attach(struct tls_tickets *tickets, SSL_CTX *ctx)
{
	SSL_CTX_set_app_data(ctx, tickets);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_timeout(ctx, (long)(tickets->period_ms / 1000));
}

void tls_tickets_tick(struct tls_tickets *tickets)
{
	pthread_mutex_lock(&tickets->lock);
	tickets_expire(tickets, clock_mono_ms());
	pthread_mutex_unlock(&tickets->lock);
}
