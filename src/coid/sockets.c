/*
 * Opens, takes over and closes the listening sockets.
 */
#include "coid/sockets.h"

#include "base/mem.h"
#include "coid/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const service_names[SERVICE_COUNT] = {
	[SERVICE_IMAP] = "imap",
	[SERVICE_IMAPS] = "imaps",
	[SERVICE_LMTP] = "lmtp",
	[SERVICE_CONTROL] = "control",
};

const char *sockets_service_name(enum service service)
{
	return service_names[service];
}

/* Prints the address as the socket itself reports it. */
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

static enum rc socket_open_tcp(
	struct server *server, enum service service, const char *address, struct buf *errors)
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

static enum rc socket_open_unix(
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

/*
 * The addresses that the configuration names for one service, and which of them have been passed by the
 * service manager.
 */
struct socket_plan {
	enum service service;
	const struct conf_list *list; /* NULL: no TCP */
	const char *setting; /* name of the list */
	const char *path; /* UNIX socket, "": none; NULL: the service has no such setting */
	unsigned mode;
	bool have[CONF_ITEMS_MAX]; /* of the list */
	bool have_path;
	unsigned refused;
};

/* Takes a socket for both families: it serves "*:143", or the two of "0.0.0.0:143" and "[::]:143". */
static bool socket_plan_take_both(struct socket_plan *plan, int fd)
{
	char any[32], v4[32], v6[32];
	size_t first = plan->list->n, second = plan->list->n;
	unsigned port = listen_port(fd);

	snprintf(any, sizeof(any), "*:%u", port);
	snprintf(v4, sizeof(v4), "0.0.0.0:%u", port);
	snprintf(v6, sizeof(v6), "[::]:%u", port);
	if (!listen_is_at(any, fd))
		return false;
	for (size_t i = 0; i < plan->list->n; i++) {
		if (strcmp(plan->list->v[i], v4) == 0)
			first = i;
		else if (strcmp(plan->list->v[i], v6) == 0)
			second = i;
	}
	if (first == plan->list->n || second == plan->list->n)
		return false;
	plan->have[first] = plan->have[second] = true;
	return true;
}

static bool socket_is_unix(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/*
 * Tells whether a socket passed by the service manager is to be served. A UNIX socket has an owner and a
 * mode, so it may be served without being named; but only the configuration decides about access by network.
 */
static bool socket_plan_take(struct socket_plan *plan, int fd)
{
	bool named = false;

	if (socket_is_unix(fd)) {
		plan->have_path = plan->have_path || (plan->path && listen_is_at(plan->path, fd));
		return true;
	}
	for (size_t i = 0; plan->list && i < plan->list->n; i++) {
		if (!listen_is_at(plan->list->v[i], fd))
			continue;
		plan->have[i] = true;
		named = true;
	}
	return named || (plan->list && socket_plan_take_both(plan, fd));
}

static void socket_refuse(struct server *server, struct socket_plan *plan, int fd)
{
	char address[128];

	socket_address(fd, address, sizeof(address));
	log_warn(server->log,
		"a socket of the service manager is not served: the configuration does not name it "
		"service=%s address=%s setting=%s",
		service_names[plan->service], address, plan->setting);
	plan->refused++;
	close(fd);
}

static void socket_plan_take_over(struct server *server, struct socket_plan *plan)
{
	for (size_t i = 0; i < server->taken_count; i++) {
		struct systemd_fd *taken = &server->taken[i];
		if (strcmp(taken->name, service_names[plan->service]) != 0 ||
			server->socket_count == SOCKETS_MAX)
			continue;
		if (socket_plan_take(plan, taken->fd))
			socket_add(server, plan->service, taken->fd)->shared =
				plan->service != SERVICE_CONTROL;
		else
			socket_refuse(server, plan, taken->fd);
		taken->fd = -1;
	}
}

/* Takes the passed sockets, and opens the other ones that are configured. */
static enum rc socket_plan_open(struct server *server, struct socket_plan plan, struct buf *errors)
{
	enum rc rc = RC_OK;

	socket_plan_take_over(server, &plan);
	for (size_t i = 0; plan.list && rc == RC_OK && i < plan.list->n; i++) {
		if (!plan.have[i])
			rc = socket_open_tcp(server, plan.service, plan.list->v[i], errors);
	}
	if (rc == RC_INUSE && plan.refused > 0)
		buf_printf(errors,
			"%s: the service manager holds that port for an address that is not named: "
			"disable its socket unit, or name its address\n",
			plan.setting);
	if (rc == RC_OK && plan.path && !plan.have_path)
		rc = socket_open_unix(server, plan.service, plan.path, plan.mode, errors);
	return rc;
}

enum rc sockets_open(struct server *server, struct buf *errors)
{
	const struct conf *conf = server->conf;
	const struct socket_plan plans[] = {
		{ .service = SERVICE_IMAP, .list = &conf->imap.listen, .setting = "imap.listen" },
		{ .service = SERVICE_IMAPS, .list = &conf->imap.listen_tls, .setting = "imap.listen_tls" },
		{ .service = SERVICE_LMTP,
			.list = &conf->lmtp.listen,
			.setting = "lmtp.listen",
			.path = conf->lmtp.socket,
			.mode = conf->lmtp.socket_mode },
		{ .service = SERVICE_CONTROL,
			.setting = "control.socket",
			.path = conf->control.socket,
			.mode = conf->control.socket_mode },
	};
	enum rc rc = RC_OK;

	server->taken_count = systemd_take_fds(server->taken, SYSTEMD_FDS_MAX);
	for (size_t i = 0; rc == RC_OK && i < sizeof(plans) / sizeof(plans[0]); i++)
		rc = socket_plan_open(server, plans[i], errors);
	for (size_t i = 0; i < server->taken_count; i++) {
		if (server->taken[i].fd < 0)
			continue;
		if (rc == RC_OK)
			log_warn(server->log, "socket of unknown name from the service manager name=%s",
				LOG_V(strv_cstr(server->taken[i].name)));
		close(server->taken[i].fd);
	}
	return rc;
}

struct accept_arg {
	struct server *server;
	enum service service;
	struct reactor *reactor;
};

static void socket_on_accept(void *arg, int fd)
{
	struct accept_arg *accept = arg;
	server_accept(accept->server, accept->service, accept->reactor, fd);
}

/* Makes the argument of a listener; it lives as long as the socket. */
static struct accept_arg *socket_accept_arg(struct server *server, enum service service, unsigned reactor)
{
	struct accept_arg *arg = mem_zalloc(sizeof(*arg));
	*arg = (struct accept_arg){ server, service, server->reactor_array[reactor] };
	return arg;
}

void sockets_listen(struct server *server)
{
	for (unsigned i = 0; i < server->socket_count; i++) {
		struct server_socket *socket = &server->sockets[i];
		for (unsigned r = 0; r < server->reactor_count; r++) {
			if (!socket->shared && socket->reactor != r)
				continue;
			socket->args[r] = socket_accept_arg(server, socket->service, r);
			socket->listeners[r] = listener_new(
				server->reactor_array[r], socket->fd, socket_on_accept, socket->args[r]);
		}
		if (i == 0 || strcmp(server->sockets[i - 1].address, socket->address) != 0)
			log_info(server->log, "listening service=%s address=%s",
				service_names[socket->service], socket->address);
	}
}

void sockets_unlisten(struct server *server, unsigned reactor)
{
	for (unsigned i = 0; i < server->socket_count; i++)
		listener_free(&server->sockets[i].listeners[reactor]);
}

void sockets_close(struct server *server)
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
