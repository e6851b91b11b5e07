/*
 * COPY and MOVE: index rows only; the bytes are shared.
 */
#include "store/mail_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

/* The rows to copy. They are copies of index rows, because the destination may be the same mailbox. */
struct copy_rows {
	struct msg_row *rows; /* own */
	size_t count;
	uint64_t size;
	struct keyword_set keywords; /* all of them together */
};

static void copy_collect(const struct index *index, const struct seqset *uids, struct copy_rows *ret_rows)
{
	struct copy_rows c = { .rows = mem_alloc(index->count * sizeof(*c.rows)) };

	for (size_t r = 0; r < uids->n; r++) {
		size_t i = msg_lower_bound(index->rows, index->count, uids->v[r].lo);
		for (; i < index->count && index->rows[i].uid <= uids->v[r].hi; i++) {
			c.rows[c.count++] = index->rows[i];
			c.size += index->rows[i].size;
			keyword_set_join(
				&c.keywords, index->rows[i].keywords, keywords_more(index, &index->rows[i]));
		}
	}
	*ret_rows = c;
}

static enum rc copy_row(struct account *account, struct mbox *from, struct mbox *to,
	const struct msg_row *source, bool move, const struct keyword_map *map, uint64_t modseq)
{
	struct msg_row row = *source;
	struct keyword_set keywords;

	row.uid = to->uidnext;
	/* The message was not delivered to the new mailbox, so COI's mover must leave it alone. */
	row.flags &= ~(uint32_t)(MSG_MARKED | MSG_CHAT | MSG_MORE_KEYWORDS);
	keyword_map_apply(map, source->keywords, keywords_more(from->index, source), &keywords);
	row.modseq = modseq;
	row.savedate = clock_wall();
	enum rc rc = move ? RC_OK : blob_ref(account, row.blob);
	return rc == RC_OK ? msg_insert(account, to, &row, &keywords) : rc;
}

static enum rc copy_all(
	struct account *account, struct mbox *from, struct mbox *to, const struct copy_rows *c, bool move)
{
	struct keyword_map map;

	if (c->count > UINT32_MAX - to->uidnext)
		return RC_LIMIT;
	/* Some clients delete by COPY to a Trash, so COPY is allowed as long as there is any room. */
	if (!move && space_state(account->store) == SPACE_FULL)
		return RC_NOSPACE;
	enum rc rc = move ? RC_OK : account_quota_check(account, c->size, c->count);
	if (rc == RC_OK)
		rc = keyword_map_make(account, from, to, &c->keywords, &map);
	if (rc != RC_OK)
		return rc;
	uint64_t modseq = account_modseq_next(account);
	mail_mbox_touch(account, to);
	for (size_t i = 0; i < c->count; i++) {
		rc = copy_row(account, from, to, &c->rows[i], move, &map, modseq);
		if (rc != RC_OK)
			return rc;
	}
	if (move)
		rc = expunge_remove(account, from, c->rows, c->count, true, modseq);
	/* expunge_remove saves `from`; another destination has to be saved here. */
	if (rc == RC_OK && (!move || to != from))
		rc = mail_mbox_save(account, to);
	return rc;
}

enum rc msg_copy(struct account *account, int64_t from_id, const struct seqset *uids, int64_t to_id,
	bool move, struct copy_result *ret_result)
{
	struct copy_result result = { 0, SEQSET_EMPTY, SEQSET_EMPTY };
	struct copy_rows c;
	struct mbox *from;
	struct mbox *to;
	struct index *index;

	enum rc rc = mail_mbox_selectable(account, from_id, &from);
	if (rc == RC_OK)
		rc = mail_mbox_selectable(account, to_id, &to);
	if (rc == RC_OK)
		rc = index_get(account, from, &index);
	if (rc != RC_OK)
		return rc;
	copy_collect(index, uids, &c);
	uint32_t first = to->uidnext;
	if (c.count > 0)
		rc = copy_all(account, from, to, &c, move);
	if (rc == RC_OK) {
		result.uidvalidity = to->uidvalidity;
		for (size_t i = 0; i < c.count; i++)
			seqset_add(&result.src, c.rows[i].uid);
		if (c.count > 0)
			seqset_add_range(&result.dst, first, first + (uint32_t)c.count - 1);
		for (size_t i = 0; move && i < c.count; i++)
			moved_add(index, &c.rows[i]);
		if (move)
			index_remove(index, &result.src);
		*ret_result = result;
	}
	free(c.rows);
	return rc;
}
