#include "auth/digest.h"

#include "base/buf.h"
#include "base/str.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define DIGEST_MAX 64 /* room for the longest digest */
#define TEXT_MAX 512 /* room: any digest with the longest salt is shorter */

struct digest_kind {
	const char *name;
	const EVP_MD *(*md)(void);
	size_t size;
};

static const struct digest_kind kinds[] = {
	{ "SSHA", EVP_sha1, 20 },
	{ "SSHA256", EVP_sha256, 32 },
	{ "SSHA512", EVP_sha512, 64 },
};

/* NULL: the scheme is not one of these. */
static const struct digest_kind *digest_find(struct strv scheme, bool *ret_hex)
{
	size_t dot = strv_index(scheme, '.');
	struct strv name = strv_sub(scheme, 0, dot), form = strv_sub(scheme, dot + 1, scheme.n);
	bool hex = strv_ieq(form, STRV("HEX"));
	if (dot < scheme.n && !hex && !strv_ieq(form, STRV("B64")))
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strv_ieq(name, strv_cstr(kinds[i].name))) {
			*ret_hex = hex;
			return &kinds[i];
		}
	}
	return NULL;
}

bool digest_is_scheme(struct strv scheme)
{
	bool hex;
	return digest_find(scheme, &hex) != NULL;
}

/* Decodes digest and salt. */
static enum rc digest_decode(
	struct strv scheme, struct strv text, struct buf *out, const struct digest_kind **ret_kind)
{
	bool hex = false;
	const struct digest_kind *kind = digest_find(scheme, &hex);
	if (!kind || text.n > TEXT_MAX)
		return RC_INVALID;
	enum rc rc = hex ? str_hex_decode(out, text) : str_base64_decode_any(out, text);
	if (rc != RC_OK || out->len < kind->size || out->len > kind->size + DIGEST_SALT_MAX)
		return RC_INVALID;
	*ret_kind = kind;
	return RC_OK;
}

bool digest_readable(struct strv scheme, struct strv text)
{
	const struct digest_kind *kind;
	struct buf bytes;
	buf_init(&bytes, TEXT_MAX);
	bool ok = digest_decode(scheme, text, &bytes, &kind) == RC_OK;
	buf_wipe(&bytes);
	return ok;
}

static bool digest_make(const struct digest_kind *kind, struct strv password, struct strv salt,
	unsigned char made[DIGEST_MAX])
{
	unsigned size = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, kind->md(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, password.p, password.n) == 1 &&
		  EVP_DigestUpdate(ctx, salt.p, salt.n) == 1 && EVP_DigestFinal_ex(ctx, made, &size) == 1;
	EVP_MD_CTX_free(ctx);
	return ok && size == kind->size;
}

enum rc digest_verify(struct strv scheme, struct strv text, struct strv password)
{
	unsigned char made[DIGEST_MAX];
	const struct digest_kind *kind;
	struct buf bytes;
	buf_init(&bytes, TEXT_MAX);
	enum rc rc = digest_decode(scheme, text, &bytes, &kind);
	if (rc == RC_OK) {
		struct strv all = buf_strv(&bytes);
		bool ok = digest_make(kind, password, strv_sub(all, kind->size, all.n), made);
		if (!ok)
			rc = RC_UNAVAILABLE;
		else if (!strv_eq_secret(strv_make(made, kind->size), strv_sub(all, 0, kind->size)))
			rc = RC_AUTH;
	}
	OPENSSL_cleanse(made, sizeof(made));
	buf_wipe(&bytes);
	return rc;
}
