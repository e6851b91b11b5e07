#include "unit/net/net_helper.h"

static struct test_cert cert, other;

static int make_group_certs(void **state)
{
	(void)state;
	make_cert(&cert);
	make_cert(&other);
	return 0;
}

static int free_group_certs(void **state)
{
	(void)state;
	free_cert(&cert);
	free_cert(&other);
	return 0;
}

/* Expects a failure whose text has `word` in it. */
static void refused(const struct tls_settings *settings, enum rc expected, const char *word)
{
	struct buf errors;
	struct tls_ctx *ctx = NULL;
	buf_init(&errors, 1000);
	assert_int_equal(tls_ctx_new(settings, &errors, &ctx), expected);
	assert_null(ctx);
	buf_addc(&errors, '\0');
	assert_non_null(strstr(errors.p, word));
	buf_fini(&errors);
}

static void a_context_is_made_and_shared(void **state)
{
	(void)state;
	struct tls_settings settings = { .cert_file = cert.cert_file,
		.key_file = cert.key_file,
		.min_version = "1.3",
		.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
		.alpn = "imap" };
	struct buf errors;
	struct tls_ctx *ctx = NULL;
	buf_init(&errors, 1000);
	assert_int_equal(tls_ctx_new(&settings, &errors, &ctx), RC_OK);
	assert_int_equal(errors.len, 0);
	struct tls_ctx *second = tls_ctx_ref(ctx);
	assert_ptr_equal(ctx, second);
	tls_ctx_unref(&ctx);
	assert_null(ctx);
	tls_ctx_unref(&ctx);
	tls_ctx_unref(&second);
	buf_fini(&errors);
}

static void bad_settings_are_refused_with_the_cause(void **state)
{
	(void)state;
	struct tls_settings good = {
		.cert_file = cert.cert_file, .key_file = cert.key_file, .min_version = "1.2"
	};
	struct tls_settings bad = good;
	bad.min_version = "1.1";
	refused(&bad, RC_INVALID, "1.1");
	bad = good;
	bad.ciphers = "NO-SUCH-CIPHER";
	refused(&bad, RC_INVALID, "NO-SUCH-CIPHER");
	bad = good;
	bad.cert_file = "/nonexistent/cert.pem";
	refused(&bad, RC_IO, "/nonexistent/cert.pem");
	bad = good;
	bad.cert_file = cert.key_file;
	refused(&bad, RC_IO, "certificate file");
	bad = good;
	bad.key_file = "/nonexistent/key.pem";
	refused(&bad, RC_IO, "/nonexistent/key.pem");
	bad = good;
	bad.key_file = other.key_file;
	refused(&bad, RC_IO, other.key_file);
}

static void an_encrypted_key_is_refused_without_a_prompt(void **state)
{
	(void)state;
	char name[64];
	FILE *f = temp_file(name, sizeof(name));
	assert_int_equal(PEM_write_PrivateKey(f, cert.key, EVP_aes_128_cbc(), (const unsigned char *)"secret",
				 6, NULL, NULL),
		1);
	fclose(f);
	struct tls_settings settings = {
		.cert_file = cert.cert_file, .key_file = name, .min_version = "1.2"
	};
	refused(&settings, RC_IO, name);
	unlink(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_context_is_made_and_shared),
		cmocka_unit_test(bad_settings_are_refused_with_the_cause),
		cmocka_unit_test(an_encrypted_key_is_refused_without_a_prompt),
	};
	return cmocka_run_group_tests(tests, make_group_certs, free_group_certs);
}
