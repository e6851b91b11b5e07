#include "net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/conn_priv.h"

#define IN_HIGH_DEFAULT 65536u
#define OUT_HIGH_DEFAULT 262144u
#define WRITE_MS_DEFAULT 300000u
#define TLS_MS_DEFAULT 30000u
/* Deflate state is put away after this time without traffic: with and without the hint of conn_idle. */
#define FREEZE_HINTED_MS 3000u
#define FREEZE_MS 15000u
/* conn_write_own copies shorter strings, since a reference costs more. */
#define OWN_MIN 1024u

static bool transition_allowed(enum conn_state from, enum conn_state to)
{
	switch (to) {
	case CONN_OPEN:
		return from == CONN_HANDSHAKE;
	case CONN_TLS_WAIT:
		return from == CONN_OPEN;
	case CONN_HANDSHAKE:
		return from == CONN_TLS_WAIT;
	case CONN_CLOSING:
		return from == CONN_OPEN || from == CONN_TLS_WAIT;
	case CONN_LINGER:
		return from == CONN_CLOSING;
	case CONN_ENDED:
		return from != CONN_ENDED;
	}
	return false;
}

void conn_set_state(struct conn *conn, enum conn_state state)
{
	if (!transition_allowed(conn->state, state)) {
		log_error(reactor_log(conn->reactor), "impossible connection state from=%d to=%d",
			(int)conn->state, (int)state);
		abort();
	}
	conn->state = state;
}

static void free_deflate(struct conn *conn)
{
	struct conn_deflate *d = conn->deflate;
	if (!d)
		return;
	timer_fini(&d->idle);
	deflate_free(&d->z);
	if (d->raw)
		evbuffer_free(d->raw);
	free(d->held);
	free(d);
	conn->deflate = NULL;
}

static void free_conn(void *arg)
{
	struct conn *conn = arg;
	free_deflate(conn);
	conn_tls_free(conn);
	conn_drop_input(conn);
	if (conn->wire)
		evbuffer_free(conn->wire);
	free(conn);
}

static void run_work(void *arg)
{
	struct conn *conn = arg;
	unsigned work = conn->work;
	conn->work = 0;

	if (work & (WORK_KICK | WORK_PUMP))
		conn_pump(conn, work & WORK_KICK);
	if ((work | conn->work) & WORK_FLUSH) {
		conn->work &= (uint8_t)~WORK_FLUSH;
		conn_output(conn);
	}
	if ((work | conn->work) & WORK_END) {
		conn->end_told = true;
		conn->ops->on_end(conn->arg, conn->why);
		reactor_defer(conn->reactor, free_conn, conn);
		return;
	}
	conn->scheduled = false;
	if (conn->work)
		conn_schedule(conn, 0);
}

void conn_schedule(struct conn *conn, unsigned work)
{
	if (conn->end_told)
		return;
	conn->work |= (uint8_t)work;
	if (conn->scheduled)
		return;
	conn->scheduled = true;
	reactor_defer(conn->reactor, run_work, conn);
}

void conn_end(struct conn *conn, enum conn_end why)
{
	if (conn->state == CONN_ENDED)
		return;
	conn_set_state(conn, CONN_ENDED);
	conn->why = why;
	timer_fini(&conn->timer);
	event_del(&conn->read_event);
	conn->read_on = false;
	if (conn->write_event)
		event_free(conn->write_event);
	conn->write_event = NULL;
	conn->write_on = false;
	close(conn->fd);
	conn->fd = -1;
	conn_schedule(conn, WORK_END);
}

/* Call this when bytes were received or sent: deflate state is needed for a while. */
void conn_touch(struct conn *conn)
{
	struct conn_deflate *d = conn->deflate;
	if (!d)
		return;
	d->active_at = reactor_now(conn->reactor);
	if (!timer_pending(&d->idle))
		timer_set(&d->idle, d->hinted ? FREEZE_HINTED_MS : FREEZE_MS);
}

static void on_deflate_idle(void *arg)
{
	struct conn *conn = arg;
	struct conn_deflate *d = conn->deflate;
	uint64_t limit = d->hinted ? FREEZE_HINTED_MS : FREEZE_MS;
	uint64_t idle = reactor_now(conn->reactor) - d->active_at;
	if (idle < limit) {
		timer_set(&d->idle, limit - idle);
		return;
	}
	if (conn->state != CONN_OPEN || d->held)
		return;
	deflate_freeze(d->z);
}

