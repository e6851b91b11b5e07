#include "auth/lanes.h"

#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* An address or an account that has waiting or running items. */
struct lane_group {
	UT_hash_handle hh;
	struct list items[LANE_COUNT]; /* waiting items; of an address only */
	struct list_node ring[LANE_COUNT]; /* its place in the ring of each lane in which it has items */
	unsigned running; /* running items that count for limits */
	unsigned running_known;
	unsigned refs;
	char name[];
};

struct lanes {
	pthread_mutex_t lock;
	struct lanes_limits limits;
	enum lane_look (*look)(void *ctx, struct lane_item *item);
	void *ctx;
	struct lane_group *addresses;
	struct lane_group *accounts;
	struct list ring[LANE_COUNT]; /* of lane_group */
	size_t waiting[LANE_COUNT];
	unsigned running;
};

struct lanes *lanes_new(const struct lanes_limits *limits,
	enum lane_look (*look)(void *ctx, struct lane_item *item), void *ctx)
{
	struct lanes *lanes = mem_zalloc(sizeof(*lanes));

	pthread_mutex_init(&lanes->lock, NULL);
	lanes->limits = *limits;
	lanes->look = look;
	lanes->ctx = ctx;
	for (int i = 0; i < LANE_COUNT; i++)
		list_init(&lanes->ring[i]);
	return lanes;
}

void lanes_free(struct lanes **lanes)
{
	struct lanes *l = *lanes;
	if (!l)
		return;
	if (l->addresses || l->accounts)
		abort();
	pthread_mutex_destroy(&l->lock);
	free(l);
	*lanes = NULL;
}

void lanes_set_limits(struct lanes *lanes, const struct lanes_limits *limits)
{
	pthread_mutex_lock(&lanes->lock);
	unsigned workers = lanes->limits.workers;
	lanes->limits = *limits;
	lanes->limits.workers = workers;
	pthread_mutex_unlock(&lanes->lock);
}

static struct lane_group *lanes_group_ref(struct lane_group **table, const char *name)
{
	struct lane_group *group = NULL;
	size_t size = strlen(name);

	HASH_FIND(hh, *table, name, size, group);
	if (!group) {
		group = mem_zalloc(sizeof(*group) + size + 1);
		memcpy(group->name, name, size);
		for (int i = 0; i < LANE_COUNT; i++)
			list_init(&group->items[i]);
		HASH_ADD_KEYPTR(hh, *table, group->name, size, group);
	}
	group->refs++;
	return group;
}

static void lanes_group_unref(struct lane_group **table, struct lane_group *group)
{
	if (--group->refs > 0)
		return;
	HASH_DELETE(hh, *table, group);
	free(group);
}

static void lanes_link(struct lanes *lanes, struct lane_item *item, enum lane lane)
{
	struct lane_group *group = item->address_group;

	item->lane = lane;
	item->waiting = true;
	if (list_empty(&group->items[lane]))
		list_append(&lanes->ring[lane], &group->ring[lane]);
	list_append(&group->items[lane], &item->node);
	lanes->waiting[lane]++;
}

static void lanes_unlink(struct lanes *lanes, struct lane_item *item)
{
	struct lane_group *group = item->address_group;

	item->waiting = false;
	list_remove(&item->node);
	lanes->waiting[item->lane]--;
	if (list_empty(&group->items[item->lane]))
		list_remove(&group->ring[item->lane]);
}

static void lanes_forget(struct lanes *lanes, struct lane_item *item)
{
	lanes_group_unref(&lanes->addresses, item->address_group);
	if (item->account_group)
		lanes_group_unref(&lanes->accounts, item->account_group);
	item->address_group = item->account_group = NULL;
}

/* The last item of the last address of a lane. */
static struct lane_item *lanes_last(struct lanes *lanes, enum lane lane)
{
	const struct list *ring = &lanes->ring[lane];
	if (list_empty(ring))
		return NULL;
	struct lane_group *group = CONTAINER_OF(ring->head.prev, struct lane_group, ring[lane]);
	return CONTAINER_OF(group->items[lane].head.prev, struct lane_item, node);
}

static bool lanes_full(const struct lanes *lanes, enum lane lane)
{
	size_t strangers = lanes->waiting[LANE_CLEAN] + lanes->waiting[LANE_FAILED];
	return (lane == LANE_KNOWN ? lanes->waiting[LANE_KNOWN] : strangers) >= lanes->limits.waiting_max;
}

enum rc lanes_add(struct lanes *lanes, struct lane_item *item, struct lane_item **ret_victim)
{
	struct lane_item *victim = NULL;
	enum rc rc = RC_OK;

