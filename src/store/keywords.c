/*
 * Keywords: up to 64 names a mailbox, a bit each. A name keeps its bit until all 64 are taken and a new one is wanted: then one
 * that no message carries gives its bit away.
 */
#include "store/mail_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void keywords_append(struct mbox_keywords *keywords, struct strv name)
{
	keywords->names[keywords->count++] = strv_make(mem_strndup(name.p, name.n), name.n);
}

/* A bit whose row is lost gets a name of ours: what messages say of the others stays right. */
static void keywords_fill(
	struct account *account, struct mbox *mbox, struct mbox_keywords *keywords, size_t bit)
{
	char name[32];

	if (keywords->count < bit)
		log_error(account_log(account), "keywords are lost account=%lld mailbox=%lld",
			(long long)account->id, (long long)mbox->id);
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
	free(mbox->keywords);
	mbox->keywords = NULL;
}

enum rc mbox_keywords(struct account *account, int64_t id, const struct strv **ret_names, size_t *ret_count)
{
	struct mbox *mbox;

	enum rc rc = mbox_selectable(account, id, &mbox);
	if (rc == RC_OK)
		rc = keywords_load(account, mbox);
	if (rc != RC_OK)
		return rc;
	*ret_names = mbox->keywords->names;
	*ret_count = mbox->keywords->count;
	return RC_OK;
}

/* The bit of a name, or count. */
static size_t keyword_find(const struct mbox_keywords *keywords, struct strv name)
{
	size_t i = 0;

	while (i < keywords->count && !strv_ieq(keywords->names[i], name))
		i++;
	return i;
}

/* At the next bit, or at one of `unused`. */
static enum rc keyword_add(
	struct account *account, struct mbox *mbox, struct strv name, uint64_t *unused, size_t *ret_bit)
{
	struct mbox_keywords *keywords = mbox->keywords;

	if (name.n == 0)
		return RC_INVALID;
	if (name.n > MBOX_KEYWORD_NAME_MAX)
		return RC_LIMIT;
	size_t bit = keywords->count;
	if (bit == MBOX_KEYWORDS_MAX) {
		if (*unused == 0)
			return RC_LIMIT;
		bit = (size_t)__builtin_ctzll(*unused);
		*unused &= *unused - 1;
	}
	mbox_touch(account, mbox);
	enum rc rc =
		db_run(account->db, "INSERT OR REPLACE INTO keyword (mailbox, bit, name) VALUES (?1, ?2, ?3)",
			"idt", mbox->id, (uint32_t)bit, name);
	if (rc != RC_OK)
		return rc;
	if (bit == keywords->count) {
		keywords_append(keywords, name);
	} else {
		free((void *)keywords->names[bit].p);
		keywords->names[bit] = strv_make(mem_strndup(name.p, name.n), name.n);
	}
	*ret_bit = bit;
	return RC_OK;
}

/* Bits that may be given away: no message carries them, and they are none of `keep`. */
static enum rc keywords_unused(
	struct account *account, struct mbox *mbox, uint64_t keep, uint64_t *ret_unused)
{
	struct index *index;
	uint64_t used = keep;

	enum rc rc = index_get(account, mbox, &index);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < index->count && used != UINT64_MAX; i++)
		used |= index->rows[i].keywords;
	*ret_unused = ~used;
	return RC_OK;
}

/* Whether so many new names find room. *ret_unused: the bits that they will have, if none is left. */
static enum rc keywords_room(
	struct account *account, struct mbox *mbox, size_t missing, uint64_t keep, uint64_t *ret_unused)
{
	size_t left = MBOX_KEYWORDS_MAX - mbox->keywords->count;
	uint64_t unused;

	if (missing <= left)
		return RC_OK;
	enum rc rc = keywords_unused(account, mbox, keep, &unused);
	if (rc != RC_OK)
		return rc;
	/* Bits above count are free, not unused. */
	if (left > 0)
		unused &= (UINT64_C(1) << mbox->keywords->count) - 1;
	if (missing > left + (size_t)__builtin_popcountll(unused))
		return RC_LIMIT;
	*ret_unused = unused;
	return RC_OK;
}

