/*
 * Change lists: built by the running job, numbered and posted in commit order, watched by sinks. A list is
 * immutable once it has its number; its memory goes with its last reference, on whatever thread that is.
 */
#include "store/store_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/keyword_set.h"

/* Publishing copies up to this many sinks to its stack; for more it allocates memory. */
#define SINKS_INLINE 16

/* The list while it grows. Others see `pub` only. */
struct list_priv {
	struct change_list pub;
	atomic_uint refs;
	struct change *changes; /* own; each entry's msgs, too */
	size_t cap;
	struct arena *arena; /* own: names; NULL if there are none */
};

struct watch {
	struct change_sink *sink; /* borrowed */
	unsigned count;
};

struct sink_msg {
	struct reactor_msg msg;
	struct change_sink *sink; /* borrowed */
	struct change_list *list; /* counted */
};

static struct list_priv *list_priv(struct change_list *list)
{
	return CONTAINER_OF(list, struct list_priv, pub);
}

static void list_free(struct list_priv *list)
{
	for (size_t i = 0; i < list->pub.count; i++)
		free(mem_unconst(list->changes[i].msgs));
	free(list->changes);
	arena_free(&list->arena);
	free(list);
}

struct change_list *change_list_ref(struct change_list *list)
{
	atomic_fetch_add_explicit(&list_priv(list)->refs, 1, memory_order_relaxed);
	return list;
}

void change_list_unref(struct change_list **list)
{
	struct change_list *l = *list;
	if (!l)
		return;
	*list = NULL;
	struct list_priv *priv = list_priv(l);
	if (atomic_fetch_sub_explicit(&priv->refs, 1, memory_order_acq_rel) != 1)
		return;
	struct account *account = l->account;
	list_free(priv);
	account_unref(&account);
}

static struct list_priv *list_new(struct account *account)
{
	struct list_priv *list = mem_zalloc(sizeof(*list));
	atomic_init(&list->refs, 1);
	list->pub.account_id = account->id;
	return list;
}

/* Adds an entry of the running job. */
static struct change *change_new(struct account *account, enum change_kind kind, int64_t mailbox)
{
	struct effects *effects = account->effects;
	if (!effects || !db_in_transaction(account->db))
		abort();
	if (!effects->changes)
		effects->changes = &list_new(account)->pub;
	struct list_priv *list = list_priv(effects->changes);
	if (list->pub.count == list->cap) {
		list->changes = mem_grow(list->changes, &list->cap, sizeof(struct change));
		list->pub.changes = list->changes;
	}
	struct change *change = &list->changes[list->pub.count++];
	*change = (struct change){ .kind = kind, .mailbox = mailbox, .origin = account_origin(account) };
	return change;
}

static struct arena *change_arena(struct account *account)
{
	struct list_priv *list = list_priv(account->effects->changes);
	if (!list->arena)
		list->arena = arena_new(256);
	return list->arena;
}

/* The entry that a message of this kind can still join, or NULL: UIDs ascend within an entry. */
static struct change *change_last(
	struct account *account, enum change_kind kind, int64_t mailbox, uint32_t uid)
{
	struct effects *effects = account->effects;
	if (!effects || !effects->changes || effects->changes->count == 0)
		return NULL;
	struct list_priv *list = list_priv(effects->changes);
	struct change *change = &list->changes[list->pub.count - 1];
	if (change->kind != kind || change->mailbox != mailbox || change->msg_count == 0)
		return NULL;
	return change->msgs[change->msg_count - 1].uid < uid ? change : NULL;
}

void change_msg(
	struct account *account, enum change_kind kind, int64_t mailbox, const struct msg_state *state)
{
	struct change *change = change_last(account, kind, mailbox, state->uid);
	if (!change)
		change = change_new(account, kind, mailbox);
	struct msg_state *msgs = mem_unconst(change->msgs);
	size_t n = change->msg_count;
	/* The array is full whenever the count is a power of two. */
	if ((n & (n - 1)) == 0)
		msgs = mem_realloc(msgs, n ? n * 2 : 1, sizeof(*msgs));
	msgs[n] = *state;
	if (state->more) {
		uint64_t *more = arena_alloc(change_arena(account), KEYWORDS_MORE_WORDS * sizeof(*more));
		memcpy(more, state->more, KEYWORDS_MORE_WORDS * sizeof(*more));
		msgs[n].more = more;
	}
	change->msgs = msgs;
	change->msg_count = n + 1;
	if (state->modseq > change->modseq)
		change->modseq = state->modseq;
}

void change_name(struct account *account, enum change_kind kind, int64_t mailbox, struct strv name,
	struct strv old_name, uint64_t modseq)
{
	struct change *change = change_new(account, kind, mailbox);
	struct arena *arena = change_arena(account);
	change->name = arena_strv(arena, name);
	change->old_name = arena_strv(arena, old_name);
	change->modseq = modseq;
}

void change_keywords(
	struct account *account, int64_t mailbox, const struct strv *names, size_t count, uint64_t modseq)
{
	struct change *change = change_new(account, CHANGE_KEYWORDS, mailbox);
	struct arena *arena = change_arena(account);
	struct strv *copies = arena_alloc(arena, (count ? count : 1) * sizeof(*copies));
	for (size_t i = 0; i < count; i++)
		copies[i] = arena_strv(arena, names[i]);
	change->keywords = copies;
	change->keyword_count = count;
	change->modseq = modseq;
}

