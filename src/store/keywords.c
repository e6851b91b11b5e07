/*
 * Keywords: up to 64 names a mailbox, a bit each. A name keeps its bit for the life of the mailbox.
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

static enum rc keyword_add(struct account *account, struct mbox *mbox, struct strv name)
{
	struct mbox_keywords *keywords = mbox->keywords;

	if (name.n == 0)
		return RC_INVALID;
	if (name.n > MBOX_KEYWORD_NAME_MAX || keywords->count == MBOX_KEYWORDS_MAX)
		return RC_LIMIT;
	mbox_touch(account, mbox);
	enum rc rc = db_run(account->db, "INSERT INTO keyword (mailbox, bit, name) VALUES (?1, ?2, ?3)",
		"idt", mbox->id, (uint32_t)keywords->count, name);
	if (rc == RC_OK)
		keywords_append(keywords, name);
	return rc;
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
	bool added = false;

	enum rc rc = keywords_load(account, mbox);
	if (rc != RC_OK)
		return rc;
	/* Refused as a whole, so that nothing has to be undone. */
	if (create && count > 0 &&
		(count > 2 * MBOX_KEYWORDS_MAX || keywords_missing(mbox->keywords, names, count) >
							  MBOX_KEYWORDS_MAX - mbox->keywords->count))
		return RC_LIMIT;
	for (size_t i = 0; i < count; i++) {
		size_t bit = keyword_find(mbox->keywords, names[i]);
		if (bit == mbox->keywords->count) {
			if (!create)
				continue;
			rc = keyword_add(account, mbox, names[i]);
			if (rc != RC_OK)
				return rc;
			added = true;
		}
		mask |= UINT64_C(1) << bit;
	}
	if (added)
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
