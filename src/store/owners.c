/*
 * The users in memory: an array of rows sorted by id, and sets of hashes of their names. One lock guards
 * everything.
 */
#include "store/owners.h"

#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_START 64 /* slots; a power of two */

struct owner_row {
	int64_t id;
	uint64_t name; /* hash; 0: removed */
	char *text; /* own: the name itself, NULL if removed */
	struct owner_mark mark;
};

/*
 * Hashes of names, with open addressing; 0 is a free slot. This is not uthash, whose entries take 64 bytes:
 * there is one for every user of the server, and here it takes 8 to 32.
 */
struct name_set {
	uint64_t *v; /* own */
	size_t slots;
	size_t used;
};

struct owners {
	pthread_mutex_t lock;
	struct owner_row *rows; /* own; by id: ids only grow */
	size_t count;
	size_t cap;
	size_t removed;
	struct name_set names; /* of rows */
	struct name_set strays;
	bool nameless; /* there is a folder whose owner nobody knows */
};

static uint64_t name_hash(struct strv name)
{
	uint64_t hash = hash_bytes(name.p, name.n);
	return hash ? hash : 1;
}

static size_t name_slot(const struct name_set *set, uint64_t hash)
{
	size_t i = (size_t)hash & (set->slots - 1);
	while (set->v[i] != 0 && set->v[i] != hash)
		i = (i + 1) & (set->slots - 1);
	return i;
}

static bool name_set_has(const struct name_set *set, uint64_t hash)
{
	return hash != 0 && set->used > 0 && set->v[name_slot(set, hash)] == hash;
}

static void name_set_add(struct name_set *set, uint64_t hash)
{
	if (2 * (set->used + 1) > set->slots) {
		struct name_set grown = { .slots = set->slots ? 2 * set->slots : NAMES_START };
		grown.v = mem_zalloc(grown.slots * sizeof(*grown.v));
		for (size_t i = 0; i < set->slots; i++)
			if (set->v[i] != 0)
				grown.v[name_slot(&grown, set->v[i])] = set->v[i];
		grown.used = set->used;
		free(set->v);
		*set = grown;
	}
	size_t slot = name_slot(set, hash);
	set->used += set->v[slot] == 0;
	set->v[slot] = hash;
}

static void name_set_remove(struct name_set *set, uint64_t hash)
{
	if (!name_set_has(set, hash))
		return;
	size_t hole = name_slot(set, hash);
	set->v[hole] = 0;
	set->used--;
	/*
	 * A search ends at a free slot, so the hashes behind this one, up to the next free slot, are put in
	 * anew.
	 */
	for (size_t i = (hole + 1) & (set->slots - 1); set->v[i] != 0; i = (i + 1) & (set->slots - 1)) {
		uint64_t moved = set->v[i];
		set->v[i] = 0;
		set->v[name_slot(set, moved)] = moved;
	}
}

struct owners *owners_new(void)
{
	struct owners *owners = mem_zalloc(sizeof(*owners));
	pthread_mutex_init(&owners->lock, NULL);
	return owners;
}

void owners_free(struct owners **owners)
{
	struct owners *o = *owners;
	if (!o)
		return;
	*owners = NULL;
	pthread_mutex_destroy(&o->lock);
	for (size_t i = 0; i < o->count; i++)
		free(o->rows[i].text);
	free(o->rows);
	free(o->names.v);
	free(o->strays.v);
	free(o);
}

