/*
 * The interface to the service manager: readiness messages (sd_notify(3)), its watchdog, and the sockets that
 * it passes (sd_listen_fds(3)). It needs no library: it is a datagram and some environment variables. Main
 * thread.
 */
#ifndef COID_COID_SYSTEMD_H
#define COID_COID_SYSTEMD_H

#include <stddef.h>
#include <stdint.h>

#define SYSTEMD_FDS_MAX 64

/* Sends "READY=1" and the like; several lines at a time. Does nothing without NOTIFY_SOCKET. */
void systemd_notify(const char *text);
/*
 * The number of microseconds in which the manager expects a "WATCHDOG=1"; 0: it expects none, or not from
 * this process.
 */
uint64_t systemd_watchdog_us(void);

struct systemd_fd {
	int fd; /* non-blocking, close-on-exec */
	char name[64]; /* cut to its room */
};
/*
 * Takes the sockets that were passed to this process, at most `max`; the caller owns them. Removes the
 * environment variables, so that a second call finds none. Returns their number.
 */
size_t systemd_take_fds(struct systemd_fd *ret_fds, size_t max);

#endif