static bool wants_read(const struct conn *conn)
{
	switch (conn->state) {
	case CONN_OPEN:
		return conn_can_read(conn);
	case CONN_HANDSHAKE:
	case CONN_LINGER:
		return true;
	case CONN_TLS_WAIT:
	case CONN_CLOSING:
	case CONN_ENDED:
		return false;
	}
	return false;
}

static void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct conn *conn = arg;
	if (!wants_read(conn)) {
		/* Reading was paused earlier, but the event was left on to save a system call; now it is
		 * switched off. */
		event_del(&conn->read_event);
		conn->read_on = false;
		return;
	}
	switch (conn->state) {
	case CONN_OPEN:
		conn_pump(conn, false);
		break;
	case CONN_HANDSHAKE:
		conn_tls_handshake(conn);
		break;
	case CONN_LINGER:
		conn_linger(conn);
		break;
	case CONN_TLS_WAIT:
	case CONN_CLOSING:
	case CONN_ENDED:
		break;
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_output(arg);
}

static void conn_on_timer(void *arg)
{
	struct conn *conn = arg;
	switch (conn->state) {
	case CONN_OPEN: {
		if (conn_wire_length(conn) == 0)
			return;
		uint64_t stalled = reactor_now(conn->reactor) - conn->progress_at;
		if (stalled < conn->limits.write_ms)
			timer_set(&conn->timer, conn->limits.write_ms - stalled);
		else
			conn_end(conn, CONN_TIMEOUT);
		return;
	}
	case CONN_TLS_WAIT:
	case CONN_HANDSHAKE:
	case CONN_CLOSING:
		conn_end(conn, CONN_TIMEOUT);
		return;
	case CONN_LINGER:
		conn_end(conn, conn->why);
		return;
	case CONN_ENDED:
		return;
	}
}

static bool wants_write(const struct conn *conn)
{
	bool spilled = conn->tls && conn_tls_spilled(conn) > 0;
	switch (conn->state) {
	case CONN_OPEN:
	case CONN_TLS_WAIT:
	case CONN_HANDSHAKE:
	case CONN_CLOSING:
		return conn->blocked || spilled;
	case CONN_LINGER:
	case CONN_ENDED:
		return false;
	}
	return false;
}

static void conn_need(struct conn *conn, int ret)
{
	if (ret < 0)
		log_error(
			reactor_log(conn->reactor), "cannot watch a socket fd=%d errno=%d", conn->fd, errno);
}

void conn_update_events(struct conn *conn)
{
	bool read = wants_read(conn);
	/* Most pauses end before anything arrives, so an open connection stops watching only when
	 * something does. */
	bool later = conn->state == CONN_OPEN && !read;
	if (read != conn->read_on && !later) {
		conn_need(conn, read ? event_add(&conn->read_event, NULL) : event_del(&conn->read_event));
		conn->read_on = read;
	}
	bool write = wants_write(conn);
	if (write == conn->write_on)
		return;
	if (!conn->write_event)
		conn->write_event = event_new(
			reactor_base(conn->reactor), conn->fd, EV_WRITE | EV_PERSIST, on_writable, conn);
	if (!conn->write_event)
		abort();
	conn_need(conn, write ? event_add(conn->write_event, NULL) : event_del(conn->write_event));
	conn->write_on = write;
}

static void learn_inet_peer(struct conn *conn, const void *address, int family, uint16_t port)
{
	if (!inet_ntop(family, address, conn->peer, sizeof(conn->peer)))
		snprintf(conn->peer, sizeof(conn->peer), "?");
	conn->peer_port = ntohs(port);
}

static void learn_inet6_peer(struct conn *conn, const struct sockaddr_in6 *in6)
{
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		learn_inet_peer(conn, &in6->sin6_addr.s6_addr[12], AF_INET, in6->sin6_port);
		conn->peer_loopback = in6->sin6_addr.s6_addr[12] == 127;
		return;
	}
	learn_inet_peer(conn, &in6->sin6_addr, AF_INET6, in6->sin6_port);
	conn->peer_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static void learn_unix_peer(struct conn *conn)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	snprintf(conn->peer, sizeof(conn->peer), "unix");
	conn->peer_loopback = true;
	if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0)
		conn->peer_uid = cred.uid;
}

