/* link: imapd */
/*
 * Whole IMAP sessions against the server in this process, over a real store in a folder of its own. The first
 * octet says how: bit 0: logged in; bit 1: INBOX with three messages is selected; the rest: where the input
 * is cut in two. With COID_FUZZ_SHOW in the environment the answers are printed.
 */
#include "base/clock.h"
#include "imapd/cmd/table.h"
#include "imapd/command.h"
#include "imapd/imapd_priv.h"
#include "imapd/notify_priv.h"
#include "store/io.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCOUNT 1
#define QUIET_TURNS 5 /* turns without work after which nothing more is to come */
#define WAIT_MS 60000
#define OUTPUT_MAX ((size_t)256 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
	char root[64];
	struct io io;
	struct store_settings store_settings;
	struct pool *pool;
	struct reactor *reactor;
	struct store *store;
	struct imapd *imapd;
	int fd;
	uint64_t session;
	struct buf out; /* all that the session said */
};

static int no_sync(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	return 0;
}

static void folder_remove(const char *path, unsigned depth)
{
	char below[4096];
	DIR *entries = opendir(path);
	if (!entries)
		return;
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below) != 0 && depth > 0)
			folder_remove(below, depth - 1);
	}
	closedir(entries);
	rmdir(path);
}

static void server_open(struct server *server)
{
	struct imapd_settings settings;
	snprintf(server->root, sizeof(server->root), "%s/coid-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(server->root))
		abort();
	server->io = io_real;
	server->io.fdatasync = no_sync;
	server->io.fsync = no_sync;
	server->io.syncfs = no_sync;
	store_settings_init(&server->store_settings);
	server->store_settings.root = server->root;
	server->store_settings.inline_max = 4096;
	server->pool = pool_new(1, "fuzz", NULL);
	server->reactor = reactor_new(0, NULL);
	if (store_new(&server->store_settings, server->pool, &server->io, NULL, &server->store) != RC_OK)
		abort();
	imapd_settings_init(&settings);
	settings.message_max = 1024 * 1024;
	settings.bad_commands_max = 0;
	server->imapd = imapd_new(&settings, cmd_table, server->store, NULL, &server->reactor, 1, NULL);
	buf_init(&server->out, OUTPUT_MAX);
}

static void server_close(struct server *server)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	close(server->fd);
	while (imapd_sessions(server->imapd) > 0) {
		reactor_run_once(server->reactor, false);
		if (clock_mono_ms() > end)
			abort();
	}
	pool_drain(server->pool);
	reactor_run_once(server->reactor, false);
	imapd_free(&server->imapd);
	store_free(&server->store);
	reactor_free(&server->reactor);
	pool_free(&server->pool);
	folder_remove(server->root, 8);
	buf_fini(&server->out);
}

static struct session *session_of(struct server *server)
{
	return hub_session(&server->imapd->hubs[0], server->session);
}

/* False: the session has closed. */
static bool receive(struct server *server, bool *ret_any)
{
	char bytes[65536];
	ssize_t n = recv(server->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	*ret_any = n > 0;
	if (n > 0)
		buf_add(&server->out, bytes, (size_t)n);
	return n > 0 || (n < 0 && errno != ECONNRESET);
}

/* Runs until the session has nothing to do: it waits for input, or has ended. */
static void settle(struct server *server)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	for (unsigned quiet = 0; quiet < QUIET_TURNS;) {
		bool any = false;
		reactor_run_once(server->reactor, false);
		if (!receive(server, &any))
			return;
		const struct session *session = session_of(server);
		bool busy = session && session->cmd && session->cmd->job;
		if (session && session->notify && (session->notify->job || notify_sending(session)))
			busy = true;
		quiet = any || busy ? 0 : quiet + 1;
		if (quiet > 0)
			usleep(50);
		if (clock_mono_ms() > end)
			abort();
	}
}

static void give(struct server *server, const uint8_t *data, size_t size)
{
	size_t sent = 0;
	while (sent < size) {
		bool any;
		ssize_t n = send(server->fd, data + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		reactor_run_once(server->reactor, false);
		if (!receive(server, &any))
			return;
	}
	settle(server);
}

static void say(struct server *server, const char *text)
{
	give(server, (const uint8_t *)text, strlen(text));
}

static void client_open(struct server *server, bool login, bool select)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	server->fd = fds[0];
	imapd_accept(server->imapd, server->reactor, fds[1], false);
	server->session = atomic_load(&server->imapd->next_id);
	settle(server);
	if (!login)
		return;
	struct session *session = session_of(server);
	if (!session || session_login(session, ACCOUNT, "fuzz@example.org") != RC_OK)
		abort();
	if (!select)
		return;
	say(server, "s APPEND INBOX (\\Seen $x) {44+}\r\n"
		    "From: a@example.org\r\nSubject: one\r\n\r\nfirst\r\n"
		    " {73+}\r\n"
		    "Subject: =?utf-8?q?zw=C3=B6?=\r\nContent-Type: text/html\r\n\r\n<p>second</p>\r\n"
		    " \"01-Feb-2026 10:00:00 +0100\" {3+}\r\nabc\r\n"
		    "s SELECT INBOX\r\n");
	if (!memmem(server->out.p, server->out.len, "* 3 EXISTS\r\n", 12))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server server = { .fd = -1 };
	if (size == 0)
		return 0;
	size_t cut = 1 + (size_t)(data[0] >> 2) * (size - 1) / 64;
	server_open(&server);
	client_open(&server, data[0] & 1, data[0] & 2);
	give(&server, data + 1, cut - 1);
	give(&server, data + cut, size - cut);
	/* The session is never left with a job that nobody waits for, nor in the middle of an answer. */
	const struct session *session = session_of(&server);
	if (session && session->cmd && (session->cmd->job || session->cmd->law.in_response))
		abort();
	if (getenv("COID_FUZZ_SHOW"))
		fwrite(server.out.p, 1, server.out.len, stderr);
	server_close(&server);
	return 0;
}