/* The position of the first row with this id or a higher one. */
static size_t row_place(const struct owners *owners, int64_t id)
{
	size_t low = 0, high = owners->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (owners->rows[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct owner_row *owners_row_find(struct owners *owners, int64_t id)
{
	size_t place = row_place(owners, id);
	bool found = place < owners->count && owners->rows[place].id == id && owners->rows[place].name != 0;
	return found ? &owners->rows[place] : NULL;
}

/* Drops removed rows when they are more than half. */
static void rows_pack(struct owners *owners)
{
	size_t kept = 0;
	if (2 * owners->removed <= owners->count)
		return;
	for (size_t i = 0; i < owners->count; i++)
		if (owners->rows[i].name != 0)
			owners->rows[kept++] = owners->rows[i];
	owners->count = kept;
	owners->removed = 0;
}

static struct owner_row *row_insert(struct owners *owners, int64_t id)
{
	size_t place = row_place(owners, id);
	if (place < owners->count && owners->rows[place].id == id) {
		owners->removed -= owners->rows[place].name == 0;
		return &owners->rows[place];
	}
	if (owners->count == owners->cap)
		owners->rows = mem_grow(owners->rows, &owners->cap, sizeof(*owners->rows));
	struct owner_row *row = &owners->rows[place];
	memmove(row + 1, row, (owners->count - place) * sizeof(*row));
	owners->count++;
	*row = (struct owner_row){ .id = id };
	return row;
}

void owners_put(struct owners *owners, int64_t id, struct strv name, const struct owner_mark *mark)
{
	uint64_t hash = name_hash(name);
	pthread_mutex_lock(&owners->lock);
	struct owner_row *row = row_insert(owners, id);
	if (row->name != hash) {
		name_set_remove(&owners->names, row->name);
		name_set_add(&owners->names, hash);
		free(row->text);
		row->text = mem_strndup(name.p, name.n);
	}
	row->name = hash;
	row->mark = *mark;
	pthread_mutex_unlock(&owners->lock);
}

void owners_remove(struct owners *owners, int64_t id)
{
	pthread_mutex_lock(&owners->lock);
	struct owner_row *row = owners_row_find(owners, id);
	if (row) {
		name_set_remove(&owners->names, row->name);
		row->name = 0;
		free(row->text);
		row->text = NULL;
		owners->removed++;
		rows_pack(owners);
	}
	pthread_mutex_unlock(&owners->lock);
}

void owners_clear(struct owners *owners)
{
	pthread_mutex_lock(&owners->lock);
	for (size_t i = 0; i < owners->count; i++)
		free(owners->rows[i].text);
	owners->count = owners->removed = 0;
	free(owners->names.v);
	owners->names = (struct name_set){ 0 };
	pthread_mutex_unlock(&owners->lock);
}

bool owners_find(struct owners *owners, int64_t id, struct owner_mark *ret_mark)
{
	pthread_mutex_lock(&owners->lock);
	struct owner_row *row = owners_row_find(owners, id);
	if (row)
		*ret_mark = row->mark;
	pthread_mutex_unlock(&owners->lock);
	return row != NULL;
}

bool owners_name(struct owners *owners, int64_t id, char *ret_name, size_t room)
{
	pthread_mutex_lock(&owners->lock);
	const struct owner_row *row = owners_row_find(owners, id);
	if (row)
		snprintf(ret_name, room, "%s", row->text);
	pthread_mutex_unlock(&owners->lock);
	return row != NULL;
}

void owners_stray(struct owners *owners, struct strv name)
{
	pthread_mutex_lock(&owners->lock);
	if (name.n > 0)
		name_set_add(&owners->strays, name_hash(name));
	else
		owners->nameless = true;
	pthread_mutex_unlock(&owners->lock);
}

bool owners_is_stray(struct owners *owners, struct strv name)
{
	pthread_mutex_lock(&owners->lock);
	bool stray = name_set_has(&owners->strays, name_hash(name));
	pthread_mutex_unlock(&owners->lock);
	return stray;
}

bool owners_may_exist(struct owners *owners, struct strv name)
{
	uint64_t hash = name_hash(name);
	pthread_mutex_lock(&owners->lock);
	bool may =
		owners->nameless || name_set_has(&owners->names, hash) || name_set_has(&owners->strays, hash);
	pthread_mutex_unlock(&owners->lock);
	return may;
}
