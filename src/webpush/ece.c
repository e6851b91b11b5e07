/* HKDF and AES-GCM in the steps of RFC 8291 section 3.4. */
#include "webpush/ece.h"

#include "base/mem.h"
#include "base/rand.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#define KEY 16
#define NONCE 12
#define INFO_MAX 160
#define DELIMITER 2 /* ends the last record; no padding follows (RFC 8188 section 2) */

static const char key_info[] = "Content-Encoding: aes128gcm";
static const char nonce_info[] = "Content-Encoding: nonce";
static const char push_info[] = "WebPush: info";

struct secrets {
	unsigned char shared[P256_SCALAR];
	unsigned char prk[SHA256_DIGEST_LENGTH];
	unsigned char ikm[SHA256_DIGEST_LENGTH];
	unsigned char key[SHA256_DIGEST_LENGTH];
	unsigned char nonce[SHA256_DIGEST_LENGTH];
};

static bool ece_hmac(const unsigned char *key, size_t key_n, const unsigned char *text, size_t n,
	unsigned char out[SHA256_DIGEST_LENGTH])
{
	return HMAC(EVP_sha256(), key, (int)key_n, text, n, out, NULL) != NULL;
}

/* HKDF-Expand for one block of output: info ends with its NUL, 0x01 follows. */
static bool ece_expand(const unsigned char prk[SHA256_DIGEST_LENGTH], const char *label, size_t label_n,
	const unsigned char *more, size_t more_n, unsigned char out[SHA256_DIGEST_LENGTH])
{
	unsigned char info[INFO_MAX + 1];

	memcpy(info, label, label_n);
	if (more_n)
		memcpy(info + label_n, more, more_n);
	info[label_n + more_n] = 1;
	return ece_hmac(prk, SHA256_DIGEST_LENGTH, info, label_n + more_n + 1, out);
}

static bool ece_derive(const struct ece_receiver *receiver, const unsigned char point[P256_POINT],
	const unsigned char salt[ECE_SALT], struct secrets *s)
{
	unsigned char both[2 * P256_POINT];

	memcpy(both, receiver->p256dh, P256_POINT);
	memcpy(both + P256_POINT, point, P256_POINT);
	return ece_hmac(receiver->auth, ECE_AUTH, s->shared, sizeof(s->shared), s->prk) &&
	       ece_expand(s->prk, push_info, sizeof(push_info), both, sizeof(both), s->ikm) &&
	       ece_hmac(salt, ECE_SALT, s->ikm, sizeof(s->ikm), s->prk) &&
	       ece_expand(s->prk, key_info, sizeof(key_info), NULL, 0, s->key) &&
	       ece_expand(s->prk, nonce_info, sizeof(nonce_info), NULL, 0, s->nonce);
}

static bool ece_seal(const struct secrets *s, struct strv plain, unsigned char *out)
{
	static const unsigned char delimiter = DELIMITER;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, s->key, s->nonce) == 1 &&
		  (plain.n == 0 || EVP_EncryptUpdate(ctx, out, &n, (const unsigned char *)plain.p,
					   (int)plain.n) == 1) &&
		  EVP_EncryptUpdate(ctx, out + plain.n, &n, &delimiter, 1) == 1 &&
		  EVP_EncryptFinal_ex(ctx, out + plain.n + 1, &n) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, ECE_TAG, out + plain.n + 1) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

enum rc ece_encrypt_with(const struct ece_receiver *receiver, struct strv plain, EVP_PKEY *sender,
	const unsigned char salt[ECE_SALT], struct buf *out)
{
	static const unsigned char record[5] = { 0, 0, ECE_RECORD >> 8, ECE_RECORD & 0xff, P256_POINT };
	unsigned char point[P256_POINT];
	EVP_PKEY *peer = NULL;
	struct secrets s;
	size_t size = ECE_HEADER + plain.n + 1 + ECE_TAG;

	if (plain.n > ECE_PLAIN_MAX)
		return RC_LIMIT;
	enum rc rc = p256_from_public(receiver->p256dh, &peer);
	if (rc == RC_OK)
		rc = p256_point(sender, point);
	if (rc == RC_OK)
		rc = p256_derive(sender, peer, s.shared);
	EVP_PKEY_free(peer);
	if (rc != RC_OK)
		return rc;
	unsigned char *p = (unsigned char *)buf_reserve(out, size);
	bool ok = p && ece_derive(receiver, point, salt, &s) && ece_seal(&s, plain, p + ECE_HEADER);
	mem_wipe(&s, sizeof(s));
	if (!ok)
		return p ? RC_UNAVAILABLE : RC_LIMIT;
	memcpy(p, salt, ECE_SALT);
	memcpy(p + ECE_SALT, record, sizeof(record));
	memcpy(p + ECE_SALT + sizeof(record), point, P256_POINT);
	buf_commit(out, size);
	return RC_OK;
}

enum rc ece_encrypt(const struct ece_receiver *receiver, struct strv plain, struct buf *out)
{
	unsigned char salt[ECE_SALT];
	EVP_PKEY *sender = NULL;

	rand_bytes(salt, sizeof(salt));
	enum rc rc = p256_generate(&sender);
	if (rc == RC_OK)
		rc = ece_encrypt_with(receiver, plain, sender, salt, out);
	EVP_PKEY_free(sender);
	return rc;
}
