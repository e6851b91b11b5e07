/*
 * Keywords: the names of a mailbox's keywords, numbered. The first 64 are bits of each message's row; the
 * others (keywords_more.c) serve the few mailboxes that need them. A name keeps its number until 64 numbers
 * are taken and a new name is wanted: then the new name gets the number of a keyword that no message has. If
 * there is none, it gets a new number.
 */
#include "store/mail_priv.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void keywords_append(struct mbox_keywords *keywords, struct strv name)
{
	if (keywords->count == keywords->cap)
		keywords->names = mem_grow(keywords->names, &keywords->cap, sizeof(*keywords->names));
	keywords->names[keywords->count++] = strv_make(mem_strndup(name.p, name.n), name.n);
}

/* Gives a number whose row is lost a generated name, so that the other numbers keep their meaning. */
static void keywords_fill(
	struct account *account, struct mbox *mbox, struct mbox_keywords *keywords, size_t bit)
{
	char name[32];

	if (keywords->count < bit)
		log_error(account_log(account), "keywords are lost account=%s mailbox=%" PRId64,
			account_shown(account), mbox->id);
	while (keywords->count < bit) {
		snprintf(name, sizeof(name), "$Lost%zu", keywords->count);
		keywords_append(keywords, strv_cstr(name));
	}
}

enum rc keywords_load(struct account *account, struct mbox *mbox)
{
	sqlite3_stmt *stmt;

	if (mbox->keywords)
		return RC_OK;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT bit, name FROM keyword WHERE mailbox = ?1 AND bit BETWEEN 0 AND ?2 ORDER BY bit",
		"id", mbox->id, MBOX_KEYWORDS_MAX - 1);
	if (rc != RC_OK)
		return rc;
	mbox->keywords = mem_zalloc(sizeof(*mbox->keywords));
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		keywords_fill(account, mbox, mbox->keywords, db_u32(stmt, 0));
		keywords_append(mbox->keywords, db_text(stmt, 1));
	}
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	keywords_drop(mbox);
	return rc;
}

void keywords_drop(struct mbox *mbox)
{
	if (!mbox->keywords)
		return;
	for (size_t i = 0; i < mbox->keywords->count; i++)
		free((void *)mbox->keywords->names[i].p);
	free(mbox->keywords->names);
	free(mbox->keywords);
	mbox->keywords = NULL;
}

enum rc mbox_keywords(struct account *account, int64_t id, const struct strv **ret_names, size_t *ret_count)
{
	struct mbox *mbox;

	enum rc rc = mail_mbox_selectable(account, id, &mbox);
	if (rc == RC_OK)
		rc = keywords_load(account, mbox);
	if (rc != RC_OK)
		return rc;
	*ret_names = mbox->keywords->names;
	*ret_count = mbox->keywords->count;
	return RC_OK;
}

/* The number of a name, or the count if there is no such name. */
static size_t keyword_find(const struct mbox_keywords *keywords, struct strv name)
{
	size_t i = 0;

	while (i < keywords->count && !strv_ieq(keywords->names[i], name))
		i++;
	return i;
}

/* Stores the name under `number`: the next number, or one whose name is replaced. */
static enum rc keyword_add(struct account *account, struct mbox *mbox, struct strv name, size_t number)
{
	struct mbox_keywords *keywords = mbox->keywords;

	mail_mbox_touch(account, mbox);
	enum rc rc =
		db_run(account->db, "INSERT OR REPLACE INTO keyword (mailbox, bit, name) VALUES (?1, ?2, ?3)",
			"idt", mbox->id, (uint32_t)number, name);
	if (rc != RC_OK)
		return rc;
	if (number == keywords->count) {
		keywords_append(keywords, name);
	} else {
		free((void *)keywords->names[number].p);
		keywords->names[number] = strv_make(mem_strndup(name.p, name.n), name.n);
	}
	return RC_OK;
}

/* Adds to `used` the keywords that messages have. */
static enum rc keywords_used(struct account *account, struct mbox *mbox, struct keyword_set *used)
{
	struct index *index;

	enum rc rc = index_get(account, mbox, &index);
	for (size_t i = 0; rc == RC_OK && i < index->count; i++)
		keyword_set_join(used, index->rows[i].keywords, keywords_more(index, &index->rows[i]));
	return rc;
}

/*
 * The numbers for new names: first those from `next` on that are not `used`, then new ones behind all others.
 */
struct keyword_room {
	struct keyword_set used;
	size_t next;
};

/* Takes a number. MBOX_KEYWORDS_MAX: there is none. */
static size_t room_take(struct keyword_room *room, size_t count)
{
	while (room->next < count && keyword_in(room->used.first, room->used.more, room->next))
		room->next++;
	return room->next < MBOX_KEYWORDS_MAX ? room->next++ : MBOX_KEYWORDS_MAX;
}

static size_t room_left(const struct keyword_room *room, size_t count)
{
	size_t left = MBOX_KEYWORDS_MAX - count;

	for (size_t i = room->next; i < count; i++)
		left += !keyword_in(room->used.first, room->used.more, i);
	return left;
}

/*
 * Keeps the names of keywords of messages that were moved away and are still read (moved.c), unless the
 * `missing` names find no other room. Then the moved messages are forgotten.
 */
static void room_spare_moved(struct mbox *mbox, size_t missing, struct keyword_room *room)
{
	struct keyword_room spared = *room;

	moved_keywords_used(mbox->index, &spared.used);
	if (room_left(&spared, mbox->keywords->count) >= missing)
		*room = spared;
	else
		moved_forget(mbox->index);
}

