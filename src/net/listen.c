#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "base/strv.h"

/* Enough for a thousand phones that reconnect at once; the kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096
#define FREE_PORT_TRIES 10
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

/* A TCP address to bind. */
struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
	socklen_t size;
	bool only_v6;
};

static enum rc listen_fail(struct buf *errors, const char *address, const char *what, int error)
{
	buf_printf(errors, "cannot listen on %s: %s: %s\n", address, what, strerrordesc_np(error));
	switch (error) {
	case EADDRINUSE:
		return RC_INUSE;
	case EACCES:
	case EPERM:
		return RC_PERM;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case ENOENT:
		return RC_NOT_FOUND;
	default:
		return RC_IO;
	}
}

static void set_port(struct address *address, uint16_t port)
{
	if (address->u.sa.sa_family == AF_INET)
		address->u.in.sin_port = htons(port);
	else
		address->u.in6.sin6_port = htons(port);
}

static uint16_t port_of(const struct address *address)
{
	return ntohs(address->u.sa.sa_family == AF_INET ? address->u.in.sin_port : address->u.in6.sin6_port);
}

static void set_v4(struct address *address, struct in_addr host)
{
	address->u.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = host };
	address->size = sizeof(address->u.in);
}

static void set_v6(struct address *address, struct in6_addr host, bool only_v6)
{
	address->u.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = host };
	address->size = sizeof(address->u.in6);
	address->only_v6 = only_v6;
}

static bool have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCKET_FLAGS, 0);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool parse_host(struct strv host, struct address *address)
{
	if (strv_eq(host, STRV("*"))) {
		/* One socket serves both families. */
		if (have_ipv6())
			set_v6(address, in6addr_any, false);
		else
			set_v4(address, (struct in_addr){ htonl(INADDR_ANY) });
		return true;
	}
	bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = strv_sub(host, 1, host.n - 2);
	char text[INET6_ADDRSTRLEN];
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	struct in_addr v4;
	struct in6_addr v6;
	if (!bracketed && inet_pton(AF_INET, text, &v4) == 1) {
		set_v4(address, v4);
		return true;
	}
	if (bracketed && inet_pton(AF_INET6, text, &v6) == 1) {
		set_v6(address, v6, true);
		return true;
	}
	return false;
}

static enum rc listen_parse(const char *text, struct address *address, struct buf *errors)
{
	struct strv v = strv_cstr(text);
	size_t colon = v.n;
	while (colon > 0 && v.p[colon - 1] != ':')
		colon--;
	uint32_t port;
	if (colon < 2 || str_u32(strv_sub(v, colon, v.n), &port) != RC_OK || port > UINT16_MAX ||
		!parse_host(strv_sub(v, 0, colon - 1), address)) {
		buf_printf(errors,
			"\"%s\" is no address to listen on (127.0.0.1:143, [::1]:143, *:143 or /path are)\n",
			text);
		return RC_INVALID;
	}
	set_port(address, (uint16_t)port);
	return RC_OK;
}

