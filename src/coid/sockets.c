#include "coid/server_priv.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const names[SERVICE_COUNT] = {
	[SERVICE_IMAP] = "imap",
	[SERVICE_IMAPS] = "imaps",
	[SERVICE_LMTP] = "lmtp",
	[SERVICE_CONTROL] = "control",
};

const char *service_name(enum service service)
{
	return names[service];
}

/* "127.0.0.1:143", "[::]:993" or the path, as the socket itself says. */
static void socket_address(int fd, char *text, size_t room)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} address;
	socklen_t size = sizeof(address);
	char host[INET6_ADDRSTRLEN] = "?";

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, &address.any, &size) != 0) {
		snprintf(text, room, "?");
	} else if (address.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address.in.sin_addr, host, sizeof(host));
		snprintf(text, room, "%s:%u", host, ntohs(address.in.sin_port));
	} else if (address.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address.in6.sin6_addr, host, sizeof(host));
		snprintf(text, room, "[%s]:%u", host, ntohs(address.in6.sin6_port));
	} else {
		snprintf(text, room, "%.*s", (int)sizeof(address.un.sun_path), address.un.sun_path);
	}
}

static struct server_socket *socket_add(struct server *server, enum service service, int fd)
{
	struct server_socket *made = &server->sockets[server->socket_count++];

	*made = (struct server_socket){ .service = service, .fd = fd };
	socket_address(fd, made->address, sizeof(made->address));
	return made;
}

static enum rc open_tcp(struct server *server, enum service service, const char *address, struct buf *errors)
{
	int fds[REACTORS_MAX];
	unsigned count = server->reactor_count;

	if (server->socket_count + count > SOCKETS_MAX) {
		buf_printf(errors, "%s: too many listening sockets\n", address);
		return RC_LIMIT;
	}
	enum rc rc = listen_open(address, count, 0, fds, errors);
	for (unsigned i = 0; rc == RC_OK && i < count; i++)
		socket_add(server, service, fds[i])->reactor = i;
	return rc;
}

static enum rc open_unix(
	struct server *server, enum service service, const char *path, unsigned mode, struct buf *errors)
{
	int fd = -1;

	if (path[0] == '\0')
		return RC_OK;
	if (server->socket_count == SOCKETS_MAX) {
		buf_printf(errors, "%s: too many listening sockets\n", path);
		return RC_LIMIT;
	}
	enum rc rc = listen_open(path, 1, mode, &fd, errors);
	if (rc != RC_OK)
		return rc;
	struct server_socket *made = socket_add(server, service, fd);
	made->shared = service == SERVICE_LMTP;
	made->unlink_path = mem_strdup(path);
	return RC_OK;
}

/* Sockets that the service manager opened replace the configured addresses of their service. */
static bool taken_over(struct server *server, enum service service)
{
	bool any = false;

	for (size_t i = 0; i < server->taken_count; i++) {
		if (strcmp(server->taken[i].name, names[service]) != 0 || server->socket_count == SOCKETS_MAX)
			continue;
		socket_add(server, service, server->taken[i].fd)->shared = service != SERVICE_CONTROL;
		server->taken[i].fd = -1;
		any = true;
	}
	return any;
}

static enum rc open_list(
	struct server *server, enum service service, const struct conf_list *list, struct buf *errors)
{
	for (size_t i = 0; i < list->n; i++) {
		enum rc rc = open_tcp(server, service, list->v[i], errors);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc server_sockets_open(struct server *server, struct buf *errors)
{
	const struct conf *conf = server->conf;
	enum rc rc = RC_OK;

	server->taken_count = notify_take_fds(server->taken, NOTIFY_FDS_MAX);
	if (!taken_over(server, SERVICE_IMAP))
		rc = open_list(server, SERVICE_IMAP, &conf->imap.listen, errors);
	if (rc == RC_OK && !taken_over(server, SERVICE_IMAPS))
		rc = open_list(server, SERVICE_IMAPS, &conf->imap.listen_tls, errors);
	if (rc == RC_OK && !taken_over(server, SERVICE_LMTP)) {
		rc = open_list(server, SERVICE_LMTP, &conf->lmtp.listen, errors);
		if (rc == RC_OK)
			rc = open_unix(
				server, SERVICE_LMTP, conf->lmtp.socket, conf->lmtp.socket_mode, errors);
	}
	if (rc == RC_OK && !taken_over(server, SERVICE_CONTROL))
		rc = open_unix(
			server, SERVICE_CONTROL, conf->control.socket, conf->control.socket_mode, errors);
	for (size_t i = 0; i < server->taken_count; i++) {
		if (server->taken[i].fd < 0)
			continue;
		log_warn(server->log, "socket of unknown name from the service manager name=%s",
			server->taken[i].name);
		close(server->taken[i].fd);
	}
	return rc;
}

struct accept_arg {
	struct server *server;
	enum service service;
	struct reactor *reactor;
};

static void on_accept(void *arg, int fd)
{
	struct accept_arg *accept = arg;
	server_accept(accept->server, accept->service, accept->reactor, fd);
}

/* One argument for each service and reactor; they live as long as the server. */
static struct accept_arg *accept_arg_of(struct server *server, enum service service, unsigned reactor)
{
	struct accept_arg *arg = mem_zalloc(sizeof(*arg));
	*arg = (struct accept_arg){ server, service, server->reactor_array[reactor] };
	return arg;
}

void server_sockets_listen(struct server *server)
{
	for (unsigned i = 0; i < server->socket_count; i++) {
		struct server_socket *socket = &server->sockets[i];
		for (unsigned r = 0; r < server->reactor_count; r++) {
			if (!socket->shared && socket->reactor != r)
				continue;
			socket->args[r] = accept_arg_of(server, socket->service, r);
			socket->listeners[r] = listener_new(
				server->reactor_array[r], socket->fd, on_accept, socket->args[r]);
		}
		if (i == 0 || strcmp(server->sockets[i - 1].address, socket->address) != 0)
			log_info(server->log, "listening service=%s address=%s", names[socket->service],
				socket->address);
	}
}

void server_sockets_unlisten(struct server *server, unsigned reactor)
{
	for (unsigned i = 0; i < server->socket_count; i++)
		listener_free(&server->sockets[i].listeners[reactor]);
}

void server_sockets_close(struct server *server)
{
	for (unsigned i = 0; i < server->socket_count; i++) {
		struct server_socket *socket = &server->sockets[i];
		close(socket->fd);
		if (socket->unlink_path)
			unlink(socket->unlink_path);
		free(socket->unlink_path);
		for (unsigned r = 0; r < server->reactor_count; r++)
			free(socket->args[r]);
	}
	server->socket_count = 0;
}
