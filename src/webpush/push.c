/*
 * Pushes: makes them, gathers them in lists, ends them. One table has the effects of each end on the other
 * parties.
 */
#include "webpush/push.h"

#include "base/clock.h"
#include "base/mem.h"
#include "webpush/core.h"
#include "webpush/expiry.h"
#include "webpush/upkeep.h"
#include "webpush/writeback.h"

#include <stdlib.h>

struct push *push_new(enum push_kind kind, int64_t account, struct strv subscription, struct strv endpoint,
	struct strv plain)
{
	struct push *push = mem_zalloc(sizeof(*push));

	push->account = account;
	push->kind = kind;
	push->subscription = mem_strndup(subscription.n ? subscription.p : "", subscription.n);
	push->endpoint = mem_strndup(endpoint.n ? endpoint.p : "", endpoint.n);
	push->plain = mem_strndup(plain.n ? plain.p : "", plain.n);
	push->plain_n = plain.n;
	push->created = clock_wall();
	push->due = clock_mono_ms();
	return push;
}

void push_free(struct push **push)
{
	struct push *p = *push;

	if (!p)
		return;
	*push = NULL;
	free(p->subscription);
	free(p->endpoint);
	free(p->from);
	if (p->plain)
		mem_wipe(p->plain, p->plain_n);
	free(p->plain);
	mem_wipe(&p->receiver, sizeof(p->receiver));
	free(p);
}

void push_list_add(struct push_list *list, struct push *push)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 4;
		list->v = mem_realloc(list->v, list->cap, sizeof(struct push *));
	}
	list->v[list->n++] = push;
}

void push_list_drop(struct push_list *list, bool (*drop)(void *arg, const struct push *push), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct push *push = list->v[i];
		if (!drop || drop(arg, push))
			push_free(&push);
		else
			list->v[kept++] = push;
	}
	list->n = kept;
}

void push_list_fini(struct push_list *list)
{
	push_list_drop(list, NULL, NULL);
	free(list->v);
	*list = (struct push_list){ 0 };
}

enum push_effect {
	PUSH_NO_EFFECT,
	PUSH_WORKS, /* an effect on its subscription, as the next ones */
	PUSH_FAILS,
	PUSH_DROPS
};

/* The effects of an outcome on others. */
struct push_end_row {
	enum core_counter counter; /* CORE_COUNTERS: none */
	enum push_effect effect;
	const char *text; /* for the answer to a test */
};

static const struct push_end_row push_end_rows[] = {
	[PUSH_END_SENT] = { CORE_SENT, PUSH_WORKS, "sent" },
	[PUSH_END_REFUSED] = { CORE_REFUSED, PUSH_FAILS, "refused by the push service" },
	[PUSH_END_GONE] = { CORE_UNSUBSCRIBED, PUSH_DROPS, "refused: the push service does not know it" },
	[PUSH_END_NOT_PUBLIC] = { CORE_REFUSED, PUSH_DROPS, "refused: the host has no public address" },
	[PUSH_END_NOT_ALLOWED] = { CORE_COUNTERS, PUSH_DROPS, "refused: the endpoint is not allowed" },
	[PUSH_END_LATE] = { CORE_EXPIRED, PUSH_NO_EFFECT, "dropped: it waited too long" },
	[PUSH_END_TRIED] = { CORE_EXPIRED, PUSH_NO_EFFECT, "dropped: it failed too often" },
	[PUSH_END_FULL] = { CORE_DROPPED, PUSH_NO_EFFECT, "dropped: the queue is full" },
	[PUSH_END_VOID] = { CORE_COUNTERS, PUSH_NO_EFFECT, "dropped: the subscription is gone" },
	[PUSH_END_REKEYED] = { CORE_COUNTERS, PUSH_NO_EFFECT, "dropped: the server has a new key" },
	[PUSH_END_STOPPED] = { CORE_COUNTERS, PUSH_NO_EFFECT, "not sent: the server stops" },
};

/* The push service has taken the validation push of a subscription: the client's window begins. */
static void push_accepted(const struct push_parties *parties, const struct push *push)
{
	upkeep_submit(parties->upkeep, UPKEEP_ACCEPTED, push->account, push->subscription, push->endpoint);
	expiry_watch(parties->expiry, push, parties->core->settings->validation_window_s);
}

/*
 * Drops the receiver. A notifier of device tokens that can't be asked tells nothing about its tokens; only
 * its answer does.
 */
static void push_unsubscribe(
	const struct push_parties *parties, const struct push *push, enum push_outcome outcome)
{
	if (push->kind != PUSH_DEVICE)
		upkeep_submit(
			parties->upkeep, UPKEEP_GONE, push->account, push->subscription, push->endpoint);
	else if (outcome == PUSH_END_GONE)
		upkeep_submit(parties->upkeep, UPKEEP_DEVICE_GONE, push->account, push->subscription,
			push->endpoint);
}

static void push_affect(const struct push_parties *parties, const struct push *push,
	enum push_outcome outcome, enum push_effect effect)
{
	switch (effect) {
	case PUSH_NO_EFFECT:
		break;
	case PUSH_WORKS:
		if (push->kind != PUSH_DEVICE)
			writeback_worked(parties->writeback, push);
		if (push->kind == PUSH_VALIDATION)
			push_accepted(parties, push);
		break;
	case PUSH_FAILS:
		writeback_failed(parties->writeback, push);
		break;
	case PUSH_DROPS:
		push_unsubscribe(parties, push, outcome);
		break;
	}
}

void push_end(const struct push_parties *parties, struct push *push, enum push_outcome outcome)
{
	const struct push_end_row *row = &push_end_rows[outcome];

	if (row->counter != CORE_COUNTERS)
		core_count(parties->core, row->counter);
	if (push->tell)
		push->tell(push, row->text, outcome == PUSH_END_SENT);
	else
		push_affect(parties, push, outcome, row->effect);
	if (outcome != PUSH_END_STOPPED)
		writeback_remove(parties->writeback, push);
	push_free(&push);
}
