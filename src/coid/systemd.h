/*
 * The service manager's side: readiness messages (sd_notify(3)), its watchdog, and sockets that it hands over
 * (sd_listen_fds(3)). Written by hand, since it is a datagram and some environment variables. Main thread.
 */
#ifndef COID_COID_SYSTEMD_H
#define COID_COID_SYSTEMD_H

#include <stddef.h>
#include <stdint.h>

#define SYSTEMD_FDS_MAX 64

/* Sends "READY=1" and the like; several lines at a time. Does nothing without NOTIFY_SOCKET. */
void systemd_notify(const char *text);
/* Microseconds within which the manager wants a "WATCHDOG=1"; 0: it wants none, or not from this process. */
uint64_t systemd_watchdog_us(void);

struct systemd_fd {
	int fd; /* non-blocking, close-on-exec */
	char name[64]; /* cut to its room */
};
/*
 * Takes the sockets that were handed over to this process, at most `max`; the caller owns them. Forgets the
 * environment variables, so that it answers once only. Returns how many there are.
 */
size_t systemd_take_fds(struct systemd_fd *ret_fds, size_t max);

#endif
