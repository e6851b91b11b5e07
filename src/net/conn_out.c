#include "net/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <event2/buffer.h>

#include "base/log.h"
#include "net/conn_priv.h"

/* Bytes written in one turn, so that one fast peer does not delay the others. */
#define WRITE_BUDGET 1048576u
/* Compression goes on while the wire holds less than this. */
#define WIRE_LOW 65536u
#define COMPRESS_STEP 32768u
#define IOV_MAX_OUT 16

static size_t queue_length(const struct conn *conn)
{
	return conn->wire ? evbuffer_get_length(conn->wire) : 0;
}

size_t conn_wire_length(const struct conn *conn)
{
	return queue_length(conn) + (conn->tls ? conn_tls_spilled(conn) : 0);
}

/* Fills the wire queue from raw. */
static enum rc compress_some(struct conn *conn)
{
	struct conn_deflate *d = conn->deflate;
	if (!d || !d->flush)
		return RC_OK;
	if (!d->raw) {
		d->flush = false;
		return RC_OK;
	}
	if (!conn->wire)
		conn->wire = evbuffer_new();
	if (!conn->wire)
		return RC_UNAVAILABLE;
	enum rc rc = RC_OK;
	while (rc == RC_OK && evbuffer_get_length(d->raw) > 0 && evbuffer_get_length(conn->wire) < WIRE_LOW)
		rc = deflate_out(d->z, d->raw, conn->wire, COMPRESS_STEP, true);
	if (evbuffer_get_length(d->raw) == 0) {
		evbuffer_free(d->raw);
		d->raw = NULL;
		d->flush = false;
	}
	conn_touch(conn);
	return rc;
}

static enum io plain_write(struct conn *conn, size_t *ret_n)
{
	struct evbuffer_iovec iov[IOV_MAX_OUT];
	int count = evbuffer_peek(conn->wire, -1, NULL, iov, IOV_MAX_OUT);
	if (conn->state == CONN_TLS_WAIT) {
		/* The bytes after plain_left are for TLS. */
		size_t left = conn->plain_left;
		for (int i = 0; i < count; i++) {
			if (iov[i].iov_len > left)
				iov[i].iov_len = left;
			left -= iov[i].iov_len;
		}
	}
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)count };
	ssize_t n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_WAIT : IO_FAIL;
	*ret_n = (size_t)n;
	return IO_OK;
}

/* True: everything that may be sent now is sent. */
static bool queue_done(const struct conn *conn)
{
	return conn->state == CONN_TLS_WAIT ? conn->plain_left == 0 : queue_length(conn) == 0;
}

/* Writes once. *ret_n: bytes that have left the queue. */
static enum io write_once(struct conn *conn, size_t *ret_n)
{
	*ret_n = 0;
	if (!conn_tls_up(conn))
		return queue_done(conn) ? IO_OK : plain_write(conn, ret_n);
	return queue_done(conn) ? conn_tls_flush(conn) : conn_tls_write(conn, ret_n);
}

/* Writes the wire queue. False: the connection has ended. */
static bool write_wire(struct conn *conn)
{
	size_t total = 0;
	conn->blocked = false;
	for (;;) {
		size_t n = 0;
		enum io io = IO_FAIL;
		if (total >= WRITE_BUDGET)
			io = IO_WAIT;
		else if (compress_some(conn) == RC_OK)
			io = write_once(conn, &n);
		if (io == IO_WAIT) {
			conn->blocked = true;
			return true;
		}
		if (io != IO_OK) {
			conn_end(conn, CONN_ERROR);
			return false;
		}
		if (n == 0)
			return true;
		evbuffer_drain(conn->wire, n);
		conn->progress_at = reactor_now(conn->reactor);
		total += n;
		if (conn->state == CONN_TLS_WAIT)
			conn->plain_left -= n;
	}
}

/* All output is sent: closes the sending side and looks whether the peer still sends. */
static void finish_close(struct conn *conn)
{
	if (conn_tls_up(conn) && conn_tls_shutdown(conn) == IO_WAIT) {
		conn_update_events(conn);
		return;
	}
	if (shutdown(conn->fd, SHUT_WR) < 0) {
		conn_end(conn, conn->why);
		return;
	}
	conn_set_state(conn, CONN_LINGER);
	char c;
	ssize_t n = recv(conn->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	/* Closing with unread input would reset the connection, and the peer might not receive our last
	 * bytes. */
	if (n == 0 || (n < 0 && !conn->rude_peer)) {
		conn_end(conn, conn->why);
		return;
	}
	timer_set(&conn->timer, CONN_LINGER_MS);
	conn_update_events(conn);
}

static void tell_drain(struct conn *conn)
{
	if (!conn->full || conn_out_length(conn) >= conn->limits.out_high / 2)
		return;
	conn->full = false;
	if (conn->state == CONN_OPEN && conn->ops->on_drain)
		conn->ops->on_drain(conn->arg);
}

static void watch_stall(struct conn *conn)
{
	if (conn_wire_length(conn) == 0) {
		timer_cancel(&conn->timer);
	} else if (!timer_pending(&conn->timer)) {
		conn->progress_at = reactor_now(conn->reactor);
		timer_set(&conn->timer, conn->limits.write_ms);
	}
}

void conn_output(struct conn *conn)
{
	switch (conn->state) {
	case CONN_LINGER:
	case CONN_ENDED:
		return;
	case CONN_HANDSHAKE:
		/* The queue waits for the keys; only data of the handshake are sent. */
		if (conn_tls_flush(conn) == IO_FAIL)
			conn_end(conn, CONN_ERROR);
		conn_update_events(conn);
		return;
	case CONN_OPEN:
	case CONN_TLS_WAIT:
	case CONN_CLOSING:
		break;
	}
	if (!write_wire(conn))
		return;
	if (conn->wire && evbuffer_get_length(conn->wire) == 0) {
		evbuffer_free(conn->wire);
		conn->wire = NULL;
	}
	if (conn->state == CONN_TLS_WAIT && conn->plain_left == 0) {
		conn_tls_begin(conn);
		return;
	}
	if (conn->state == CONN_CLOSING && conn_out_length(conn) == 0) {
		finish_close(conn);
		return;
	}
	if (conn->state == CONN_OPEN)
		watch_stall(conn);
	tell_drain(conn);
	conn_update_events(conn);
}