static void learn_peer(struct conn *conn)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} address = { .sa.sa_family = AF_UNSPEC };
	socklen_t n = sizeof(address);
	conn->peer_uid = (uid_t)-1;
	/* This fails if the peer is gone already; then the first read tells that. */
	if (getpeername(conn->fd, &address.sa, &n) < 0)
		address.sa.sa_family = AF_UNSPEC;
	switch (address.sa.sa_family) {
	case AF_INET:
		learn_inet_peer(conn, &address.in.sin_addr, AF_INET, address.in.sin_port);
		conn->peer_loopback = (ntohl(address.in.sin_addr.s_addr) >> 24) == 127;
		break;
	case AF_INET6:
		learn_inet6_peer(conn, &address.in6);
		break;
	case AF_UNIX:
		learn_unix_peer(conn);
		break;
	default:
		snprintf(conn->peer, sizeof(conn->peer), "?");
	}
}

static void set_limits(struct conn *conn, const struct conn_limits *limits)
{
	struct conn_limits l = limits ? *limits : (struct conn_limits){ .in_high = 0 };
	conn->limits.in_high = l.in_high ? l.in_high : IN_HIGH_DEFAULT;
	conn->limits.out_high = l.out_high ? l.out_high : OUT_HIGH_DEFAULT;
	conn->limits.write_ms = l.write_ms ? l.write_ms : WRITE_MS_DEFAULT;
	conn->limits.tls_ms = l.tls_ms ? l.tls_ms : TLS_MS_DEFAULT;
}

struct conn *conn_new(struct reactor *reactor, int fd, const struct conn_ops *ops, void *arg,
	const struct conn_limits *limits)
{
	reactor_assert(reactor);
	struct conn *conn = mem_zalloc(sizeof(*conn));
	conn->reactor = reactor;
	conn->fd = fd;
	conn->ops = ops;
	conn->arg = arg;
	conn->state = CONN_OPEN;
	set_limits(conn, limits);
	learn_peer(conn);
	timer_init(&conn->timer, reactor, conn_on_timer, conn);
	if (event_assign(&conn->read_event, reactor_base(reactor), fd, EV_READ | EV_PERSIST, conn_on_readable,
		    conn) < 0)
		abort();
	conn_update_events(conn);
	return conn;
}

void conn_start_tls(struct conn *conn, struct tls_ctx *tls)
{
	if (conn->state != CONN_OPEN || conn->tls)
		return;
	conn_tls_prepare(conn, tls);
	conn_set_state(conn, CONN_TLS_WAIT);
	/* Plain text must never count as received inside TLS. The view that on_read has at this moment
	 * stays valid. */
	if (!conn->reading)
		conn_drop_input(conn);
	conn->more = false;
	conn->plain_left = conn_wire_length(conn);
	timer_set(&conn->timer, conn->limits.tls_ms);
	conn_update_events(conn);
	conn_schedule(conn, WORK_FLUSH);
}

enum rc conn_start_deflate(struct conn *conn)
{
	if (conn->state != CONN_OPEN)
		return RC_GONE;
	if (conn->deflate)
		return RC_EXISTS;
	struct conn_deflate *d = mem_zalloc(sizeof(*d));
	d->z = deflate_new();
	timer_init(&d->idle, conn->reactor, on_deflate_idle, conn);
	conn->deflate = d;
	/* If on_read is running, its input is held when it returns. */
	if (!conn->reading)
		conn_hold_unread(conn);
	return RC_OK;
}

bool conn_is_deflate(const struct conn *conn)
{
	return conn->deflate != NULL;
}

/* The queue for the user's bytes: before the compressor, or directly the wire. NULL: no more output is
 * possible. */
static struct evbuffer *out_queue(struct conn *conn)
{
	if (conn->state == CONN_ENDED || conn->state == CONN_CLOSING || conn->state == CONN_LINGER)
		return NULL;
	struct evbuffer **queue = conn->deflate ? &conn->deflate->raw : &conn->wire;
	if (!*queue)
		*queue = evbuffer_new();
	if (!*queue)
		abort();
	return *queue;
}

static void conn_queued(struct conn *conn, size_t n)
{
	conn->bytes_out += n;
	if (!conn->full && conn_out_length(conn) > conn->limits.out_high) {
		conn->full = true;
		conn_flush(conn);
	}
}

void conn_write(struct conn *conn, const void *p, size_t n)
{
	struct evbuffer *queue = n > 0 ? out_queue(conn) : NULL;
	if (!queue)
		return;
	if (evbuffer_add(queue, p, n) < 0)
		abort();
	conn_queued(conn, n);
}

