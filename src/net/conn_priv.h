/*
 * The insides of a connection. conn.c: life, calls of the user, work at the end of a turn. conn_in.c: from
 * the socket to on_read. conn_out.c: from the queue to the socket, closing. conn_tls.c: all code that uses
 * SSL.
 *
 * Order of the layers for output: user -> raw (deflate only) -> wire -> TLS -> socket.
 */
#ifndef COID_NET_CONN_PRIV_H
#define COID_NET_CONN_PRIV_H

#include "net/conn.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "net/deflate.h"
#include "work/reactor.h"

struct evbuffer;
struct conn_tls;

/* The size of one read from the socket, and of one TLS record. */
#define CONN_CHUNK 16384u
#define CONN_CLOSE_MS 5000u /* how long conn_close waits for the last words to go out */
/* After them a peer that goes on sending is listened to for so long, and so many octets. */
#define CONN_LINGER_MS 1000u
#define CONN_LINGER_MAX 1048576u

enum conn_state {
	CONN_OPEN, /* waits for input and output */
	CONN_TLS_WAIT, /* waits until what was queued before STARTTLS is out */
	CONN_HANDSHAKE, /* waits for the peer's part of the handshake */
	CONN_CLOSING, /* waits until everything is out, close_notify included */
	CONN_LINGER, /* waits until the peer stops sending, so that no reset overtakes our last bytes */
	CONN_ENDED /* waits for on_end and for the end of the turn */
};

/* Work that waits for the end of the turn. */
enum {
	WORK_KICK = 1, /* call on_read with the unread input */
	WORK_PUMP = 2, /* go on reading: TLS or deflate hold input that the socket does not show */
	WORK_FLUSH = 4, /* write */
	WORK_END = 8 /* call on_end */
};

enum io {
	IO_OK,
	IO_WAIT, /* not now */
	IO_EOF,
	IO_FAIL
};

struct conn_deflate {
	struct deflate *z; /* own */
	struct evbuffer *raw; /* own; not yet compressed; NULL: empty */
	char *held; /* own; compressed input that was not wanted yet */
	size_t held_off;
	size_t held_len;
	struct timer idle;
	uint64_t active_at; /* reactor_now of the last traffic */
	bool hinted; /* conn_idle was called since then */
	bool flush; /* the user wants the bytes in raw to be sent */
};

struct conn {
	struct reactor *reactor; /* borrowed */
	const struct conn_ops *ops; /* borrowed */
	void *arg;
	int fd; /* own; -1 when ended */
	enum conn_state state;
	enum conn_end why; /* for on_end */
	struct conn_limits limits;

	struct event read_event;
	struct event *write_event; /* own; NULL until a write blocks */
	struct timer timer; /* handshake, stalled write, close: by state */

	char *in; /* own; unread bytes at in_off; NULL: none */
	size_t in_off;
	size_t in_len;
	size_t in_cap;

	struct evbuffer *wire; /* own; NULL: empty */
	size_t plain_left; /* CONN_TLS_WAIT: bytes of wire that go out in plain text */
	struct conn_tls *tls; /* own; NULL: plain */
	struct conn_deflate *deflate; /* own; NULL: none */
	uint64_t progress_at; /* reactor_now of the last successful write */
	uint64_t bytes_in;
	uint64_t bytes_out;
	size_t lingered; /* bytes thrown away in CONN_LINGER */

	uint16_t pauses;
	uint8_t work; /* WORK_ bits */
	bool scheduled; /* conn_work is deferred, or running */
	bool end_told;
	bool reading; /* on_read is on the stack */
	bool more; /* the last read stopped before the input was exhausted */
	bool eof; /* the peer has sent everything */
	bool blocked; /* the socket took less than the queue has */
	bool full; /* the queue was above out_high; on_drain must be called */
	bool read_on; /* read_event is pending */
	bool write_on; /* write_event is pending */
	bool rude_peer; /* input was unread when we closed the connection */

	uint16_t peer_port;
	bool peer_loopback;
	unsigned peer_uid;
	char peer[INET6_ADDRSTRLEN];
};

/* conn.c */
void conn_set_state(struct conn *conn, enum conn_state state);
/* Ends reading and writing; on_end comes at the end of the turn. */
void conn_end(struct conn *conn, enum conn_end why);
void conn_schedule(struct conn *conn, unsigned work);
/* Tells libevent which events the state needs. */
void conn_update_events(struct conn *conn);
/* The peer has sent everything, or we want to close: sends the queue, then calls on_end(why). */
void conn_begin_close(struct conn *conn, enum conn_end why);
void conn_touch(struct conn *conn);

/* conn_in.c */
bool conn_can_read(const struct conn *conn);
void conn_pump(struct conn *conn, bool kick);
void conn_drop_input(struct conn *conn);
/* Deflate begins: unread bytes become compressed input. */
void conn_hold_unread(struct conn *conn);
/* Throws input away, in state CONN_LINGER. */
void conn_linger(struct conn *conn);

/* conn_out.c */
/* The bytes below the compressor that the kernel has not taken. */
size_t conn_wire_length(const struct conn *conn);
void conn_output(struct conn *conn);

/* conn_tls.c; all but the first three only with conn->tls */
bool conn_tls_up(const struct conn *conn);
void conn_tls_free(struct conn *conn);
void conn_tls_prepare(struct conn *conn, struct tls_ctx *ctx);
/* Makes the SSL and takes the first step. */
void conn_tls_begin(struct conn *conn);
void conn_tls_handshake(struct conn *conn);
enum io conn_tls_read(struct conn *conn, char *p, size_t cap, size_t *ret_n);
/* Encrypts from the front of the wire queue; *ret_n bytes may be removed from it. */
enum io conn_tls_write(struct conn *conn, size_t *ret_n);
/* Sends close_notify; IO_WAIT: call again when there is room. */
enum io conn_tls_shutdown(struct conn *conn);
/* True if input is held that the socket does not show. */
bool conn_tls_pending(const struct conn *conn);
/* The bytes made by SSL that the socket has not taken yet, and a function that sends them. */
size_t conn_tls_spilled(const struct conn *conn);
enum io conn_tls_flush(struct conn *conn);

#endif