/* Returns a bound socket, or -1 with errno. */
static int bind_tcp(const struct address *address, bool shared)
{
	int on = 1, only = address->only_v6;
	int fd = socket(address->u.sa.sa_family, SOCKET_FLAGS, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bool ok = true;
	if (shared)
		ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
	if (ok && address->u.sa.sa_family == AF_INET6)
		ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0;
	if (ok)
		ok = bind(fd, &address->u.sa, address->size) == 0;
	if (ok)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void listen_close_all(int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/*
 * SO_REUSEPORT would silently share the port with another server of the same user. A socket without it shows
 * whether another one listens. It also finds the free port for port 0.
 */
static int listen_probe(struct address *address)
{
	int fd = bind_tcp(address, false);
	if (fd < 0)
		return errno;
	set_port(address, listen_port(fd));
	int error = listen(fd, 1) < 0 ? errno : 0;
	close(fd);
	return error;
}

/* Opens all sockets of an address. Returns 0 or an errno, and the call that it comes from. */
static int open_sockets(struct address *address, unsigned count, int *ret_fds, const char **ret_what)
{
	*ret_what = "bind";
	int error = count > 1 ? listen_probe(address) : 0;
	if (error != 0)
		return error;
	for (unsigned i = 0; i < count; i++) {
		int fd = bind_tcp(address, count > 1);
		if (fd >= 0 && listen(fd, BACKLOG) == 0) {
			ret_fds[i] = fd;
			continue;
		}
		error = errno;
		*ret_what = fd < 0 ? "bind" : "listen";
		if (fd >= 0)
			close(fd);
		listen_close_all(ret_fds, i);
		return error;
	}
	return 0;
}

static enum rc listen_open_tcp(const char *text, unsigned count, int *ret_fds, struct buf *errors)
{
	struct address address = { .size = 0 };
	enum rc rc = listen_parse(text, &address, errors);
	if (rc != RC_OK)
		return rc;
	const char *what = "";
	int error = EADDRINUSE;
	/*
	 * A port that was free when it was probed may be taken by another process a moment later; then
	 * another free one is tried.
	 */
	for (int tries = 0; error == EADDRINUSE && tries < FREE_PORT_TRIES; tries++) {
		struct address wanted = address;
		error = open_sockets(&wanted, count, ret_fds, &what);
		if (port_of(&address) != 0)
			break;
	}
	return error == 0 ? RC_OK : listen_fail(errors, text, what, error);
}

/* Removes a socket file on which no process listens. */
static enum rc clear_path(const char *path, const struct sockaddr_un *un, struct buf *errors)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? RC_OK : listen_fail(errors, path, "stat", errno);
	if (!S_ISSOCK(st.st_mode)) {
		buf_printf(errors, "cannot listen on %s: it exists and is no socket\n", path);
		return RC_EXISTS;
	}
	int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0)
		return listen_fail(errors, path, "socket", errno);
	bool refused = connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED;
	close(fd);
	if (!refused) {
		buf_printf(errors, "cannot listen on %s: another process does\n", path);
		return RC_INUSE;
	}
	return unlink(path) == 0 || errno == ENOENT ? RC_OK : listen_fail(errors, path, "unlink", errno);
}

static enum rc listen_open_unix(const char *path, mode_t mode, int *ret_fd, struct buf *errors)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	if (n >= sizeof(un.sun_path)) {
		buf_printf(errors, "cannot listen on %s: the path is longer than %zu bytes\n", path,
			sizeof(un.sun_path) - 1);
		return RC_INVALID;
	}
	memcpy(un.sun_path, path, n);
	enum rc rc = clear_path(path, &un, errors);
	if (rc != RC_OK)
		return rc;
	int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0)
		return listen_fail(errors, path, "socket", errno);
	/* The mode is set before listen, so before any process can connect. */
	const char *what = "bind";
	bool ok = bind(fd, (const struct sockaddr *)&un, sizeof(un)) == 0;
	if (ok) {
		what = "chmod";
		ok = chmod(path, mode) == 0;
	}
	if (ok) {
		what = "listen";
		ok = listen(fd, BACKLOG) == 0;
	}
	if (!ok) {
		int error = errno;
		close(fd);
		return listen_fail(errors, path, what, error);
	}
	*ret_fd = fd;
	return RC_OK;
}

enum rc listen_open(const char *address, unsigned count, mode_t unix_mode, int *ret_fds, struct buf *errors)
{
	if (address[0] == '/')
		return listen_open_unix(address, unix_mode, ret_fds, errors);
	return listen_open_tcp(address, count, ret_fds, errors);
}

/* Tells whether a socket is bound to this address and serves the same families. */
static bool listen_is_bound_to(const struct address *wanted, int fd)
{
	struct address is = { .size = sizeof(is.u) };
	int only = 0;
	socklen_t size = sizeof(only);

	if (getsockname(fd, &is.u.sa, &is.size) != 0 || is.u.sa.sa_family != wanted->u.sa.sa_family ||
		port_of(&is) != port_of(wanted))
		return false;
	if (is.u.sa.sa_family == AF_INET)
		return is.u.in.sin_addr.s_addr == wanted->u.in.sin_addr.s_addr;
	if (memcmp(&is.u.in6.sin6_addr, &wanted->u.in6.sin6_addr, sizeof(is.u.in6.sin6_addr)) != 0)
		return false;
	/* The option has a meaning for the address "any" only. */
	if (!IN6_IS_ADDR_UNSPECIFIED(&is.u.in6.sin6_addr))
		return true;
	return getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && (only != 0) == wanted->only_v6;
}

bool listen_is_at(const char *address, int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
	} u = { .sa.sa_family = AF_UNSPEC };
	socklen_t size = sizeof(u);
	struct address wanted = { .size = 0 };
	struct buf errors;

	if (address[0] == '/')
		return getsockname(fd, &u.sa, &size) == 0 && u.sa.sa_family == AF_UNIX &&
		       strncmp(u.un.sun_path, address, sizeof(u.un.sun_path)) == 0;
	buf_init(&errors, 1024);
	enum rc rc = listen_parse(address, &wanted, &errors);
	buf_fini(&errors);
	return rc == RC_OK && listen_is_bound_to(&wanted, fd);
}

uint16_t listen_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u = { .sa.sa_family = AF_UNSPEC };
	socklen_t size = sizeof(u);
	if (getsockname(fd, &u.sa, &size) < 0)
		return 0;
	if (u.sa.sa_family == AF_INET)
		return ntohs(u.in.sin_port);
	if (u.sa.sa_family == AF_INET6)
		return ntohs(u.in6.sin6_port);
	return 0;
}