/* Finds the numbers for `missing` new names. The keywords `asked` exist and must stay. */
static enum rc room_find(struct account *account, struct mbox *mbox, const struct keyword_set *asked,
	size_t missing, struct keyword_room *ret_room)
{
	ret_room->used = *asked;
	ret_room->next = mbox->keywords->count;
	if (missing == 0 || ret_room->next + missing <= KEYWORDS_FIRST)
		return RC_OK;
	ret_room->next = 0;
	enum rc rc = keywords_used(account, mbox, &ret_room->used);
	if (rc == RC_OK)
		room_spare_moved(mbox, missing, ret_room);
	return rc;
}

/*
 * Checks that all names can be keywords. *ret_missing: the number of names that do not exist yet, each
 * counted once.
 */
static enum rc names_check(const struct mbox_keywords *keywords, const struct strv *names, size_t count,
	struct keyword_set *ret_asked, size_t *ret_missing)
{
	size_t missing = 0;

	*ret_asked = (struct keyword_set){ 0 };
	for (size_t i = 0; i < count; i++) {
		size_t number = keyword_find(keywords, names[i]);
		bool seen = number < keywords->count;
		if (seen)
			keyword_set_add(ret_asked, number);
		else if (names[i].n == 0)
			return RC_INVALID;
		else if (names[i].n > MBOX_KEYWORD_NAME_MAX)
			return RC_LIMIT;
		for (size_t j = 0; j < i && !seen; j++)
			seen = strv_ieq(names[i], names[j]);
		missing += !seen;
	}
	*ret_missing = missing;
	return RC_OK;
}

/*
 * Finds or creates keywords. `some`: creates as many as there is room for. Otherwise all are refused if one
 * does not fit, so that nothing has to be undone.
 */
static enum rc keywords_create(struct account *account, struct mbox *mbox, const struct strv *names,
	size_t count, bool some, struct keyword_set *ret_set)
{
	struct mbox_keywords *keywords = mbox->keywords;
	struct keyword_room room;
	size_t missing = 0;

	if (count > 2 * MBOX_KEYWORDS_MAX)
		return RC_LIMIT;
	enum rc rc = names_check(keywords, names, count, ret_set, &missing);
	if (rc == RC_OK)
		rc = room_find(account, mbox, ret_set, missing, &room);
	if (rc == RC_OK && !some && missing > room_left(&room, keywords->count))
		return RC_LIMIT;
	for (size_t i = 0; rc == RC_OK && missing > 0 && i < count; i++) {
		size_t number = keyword_find(keywords, names[i]);
		if (number == keywords->count) {
			number = room_take(&room, keywords->count);
			if (number == MBOX_KEYWORDS_MAX)
				continue;
			rc = keyword_add(account, mbox, names[i], number);
		}
		keyword_set_add(ret_set, number);
	}
	if (rc == RC_OK && missing > 0)
		change_keywords(account, mbox->id, keywords->names, keywords->count, mbox->highestmodseq);
	return rc;
}

enum rc mbox_keyword_set(struct account *account, int64_t id, const struct strv *names, size_t count,
	bool create, struct keyword_set *ret_set)
{
	struct keyword_set set = { 0 };
	struct mbox *mbox;

	enum rc rc = mail_mbox_selectable(account, id, &mbox);
	if (rc == RC_OK)
		rc = keywords_load(account, mbox);
	if (rc == RC_OK && create)
		rc = keywords_create(account, mbox, names, count, false, &set);
	for (size_t i = 0; rc == RC_OK && !create && i < count; i++) {
		size_t number = keyword_find(mbox->keywords, names[i]);
		if (number < mbox->keywords->count)
			keyword_set_add(&set, number);
	}
	if (rc == RC_OK)
		*ret_set = set;
	return rc;
}

enum rc keyword_map_make(struct account *account, struct mbox *from, struct mbox *to,
	const struct keyword_set *used, struct keyword_map *ret_map)
{
	struct keyword_set set;
	size_t count = 0;

	*ret_map = (struct keyword_map){ { 0 } };
	if (used->first == 0 && !keyword_words_any(used->more))
		return RC_OK;
	enum rc rc = keywords_load(account, from);
	if (rc == RC_OK)
		rc = keywords_load(account, to);
	if (rc != RC_OK)
		return rc;
	size_t all = from->keywords->count;
	/*
	 * The array of names is copied: if both mailboxes are the same one, it could move in memory when
	 * names are added (none are then).
	 */
	struct strv *names = arena_alloc(account_arena(account), (all + 1) * sizeof(*names));
	for (size_t i = 0; i < all; i++) {
		if (keyword_in(used->first, used->more, i))
			names[count++] = from->keywords->names[i];
	}
	rc = keywords_create(account, to, names, count, true, &set);
	for (size_t i = 0; rc == RC_OK && i < all; i++) {
		size_t number = keyword_in(used->first, used->more, i)
					? keyword_find(to->keywords, from->keywords->names[i])
					: to->keywords->count;
		ret_map->to[i] = number < to->keywords->count ? (uint16_t)(number + 1) : 0;
	}
	return rc;
}

void keyword_map_apply(
	const struct keyword_map *map, uint64_t first, const uint64_t *more, struct keyword_set *ret_set)
{
	size_t end = more ? MBOX_KEYWORDS_MAX : KEYWORDS_FIRST;

	*ret_set = (struct keyword_set){ 0 };
	if (!more && first == 0)
		return;
	for (size_t i = 0; i < end; i++) {
		if (keyword_in(first, more, i) && map->to[i] != 0)
			keyword_set_add(ret_set, map->to[i] - 1u);
	}
}
