/*
 * The listening sockets: opened by the configuration or passed by the service manager. All are opened before
 * the process gives up its privileges. Main thread; each reactor accepts for itself.
 */
#ifndef COID_COID_SOCKETS_H
#define COID_COID_SOCKETS_H

#include "base/buf.h"
#include "base/rc.h"

#include <stdbool.h>

#define SOCKETS_MAX 128
#define REACTORS_MAX 64

struct listener;
struct reactor;
struct server;

enum service { SERVICE_IMAP, SERVICE_IMAPS, SERVICE_LMTP, SERVICE_CONTROL, SERVICE_COUNT };

/* A listening socket and the reactors that accept from it. */
struct server_socket {
	enum service service;
	int fd; /* own */
	unsigned reactor; /* index, for sockets that were opened for each reactor */
	bool shared; /* every reactor accepts from it */
	char address[128]; /* "127.0.0.1:143", "[::]:993" or a path */
	char *unlink_path; /* own: UNIX socket made by us */
	struct listener *listeners[REACTORS_MAX]; /* own */
	void *args[REACTORS_MAX]; /* own: the arguments of the listeners' callbacks */
};

/* Takes the sockets of the service manager, and opens the others. Errors are in `errors`. */
enum rc sockets_open(struct server *server, struct buf *errors) MUST_CHECK;
/* Begins to accept, on every reactor: server_accept is called with each connection. */
void sockets_listen(struct server *server);
/* Stops accepting on one reactor, on its thread; the descriptors live until sockets_close. */
void sockets_unlisten(struct server *server, unsigned reactor);
/* Closes them, and unlinks the UNIX sockets that sockets_open has made. */
void sockets_close(struct server *server);
/* "imap", "imaps", "lmtp", "control": also the names of the service manager's sockets. */
const char *sockets_service_name(enum service service);

#endif
