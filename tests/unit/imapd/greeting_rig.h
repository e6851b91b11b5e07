/* Clients that are not logged in, for tests of the time before login; see session_rig.h. */
#ifndef COID_TESTS_GREETING_RIG_H
#define COID_TESTS_GREETING_RIG_H

#include "session_rig.h"

/* Connects a client; the greeting has not been read. */
static UNUSED struct client *client_connect(struct server *server)
{
	struct client *client = mem_zalloc(sizeof(*client));
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	client->server = server;
	client->fd = fds[0];
	buf_init(&client->in, 64 * 1024 * 1024);
	imapd_accept(server->imapd, server->rig.reactor, fds[1], false);
	client->id = atomic_load(&server->imapd->next_id);
	return client;
}

static UNUSED struct session *client_session(struct client *client)
{
	return hub_session(&client->server->imapd->hubs[0], client->id);
}

/* Checks that everything up to the close is exactly this. */
static UNUSED void assert_closed(struct client *client, const char *expected)
{
	for (unsigned i = 0; i < 100000 && client_receive(client); i++)
		turn(client);
	assert_false(client_receive(client));
	char *got = mem_strndup(client->in.p ? client->in.p : "", client->in.len);
	assert_string_equal(got, expected);
	free(got);
}

static UNUSED void assert_next(struct client *client, const char *expected)
{
	const char *end = strrchr(expected, '\r');
	char *got = client_until(client, end ? end : expected);
	mask_number(got, "[MAILBOXID (F");
	while (strlen(got) < strlen(expected)) {
		char *more = client_until(client, "\r\n");
		size_t n = strlen(got);
		got = mem_realloc(got, n + strlen(more) + 1, 1);
		memcpy(got + n, more, strlen(more) + 1);
		mask_number(got, "[MAILBOXID (F");
		free(more);
	}
	assert_string_equal(got, expected);
	free(got);
}

/* Waits until the claim of \Recent for delivered messages is answered. It takes its own time: an IDLE that
 * ends before tells no RECENT. */
static UNUSED void await_claim(struct client *client)
{
	for (unsigned i = 0; client_session(client)->claiming; i++) {
		assert_true(i < 100000);
		turn(client);
	}
}

/* Checks that nothing arrives in some turns of the loop. */
static UNUSED void assert_quiet(struct client *client)
{
	for (int i = 0; i < 50; i++)
		turn(client);
	assert_true(client_receive(client));
	assert_int_equal(client->in.len, 0);
}

#endif
