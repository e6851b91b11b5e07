/*
 * The insides of the server, for the files of this folder. Everything belongs to the main thread, which is
 * reactor 0.
 */
#ifndef COID_COID_SERVER_PRIV_H
#define COID_COID_SERVER_PRIV_H

#include "admin/admin.h"
#include "auth/auth.h"
#include "coid/descriptors.h"
#include "coid/server.h"
#include "coid/sockets.h"
#include "coid/systemd.h"
#include "imapd/imapd.h"
#include "lmtp/lmtp.h"
#include "net/listener.h"
#include "net/tls.h"
#include "store/store.h"
#include "webpush/webpush.h"
#include "work/pool.h"
#include "work/reactor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum server_state {
	SERVER_SERVING, /* from the start on */
	SERVER_STOPPING, /* waits for sessions to end by themselves */
	SERVER_DROPPING /* those that were left have been dropped */
};

struct server_reactor {
	struct server *server; /* borrowed */
	struct reactor *reactor; /* own */
	pthread_t thread; /* not set for reactor 0 */
	struct reactor_msg ping;
	struct reactor_msg hurry;
	struct reactor_msg unlisten;
	_Atomic bool ping_out; /* the ping has not come back yet */
};

struct health;
struct metrics;

struct server {
	const struct server_source *source; /* borrowed */
	struct conf *conf; /* own */
	int log_fd; /* own; a reload reopens the file on the same number */
	struct log *log;
	struct pool *pool;
	struct io *io; /* own: faults that a test injects, otherwise NULL */
	struct store *store;
	struct metadata *metadata;
	struct coi *coi;
	struct webpush *webpush;
	struct auth *auth;
	struct tls_ctx *tls;
	struct imapd *imapd;
	struct lmtp *lmtp;
	struct admin *admin;
	struct metrics *metrics;
	struct health *health;
	struct server_reactor reactors[REACTORS_MAX];
	struct reactor *reactor_array[REACTORS_MAX]; /* borrowed */
	unsigned reactor_count;
	unsigned reactors_running;
	struct server_socket sockets[SOCKETS_MAX];
	unsigned socket_count;
	struct descriptors descriptors;
	struct systemd_fd taken[SYSTEMD_FDS_MAX]; /* passed by the service manager, not used yet */
	size_t taken_count;
	int signal_fd; /* own */
	sigset_t signal_mask;
	struct event *signal_event; /* own while it runs */
	struct timer tick;
	struct timer watchdog;
	struct timer stop_timer;
	uint64_t watchdog_ms; /* between two watchdog messages; 0: none are wanted */
	uint64_t stop_began; /* monotonic, ms */
	enum server_state state; /* changed by lifecycle.c only */
	int64_t started; /* wall clock */
};

/* Gives an accepted connection to its service. On that reactor's thread; owns fd. */
void server_accept(struct server *server, enum service service, struct reactor *reactor, int fd);
/* Prints the "key: value" lines of `coidctl status`. */
void server_status(struct server *server, struct buf *out);

#endif
