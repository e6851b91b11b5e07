#include "work/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "work/reactor_priv.h"

/* A timer never sleeps longer than this in one go; it keeps the arithmetic of struct timeval small. */
#define ALARM_MAX_MS 3600000u

static void wake_up(struct reactor *reactor)
{
	uint64_t one = 1;
	ssize_t n = write(reactor->wake_fd, &one, sizeof(one));
	/* EAGAIN means that the counter is at its maximum: then the loop wakes anyway. */
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		log_error(reactor->log, "cannot wake a reactor errno=%d", errno);
		abort();
	}
}

static void take_inbox(struct reactor *reactor)
{
	pthread_mutex_lock(&reactor->lock);
	list_splice(&reactor->batch, &reactor->inbox);
	reactor->signalled = false;
	pthread_mutex_unlock(&reactor->lock);
}

static void run_batch(struct reactor *reactor)
{
	for (;;) {
		struct list_node *node = list_pop(&reactor->batch);
		if (!node)
			return;
		struct reactor_msg *msg = CONTAINER_OF(node, struct reactor_msg, node);
		msg->fn(reactor, msg);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct reactor *reactor = arg;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));
	(void)n; /* a failure means that another turn has read it: then the inbox is empty, too */
	take_inbox(reactor);
	run_batch(reactor);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	/* This only ends the wait: timers run after all callbacks. */
	(void)fd;
	(void)what;
	(void)arg;
}

static void run_deferred(struct reactor *reactor)
{
	struct deferred_queue queue = reactor->deferred;
	reactor->deferred = (struct deferred_queue){ NULL, 0, 0 };
	for (size_t i = 0; i < queue.n; i++)
		queue.v[i].fn(queue.v[i].arg);
	/* Keep the array unless a new one was needed meanwhile. */
	if (!reactor->deferred.v)
		reactor->deferred = (struct deferred_queue){ queue.v, 0, queue.cap };
	else
		free(queue.v);
}

/* Sets the alarm so that the wait ends when the earliest timer is due. */
static void set_alarm(struct reactor *reactor)
{
	if (reactor->timers == 0) {
		evtimer_del(reactor->alarm);
		return;
	}
	uint64_t now = clock_mono_ms();
	uint64_t due = reactor->heap[0]->due;
	uint64_t ms = due > now ? due - now : 0;
	if (ms > ALARM_MAX_MS)
		ms = ALARM_MAX_MS;
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	evtimer_add(reactor->alarm, &tv);
}

static void run_turn(struct reactor *reactor, bool wait)
{
	reactor->turn++;
	reactor->now = 0;
	int flags = EVLOOP_ONCE;
	if (!wait || reactor->deferred.n > 0 || timers_due(reactor))
		flags |= EVLOOP_NONBLOCK;
	else
		set_alarm(reactor);
	if (event_base_loop(reactor->base, flags) < 0) {
		log_error(reactor->log, "event loop failed errno=%d", errno);
		abort();
	}
	timers_run(reactor);
	run_deferred(reactor);
	reactor->now = 0;
}

static void own_thread(struct reactor *reactor)
{
	atomic_store(&reactor->thread, (uintptr_t)pthread_self());
}

struct reactor *reactor_new(unsigned index, struct log *log)
{
	struct reactor *reactor = mem_zalloc(sizeof(*reactor));
	reactor->index = index;
	reactor->log = log;
	atomic_init(&reactor->thread, 0);
	atomic_init(&reactor->stop, false);
	pthread_mutex_init(&reactor->lock, NULL);
	list_init(&reactor->inbox);
	list_init(&reactor->batch);

	reactor->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct event_config *config = event_config_new();
	if (reactor->wake_fd < 0 || !config)
		goto fail;
	/* Each base has one thread, so libevent needs no locks. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	reactor->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!reactor->base)
		goto fail;
	reactor->wake = event_new(reactor->base, reactor->wake_fd, EV_READ | EV_PERSIST, on_wake, reactor);
	reactor->alarm = evtimer_new(reactor->base, on_alarm, reactor);
	if (!reactor->wake || !reactor->alarm || event_add(reactor->wake, NULL) < 0)
		goto fail;
	return reactor;
fail:
	log_error(log, "cannot make an event loop errno=%d", errno);
	abort();
}

void reactor_free(struct reactor **reactor)
{
	struct reactor *r = *reactor;
	if (!r)
		return;
	own_thread(r);
	for (;;) {
		take_inbox(r);
		if (list_empty(&r->batch) && r->deferred.n == 0)
			break;
		run_batch(r);
		run_deferred(r);
	}
	for (uint32_t i = 0; i < r->timers; i++)
		r->heap[i]->slot = 0;
	free(r->deferred.v);
	free(r->heap);
	event_free(r->alarm);
	event_free(r->wake);
	event_base_free(r->base);
	close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
	*reactor = NULL;
}

void reactor_run(struct reactor *reactor)
{
	own_thread(reactor);
	while (!atomic_load(&reactor->stop))
		run_turn(reactor, true);
}

void reactor_run_once(struct reactor *reactor, bool wait)
{
	own_thread(reactor);
	run_turn(reactor, wait);
}

void reactor_stop(struct reactor *reactor)
{
	atomic_store(&reactor->stop, true);
	wake_up(reactor);
}

unsigned reactor_index(const struct reactor *reactor)
{
	return reactor->index;
}

struct event_base *reactor_base(struct reactor *reactor)
{
	return reactor->base;
}

struct log *reactor_log(struct reactor *reactor)
{
	return reactor->log;
}

void reactor_assert(const struct reactor *reactor)
{
	uintptr_t thread = atomic_load_explicit(&reactor->thread, memory_order_relaxed);
	if (thread != 0 && thread != (uintptr_t)pthread_self()) {
		log_error(reactor->log, "called on a thread that is not the reactor's index=%u",
			reactor->index);
		abort();
	}
}

uint64_t reactor_now(struct reactor *reactor)
{
	/* The clock is read at the first call in a turn, so a turn without calls costs nothing. */
	if (reactor->now == 0)
		reactor->now = clock_mono_ms();
	return reactor->now;
}

void reactor_post(struct reactor *reactor, struct reactor_msg *msg)
{
	pthread_mutex_lock(&reactor->lock);
	list_append(&reactor->inbox, &msg->node);
	bool wake = !reactor->signalled;
	reactor->signalled = true;
	pthread_mutex_unlock(&reactor->lock);
	if (wake)
		wake_up(reactor);
}

bool reactor_inbox_empty(struct reactor *reactor)
{
	reactor_assert(reactor);
	if (!list_empty(&reactor->batch))
		return false;
	pthread_mutex_lock(&reactor->lock);
	bool empty = list_empty(&reactor->inbox);
	pthread_mutex_unlock(&reactor->lock);
	return empty;
}

void reactor_defer(struct reactor *reactor, void (*fn)(void *arg), void *arg)
{
	reactor_assert(reactor);
	struct deferred_queue *queue = &reactor->deferred;
	if (queue->n == queue->cap) {
		queue->cap = queue->cap ? 2 * queue->cap : 16;
		queue->v = mem_realloc(queue->v, queue->cap, sizeof(struct deferred));
	}
	queue->v[queue->n++] = (struct deferred){ fn, arg };
}
