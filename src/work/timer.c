#include "work/reactor_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

static void timer_place(struct reactor *reactor, uint32_t i, struct timer *timer)
{
	reactor->heap[i] = timer;
	timer->slot = i + 1;
}

static void sift_up(struct reactor *reactor, uint32_t i, struct timer *timer)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 2;
		if (reactor->heap[parent]->due <= timer->due)
			break;
		timer_place(reactor, i, reactor->heap[parent]);
		i = parent;
	}
	timer_place(reactor, i, timer);
}

static void sift_down(struct reactor *reactor, uint32_t i, struct timer *timer)
{
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= reactor->timers)
			break;
		if (child + 1 < reactor->timers && reactor->heap[child + 1]->due < reactor->heap[child]->due)
			child++;
		if (timer->due <= reactor->heap[child]->due)
			break;
		timer_place(reactor, i, reactor->heap[child]);
		i = child;
	}
	timer_place(reactor, i, timer);
}

/* Puts `timer` into the heap, whose place i is free. */
static void timer_settle(struct reactor *reactor, uint32_t i, struct timer *timer)
{
	if (i > 0 && timer->due < reactor->heap[(i - 1) / 2]->due)
		sift_up(reactor, i, timer);
	else
		sift_down(reactor, i, timer);
}

bool timers_due(const struct reactor *reactor)
{
	return reactor->timers > 0 && reactor->heap[0]->due <= clock_mono_ms();
}

void timers_run(struct reactor *reactor)
{
	if (reactor->timers == 0)
		return;
	uint64_t now = clock_mono_ms();
	while (reactor->timers > 0) {
		struct timer *timer = reactor->heap[0];
		/* A timer that was set in this turn waits for the next one, so that a turn always ends. */
		if (timer->due > now || timer->turn == reactor->turn)
			break;
		timer_cancel(timer);
		timer->fn(timer->arg);
	}
}

void timer_init(struct timer *timer, struct reactor *reactor, void (*fn)(void *arg), void *arg)
{
	*timer = (struct timer){ .reactor = reactor, .fn = fn, .arg = arg };
}

void timer_set(struct timer *timer, uint64_t ms)
{
	struct reactor *reactor = timer->reactor;
	reactor_assert(reactor);

	uint64_t now = clock_mono_ms();
	timer->due = ms > UINT64_MAX - now ? UINT64_MAX : now + ms;
	timer->turn = reactor->turn;
	if (timer->slot > 0) {
		timer_settle(reactor, timer->slot - 1, timer);
		return;
	}
	if (reactor->timers == reactor->timers_cap) {
		reactor->timers_cap = reactor->timers_cap ? 2 * reactor->timers_cap : 16;
		reactor->heap = mem_realloc(reactor->heap, reactor->timers_cap, sizeof(struct timer *));
	}
	reactor->timers++;
	sift_up(reactor, reactor->timers - 1, timer);
}

void timer_cancel(struct timer *timer)
{
	if (timer->slot == 0)
		return;
	struct reactor *reactor = timer->reactor;
	reactor_assert(reactor);

	uint32_t i = timer->slot - 1;
	timer->slot = 0;
	reactor->timers--;
	struct timer *last = reactor->heap[reactor->timers];
	if (last != timer)
		timer_settle(reactor, i, last);
}

bool timer_pending(const struct timer *timer)
{
	return timer->slot > 0;
}

void timer_fini(struct timer *timer)
{
	timer_cancel(timer);
}
