/*
 * The control socket in this process, without a store: requests come over socket pairs, the reactor runs them
 * on the calling thread, and the answers are gathered as text.
 */
#ifndef COID_TESTS_ADMIN_RIG_H
#define COID_TESTS_ADMIN_RIG_H

#include "admin/admin_priv.h"
#include "base/mem.h"
#include "support/store_rig.h"
#include "webpush/webpush.h"

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
#define TURNS_MAX 100000
#define ANSWER_MAX (16u << 20)

struct control {
	struct rig *rig; /* NULL: there is no store; then reactor and log are own */
	struct auth *auth; /* with a store */
	struct webpush *webpush; /* own: started by the test; may be NULL */
	char root[512];
	struct reactor *reactor;
	struct log *log;
	struct admin *admin;
	const char *status; /* what the status hook prints */
	const char *errors; /* what the reload hook complains of */
	enum rc reload_rc;
};

static void control_status(void *ctx, struct buf *out)
{
	const struct control *control = ctx;
	buf_adds(out, control->status);
}

static enum rc control_reload(void *ctx, struct buf *errors)
{
	const struct control *control = ctx;
	buf_adds(errors, control->errors);
	return control->reload_rc;
}

static void control_imap_help(struct buf *out)
{
	buf_adds(out, "  NOOP\tdoes nothing\n");
}

static UNUSED struct control *control_new(struct rig *rig)
{
	struct control *control = mem_zalloc(sizeof(*control));
	struct admin_settings settings = {
		.password_scheme = "SHA512-CRYPT", .password_length_min = 8, .import_parallel = 2
	};
	struct admin_hooks hooks = { .ctx = control,
		.status = control_status,
		.imap_help = control_imap_help,
		.reload = control_reload };

	control->status = control->errors = "";
	control->rig = rig;
	if (rig) {
		struct auth_settings auth = { .workers = 1,
			.password_scheme = "SHA512-CRYPT",
			.scram_iterations = 4096,
			.queue_max = 10 };
		assert_int_equal(auth_new(&auth, rig->store, rig->log, &control->auth), RC_OK);
		control->log = rig->log;
		control->reactor = rig->reactor;
	} else {
		control->log = log_new(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_ERROR);
		control->reactor = reactor_new(0, control->log);
	}
	control->admin = admin_new(
		&settings, &hooks, rig ? rig->store : NULL, control->auth, control->reactor, control->log);
	return control;
}

static UNUSED int control_setup(void **state)
{
	*state = control_new(NULL);
	return 0;
}

/* Sets up with a store and two users, alice and bob at example.org. */
static UNUSED int control_setup_store(void **state)
{
	struct rig *rig = mem_zalloc(sizeof(*rig));
	char root[512];

	rig_folder_make(root);
	rig_init(rig, root, NULL);
	assert_int_equal(rig_open(rig), RC_OK);
	assert_int_equal(rig_user_add(rig, "alice@example.org"), RC_OK);
	assert_int_equal(rig_user_add(rig, "bob@example.org"), RC_OK);
	struct control *control = control_new(rig);
	memcpy(control->root, root, sizeof(root));
	*state = control;
	return 0;
}

static UNUSED void control_turn(struct control *control)
{
	reactor_run_once(control->reactor, false);
	/* Other threads have work to do. */
	if (control->rig)
		usleep(100);
}

static UNUSED int control_teardown(void **state)
{
	struct control *control = *state;

	for (unsigned i = 0; i < TURNS_MAX && admin_sessions(control->admin) > 0; i++)
		control_turn(control);
	assert_int_equal(admin_sessions(control->admin), 0);
	admin_free(&control->admin);
	if (control->rig) {
		rig_settle(control->rig);
		auth_free(&control->auth);
		if (control->webpush) {
			webpush_stop(control->webpush);
			while (webpush_busy(control->webpush))
				usleep(1000);
			pool_drain(control->rig->pool);
			webpush_free(&control->webpush);
		}
		rig_close(control->rig);
		rig_folder_remove(control->root);
		free(control->rig);
	} else {
		reactor_free(&control->reactor);
		log_free(&control->log);
	}
	free(control);
	return 0;
}

/* Connects a client. */
static UNUSED int control_connect(struct control *control)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	admin_accept(control->admin, fds[1]);
	return fds[0];
}

static UNUSED void control_send(struct control *control, int fd, struct strv bytes)
{
	for (unsigned i = 0; i < TURNS_MAX && bytes.n > 0; i++) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			bytes = strv_sub(bytes, (size_t)n, bytes.n);
		control_turn(control);
	}
	assert_int_equal(bytes.n, 0);
}

/* The whole answer until the connection ends, NUL-terminated; then the client closes. The caller frees it. */
static UNUSED char *control_answer(struct control *control, int fd)
{
	struct buf answer;
	ssize_t n = -1;

	buf_init(&answer, ANSWER_MAX);
	for (unsigned i = 0; i < TURNS_MAX && n != 0; i++) {
		char *room = buf_reserve(&answer, 65536);
		assert_non_null(room);
		n = recv(fd, room, 65536, MSG_DONTWAIT);
		if (n > 0)
			buf_commit(&answer, (size_t)n);
		else if (n < 0)
			assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
		control_turn(control);
	}
	assert_int_equal(n, 0);
	buf_addc(&answer, '\0');
	close(fd);
	return answer.p;
}

/* Prints the request as coidctl would. */
static UNUSED void control_print(struct buf *out, const char *const *args, const char *payload)
{
	unsigned count = 0;

	while (args[count])
		count++;
	buf_printf(out, "coid1 %u %zu\n", count, strlen(payload));
	for (unsigned i = 0; i < count; i++)
		buf_printf(out, "%zu:%s,", strlen(args[i]), args[i]);
	buf_adds(out, payload);
}

/* The whole answer to a request with a payload. The caller frees it. */
static UNUSED char *control_ask(struct control *control, const char *const *args, const char *payload)
{
	struct buf bytes;
	int fd = control_connect(control);

	buf_init(&bytes, 1024 * 1024);
	control_print(&bytes, args, payload);
	control_send(control, fd, buf_strv(&bytes));
	buf_fini(&bytes);
	return control_answer(control, fd);
}

/* The answer to a request must be exactly `expected`. */
static UNUSED void assert_request_with(
	struct control *control, const char *const *args, const char *payload, const char *expected)
{
	char *answer = control_ask(control, args, payload);
	assert_string_equal(answer, expected);
	free(answer);
}

static UNUSED void assert_request(struct control *control, const char *const *args, const char *expected)
{
	assert_request_with(control, args, "", expected);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