	pthread_mutex_lock(&lanes->lock);
	if (lanes_full(lanes, item->lane)) {
		victim = item->lane == LANE_CLEAN ? lanes_last(lanes, LANE_FAILED) : NULL;
		rc = victim ? RC_OK : RC_BUSY;
	}
	if (victim) {
		lanes_unlink(lanes, victim);
		lanes_forget(lanes, victim);
	}
	if (rc == RC_OK) {
		item->address_group = lanes_group_ref(&lanes->addresses, item->address);
		if (item->account)
			item->account_group = lanes_group_ref(&lanes->accounts, item->account);
		lanes_link(lanes, item, item->lane);
		*ret_victim = victim;
	}
	pthread_mutex_unlock(&lanes->lock);
	return rc;
}

/*
 * Counts items at known addresses separately, so that strangers who guess do not delay the owner of the
 * account.
 */
static unsigned *lanes_account_running(const struct lane_item *item)
{
	return item->lane == LANE_KNOWN ? &item->account_group->running_known : &item->account_group->running;
}

/* Counts an item that begins (1) or ends (-1). */
static void lanes_count(struct lanes *lanes, const struct lane_item *item, int step)
{
	lanes->running += (unsigned)step;
	if (item->account_group)
		*lanes_account_running(item) += (unsigned)step;
	if (!item->free)
		item->address_group->running += (unsigned)step;
}

static bool lanes_may_run(const struct lanes *lanes, const struct lane_item *item)
{
	if (!item->free && item->address_group->running >= lanes->limits.per_address)
		return false;
	return !item->account_group || *lanes_account_running(item) < lanes->limits.per_account;
}

/* The first item of an address that may run now. Items whose address has failed meanwhile change lanes. */
static struct lane_item *lanes_pick(struct lanes *lanes, struct lane_group *group, enum lane lane)
{
	unsigned looked = 0;

	LIST_EACH_SAFE (node, &group->items[lane]) {
		struct lane_item *item = CONTAINER_OF(node, struct lane_item, node);
		if (!lanes_may_run(lanes, item)) {
			if (++looked == LANES_DEPTH)
				return NULL;
			continue;
		}
		switch (lanes->look(lanes->ctx, item)) {
		case LANE_RUN:
			return item;
		case LANE_LATER:
			return NULL;
		case LANE_DEMOTE:
			lanes_unlink(lanes, item);
			lanes_link(lanes, item, LANE_FAILED);
			break;
		}
	}
	return NULL;
}

static struct lane_item *lanes_choose(struct lanes *lanes, enum lane lane)
{
	LIST_EACH_SAFE (node, &lanes->ring[lane]) {
		struct lane_group *group = CONTAINER_OF(node, struct lane_group, ring[lane]);
		struct lane_item *item = lanes_pick(lanes, group, lane);
		if (!item)
			continue;
		/* The address goes to the end of the ring. */
		list_remove(node);
		list_append(&lanes->ring[lane], node);
		return item;
	}
	return NULL;
}

struct lane_item *lanes_next(struct lanes *lanes)
{
	struct lane_item *item = NULL;

	pthread_mutex_lock(&lanes->lock);
	for (int lane = 0; lane < LANE_COUNT && !item && lanes->running < lanes->limits.workers; lane++)
		item = lanes_choose(lanes, (enum lane)lane);
	if (item) {
		lanes_unlink(lanes, item);
		lanes_count(lanes, item, 1);
	}
	pthread_mutex_unlock(&lanes->lock);
	return item;
}

void lanes_done(struct lanes *lanes, struct lane_item *item)
{
	pthread_mutex_lock(&lanes->lock);
	lanes_count(lanes, item, -1);
	lanes_forget(lanes, item);
	pthread_mutex_unlock(&lanes->lock);
}

bool lanes_remove(struct lanes *lanes, struct lane_item *item)
{
	pthread_mutex_lock(&lanes->lock);
	bool waits = item->waiting;
	if (waits) {
		lanes_unlink(lanes, item);
		lanes_forget(lanes, item);
	}
	pthread_mutex_unlock(&lanes->lock);
	return waits;
}

struct lane_item *lanes_pop(struct lanes *lanes)
{
	struct lane_item *item = NULL;

	pthread_mutex_lock(&lanes->lock);
	for (int lane = 0; lane < LANE_COUNT && !item; lane++)
		item = lanes_last(lanes, (enum lane)lane);
	if (item) {
		lanes_unlink(lanes, item);
		lanes_forget(lanes, item);
	}
	pthread_mutex_unlock(&lanes->lock);
	return item;
}

size_t lanes_waiting(struct lanes *lanes)
{
	size_t count = 0;

	pthread_mutex_lock(&lanes->lock);
	for (int lane = 0; lane < LANE_COUNT; lane++)
		count += lanes->waiting[lane];
	pthread_mutex_unlock(&lanes->lock);
	return count;
}
