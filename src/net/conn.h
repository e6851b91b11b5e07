/*
 * A buffered stream socket on one reactor: plain, then TLS (at once or by STARTTLS), then DEFLATE on top. The
 * user (an IMAP or LMTP session) gets three callbacks and writes into one output queue. All calls on the
 * reactor's thread. Callbacks are never run from inside a call of the user into the connection, only from the
 * loop.
 *
 * Input: bytes are collected and `on_read` is called with everything unread; it consumes what it used.
 * Reading stops by itself while more than `in_high` unread bytes are held, and while conn_pause_read is in
 * force. Output: conn_out() is the queue; conn_flush() hands it to the socket at the end of the loop turn
 * (few, large writes; TLS records filled). `on_drain` is called when the queue falls below half the
 * high-water mark after it was above it. While idle a connection holds no read buffer and TLS in its smallest
 * form (SSL_MODE_RELEASE_BUFFERS).
 */
#ifndef COID_NET_CONN_H
#define COID_NET_CONN_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"
#include "work/reactor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct tls_ctx;

enum conn_end {
	CONN_EOF, /* the peer closed */
	CONN_ERROR, /* reset, TLS failure, bad deflate stream */
	CONN_TIMEOUT, /* write stalled longer than the limit */
	CONN_CLOSED /* closed by us, everything flushed */
};

struct conn_ops {
	/*
	 * `in` has all unread bytes; returns how many of them were used. It is called again only when more
	 * arrive, or after conn_resume_read / conn_kick.
	 */
	size_t (*on_read)(void *arg, struct strv in);
	void (*on_drain)(void *arg);
	/* The last callback; the conn is freed at the end of the turn. */
	void (*on_end)(void *arg, enum conn_end why);
	/* TLS handshake finished (also for implicit TLS). May be NULL. */
	void (*on_tls)(void *arg);
	/*
	 * The peer has closed its side and can still receive: tells whether answers to it are under way. Then
	 * the connection stays until conn_kick (or conn_resume_read) is called and this returns false. Unread
	 * input that the user takes later counts as under way. NULL: the connection is closed at once.
	 */
	bool (*is_busy)(void *arg);
};

struct conn_limits {
	size_t in_high; /* unread bytes held; default 64 KiB */
	size_t out_high; /* output high-water mark; default 256 KiB */
	uint64_t write_ms; /* no progress of a write for this long: CONN_TIMEOUT; default 5 min */
	uint64_t tls_ms; /* handshake; default 30 s */
};

/* Takes over the non-blocking socket fd. limits NULL: defaults. */
struct conn *conn_new(struct reactor *reactor, int fd, const struct conn_ops *ops, void *arg,
	const struct conn_limits *limits);

/*
 * Starts the server handshake. Bytes that were received in plain text and not yet consumed are thrown away,
 * as RFC 3501 section 6.2.1 and CVE-2011-0411 demand; output already queued is sent in plain text first.
 */
void conn_start_tls(struct conn *conn, struct tls_ctx *tls);
bool conn_is_tls(const struct conn *conn);
/* "TLSv1.3", cipher, ALPN protocol ("" if none); valid while the conn lives. */
const char *conn_tls_version(const struct conn *conn);
const char *conn_tls_cipher(const struct conn *conn);
struct strv conn_tls_alpn(const struct conn *conn);
/* RFC 9266 tls-exporter / RFC 5929 tls-server-end-point channel bindings; RC_NOT_FOUND without TLS. */
enum rc conn_channel_binding(struct conn *conn, const char *type, struct buf *out) MUST_CHECK;

/*
 * RFC 4978: from now on input is inflated and output deflated; queued output is sent uncompressed first.
 * Unused input counts as compressed: the peer may send nothing uncompressed after its command.
 */
enum rc conn_start_deflate(struct conn *conn) MUST_CHECK;
bool conn_is_deflate(const struct conn *conn);

/* The output queue. Append, then conn_flush. Large strings may be appended by reference (freed by the
 * conn). */
void conn_write(struct conn *conn, const void *p, size_t n);
void conn_writev(struct conn *conn, struct strv v);
/* Takes ownership of malloc'ed memory `p`. */
void conn_write_own(struct conn *conn, void *p, size_t n);
void conn_flush(struct conn *conn);
/* Bytes queued and not yet given to the kernel. */
size_t conn_out_length(const struct conn *conn);
/* Above the high-water mark: stop producing until on_drain. */
bool conn_out_full(const struct conn *conn);

/* May be nested. While reading is paused the end of the peer's stream is not noticed either. */
void conn_pause_read(struct conn *conn);
void conn_resume_read(struct conn *conn);
/*
 * Calls on_read again in this or the next turn although nothing new has arrived, because unread bytes are
 * left.
 */
void conn_kick(struct conn *conn);
/* A hint that nothing is expected for a while (IDLE): gives buffers back now. */
void conn_idle(struct conn *conn);

/*
 * Sends the queued output (for at most 5 s, else CONN_TIMEOUT), then closes; on_end(CONN_CLOSED) comes later.
 * Further output is dropped. If the peer still sends, its input is read for a second, so that no reset
 * overtakes our last bytes.
 */
void conn_close(struct conn *conn);
/* Closes at once; on_end comes later in this turn. */
void conn_abort(struct conn *conn);

/* Remote address as text ("192.0.2.1" or "2001:db8::1", "unix" for a UNIX socket) and port. */
const char *conn_peer(const struct conn *conn);
uint16_t conn_peer_port(const struct conn *conn);
bool conn_peer_loopback(const struct conn *conn);
/* The uid of a UNIX peer, or (uid_t)-1. */
unsigned conn_peer_uid(const struct conn *conn);
struct reactor *conn_reactor(const struct conn *conn);
int conn_fd(const struct conn *conn);
/* Counted as the user sees the bytes: without TLS, before compression. */
uint64_t conn_bytes_in(const struct conn *conn);
uint64_t conn_bytes_out(const struct conn *conn);

#endif
