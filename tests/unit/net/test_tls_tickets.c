#include "net/tls_tickets.h"

#include "unit/net/net_helper.h"

#define PERIOD_MS 3600000

struct fixture {
	struct tls_tickets *tickets;
	SSL_CTX *server;
	SSL_CTX *client;
	struct test_cert cert;
	SSL_SESSION *session; /* the last one that the server gave */
};

static int setup(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .tickets = tls_tickets_new(PERIOD_MS) };
	clock_fake_set(1000, 1800000000);
	make_cert(&f.cert);
	f.server = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(f.server, f.cert.cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(f.server, f.cert.key), 1);
	SSL_CTX_set_session_cache_mode(f.server, SSL_SESS_CACHE_OFF);
	tls_tickets_attach(f.tickets, f.server);
	f.client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(f.client, SSL_VERIFY_NONE, NULL);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	SSL_SESSION_free(f->session);
	SSL_CTX_free(f->client);
	SSL_CTX_free(f->server);
	tls_tickets_free(&f->tickets);
	free_cert(&f->cert);
	clock_fake_set(0, 0);
	return 0;
}

/* One connection in memory; whether it resumed `session`. A new session is left in f->session. */
static bool resumes(struct fixture *f, SSL_SESSION *session, int version)
{
	SSL *server = SSL_new(f->server);
	SSL *client = SSL_new(f->client);
	BIO *a = NULL;
	BIO *b = NULL;
	char byte;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	SSL_set_max_proto_version(client, version);
	/* The client lets go of a session once it has a newer one: here the old one is used again. */
	SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL;
	if (copy)
		assert_int_equal(SSL_set_session(client, copy), 1);
	SSL_SESSION_free(copy);
	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(server) && SSL_is_init_finished(client));
	/* The ticket of TLS 1.3 comes with the first bytes. */
	assert_int_equal(SSL_write(server, "x", 1), 1);
	assert_int_equal(SSL_read(client, &byte, 1), 1);
	bool reused = SSL_session_reused(client);
	SSL_SESSION_free(f->session);
	f->session = SSL_get1_session(client);
	SSL_shutdown(client);
	SSL_shutdown(server);
	SSL_free(client);
	SSL_free(server);
	return reused;
}

static void check_periods(struct fixture *f, int version)
{
	assert_false(resumes(f, NULL, version));
	SSL_SESSION *first = f->session;
	assert_non_null(first);
	SSL_SESSION_up_ref(first);
	clock_fake_advance(PERIOD_MS - 1);
	assert_true(resumes(f, first, version));
	/* The old key's tickets are taken for one more period, and new ones come from a new key. */
	clock_fake_advance(1);
	assert_true(resumes(f, first, version));
	SSL_SESSION *second = f->session;
	SSL_SESSION_up_ref(second);
	clock_fake_advance(PERIOD_MS - 1);
	assert_true(resumes(f, first, version));
	clock_fake_advance(1);
	assert_false(resumes(f, first, version));
	assert_true(resumes(f, second, version));
	SSL_SESSION_free(first);
	SSL_SESSION_free(second);
}

/* AU-33 */
static void au_33_tickets_of_tls_1_3_are_good_for_two_periods_at_most(void **state)
{
	check_periods(*state, TLS1_3_VERSION);
}

static void au_33_tickets_of_tls_1_2_are_good_for_two_periods_at_most(void **state)
{
	check_periods(*state, TLS1_2_VERSION);
}

static void keys_that_are_over_go_though_nobody_connects(void **state)
{
	struct fixture *f = *state;

	assert_false(resumes(f, NULL, TLS1_3_VERSION));
	SSL_SESSION *first = f->session;
	SSL_SESSION_up_ref(first);
	clock_fake_advance(PERIOD_MS);
	tls_tickets_tick(f->tickets);
	clock_fake_advance(PERIOD_MS);
	tls_tickets_tick(f->tickets);
	assert_false(resumes(f, first, TLS1_3_VERSION));
	SSL_SESSION_free(first);
}

static void another_contexts_ticket_is_a_full_handshake(void **state)
{
	struct fixture *f = *state;

	assert_false(resumes(f, NULL, TLS1_3_VERSION));
	SSL_SESSION *first = f->session;
	SSL_SESSION_up_ref(first);
	struct tls_tickets *others = tls_tickets_new(PERIOD_MS);
	tls_tickets_attach(others, f->server);
	assert_false(resumes(f, first, TLS1_3_VERSION));
	tls_tickets_attach(f->tickets, f->server);
	assert_true(resumes(f, first, TLS1_3_VERSION));
	tls_tickets_free(&others);
	SSL_SESSION_free(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(au_33_tickets_of_tls_1_3_are_good_for_two_periods_at_most),
		TEST(au_33_tickets_of_tls_1_2_are_good_for_two_periods_at_most),
		TEST(keys_that_are_over_go_though_nobody_connects),
		TEST(another_contexts_ticket_is_a_full_handshake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
