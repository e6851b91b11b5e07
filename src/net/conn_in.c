#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/conn_priv.h"

/* Reads in one turn, so that one busy peer does not delay the others. */
#define ROUNDS 4
/* Bytes inflated in one go: 16 KiB of input can be 16 MiB of output. */
#define INFLATE_BUDGET 262144u
/* If a peer makes TLS answer and does not read the answers, its input is not read any more. */
#define SPILL_HIGH 65536u

static bool can_deliver(const struct conn *conn)
{
	return conn->state == CONN_OPEN && conn->pauses == 0;
}

static bool has_room(const struct conn *conn)
{
	return conn->in_len <= conn->limits.in_high;
}

/* True: compressed input has been received that is not inflated yet. */
static bool holds_compressed(const struct conn *conn)
{
	const struct conn_deflate *d = conn->deflate;
	return d && (d->held || deflate_in_pending(d->z));
}

bool conn_can_read(const struct conn *conn)
{
	if (conn->tls && conn_tls_spilled(conn) > SPILL_HIGH)
		return false;
	return can_deliver(conn) && has_room(conn) && !conn->eof && !holds_compressed(conn);
}

void conn_drop_input(struct conn *conn)
{
	free(conn->in);
	conn->in = NULL;
	conn->in_off = conn->in_len = conn->in_cap = 0;
}

static void conn_in_append(struct conn *conn, const char *p, size_t n)
{
	if (n == 0)
		return;
	if (conn->in_off > 0 && conn->in_off + conn->in_len + n > conn->in_cap) {
		memmove(conn->in, conn->in + conn->in_off, conn->in_len);
		conn->in_off = 0;
	}
	size_t need = conn->in_off + conn->in_len + n;
	if (need > conn->in_cap) {
		conn->in_cap = need > 2 * conn->in_cap ? need : 2 * conn->in_cap;
		conn->in = mem_realloc(conn->in, conn->in_cap, 1);
	}
	memcpy(conn->in + conn->in_off + conn->in_len, p, n);
	conn->in_len += n;
}

static void conn_in_consume(struct conn *conn, size_t n)
{
	conn->in_off += n;
	conn->in_len -= n;
	if (conn->in_len == 0)
		conn_drop_input(conn);
}

static void conn_in_hold(struct conn *conn, struct strv compressed)
{
	struct conn_deflate *d = conn->deflate;
	if (compressed.n == 0 || conn->state != CONN_OPEN)
		return;
	d->held = mem_alloc(compressed.n);
	memcpy(d->held, compressed.p, compressed.n);
	d->held_len = compressed.n;
}

void conn_hold_unread(struct conn *conn)
{
	conn_in_hold(conn, strv_make(conn->in ? conn->in + conn->in_off : NULL, conn->in_len));
	conn_drop_input(conn);
	conn_schedule(conn, WORK_PUMP);
}

static size_t call_on_read(struct conn *conn, struct strv in)
{
	conn->reading = true;
	size_t used = conn->ops->on_read(conn->arg, in);
	conn->reading = false;
	if (used > in.n) {
		log_error(reactor_log(conn->reactor), "more input consumed than there was");
		abort();
	}
	if (conn->state == CONN_CLOSING && used < in.n)
		conn->rude_peer = true;
	return used;
}

/* Calls on_read with the held input. */
static void deliver_held(struct conn *conn)
{
	bool deflated = conn->deflate != NULL;
	size_t used = call_on_read(conn, strv_make(conn->in + conn->in_off, conn->in_len));
	if (conn->state != CONN_OPEN) {
		conn_drop_input(conn);
		return;
	}
	conn_in_consume(conn, used);
	if (!deflated && conn->deflate)
		conn_hold_unread(conn);
}

/* Calls on_read with the held input and p[n] after it. */
static void conn_in_deliver(struct conn *conn, const char *p, size_t n)
{
	conn->bytes_in += n;
	if (conn->in_len > 0) {
		conn_in_append(conn, p, n);
		deliver_held(conn);
		return;
	}
	bool deflated = conn->deflate != NULL;
	size_t used = call_on_read(conn, strv_make(p, n));
	if (conn->state != CONN_OPEN)
		return;
	conn_in_append(conn, p + used, n - used);
	if (!deflated && conn->deflate)
		conn_hold_unread(conn);
}

