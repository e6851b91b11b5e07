/*
 * The background work of accounts: syncing relaxed commits, checkpoints, move-out, sweep, closing. store_tick
 * looks at atomics only and queues an item of the account's own on its strand; the work runs there, one kind
 * a turn, and slow kinds at no more than half of the workers.
 */
#include "store/damage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define SLOW_RETRY_MS 200 /* while no worker is free for slow work */

struct dirty_account {
	struct account *account; /* counted */
	uint64_t number;
};

static void background_queue(struct account *account)
{
	if (atomic_exchange(&account->background_queued, true))
		return;
	account_ref(account);
	strand_add_always(account->strand, &account->background_item);
}

void account_background_want(struct account *account, enum background_kind kind)
{
	atomic_fetch_or(&account->wanted, 1u << kind);
	background_queue(account);
}

static void next_due_set(struct account *account)
{
	uint64_t next = 0;
	for (int kind = 0; kind < BACKGROUND_KINDS; kind++) {
		uint64_t due = account->due[kind];
		if (due && (!next || due < next))
			next = due;
	}
	atomic_store(&account->next_due, next);
}

void account_background(struct account *account, enum background_kind kind, uint64_t due)
{
	strand_assert(account->strand);
	if (due == 0 || account->due[kind] == 0 || due < account->due[kind])
		account->due[kind] = due;
	next_due_set(account);
}

void account_background_now(struct account *account, enum background_kind kind)
{
	strand_assert(account->strand);
	account_background_want(account, kind);
}

/* Takes the result of a sync. A failed one leaves the WAL in doubt. */
void account_background_synced(struct account *account, enum rc rc, uint64_t number)
{
	if (rc == RC_OK) {
		account_synced(account, number);
		ledger_note(account);
	} else if (rc == RC_IO) {
		/* Afterwards either everything is on disk or the sessions have been told. */
		rc = account_recover(account);
		(void)rc;
	}
}

static enum rc run_sync(struct account *account)
{
	uint64_t number = atomic_load(&account->dirty_number);
	if (!account_dirty(account))
		return RC_OK;
	enum rc rc = db_sync_wal(account->db);
	account_background_synced(account, rc, number);
	return rc;
}

static const struct {
	enum rc (*run)(struct account *account); /* RC_AGAIN: more to do at once */
	bool slow;
} background_kinds[BACKGROUND_KINDS] = {
	[BACKGROUND_LOOK] = { replaced_look_run, false },
	[BACKGROUND_SYNC] = { run_sync, false },
	[BACKGROUND_CHECKPOINT] = { settle_run, true },
	[BACKGROUND_MOVE_OUT] = { blob_moveout, true },
	[BACKGROUND_SWEEP] = { blob_sweep, true },
	[BACKGROUND_FILL] = { blob_fill_sums, true },
	[BACKGROUND_NOTE] = { damage_note, false },
	[BACKGROUND_MARKED] = { marked_retry, false },
	[BACKGROUND_CLOSE] = { settle_close_run, true },
};

static bool slow_begin(struct store *store)
{
	unsigned max = pool_threads(store->pool) / 2;
	unsigned running = atomic_fetch_add(&store->slow_running, 1);
	if (running < (max ? max : 1))
		return true;
	atomic_fetch_sub(&store->slow_running, 1);
	return false;
}

static void run_kind(struct account *account, enum background_kind kind)
{
	struct store *store = account->store;
	bool slow = background_kinds[kind].slow;
	bool writes = kind != BACKGROUND_CLOSE && kind != BACKGROUND_LOOK;
	if (writes && account_writable(account) != RC_OK) {
		if (account->state == ACCOUNT_OPEN)
			account_background(account, kind, account->write_retry_at);
		return;
	}
	if (slow && !slow_begin(store)) {
		account_background(account, kind, clock_mono_ms() + SLOW_RETRY_MS);
		return;
	}
	arena_reset(account->job_arena);
	enum rc rc = background_kinds[kind].run(account);
	if (slow)
		atomic_fetch_sub(&store->slow_running, 1);
	if (rc == RC_AGAIN && account->state == ACCOUNT_OPEN)
		account_background_want(account, kind);
}

/* Does one kind of work. If more kinds are due, the item goes to the end of the strand again. */
static void background_run(struct account *account)
{
	uint64_t now = clock_mono_ms();
	atomic_store(&account->background_queued, false);
	unsigned wanted = atomic_exchange(&account->wanted, 0);
	if (account->state != ACCOUNT_OPEN)
		return;
	int chosen = BACKGROUND_KINDS;
	for (int kind = BACKGROUND_KINDS - 1; kind >= 0; kind--) {
		if (account->due[kind] && account->due[kind] <= now)
			wanted |= 1u << kind;
		if (wanted & 1u << kind)
			chosen = kind;
	}
	if (chosen == BACKGROUND_KINDS)
		return;
	wanted &= ~(1u << chosen);
	account->due[chosen] = 0;
	next_due_set(account);
	if (wanted) {
		atomic_fetch_or(&account->wanted, wanted);
		background_queue(account);
	}
	run_kind(account, (enum background_kind)chosen);
}

