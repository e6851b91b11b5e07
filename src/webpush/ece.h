/*
 * Encrypts one push message: RFC 8291 over RFC 8188, coding "aes128gcm", one record. Pure; any thread. All
 * octets belong to the caller.
 */
#ifndef COID_WEBPUSH_ECE_H
#define COID_WEBPUSH_ECE_H

#include "base/buf.h"
#include "base/rc.h"
#include "webpush/p256.h"

#define ECE_RECORD 4096
#define ECE_AUTH 16
#define ECE_SALT 16
#define ECE_HEADER (ECE_SALT + 4 + 1 + P256_POINT)
#define ECE_TAG 16
/*
 * The longest text: header, text, delimiter and tag together have the 4,096 octets that every push service
 * accepts.
 */
#define ECE_PLAIN_MAX (ECE_RECORD - ECE_HEADER - 1 - ECE_TAG)

struct ece_receiver {
	unsigned char p256dh[P256_POINT];
	unsigned char auth[ECE_AUTH];
};

/*
 * Appends the encrypted record. Makes a new key pair and salt, and wipes them afterwards. RC_LIMIT: the text
 * is longer than ECE_PLAIN_MAX. RC_INVALID: the receiver's key is not a point of the curve.
 */
enum rc ece_encrypt(const struct ece_receiver *receiver, struct strv plain, struct buf *out) MUST_CHECK;
/* Does the same with this key pair and salt, for tests with known answers. */
enum rc ece_encrypt_with(const struct ece_receiver *receiver, struct strv plain, EVP_PKEY *sender,
	const unsigned char salt[ECE_SALT], struct buf *out) MUST_CHECK;

#endif
