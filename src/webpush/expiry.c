/* A list of subscriptions that wait to be validated, and one timer for the first of them that is due. */
#include "webpush/expiry.h"

#include "base/clock.h"
#include "base/mem.h"
#include "webpush/core.h"
#include "webpush/push.h"
#include "webpush/upkeep.h"
#include "webpush/writeback.h"

#include <stdlib.h>

#define EXPIRY_GRACE_MS 1000 /* the rules count whole seconds */

struct expiry_watched {
	struct list_node node;
	int64_t account;
	char *subscription; /* own, as the next one */
	char *endpoint;
	uint64_t due; /* clock_mono_ms */
};

static void expiry_forget(struct expiry *expiry, struct expiry_watched *watched)
{
	list_remove(&watched->node);
	expiry->count--;
	free(watched->subscription);
	free(watched->endpoint);
	free(watched);
}

static void expiry_on_timer(void *arg)
{
	struct expiry *expiry = arg;
	uint64_t now = clock_mono_ms();
	uint64_t next = UINT64_MAX;

	if (core_stopping(expiry->core))
		return;
	LIST_EACH_SAFE (node, &expiry->watched) {
		struct expiry_watched *watched = CONTAINER_OF(node, struct expiry_watched, node);
		if (watched->due > now) {
			next = watched->due < next ? watched->due : next;
			continue;
		}
		upkeep_submit(expiry->upkeep, UPKEEP_EXPIRE, watched->account, watched->subscription,
			watched->endpoint);
		expiry_forget(expiry, watched);
	}
	if (next != UINT64_MAX)
		timer_set(&expiry->timer, next - now);
}

void expiry_init(struct expiry *expiry, struct core *core, struct upkeep *upkeep, struct writeback *writeback)
{
	*expiry = (struct expiry){ .core = core, .upkeep = upkeep, .writeback = writeback };
	list_init(&expiry->watched);
	timer_init(&expiry->timer, core->reactor, expiry_on_timer, expiry);
}

static void expiry_add(struct expiry *expiry, int64_t account, const char *subscription, const char *endpoint,
	uint64_t seconds)
{
	struct expiry_watched *watched = mem_zalloc(sizeof(*watched));
	struct list_node *oldest = list_first(&expiry->watched);

	if (oldest && expiry->count >= expiry->core->settings->queue_max)
		expiry_forget(expiry, CONTAINER_OF(oldest, struct expiry_watched, node));
	watched->account = account;
	watched->subscription = mem_strdup(subscription);
	watched->endpoint = mem_strdup(endpoint);
	watched->due = clock_mono_ms() + seconds * 1000 + EXPIRY_GRACE_MS;
	list_append(&expiry->watched, &watched->node);
	expiry->count++;
	expiry_on_timer(expiry);
}

void expiry_watch(struct expiry *expiry, const struct push *push, uint64_t seconds)
{
	writeback_expiry(expiry->writeback, push->account, push->subscription, push->endpoint,
		clock_wall() + (int64_t)seconds);
	expiry_add(expiry, push->account, push->subscription, push->endpoint, seconds);
}

void expiry_restore(
	struct expiry *expiry, int64_t account, const char *subscription, const char *endpoint, int64_t due)
{
	int64_t left = due - clock_wall();

	expiry_add(expiry, account, subscription, endpoint, left > 0 ? (uint64_t)left : 0);
}

void expiry_stop(struct expiry *expiry)
{
	timer_cancel(&expiry->timer);
}

void expiry_fini(struct expiry *expiry)
{
	LIST_EACH_SAFE (node, &expiry->watched)
		expiry_forget(expiry, CONTAINER_OF(node, struct expiry_watched, node));
	timer_fini(&expiry->timer);
}
