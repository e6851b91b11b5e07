/*
 * Places for open accounts. There are `open_accounts_max`: an account that is opened takes one, and if none
 * is free its worker first closes the account that was used longest ago. So no more accounts are open than
 * the setting says, and those that workers and reactors hold at this instant.
 *
 *	head						tail
 *	A (listed 10, used 10)	B (listed 12, used 40)	C (listed 30, used 30)
 *
 * The list is in the order in which accounts were opened or last looked at. Use of an account only stamps it,
 * without the lock. The search begins at the head: A has not been used since it was listed, so it goes; if B
 * were the head it would be listed anew at the tail. Each use moves an account at most once, so a place costs
 * the same whatever the number of accounts.
 */
#include "store/store_priv.h"

#include "base/clock.h"

#define PLACE_TRIES 64 /* accounts that are looked at for a place */
#define PLACES_SHORT 8 /* closed when descriptors have run short */

/* Looks at the account at the head of the list. True: it is borrowed, can be closed, and has a reference. */
static bool head_borrow(struct account *account)
{
	struct store *store = account->store;
	uint64_t used = atomic_load_explicit(&account->last_used, memory_order_relaxed);
	bool idle = used <= account->listed_ms && strand_borrow(account->strand);
	if (idle && account->state == ACCOUNT_OPEN && settle_may_close(account)) {
		account_ref(account);
		return true;
	}
	if (idle)
		strand_return(account->strand);
	list_remove(&account->open_node);
	list_append(&store->open_accounts, &account->open_node);
	account->listed_ms = clock_mono_ms();
	return false;
}

/* The account to close, borrowed and with a reference; NULL: all that were looked at are in use. */
static struct account *place_borrow(struct store *store)
{
	for (unsigned i = 0; i < PLACE_TRIES; i++) {
		struct list_node *node = list_first(&store->open_accounts);
		if (!node)
			return NULL;
		struct account *account = CONTAINER_OF(node, struct account, open_node);
		if (head_borrow(account))
			return account;
	}
	return NULL;
}

/* Closes one account on this thread. False: all are in use. The caller holds the store's lock, which is
 * released meanwhile. */
static bool place_clear(struct store *store)
{
	struct account *account = place_borrow(store);
	if (!account)
		return false;
	pthread_mutex_unlock(&store->lock);
	settle_close(account);
	strand_return(account->strand);
	account_unref(&account);
	pthread_mutex_lock(&store->lock);
	return true;
}

void account_place_take(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	while (store->open_count >= store->settings.open_accounts_max && place_clear(store))
		;
	store->open_count++;
	pthread_mutex_unlock(&store->lock);
}

void account_place_return(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	store->open_count--;
	pthread_mutex_unlock(&store->lock);
}

void store_evict_some(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	for (unsigned i = 0; i < PLACES_SHORT && place_clear(store); i++)
		;
	pthread_mutex_unlock(&store->lock);
}

void account_opened(struct account *account)
{
	struct store *store = account->store;
	account_ref(account);
	pthread_mutex_lock(&store->lock);
	account->listed_ms = clock_mono_ms();
	atomic_store_explicit(&account->last_used, account->listed_ms, memory_order_relaxed);
	list_append(&store->open_accounts, &account->open_node);
	pthread_mutex_unlock(&store->lock);
}

void account_closed(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	list_remove(&account->open_node);
	store->open_count--;
	pthread_mutex_unlock(&store->lock);
	account_unref(&account);
}

void account_failed(struct account *account)
{
	account_ref(account);
	pthread_mutex_lock(&account->store->lock);
	list_append(&account->store->failed_accounts, &account->open_node);
	pthread_mutex_unlock(&account->store->lock);
}

void account_mended(struct account *account)
{
	pthread_mutex_lock(&account->store->lock);
	list_remove(&account->open_node);
	pthread_mutex_unlock(&account->store->lock);
	account_unref(&account);
}

void store_counters(struct store *store, struct store_counters *ret_counters)
{
	pthread_mutex_lock(&store->lock);
	*ret_counters = (struct store_counters){
		.accounts_open = store->open_count,
		.accounts_unsettled = settle_waiting(store),
	};
	pthread_mutex_unlock(&store->lock);
}
