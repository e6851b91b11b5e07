#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"

/* Connections accepted at once; then existing connections get their turn. */
#define ACCEPTS 32
/* The time for which accepting pauses when descriptors or memory have run out. */
#define PAUSE_MS 1000u
/* A dead peer is noticed after some ten minutes. */
#define KEEPALIVE_IDLE_S 300
#define KEEPALIVE_INTERVAL_S 60
#define KEEPALIVE_COUNT 5

struct listener {
	struct reactor *reactor; /* borrowed */
	int fd; /* borrowed */
	void (*on_accept)(void *arg, int fd);
	void *arg;
	struct event *event; /* own */
	struct timer pause;
	bool gone; /* freed at the end of the turn */
};

static bool out_of_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void listener_rest(struct listener *listener, int error)
{
	log_error(reactor_log(listener->reactor), "cannot accept, pausing ms=%u errno=%d", PAUSE_MS, error);
	event_del(listener->event);
	timer_set(&listener->pause, PAUSE_MS);
}

static void on_pause_over(void *arg)
{
	struct listener *listener = arg;
	if (event_add(listener->event, NULL) < 0)
		timer_set(&listener->pause, PAUSE_MS);
}

static void listener_on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct listener *listener = arg;
	for (int i = 0; i < ACCEPTS && !listener->gone; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer >= 0) {
			listener->on_accept(listener->arg, peer);
			continue;
		}
		int error = errno;
		if (out_of_resources(error))
			listener_rest(listener, error);
		if (error == EAGAIN || error == EWOULDBLOCK || out_of_resources(error))
			break;
		/* Any other error, such as ECONNABORTED, concerns one connection that is gone already. */
	}
}

/* Accepted sockets inherit these options. On UNIX sockets they fail, which does no harm. */
static void listener_set_options(int fd)
{
	int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, count = KEEPALIVE_COUNT;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

struct listener *listener_new(
	struct reactor *reactor, int fd, void (*on_accept)(void *arg, int fd), void *arg)
{
	reactor_assert(reactor);
	struct listener *listener = mem_zalloc(sizeof(*listener));
	listener->reactor = reactor;
	listener->fd = fd;
	listener->on_accept = on_accept;
	listener->arg = arg;
	timer_init(&listener->pause, reactor, on_pause_over, listener);
	listener_set_options(fd);
	listener->event =
		event_new(reactor_base(reactor), fd, EV_READ | EV_PERSIST, listener_on_readable, listener);
	if (!listener->event || event_add(listener->event, NULL) < 0) {
		log_error(reactor_log(reactor), "cannot watch a listening socket fd=%d errno=%d", fd, errno);
		abort();
	}
	return listener;
}

void listener_free(struct listener **listener)
{
	struct listener *l = *listener;
	if (!l)
		return;
	*listener = NULL;
	timer_fini(&l->pause);
	event_free(l->event);
	/* on_accept itself may call this, so the memory is freed later. */
	l->gone = true;
	reactor_defer(l->reactor, free, l);
}
