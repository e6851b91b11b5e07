#include "auth/auth.h"

#include "auth/argon.h"
#include "auth/auth_priv.h"
#include "auth/digest.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

#include <crypt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <utf8proc.h>

#define SHA256_SIZE 32
#define SCRAM_SALT_SIZE 16

struct scheme {
	const char *name;
	const char *prefix; /* begins settings of crypt(3) */
	bool make; /* used for new hashes, too */
};

static const struct scheme schemes[] = {
	{ "YESCRYPT", "$y$", true },
	{ "SHA512-CRYPT", "$6$", true },
	{ "BCRYPT", "$2b$", true },
	{ "BLF-CRYPT", "$2", false },
	{ "SHA256-CRYPT", "$5$", false },
	{ "SCRYPT", "$7$", false },
	{ "MD5-CRYPT", "$1$", false },
	{ "ARGON2ID", "$argon2id$", false },
	{ "ARGON2I", "$argon2i$", false },
	{ "ARGON2", "$argon2", false },
	{ "CRYPT", "$", false },
};

static const struct scheme *scheme_find(struct strv name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strv_ieq(name, strv_cstr(schemes[i].name)))
			return &schemes[i];
	}
	return NULL;
}

static bool password_usable(struct strv password)
{
	return password.n > 0 && password.n <= PASSWORD_MAX && !memchr(password.p, '\0', password.n);
}

/* Calls crypt_r with a setting or stored hash; appends the result to out. */
static enum rc crypt_to(struct strv password, const char *setting, struct buf *out)
{
	/* 32 KiB: too much for a thread's stack, and it holds the password. */
	struct crypt_data *data = mem_zalloc(sizeof(*data));
	char *text = mem_strndup(password.p, password.n);
	const char *hash = crypt_r(text, setting, data);
	enum rc rc = hash && hash[0] != '*' ? RC_OK : RC_INVALID;

	if (rc == RC_OK)
		buf_adds(out, hash);
	mem_wipe(text, password.n);
	mem_wipe(data, sizeof(*data));
	free(text);
	free(data);
	return rc;
}

enum rc auth_make_hash(const char *scheme, struct strv password, struct buf *out)
{
	const struct scheme *found = scheme_find(strv_cstr(scheme));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char random[24];

	if (!found || !found->make || !password_usable(password))
		return RC_INVALID;
	rand_bytes(random, sizeof(random));
	if (!crypt_gensalt_rn(found->prefix, 0, random, sizeof(random), setting, sizeof(setting)))
		return RC_INVALID;
	return crypt_to(password, setting, out);
}