/* How many of the names are not there yet; one that comes twice may count twice. */
static size_t keywords_missing(const struct mbox_keywords *keywords, const struct strv *names, size_t count)
{
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		bool seen = false;
		for (size_t j = 0; j < i && !seen; j++)
			seen = strv_ieq(names[i], names[j]);
		if (!seen && keyword_find(keywords, names[i]) == keywords->count)
			missing++;
	}
	return missing;
}

static enum rc keyword_mask(struct account *account, struct mbox *mbox, const struct strv *names,
	size_t count, bool create, uint64_t *ret_mask)
{
	uint64_t mask = 0;
	uint64_t unused = 0;

	enum rc rc = keywords_load(account, mbox);
	if (rc != RC_OK)
		return rc;
	if (create && count > 2 * MBOX_KEYWORDS_MAX)
		return RC_LIMIT;
	for (size_t i = 0; i < count; i++) {
		size_t bit = keyword_find(mbox->keywords, names[i]);
		mask |= bit < mbox->keywords->count ? UINT64_C(1) << bit : 0;
	}
	size_t missing = create ? keywords_missing(mbox->keywords, names, count) : 0;
	/* Refused as a whole, so that nothing has to be undone. */
	rc = keywords_room(account, mbox, missing, mask, &unused);
	for (size_t i = 0; rc == RC_OK && missing > 0 && i < count; i++) {
		size_t bit = keyword_find(mbox->keywords, names[i]);
		if (bit == mbox->keywords->count)
			rc = keyword_add(account, mbox, names[i], &unused, &bit);
		if (rc == RC_OK)
			mask |= UINT64_C(1) << bit;
	}
	if (rc != RC_OK)
		return rc;
	if (missing > 0)
		change_keywords(
			account, mbox->id, mbox->keywords->names, mbox->keywords->count, mbox->highestmodseq);
	*ret_mask = mask;
	return RC_OK;
}

enum rc mbox_keyword_mask(struct account *account, int64_t id, const struct strv *names, size_t count,
	bool create, uint64_t *ret_mask)
{
	struct mbox *mbox;

	enum rc rc = mbox_selectable(account, id, &mbox);
	return rc == RC_OK ? keyword_mask(account, mbox, names, count, create, ret_mask) : rc;
}

enum rc keyword_map_make(struct account *account, struct mbox *from, struct mbox *to, uint64_t used,
	struct keyword_map *ret_map)
{
	struct strv names[MBOX_KEYWORDS_MAX];
	size_t count = 0;
	uint64_t mask;

	*ret_map = (struct keyword_map){ { 0 } };
	if (used == 0)
		return RC_OK;
	enum rc rc = keywords_load(account, from);
	if (rc != RC_OK)
		return rc;
	for (size_t bit = 0; bit < from->keywords->count; bit++) {
		if (used & (UINT64_C(1) << bit))
			names[count++] = from->keywords->names[bit];
	}
	rc = keyword_mask(account, to, names, count, true, &mask);
	if (rc != RC_OK)
		return rc;
	for (size_t bit = 0; bit < from->keywords->count; bit++) {
		if (used & (UINT64_C(1) << bit))
			ret_map->bit[bit] =
				(uint8_t)(keyword_find(to->keywords, from->keywords->names[bit]) + 1);
	}
	return RC_OK;
}

uint64_t keyword_map_apply(const struct keyword_map *map, uint64_t keywords)
{
	uint64_t mapped = 0;

	for (size_t bit = 0; keywords != 0; bit++, keywords >>= 1) {
		if ((keywords & 1) && map->bit[bit] != 0)
			mapped |= UINT64_C(1) << (map->bit[bit] - 1);
	}
	return mapped;
}