void change_effects_drop(struct effects *effects)
{
	if (effects->changes)
		list_free(list_priv(effects->changes));
	free(effects->watches);
	seqset_fini(&effects->marked);
	*effects = (struct effects){ 0 };
}

static void watch_add(struct account *account, struct change_sink *sink)
{
	pthread_mutex_lock(&account->watch_lock);
	size_t i = 0;
	while (i < account->watch_count && account->watches[i].sink != sink)
		i++;
	if (i == account->watch_count) {
		account->watches = mem_realloc(account->watches, i + 1, sizeof(struct watch));
		account->watches[i] = (struct watch){ .sink = sink };
		account->watch_count++;
	}
	account->watches[i].count++;
	pthread_mutex_unlock(&account->watch_lock);
}

/*
 * Watching from within a job begins when the job has succeeded, after its own list: a job that is undone or
 * run again does not watch.
 */
void change_watch(struct account *account, struct change_sink *sink)
{
	strand_assert(account->strand);
	struct effects *effects = account->effects;
	if (!effects) {
		watch_add(account, sink);
		return;
	}
	effects->watches =
		mem_realloc(effects->watches, effects->watch_count + 1, sizeof(struct change_sink *));
	effects->watches[effects->watch_count++] = sink;
}

void change_unwatch(struct account *account, struct change_sink *sink)
{
	pthread_mutex_lock(&account->watch_lock);
	for (size_t i = 0; i < account->watch_count; i++) {
		if (account->watches[i].sink != sink)
			continue;
		if (--account->watches[i].count == 0)
			account->watches[i] = account->watches[--account->watch_count];
		break;
	}
	pthread_mutex_unlock(&account->watch_lock);
}

static bool change_watched(struct account *account)
{
	pthread_mutex_lock(&account->watch_lock);
	bool any = account->watch_count > 0;
	pthread_mutex_unlock(&account->watch_lock);
	return any;
}

void store_each_watched(struct store *store, void (*fn)(void *ctx, struct account *account), void *ctx)
{
	struct account *account;
	struct account *next;
	size_t count = 0;

	pthread_mutex_lock(&store->lock);
	int64_t *ids = mem_alloc((HASH_COUNT(store->accounts) + 1) * sizeof(*ids));
	HASH_ITER (hh, store->accounts, account, next) {
		if (change_watched(account))
			ids[count++] = account->id;
	}
	pthread_mutex_unlock(&store->lock);
	for (size_t i = 0; i < count; i++) {
		account = account_get(store, ids[i]);
		fn(ctx, account);
		account_unref(&account);
	}
	free(ids);
}

void store_watch_all(struct store *store, struct change_sink *sink)
{
	store->sinks = mem_realloc(store->sinks, store->sink_count + 1, sizeof(struct change_sink *));
	store->sinks[store->sink_count++] = sink;
}

static void sink_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct sink_msg *m = CONTAINER_OF(msg, struct sink_msg, msg);
	(void)reactor;
	m->sink->fn(m->sink->ctx, m->list);
	change_list_unref(&m->list);
	free(m);
}

static void sink_tell(struct change_sink *sink, struct change_list *list)
{
	if (!sink->reactor) {
		sink->fn(sink->ctx, list);
		return;
	}
	struct sink_msg *m = mem_zalloc(sizeof(*m));
	m->msg.fn = sink_arrived;
	m->sink = sink;
	m->list = change_list_ref(list);
	reactor_post(sink->reactor, &m->msg);
}

/* Numbers the list and posts it to all sinks; takes it over. */
static void change_publish(struct account *account, struct change_list *list)
{
	struct change_sink *room[SINKS_INLINE];
	struct change_sink **sinks = room;
	list->number = ++account->change;
	list->account = account_ref(account);
	for (size_t i = 0; i < account->store->sink_count; i++)
		sink_tell(account->store->sinks[i], list);

	/* The sinks are called without the lock: a sink on this thread may unwatch. */
	pthread_mutex_lock(&account->watch_lock);
	size_t count = account->watch_count;
	if (count > SINKS_INLINE)
		sinks = mem_alloc(count * sizeof(struct change_sink *));
	for (size_t i = 0; i < count; i++)
		sinks[i] = account->watches[i].sink;
	pthread_mutex_unlock(&account->watch_lock);
	for (size_t i = 0; i < count; i++)
		sink_tell(sinks[i], list);
	if (sinks != room)
		free(sinks);
	change_list_unref(&list);
}

void change_effects_publish(struct account *account, struct effects *effects)
{
	struct change_list *list = effects->changes;
	effects->changes = NULL;
	if (list)
		change_publish(account, list);
	for (size_t i = 0; i < effects->watch_count; i++)
		watch_add(account, effects->watches[i]);
	marked_hand_over(account, effects->marked_mailbox, &effects->marked);
	change_effects_drop(effects);
}

void change_publish_kind(struct account *account, enum change_kind kind)
{
	struct list_priv *list = list_new(account);
	list->changes = mem_zalloc(sizeof(struct change));
	list->changes[0].kind = kind;
	list->cap = 1;
	list->pub.changes = list->changes;
	list->pub.count = 1;
	change_publish(account, &list->pub);
}
