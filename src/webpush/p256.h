/*
 * Keys on the curve P-256 for Web Push: raw points of 65 octets, key agreement, PEM. A thin layer over
 * OpenSSL. The caller owns each returned EVP_PKEY (EVP_PKEY_free wipes a private key). Any thread.
 * RC_UNAVAILABLE: OpenSSL fails.
 */
#ifndef COID_WEBPUSH_P256_H
#define COID_WEBPUSH_P256_H

#include "base/buf.h"
#include "base/rc.h"

#include <openssl/evp.h>

#define P256_POINT 65 /* octets of an uncompressed point */
#define P256_SCALAR 32

enum rc p256_generate(EVP_PKEY **ret_key) MUST_CHECK;
/* RC_INVALID: this is not an uncompressed point on the curve. */
enum rc p256_from_public(const unsigned char point[P256_POINT], EVP_PKEY **ret_key) MUST_CHECK;
enum rc p256_from_pair(const unsigned char scalar[P256_SCALAR], const unsigned char point[P256_POINT],
	EVP_PKEY **ret_key) MUST_CHECK;
enum rc p256_point(EVP_PKEY *key, unsigned char ret_point[P256_POINT]) MUST_CHECK;
/* ECDH: the x coordinate of the shared point. The caller wipes it. */
enum rc p256_derive(EVP_PKEY *own, EVP_PKEY *peer, unsigned char ret_secret[P256_SCALAR]) MUST_CHECK;

/*
 * PEM: SubjectPublicKeyInfo, and the private key as PKCS #8. RC_INVALID: the text can't be read, or the key
 * is on another curve.
 */
enum rc p256_public_pem(EVP_PKEY *key, struct buf *out) MUST_CHECK;
enum rc p256_private_pem(EVP_PKEY *key, struct buf *out) MUST_CHECK;
enum rc p256_from_private_pem(struct strv pem, EVP_PKEY **ret_key) MUST_CHECK;

#endif
