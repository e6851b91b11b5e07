/* P-256 with the interfaces of OpenSSL 3: keys are built from parameters, points are octet strings. */
#include "webpush/p256.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#define GROUP "prime256v1"

/* Clears the errors that OpenSSL has noted, which would be taken for those of the next call. */
static enum rc p256_failed(enum rc rc)
{
	ERR_clear_error();
	return rc;
}

enum rc p256_generate(EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", GROUP);

	if (!key)
		return p256_failed(RC_UNAVAILABLE);
	*ret_key = key;
	return RC_OK;
}

static enum rc p256_from_params(OSSL_PARAM *params, int selection, EVP_PKEY **ret_key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	bool ok = ctx && params && EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, &key, selection, params) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!ok) {
		EVP_PKEY_free(key);
		return p256_failed(RC_INVALID);
	}
	*ret_key = key;
	return RC_OK;
}

static enum rc p256_make(
	const unsigned char *scalar, const unsigned char point[P256_POINT], EVP_PKEY **ret_key)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *number = scalar ? BN_secure_new() : NULL;
	OSSL_PARAM *params = NULL;

	if (number)
		BN_bin2bn(scalar, P256_SCALAR, number);
	if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, GROUP, 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, P256_POINT) == 1 &&
		(!scalar || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1))
		params = OSSL_PARAM_BLD_to_param(build);
	enum rc rc = p256_from_params(params, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, ret_key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(number);
	return rc;
}

/*
 * OpenSSL checks that the point is on the curve; but it accepts compressed and hybrid points, which are
 * refused here.
 */
enum rc p256_from_public(const unsigned char point[P256_POINT], EVP_PKEY **ret_key)
{
	return point[0] == 4 ? p256_make(NULL, point, ret_key) : RC_INVALID;
}

enum rc p256_from_pair(
	const unsigned char scalar[P256_SCALAR], const unsigned char point[P256_POINT], EVP_PKEY **ret_key)
{
	return point[0] == 4 ? p256_make(scalar, point, ret_key) : RC_INVALID;
}

enum rc p256_point(EVP_PKEY *key, unsigned char ret_point[P256_POINT])
{
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point, P256_POINT, &n) != 1 ||
		n != P256_POINT || ret_point[0] != 4)
		return p256_failed(RC_INVALID);
	return RC_OK;
}

enum rc p256_derive(EVP_PKEY *own, EVP_PKEY *peer, unsigned char ret_secret[P256_SCALAR])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t n = P256_SCALAR;
	bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, ret_secret, &n) == 1 && n == P256_SCALAR;

	EVP_PKEY_CTX_free(ctx);
	return ok ? RC_OK : p256_failed(RC_INVALID);
}

static enum rc p256_from_bio(BIO *bio, bool written, struct buf *out)
{
	char *p = NULL;
	long n = written ? BIO_get_mem_data(bio, &p) : 0;

	if (n > 0)
		buf_add(out, p, (size_t)n);
	BIO_free(bio);
	return n > 0 && buf_ok(out) ? RC_OK : p256_failed(RC_UNAVAILABLE);
}

enum rc p256_public_pem(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return p256_from_bio(bio, bio && PEM_write_bio_PUBKEY(bio, key) == 1, out);
}

enum rc p256_private_pem(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	return p256_from_bio(
		bio, bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, out);
}

enum rc p256_from_private_pem(struct strv pem, EVP_PKEY **ret_key)
{
	unsigned char point[P256_POINT];
	char group[32];
	size_t n = 0;

	if (pem.n == 0 || pem.n > INT_MAX)
		return RC_INVALID;
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	if (!key ||
		EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), &n) !=
			1 ||
		!strv_eq(strv_make(group, n), STRV(GROUP)) || p256_point(key, point) != RC_OK) {
		EVP_PKEY_free(key);
		return p256_failed(RC_INVALID);
	}
	*ret_key = key;
	return RC_OK;
}
