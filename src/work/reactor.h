/*
 * A reactor: one thread with one libevent base. Sockets, sessions, views and timers live on exactly one
 * reactor and are touched only by its thread. Other threads reach it by posting messages to its inbox;
 * messages posted by one thread arrive in the order of posting, and messages posted while a strand is owned
 * (pool.h) arrive in the order in which the strand was owned. Nothing that runs on a reactor may wait (no
 * file, SQLite, hash, lookup).
 */
#ifndef COID_WORK_REACTOR_H
#define COID_WORK_REACTOR_H

#include "base/list.h"
#include "base/log.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct reactor;

/* An intrusive message. The poster gives it up; `fn` runs once on the reactor and owns it from then on. */
struct reactor_msg {
	struct list_node node;
	void (*fn)(struct reactor *reactor, struct reactor_msg *msg);
};

/* `index`: 0.. among the server's reactors. */
struct reactor *reactor_new(unsigned index, struct log *log);
/* Call this after the reactor's thread has ended. Messages still in the inbox are run first. */
void reactor_free(struct reactor **reactor);

/* Runs the loop on the calling thread until reactor_stop; that thread is the reactor's thread from now on. */
void reactor_run(struct reactor *reactor);
/* Runs the ready events, without blocking if !wait: for tests and for start-up. */
void reactor_run_once(struct reactor *reactor, bool wait);
/* Any thread. */
void reactor_stop(struct reactor *reactor);

unsigned reactor_index(const struct reactor *reactor);
struct event_base *reactor_base(struct reactor *reactor);
struct log *reactor_log(struct reactor *reactor);
/* Aborts if it is called on another thread than the reactor's (and the loop has been started). */
void reactor_assert(const struct reactor *reactor);
/* Milliseconds of the monotonic clock when this turn of the loop began: cheap. */
uint64_t reactor_now(struct reactor *reactor);

/* Any thread. One eventfd write wakes the loop however many messages are posted meanwhile. */
void reactor_post(struct reactor *reactor, struct reactor_msg *msg);
/* True if nothing waits in the inbox (own thread only): needed before a borrowed strand may be read. */
bool reactor_inbox_empty(struct reactor *reactor);
/*
 * Runs fn(arg) at the end of this turn of the loop, after all callbacks: to release objects, and for work
 * that is gathered during a turn. Functions that such a function defers run at the end of the next turn. Own
 * thread only.
 */
void reactor_defer(struct reactor *reactor, void (*fn)(void *arg), void *arg);

/*
 * A one-shot timer. Own thread only. timer_set moves a running one. Embedded in its owner; the fields belong
 * to the reactor. Timers follow base/clock.h, so that a test's fake clock moves them too.
 */
struct timer {
	struct reactor *reactor; /* borrowed */
	void (*fn)(void *arg);
	void *arg;
	uint64_t due; /* clock_mono_ms */
	uint32_t slot; /* place in the reactor's heap + 1; 0: not running */
	uint32_t turn; /* the loop turn in which it was set */
};

void timer_init(struct timer *timer, struct reactor *reactor, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *timer, uint64_t ms);
void timer_cancel(struct timer *timer);
bool timer_pending(const struct timer *timer);
void timer_fini(struct timer *timer);

#endif
