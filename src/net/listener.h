/*
 * Listening sockets: TCP host:port, UNIX path, or a descriptor passed by systemd (LISTEN_FDS). One listening
 * socket can be shared by several reactors, each of which accepts for itself; TCP sockets that we open use
 * SO_REUSEPORT, one for each reactor. If descriptors run out, accepting pauses for a second.
 */
#ifndef COID_NET_LISTENER_H
#define COID_NET_LISTENER_H

#include "base/buf.h"
#include "base/rc.h"
#include "work/reactor.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener;

/*
 * Opens the sockets for "127.0.0.1:143", "[::]:143", "*:143" or "/path/to/socket". `count` sockets are made
 * for a TCP address (SO_REUSEPORT), one for a UNIX path (a stale socket file is replaced, a live one is
 * RC_INUSE). Port 0 gives a free port (the same for all). Descriptors are non-blocking, close-on-exec, owned
 * by the caller.
 */
enum rc listen_open(
	const char *address, unsigned count, mode_t unix_mode, int *ret_fds, struct buf *errors) MUST_CHECK;
/* Tells whether listen_open of this address would make such a socket: for sockets passed by systemd. */
bool listen_is_at(const char *address, int fd);
/* The bound port of a TCP socket, 0 for others. */
uint16_t listen_port(int fd);

/* on_accept owns the new non-blocking socket. The listener borrows `fd` for its lifetime. Reactor thread
 * only. */
struct listener *listener_new(
	struct reactor *reactor, int fd, void (*on_accept)(void *arg, int fd), void *arg);
void listener_free(struct listener **listener);

#endif
