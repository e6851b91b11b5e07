/*
 * The service manager's side: readiness messages (sd_notify(3)) and sockets handed over (sd_listen_fds(3)). Done by
 * hand: a datagram and three environment variables. Main thread.
 */
#ifndef COID_COID_NOTIFY_H
#define COID_COID_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

#define NOTIFY_FDS_MAX 64

/* "READY=1" and the like, several lines at a time. Nothing happens without NOTIFY_SOCKET. */
void notify_send(const char *text);
/* Microseconds between two "WATCHDOG=1" that the manager waits for, or 0. */
uint64_t notify_watchdog_us(void);

struct notify_fd {
	int fd; /* close-on-exec */
	char name[64];
};
/* The sockets that were handed over to this process; forgets the environment variables. */
size_t notify_take_fds(struct notify_fd *ret_fds, size_t max);

#endif
