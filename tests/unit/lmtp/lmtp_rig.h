/*
 * An LMTP server on a real store in this process, and relays that talk to it over socket pairs: the reactor
 * runs the sent commands on the calling thread, and the server's answers are gathered as text.
 */
#ifndef COID_TESTS_LMTP_RIG_H
#define COID_TESTS_LMTP_RIG_H

#include "base/clock.h"
#include "base/mem.h"
#include "lmtp/lmtp_priv.h"
#include "lmtp/session.h"
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
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define TURNS_MAX 100000
#define ALICE 1 /* account ids, in the order in which mx_setup adds them */
#define BOB 2

struct mx {
	struct rig rig;
	char root[512];
	struct lmtp_settings settings;
	struct lmtp *lmtp;
};

struct relay {
	struct mx *mx;
	int fd;
	bool closed; /* the server has closed */
	struct buf in; /* received and not yet taken */
};

static UNUSED void mx_turn(struct mx *mx)
{
	reactor_run_once(mx->rig.reactor, false);
	usleep(100);
}

static UNUSED int mx_setup(void **state)
{
	struct mx *mx = mem_zalloc(sizeof(*mx));

	rig_folder_make(mx->root);
	rig_init(&mx->rig, mx->root, NULL);
	assert_int_equal(rig_open(&mx->rig), RC_OK);
	assert_int_equal(rig_user_add(&mx->rig, "alice@example.org"), RC_OK);
	assert_int_equal(rig_user_add(&mx->rig, "bob@example.org"), RC_OK);
	mx->settings = (struct lmtp_settings){
		.hostname = "mx.test",
		.separator = '+',
		.message_max = 100000,
		.recipients_max = 3,
		.timeout_ms = 60000,
		.bad_commands_max = 3,
		.connections_max = 2,
	};
	mx->lmtp = lmtp_new(&mx->settings, mx->rig.store, &mx->rig.reactor, 1, mx->rig.log);
	*state = mx;
	return 0;
}

static UNUSED int mx_teardown(void **state)
{
	struct mx *mx = *state;

	for (unsigned i = 0; i < TURNS_MAX && lmtp_sessions(mx->lmtp) > 0; i++)
		mx_turn(mx);
	assert_int_equal(lmtp_sessions(mx->lmtp), 0);
	clock_fake_set(0, 0);
	rig_settle(&mx->rig);
	pool_drain(mx->rig.pool);
	reactor_run_once(mx->rig.reactor, false);
	lmtp_free(&mx->lmtp);
	rig_close(&mx->rig);
	rig_folder_remove(mx->root);
	free(mx);
	return 0;
}

/* Takes the bytes that have arrived. */
static UNUSED void relay_receive(struct relay *relay)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(relay->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_add(&relay->in, bytes, (size_t)n);
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		relay->closed = true;
}

/* Checks that the next bytes are exactly `expected`. */
static UNUSED void relay_expect(struct relay *relay, const char *expected)
{
	size_t n = strlen(expected);

	for (unsigned i = 0; i < TURNS_MAX && relay->in.len < n && !relay->closed; i++) {
		mx_turn(relay->mx);
		relay_receive(relay);
	}
	size_t got = relay->in.len < n ? relay->in.len : n;
	if (got < n || memcmp(relay->in.p, expected, n) != 0)
		fail_msg("'%s' expected, got '%.*s'", expected, (int)relay->in.len,
			relay->in.p ? relay->in.p : "");
	buf_consume(&relay->in, n);
}

/* One reply line without its CRLF; the caller frees it. */
static UNUSED char *relay_line(struct relay *relay)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		size_t end = strv_index(buf_strv(&relay->in), '\n');
		if (end < relay->in.len) {
			char *line = mem_strndup(relay->in.p, end - 1);
			buf_consume(&relay->in, end + 1);
			return line;
		}
		if (relay->closed)
			break;
		mx_turn(relay->mx);
		relay_receive(relay);
	}
	fail_msg("no line in '%.*s'", (int)relay->in.len, relay->in.p ? relay->in.p : "");
	return NULL;
}

/* Checks that the next line begins with this text. */
static UNUSED void relay_expect_begin(struct relay *relay, const char *begin)
{
	char *line = relay_line(relay);

	if (strncmp(line, begin, strlen(begin)) != 0)
		fail_msg("'%s...' expected, got '%s'", begin, line);
	free(line);
}

/* Checks that nothing more is sent and the server closes. */
static UNUSED void relay_expect_end(struct relay *relay)
{
	for (unsigned i = 0; i < TURNS_MAX && !relay->closed; i++) {
		mx_turn(relay->mx);
		relay_receive(relay);
	}
	assert_true(relay->closed);
	assert_int_equal(relay->in.len, 0);
}

/* Checks that nothing is sent within some turns. */
static UNUSED void relay_expect_silence(struct relay *relay)
{
	for (unsigned i = 0; i < 20; i++)
		mx_turn(relay->mx);
	relay_receive(relay);
	if (relay->in.len > 0 || relay->closed)
		fail_msg("silence expected, got '%.*s'", (int)relay->in.len, relay->in.p ? relay->in.p : "");
}

static UNUSED void relay_send_bytes(struct relay *relay, struct strv bytes)
{
	size_t sent = 0;

	for (unsigned i = 0; i < TURNS_MAX && sent < bytes.n; i++) {
		ssize_t n = send(relay->fd, bytes.p + sent, bytes.n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		else if (errno == EPIPE)
			return;
		mx_turn(relay->mx);
	}
	assert_int_equal(sent, bytes.n);
}

static UNUSED void relay_send(struct relay *relay, const char *text)
{
	relay_send_bytes(relay, strv_cstr(text));
}

/* Sends a command with CRLF; the answer must be exactly `expected` and CRLF. */
static UNUSED void relay_command(struct relay *relay, const char *command, const char *expected)
{
	relay_send(relay, command);
	relay_send(relay, "\r\n");
	relay_expect(relay, expected);
	relay_expect(relay, "\r\n");
}

/* Connects a relay; the greeting has not been read. */
static UNUSED struct relay *relay_connect(struct mx *mx)
{
	struct relay *relay = mem_zalloc(sizeof(*relay));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	relay->mx = mx;
	relay->fd = fds[0];
	buf_init(&relay->in, 1024 * 1024);
	lmtp_accept(mx->lmtp, mx->rig.reactor, fds[1]);
	return relay;
}

/* Connects a relay and reads the greeting. */
static UNUSED struct relay *relay_new(struct mx *mx)
{
	struct relay *relay = relay_connect(mx);

	relay_expect(relay, "220 mx.test LMTP coid\r\n");
	relay_command(relay, "LHLO relay.test",
		"250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		"250-ENHANCEDSTATUSCODES\r\n250 SIZE 100000");
	return relay;
}

/* The session of the only relay. */
static UNUSED struct lmtp_session *relay_session(struct relay *relay)
{
	struct list_node *node = list_first(&relay->mx->lmtp->hubs[0].sessions);

	assert_non_null(node);
	return CONTAINER_OF(node, struct lmtp_session, node);
}

/* Closes the relay, and waits until the server has noticed. */
static UNUSED void relay_free(struct relay **relay)
{
	struct relay *r = *relay;
	unsigned before = lmtp_sessions(r->mx->lmtp);

	close(r->fd);
	for (unsigned i = 0; i < TURNS_MAX && !r->closed && lmtp_sessions(r->mx->lmtp) == before; i++)
		mx_turn(r->mx);
	buf_fini(&r->in);
	free(r);
	*relay = NULL;
}

#endif