bool auth_hash_has_scheme(struct strv text)
{
	size_t end = strv_index(text, '}');

	if (end < 2 || end == text.n || text.p[0] != '{')
		return false;
	for (size_t i = 1; i < end; i++) {
		char c = text.p[i];
		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return true;
}

/* The setting for crypt_r: the hash without its "{SCHEME}". Empty: scheme and hash do not fit. */
static struct strv hash_of(struct strv stored)
{
	if (stored.n > 0 && stored.p[0] == '{') {
		size_t end = strv_index(stored, '}');
		const struct scheme *found = end > 1 ? scheme_find(strv_sub(stored, 1, end - 1)) : NULL;
		stored = strv_sub(stored, end + 1, stored.n);
		if (!found || !strv_starts(stored, strv_cstr(found->prefix)))
			return STRV_NULL;
	}
	if (stored.n == 0 || stored.p[0] != '$' || stored.n > ARGON_TEXT_MAX)
		return STRV_NULL;
	return stored;
}

bool auth_hash_is_current(const char *scheme, struct strv stored)
{
	const struct scheme *found = scheme_find(strv_cstr(scheme));

	return found && strv_starts(hash_of(stored), strv_cstr(found->prefix));
}

bool auth_scram_is_current(unsigned iterations, struct strv scram)
{
	struct strv text = strv_sub(scram, strv_index(scram, '$') + 1, scram.n);
	uint32_t stored = 0;

	return str_u32(strv_sub(text, 0, strv_index(text, ':')), &stored) == RC_OK && stored == iterations;
}

/* The word between the braces. Empty: there are no braces. */
static struct strv scheme_of(struct strv stored, struct strv *ret_rest)
{
	size_t end = stored.n > 0 && stored.p[0] == '{' ? strv_index(stored, '}') : stored.n;

	if (end == stored.n)
		return STRV_NULL;
	*ret_rest = strv_sub(stored, end + 1, stored.n);
	return strv_sub(stored, 1, end - 1);
}

bool auth_hash_is_plain(struct strv stored, struct strv *ret_password)
{
	struct strv rest = STRV_NULL;
	struct strv scheme = scheme_of(stored, &rest);
	bool plain = strv_ieq(scheme, STRV("PLAIN")) || strv_ieq(scheme, STRV("CLEARTEXT")) ||
		     strv_ieq(scheme, STRV("CLEAR"));

	if (plain)
		*ret_password = rest;
	return plain;
}

static bool crypt_readable(struct strv hash)
{
	char *setting = mem_strndup(hash.p, hash.n);
	int checked = crypt_checksalt(setting);
	free(setting);
	return checked == CRYPT_SALT_OK || checked == CRYPT_SALT_METHOD_LEGACY ||
	       checked == CRYPT_SALT_TOO_CHEAP;
}

const char *auth_hash_problem(struct strv stored)
{
	static const char unfit[] = "the hash does not fit its scheme, or the scheme is unknown";
	struct strv rest = STRV_NULL;
	struct strv scheme = scheme_of(stored, &rest);

	if (auth_hash_is_plain(stored, &rest))
		return password_usable(rest) ? NULL : "the password is not usable";
	if (digest_is_scheme(scheme))
		return digest_readable(scheme, rest) ? NULL : unfit;
	struct strv hash = hash_of(stored);
	if (strv_starts(hash, STRV("$argon2"))) {
		if (!argon_readable(hash))
			return "the hash is no argon2 hash, or asks for too much memory or time";
		return argon_available() ? NULL : "this server was built without argon2 (libargon2)";
	}
	return hash.n > 0 && hash.n < CRYPT_OUTPUT_SIZE && crypt_readable(hash) ? NULL : unfit;
}

bool auth_hash_readable(struct strv stored)
{
	return auth_hash_problem(stored) == NULL;
}

static enum rc crypt_verify(struct strv expected, struct strv password)
{
	enum rc rc = RC_AUTH;
	struct buf hash;

	buf_init(&hash, CRYPT_OUTPUT_SIZE);
	char *setting = mem_strndup(expected.p, expected.n);
	if (crypt_to(password, setting, &hash) == RC_OK && strv_eq_secret(buf_strv(&hash), expected))
		rc = RC_OK;
	free(setting);
	buf_wipe(&hash);
	return rc;
}

enum rc auth_verify_hash(struct strv stored, struct strv password)
{
	struct strv rest = STRV_NULL;
	struct strv scheme = scheme_of(stored, &rest);
	bool usable = password_usable(password);

	if (auth_hash_is_plain(stored, &rest))
		return usable && strv_eq_secret(rest, password) ? RC_OK : RC_AUTH;
	if (digest_is_scheme(scheme))
		return usable ? digest_verify(scheme, rest, password) : RC_AUTH;
	struct strv expected = hash_of(stored);
	bool argon = strv_starts(expected, STRV("$argon2"));
	if (expected.n == 0 || (!argon && expected.n >= CRYPT_OUTPUT_SIZE))
		return RC_INVALID;
	if (!usable)
		return RC_AUTH;
	return argon ? argon_verify(expected, password) : crypt_verify(expected, password);
}

static bool password_pbkdf2(struct strv password, const unsigned char *salt, size_t salt_size,
	unsigned iterations, unsigned char *out)
{
	return PKCS5_PBKDF2_HMAC(password.p, (int)password.n, salt, (int)salt_size, (int)iterations,
		       EVP_sha256(), SHA256_SIZE, out) == 1;
}

static bool password_hmac(const unsigned char *key, const char *text, unsigned char *out)
{
	unsigned size = SHA256_SIZE;
	return HMAC(EVP_sha256(), key, SHA256_SIZE, (const unsigned char *)text, strlen(text), out, &size) !=
	       NULL;
}

/* SASLprep (RFC 4013) as far as passwords need it: NFKC without ignorable characters. Bytes that are not
 * UTF-8 stay. */
static char *password_prepare(struct strv password)
{
	utf8proc_uint8_t *mapped = NULL;

	if (!str_is_ascii(password)) {
		utf8proc_map((const utf8proc_uint8_t *)password.p, (utf8proc_ssize_t)password.n, &mapped,
			UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_IGNORE);
	}
	return mapped ? (char *)mapped : mem_strndup(password.p, password.n);
}

enum rc auth_make_scram(struct strv password, unsigned iterations, struct buf *out)
{
	unsigned char salt[SCRAM_SALT_SIZE], salted[SHA256_SIZE], client[SHA256_SIZE], stored[SHA256_SIZE],
		server[SHA256_SIZE];
	unsigned size = 0;

	if (!password_usable(password) || iterations == 0 || iterations > AUTH_ITERATIONS_MAX)
		return RC_INVALID;
	rand_bytes(salt, sizeof(salt));
	char *prepared = password_prepare(password);
	bool ok = password_pbkdf2(strv_cstr(prepared), salt, sizeof(salt), iterations, salted) &&
		  password_hmac(salted, "Client Key", client) &&
		  EVP_Digest(client, sizeof(client), stored, &size, EVP_sha256(), NULL) == 1 &&
		  password_hmac(salted, "Server Key", server);
	mem_wipe(prepared, strlen(prepared));
	free(prepared);
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client, sizeof(client));
	if (!ok)
		return RC_UNAVAILABLE;
	buf_printf(out, "SCRAM-SHA-256$%u:", iterations);
	str_base64(out, strv_make(salt, sizeof(salt)));
	buf_addc(out, '$');
	str_base64(out, strv_make(stored, sizeof(stored)));
	buf_addc(out, ':');
	str_base64(out, strv_make(server, sizeof(server)));
	return RC_OK;
}
