/* Messages to the service manager, and the sockets that it passes. */
#include "coid/systemd.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEMD_FIRST_FD 3

void systemd_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;

	if (n == 0 || n >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, n);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* If a message is lost the server goes on; the manager will notice. */
	while (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0 &&
		errno == EINTR) {
	}
	close(fd);
}

static uint64_t systemd_number(const char *name)
{
	const char *text = getenv(name);
	uint64_t number = 0;
	return text && str_u64(strv_cstr(text), &number) == RC_OK ? number : 0;
}

uint64_t systemd_watchdog_us(void)
{
	if (getenv("WATCHDOG_PID") && systemd_number("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	return systemd_number("WATCHDOG_USEC");
}

size_t systemd_take_fds(struct systemd_fd *ret_fds, size_t max)
{
	uint64_t count =
		systemd_number("LISTEN_PID") == (uint64_t)getpid() ? systemd_number("LISTEN_FDS") : 0;
	const char *env = getenv("LISTEN_FDNAMES");
	struct strv names = strv_cstr(env ? env : "");

	if (count > max)
		count = max;
	for (size_t i = 0; i < count; i++) {
		size_t end = strv_index(names, ':');
		struct strv name = strv_sub(names, 0, end);
		if (name.n >= sizeof(ret_fds[i].name))
			name.n = sizeof(ret_fds[i].name) - 1;
		ret_fds[i].fd = SYSTEMD_FIRST_FD + (int)i;
		memcpy(ret_fds[i].name, name.p ? name.p : "", name.n);
		ret_fds[i].name[name.n] = '\0';
		names = strv_sub(names, end + 1, names.n);
		fcntl(ret_fds[i].fd, F_SETFD, FD_CLOEXEC);
		fcntl(ret_fds[i].fd, F_SETFL, fcntl(ret_fds[i].fd, F_GETFL) | O_NONBLOCK);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return (size_t)count;
}
