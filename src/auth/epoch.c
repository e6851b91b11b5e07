#include "auth/epoch.h"

#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct epoch {
	pthread_mutex_t lock;
	uint64_t now; /* changes so far */
	uint64_t accounts[EPOCH_CHANGES]; /* hashes of names; change number n is at n % EPOCH_CHANGES */
};

struct epoch *epoch_new(void)
{
	struct epoch *epoch = mem_zalloc(sizeof(*epoch));
	pthread_mutex_init(&epoch->lock, NULL);
	return epoch;
}

void epoch_free(struct epoch **epoch)
{
	if (!*epoch)
		return;
	pthread_mutex_destroy(&(*epoch)->lock);
	free(*epoch);
	*epoch = NULL;
}

uint64_t epoch_now(struct epoch *epoch)
{
	pthread_mutex_lock(&epoch->lock);
	uint64_t now = epoch->now;
	pthread_mutex_unlock(&epoch->lock);
	return now;
}

void epoch_note(struct epoch *epoch, struct strv account)
{
	pthread_mutex_lock(&epoch->lock);
	epoch->accounts[epoch->now++ % EPOCH_CHANGES] = hash_bytes(account.p, account.n);
	pthread_mutex_unlock(&epoch->lock);
}

bool epoch_changed(struct epoch *epoch, struct strv account, uint64_t since)
{
	uint64_t wanted = hash_bytes(account.p, account.n);

	pthread_mutex_lock(&epoch->lock);
	bool changed = epoch->now - since > EPOCH_CHANGES;
	for (uint64_t n = since; !changed && n < epoch->now; n++)
		changed = epoch->accounts[n % EPOCH_CHANGES] == wanted;
	pthread_mutex_unlock(&epoch->lock);
	return changed;
}