/* Inflates as much as is wanted now, and holds the rest. */
static void inflate_input(struct conn *conn, struct strv in)
{
	char out[CONN_CHUNK];
	size_t total = 0;
	enum rc rc = RC_OK;
	while (rc == RC_OK && can_deliver(conn) && has_room(conn) && total < INFLATE_BUDGET) {
		size_t n;
		rc = deflate_in(conn->deflate->z, &in, out, sizeof(out), &n);
		total += n;
		if (n > 0)
			conn_in_deliver(conn, out, n);
	}
	if (rc == RC_GONE) {
		conn->eof = true;
		return;
	}
	if (rc != RC_OK && rc != RC_AGAIN) {
		log_info(reactor_log(conn->reactor), "bad deflate stream peer=%s", conn->peer);
		conn_end(conn, CONN_ERROR);
		return;
	}
	conn_in_hold(conn, in);
}

static void inflate_held(struct conn *conn)
{
	struct conn_deflate *d = conn->deflate;
	char *held = d->held;
	size_t n = d->held_len;
	d->held = NULL;
	d->held_len = 0;
	inflate_input(conn, strv_make(held, n));
	free(held);
}

static enum io plain_read(struct conn *conn, char *p, size_t cap, size_t *ret_n)
{
	ssize_t n = recv(conn->fd, p, cap, 0);
	if (n == 0)
		return IO_EOF;
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_WAIT : IO_FAIL;
	*ret_n = (size_t)n;
	return IO_OK;
}

/* Reads once. False: there is nothing more at present. */
static bool read_once(struct conn *conn)
{
	char chunk[CONN_CHUNK];
	size_t n = 0;
	enum io io = conn->tls ? conn_tls_read(conn, chunk, sizeof(chunk), &n)
			       : plain_read(conn, chunk, sizeof(chunk), &n);
	conn->more = false;
	switch (io) {
	case IO_OK:
		break;
	case IO_WAIT:
		return false;
	case IO_EOF:
		conn->eof = true;
		return false;
	case IO_FAIL:
		conn_end(conn, CONN_ERROR);
		return false;
	}
	conn->more = conn->tls ? conn_tls_pending(conn) : n == sizeof(chunk);
	if (!conn->deflate) {
		conn_in_deliver(conn, chunk, n);
	} else {
		conn->deflate->hinted = false;
		conn_touch(conn);
		inflate_input(conn, strv_make(chunk, n));
	}
	return conn->more;
}

/* A peer that closes its side after its last command still waits for the answers. */
static bool answers_wait(const struct conn *conn)
{
	return conn->ops->is_busy && conn->ops->is_busy(conn->arg);
}

/* Decides what follows the reading: more work, the end, other events. */
static void after_input(struct conn *conn)
{
	if (can_deliver(conn)) {
		bool inflatable = holds_compressed(conn) && has_room(conn);
		if (inflatable || (conn->more && conn->tls && conn_can_read(conn)))
			conn_schedule(conn, WORK_PUMP);
		else if (conn->eof && !(conn->work & WORK_KICK) && !answers_wait(conn))
			conn_begin_close(conn, CONN_EOF);
	}
	conn_update_events(conn);
}

void conn_pump(struct conn *conn, bool kick)
{
	if (kick && conn->in_len > 0 && can_deliver(conn))
		deliver_held(conn);
	if (holds_compressed(conn) && can_deliver(conn) && has_room(conn))
		inflate_held(conn);
	/* After a mere kick the event tells when the socket has input, but TLS may hold some, too. */
	if (!kick || conn->more) {
		for (int i = 0; i < ROUNDS && conn_can_read(conn); i++) {
			if (!read_once(conn))
				break;
		}
	}
	after_input(conn);
}

void conn_linger(struct conn *conn)
{
	char chunk[CONN_CHUNK];
	for (int i = 0; i < ROUNDS; i++) {
		size_t n = 0;
		enum io io = plain_read(conn, chunk, sizeof(chunk), &n);
		if (io == IO_WAIT)
			return;
		conn->lingered += n;
		if (io != IO_OK || conn->lingered > CONN_LINGER_MAX) {
			conn_end(conn, conn->why);
			return;
		}
	}
}