void conn_writev(struct conn *conn, struct strv v)
{
	conn_write(conn, v.p, v.n);
}

static void free_reference(const void *p, size_t n, void *arg)
{
	(void)p;
	(void)n;
	free(arg);
}

void conn_write_own(struct conn *conn, void *p, size_t n)
{
	if (n < OWN_MIN) {
		conn_write(conn, p, n);
		free(p);
		return;
	}
	struct evbuffer *queue = out_queue(conn);
	if (!queue) {
		free(p);
		return;
	}
	if (evbuffer_add_reference(queue, p, n, free_reference, p) < 0)
		abort();
	conn_queued(conn, n);
}

void conn_flush(struct conn *conn)
{
	if (conn->state == CONN_ENDED)
		return;
	if (conn->deflate)
		conn->deflate->flush = true;
	conn_schedule(conn, WORK_FLUSH);
}

size_t conn_out_length(const struct conn *conn)
{
	size_t raw = conn->deflate && conn->deflate->raw ? evbuffer_get_length(conn->deflate->raw) : 0;
	return raw + conn_wire_length(conn);
}

bool conn_out_full(const struct conn *conn)
{
	return conn->full;
}

void conn_pause_read(struct conn *conn)
{
	if (conn->pauses++ == 0 && conn->state == CONN_OPEN)
		conn_update_events(conn);
}

void conn_resume_read(struct conn *conn)
{
	if (conn->pauses == 0) {
		log_error(reactor_log(conn->reactor), "reading resumed more often than paused");
		abort();
	}
	if (--conn->pauses > 0 || conn->state != CONN_OPEN)
		return;
	conn_schedule(conn, WORK_KICK);
}

void conn_kick(struct conn *conn)
{
	if (conn->state == CONN_OPEN)
		conn_schedule(conn, WORK_KICK);
}

void conn_idle(struct conn *conn)
{
	if (conn->state != CONN_OPEN)
		return;
	if (conn->write_event && !conn->write_on) {
		event_free(conn->write_event);
		conn->write_event = NULL;
	}
	struct conn_deflate *d = conn->deflate;
	if (!d || d->hinted)
		return;
	d->hinted = true;
	timer_set(&d->idle, FREEZE_HINTED_MS);
}

/* Keeps the first n bytes of the wire queue. */
static void cut_wire(struct conn *conn, size_t n)
{
	if (!conn->wire || evbuffer_get_length(conn->wire) <= n)
		return;
	struct evbuffer *kept = evbuffer_new();
	if (!kept || evbuffer_remove_buffer(conn->wire, kept, n) < 0)
		abort();
	evbuffer_free(conn->wire);
	conn->wire = kept;
}

void conn_begin_close(struct conn *conn, enum conn_end why)
{
	switch (conn->state) {
	case CONN_HANDSHAKE:
		conn_end(conn, why);
		return;
	case CONN_CLOSING:
	case CONN_LINGER:
	case CONN_ENDED:
		return;
	case CONN_TLS_WAIT:
		/* Output for TLS must not be sent in plain text. */
		cut_wire(conn, conn->plain_left);
		break;
	case CONN_OPEN:
		break;
	}
	conn_set_state(conn, CONN_CLOSING);
	conn->why = why;
	conn->rude_peer = why != CONN_EOF && (conn->in_len > 0 || conn->more);
	if (!conn->reading)
		conn_drop_input(conn);
	if (conn->deflate)
		conn->deflate->flush = true;
	timer_set(&conn->timer, CONN_CLOSE_MS);
	conn_update_events(conn);
	conn_schedule(conn, WORK_FLUSH);
}

void conn_close(struct conn *conn)
{
	conn_begin_close(conn, CONN_CLOSED);
}

void conn_abort(struct conn *conn)
{
	conn_end(conn, CONN_CLOSED);
}

const char *conn_peer(const struct conn *conn)
{
	return conn->peer;
}

uint16_t conn_peer_port(const struct conn *conn)
{
	return conn->peer_port;
}

bool conn_peer_loopback(const struct conn *conn)
{
	return conn->peer_loopback;
}

unsigned conn_peer_uid(const struct conn *conn)
{
	return conn->peer_uid;
}

struct reactor *conn_reactor(const struct conn *conn)
{
	return conn->reactor;
}

int conn_fd(const struct conn *conn)
{
	return conn->fd;
}

uint64_t conn_bytes_in(const struct conn *conn)
{
	return conn->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *conn)
{
	return conn->bytes_out;
}
