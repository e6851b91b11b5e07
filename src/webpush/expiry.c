/*
 * Subscriptions that wait to be validated: when their time is over a job discards them. push.db remembers them over a restart.
 */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define GRACE_MS 1000 /* the rules count whole seconds */

struct expiry {
	struct list_node node;
	int64_t account;
	char *subscription; /* own */
	char *endpoint; /* own */
	uint64_t due; /* clock_mono_ms */
};

static void expiry_free(struct webpush *webpush, struct expiry *expiry)
{
	list_remove(&expiry->node);
	webpush->expiry_count--;
	free(expiry->subscription);
	free(expiry->endpoint);
	free(expiry);
}

static void on_timer(void *arg)
{
	struct webpush *webpush = arg;
	uint64_t now = clock_mono_ms();
	uint64_t next = UINT64_MAX;

	if (atomic_load(&webpush->stopping))
		return;
	LIST_EACH_SAFE (node, &webpush->expiries) {
		struct expiry *expiry = CONTAINER_OF(node, struct expiry, node);
		if (expiry->due > now) {
			next = expiry->due < next ? expiry->due : next;
			continue;
		}
		upkeep_submit(
			webpush, UPKEEP_EXPIRE, expiry->account, expiry->subscription, expiry->endpoint);
		expiry_free(webpush, expiry);
	}
	if (next != UINT64_MAX)
		timer_set(&webpush->expiry_timer, next - now);
}

void expiry_init(struct webpush *webpush)
{
	list_init(&webpush->expiries);
	timer_init(&webpush->expiry_timer, webpush->reactor, on_timer, webpush);
}

static void watch(struct webpush *webpush, int64_t account, const char *subscription, const char *endpoint,
	uint64_t seconds)
{
	struct expiry *expiry = mem_zalloc(sizeof(*expiry));
	struct list_node *oldest = list_first(&webpush->expiries);

	if (oldest && webpush->expiry_count >= webpush->settings.queue_max)
		expiry_free(webpush, CONTAINER_OF(oldest, struct expiry, node));
	expiry->account = account;
	expiry->subscription = mem_strdup(subscription);
	expiry->endpoint = mem_strdup(endpoint);
	expiry->due = clock_mono_ms() + seconds * 1000 + GRACE_MS;
	list_append(&webpush->expiries, &expiry->node);
	webpush->expiry_count++;
	on_timer(webpush);
}

void expiry_watch(struct webpush *webpush, const struct push *push, uint64_t seconds)
{
	books_expiry(webpush->books, push->account, push->subscription, push->endpoint,
		clock_wall() + (int64_t)seconds);
	watch(webpush, push->account, push->subscription, push->endpoint, seconds);
}

void expiry_restore(
	struct webpush *webpush, int64_t account, const char *subscription, const char *endpoint, int64_t due)
{
	int64_t left = due - clock_wall();

	watch(webpush, account, subscription, endpoint, left > 0 ? (uint64_t)left : 0);
}

void expiry_fini(struct webpush *webpush)
{
	LIST_EACH_SAFE (node, &webpush->expiries)
		expiry_free(webpush, CONTAINER_OF(node, struct expiry, node));
	timer_fini(&webpush->expiry_timer);
}
