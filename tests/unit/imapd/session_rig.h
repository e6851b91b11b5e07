/*
 * A session on a socket pair over a real store, in this process: the reactor runs the sent commands on the
 * calling thread, and the session's answers are gathered as text.
 */
#ifndef COID_TESTS_SESSION_RIG_H
#define COID_TESTS_SESSION_RIG_H

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "imapd/cmd/table.h"
#include "imapd/imapd_priv.h"
#include "imapd/session.h"
#include "store/message.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define ACCOUNT 1
#define WAIT_MS 20000

struct server {
	struct rig rig;
	char root[512];
	struct imapd_settings settings;
	struct imapd *imapd;
	int log_fd; /* of a test that reads the log */
};

struct client {
	struct server *server;
	int fd;
	uint64_t id;
	struct buf in; /* received and not yet taken */
};

static UNUSED void server_start(struct server *server)
{
	assert_int_equal(rig_open(&server->rig), RC_OK);
	if (server->log_fd > 0 && !server->rig.log)
		server->rig.log = log_new(server->log_fd, LOG_LEVEL_DEBUG);
	server->imapd = imapd_new(&server->settings, cmd_table, server->rig.store, NULL, &server->rig.reactor,
		1, server->rig.log);
}

static UNUSED int server_setup_with(void **state, void (*change)(struct server *server))
{
	struct server *server = mem_zalloc(sizeof(*server));
	rig_folder_make(server->root);
	rig_init(&server->rig, server->root, NULL);
	imapd_settings_init(&server->settings);
	if (change)
		change(server);
	server_start(server);
	*state = server;
	return 0;
}

static UNUSED int server_setup(void **state)
{
	return server_setup_with(state, NULL);
}

static UNUSED int server_teardown(void **state)
{
	struct server *server = *state;
	/* The commands that a client sent before it left are answered first. */
	for (unsigned i = 0; i < 100000 && imapd_sessions(server->imapd) > 0; i++) {
		reactor_run_once(server->rig.reactor, false);
		usleep(100);
	}
	assert_int_equal(imapd_sessions(server->imapd), 0);
	rig_settle(&server->rig);
	pool_drain(server->rig.pool);
	reactor_run_once(server->rig.reactor, false);
	imapd_free(&server->imapd);
	rig_close(&server->rig);
	rig_folder_remove(server->root);
	free(server);
	return 0;
}

/* Takes the bytes that have arrived. False: the session has closed. */
static inline bool client_receive(struct client *client)
{
	for (;;) {
		char *room = buf_reserve(&client->in, 65536);
		assert_non_null(room);
		ssize_t n = recv(client->fd, room, 65536, MSG_DONTWAIT);
		if (n == 0)
			return false;
		if (n < 0) {
			assert_true(errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNRESET);
			return errno != ECONNRESET;
		}
		buf_commit(&client->in, (size_t)n);
	}
}

static inline void turn(struct client *client)
{
	reactor_run_once(client->server->rig.reactor, false);
	usleep(100);
}

/* Waits for `text`; returns it with the text before it. */
static UNUSED char *client_until(struct client *client, const char *text)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	for (;;) {
		bool open = client_receive(client);
		char *at = client->in.len ? memmem(client->in.p, client->in.len, text, strlen(text)) : NULL;
		if (at) {
			size_t n = (size_t)(at - client->in.p) + strlen(text);
			char *taken = mem_strndup(client->in.p, n);
			buf_consume(&client->in, n);
			return taken;
		}
		if (!open || clock_mono_ms() > end)
			fail_msg("no '%s' in: %.*s", text, (int)client->in.len, client->in.p);
		turn(client);
	}
}

static UNUSED void client_send_bytes(struct client *client, struct strv bytes)
{
	size_t sent = 0;
	while (sent < bytes.n) {
		ssize_t n = send(client->fd, bytes.p + sent, bytes.n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		else
			assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
		turn(client);
	}
}

static UNUSED void client_send(struct client *client, const char *text)
{
	client_send_bytes(client, strv_cstr(text));
}

/* UIDVALIDITY comes from a clock, so the number after `word` is replaced by 1. */
static inline void mask_number(char *text, const char *word)
{
	for (char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
		char *number = at + strlen(word);
		size_t n = strspn(number, "0123456789");
		if (n == 0)
			continue;
		*number = '1';
		memmove(number + 1, number + n, strlen(number + n) + 1);
	}
}

/* The whole answer, up to and with the tagged line of "a". The caller frees it. */
static UNUSED char *client_answer(struct client *client)
{
	char *head = client_until(client, "a ");
	/* "a " may be part of an untagged line. */
	for (;;) {
		size_t n = strlen(head);
		if (n == 2 || head[n - 3] == '\n')
			break;
		char *more = client_until(client, "a ");
		head = mem_realloc(head, n + strlen(more) + 1, 1);
		memcpy(head + n, more, strlen(more) + 1);
		free(more);
	}
	char *tail = client_until(client, "\r\n");
	size_t n = strlen(head);
	head = mem_realloc(head, n + strlen(tail) + 1, 1);
	memcpy(head + n, tail, strlen(tail) + 1);
	free(tail);
	mask_number(head, "APPENDUID ");
	mask_number(head, "COPYUID ");
	return head;
}

/* Sends "a <command>" CRLF; the answer must be exactly `expected`. */
static UNUSED void assert_command(struct client *client, const char *command, const char *expected)
{
	client_send(client, "a ");
	client_send(client, command);
	client_send(client, "\r\n");
	char *answer = client_answer(client);
	mask_number(answer, "[MAILBOXID (F");
	assert_string_equal(answer, expected);
	free(answer);
}

/* Does the same for an answer that must contain `part`. */
static UNUSED void assert_command_has(struct client *client, const char *command, const char *part)
{
	client_send(client, "a ");
	client_send(client, command);
	client_send(client, "\r\n");
	char *answer = client_answer(client);
	if (!strstr(answer, part))
		fail_msg("no '%s' in '%s'", part, answer);
	free(answer);
}

/* Makes a logged-in session, with `mailbox` selected unless it is NULL. */
static UNUSED struct client *client_new(struct server *server, const char *mailbox)
{
	struct client *client = mem_zalloc(sizeof(*client));
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	client->server = server;
	client->fd = fds[0];
	buf_init(&client->in, 64 * 1024 * 1024);
	imapd_accept(server->imapd, server->rig.reactor, fds[1], false);
	client->id = atomic_load(&server->imapd->next_id);
	free(client_until(client, "ready\r\n"));
	struct session *session = hub_session(&server->imapd->hubs[0], client->id);
	assert_non_null(session);
	assert_int_equal(session_login(session, ACCOUNT, "alice@example.org"), RC_OK);
	if (mailbox) {
		client_send(client, "a SELECT \"");
		client_send(client, mailbox);
		client_send(client, "\"\r\n");
		char *answer = client_answer(client);
		assert_non_null(strstr(answer, "a OK [READ-WRITE]"));
		free(answer);
	}
	return client;
}

static UNUSED void client_free(struct client **client)
{
	struct client *c = *client;
	close(c->fd);
	buf_fini(&c->in);
	for (unsigned i = 0; i < 10000 && hub_session(&c->server->imapd->hubs[0], c->id); i++)
		turn(c);
	free(c);
	*client = NULL;
}

#endif