/* Removes the folder of an account, for account_destroy. */
static void destroy_run(struct account *account)
{
	if (!account_owner_gone(account)) {
		atomic_store(&account->destroy_queued, false);
		return;
	}
	account_close_quickly(account);
	account_mark_gone(account);
	change_publish_kind(account, CHANGE_ACCOUNT_GONE);
	enum rc rc = folder_account_remove(account);
	if (rc == RC_OK)
		users_removed_done(account->store, account->id);
	else
		log_warn(account->store->log,
			"folder of a removed account is left, next try at the next start account=%s rc=%s",
			account_shown(account), rc_name(rc));
}

void account_destroy(struct account *account)
{
	if (atomic_exchange(&account->destroy_queued, true))
		return;
	account_ref(account);
	strand_add_always(account->strand, &account->destroy_item);
}

bool account_item_is_job(const struct account *account, const struct strand_item *item)
{
	return item != &account->background_item && item != &account->destroy_item;
}

void account_item_run(struct account *account, struct strand_item *item)
{
	if (item == &account->background_item)
		background_run(account);
	else
		destroy_run(account);
	/* The item's own reference; the turn has another. */
	account_unref(&account);
}

void account_turn_ends(struct account *account)
{
	if (account->state != ACCOUNT_OPEN)
		return;
	settle_wish(account);
}

/* Runs on the store's own strand. */
static void syncfs_run(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	size_t n = 0;
	struct dirty_account *dirty = mem_alloc((store->open_count + 1) * sizeof(*dirty));
	LIST_EACH (node, &store->open_accounts) {
		struct account *account = CONTAINER_OF(node, struct account, open_node);
		if (account_dirty(account))
			dirty[n++] = (struct dirty_account){ account_ref(account),
				atomic_load(&account->dirty_number) };
	}
	pthread_mutex_unlock(&store->lock);
	bool ok = store->io->syncfs(store->io->ctx, store->root_fd) == 0;
	if (!ok)
		log_error(store->log, "sync of the file system failed errno=%d", errno);
	for (size_t i = 0; i < n; i++) {
		/* If syncfs failed, each account syncs by itself and handles the error. */
		if (ok)
			account_synced(dirty[i].account, dirty[i].number);
		else
			account_background_want(dirty[i].account, BACKGROUND_SYNC);
		account_unref(&dirty[i].account);
	}
	free(dirty);
}

void store_turn(struct strand *strand, void *ctx)
{
	struct store *store = ctx;
	for (struct strand_item *item = strand_next(strand); item; item = strand_next(strand)) {
		if (item == &store->look_item) {
			atomic_store(&store->look_queued, false);
			replaced_look(store);
			space_look(store);
			continue;
		}
		atomic_store(&store->syncfs_queued, false);
		syncfs_run(store);
	}
}

static size_t count_dirty(struct store *store)
{
	size_t n = 0;
	LIST_EACH (node, &store->open_accounts)
		n += account_dirty(CONTAINER_OF(node, struct account, open_node));
	return n;
}

/* If the disk has little room, dead bytes are removed at once. The caller holds the store's lock. */
static void tick_space(struct store *store)
{
	bool low = space_state(store) != SPACE_PLENTY;
	bool tell = low && !store->was_low;
	store->was_low = low;
	if (!tell)
		return;
	LIST_EACH (node, &store->open_accounts) {
		struct account *account = CONTAINER_OF(node, struct account, open_node);
		account_background_want(account, BACKGROUND_CHECKPOINT);
		account_background_want(account, BACKGROUND_SWEEP);
	}
}

static void tick_account(struct account *account, uint64_t now, bool sync_each)
{
	uint64_t due = atomic_load(&account->next_due);
	uint64_t used = atomic_load_explicit(&account->last_used, memory_order_relaxed);
	if (sync_each && account_dirty(account))
		account_background_want(account, BACKGROUND_SYNC);
	else if (due && due <= now)
		background_queue(account);
	else if (atomic_load(&account->refs) == 1 && now > used + ACCOUNT_IDLE_CLOSE_MS)
		account_background_want(account, BACKGROUND_CLOSE);
}

void store_tick(struct store *store)
{
	uint64_t now = clock_mono_ms();
	if (!store->ticked) {
		store->ticked = true;
		users_removed_start(store);
	}
	users_tick(store);
	pthread_mutex_lock(&store->lock);
	tick_space(store);
	bool sync_all = count_dirty(store) > SYNCFS_ACCOUNTS;
	LIST_EACH (node, &store->open_accounts)
		tick_account(CONTAINER_OF(node, struct account, open_node), now, !sync_all);
	pthread_mutex_unlock(&store->lock);
	index_lru_trim(store->indexes);
	settle_tick(store);
	if (!atomic_exchange(&store->look_queued, true))
		strand_add_always(store->strand, &store->look_item);
	if (sync_all && !atomic_exchange(&store->syncfs_queued, true))
		strand_add_always(store->strand, &store->syncfs_item);
}
