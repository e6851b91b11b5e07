/*
 * The messages of a mailbox in memory: a dense array in UID order, built by one range scan and kept until the
 * memory is needed elsewhere. All indexes of a store share one budget. Over it, whoever loads one more drops
 * the indexes that were not used for longest: those of other accounts by borrowing their strands if they are
 * idle, its own if the running job has not used them.
 */
#include "store/mail_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#define INDEX_SPARE 16 /* rows allocated beyond what is there */
#define INDEX_SHRINK 64 /* no memory is given back for fewer rows than this */
#define TRIM_MAX 32 /* of a turn on a reactor */
#define LRU_GRAIN_MS 1000 /* an index that is used again within this time keeps its place in the list */

struct index_lru {
	pthread_mutex_t lock;
	struct list indexes; /* least recently used first */
	_Atomic uint64_t used;
	uint64_t budget;
};

struct index_lru *index_lru_new(uint64_t budget)
{
	struct index_lru *lru = mem_zalloc(sizeof(*lru));

	pthread_mutex_init(&lru->lock, NULL);
	list_init(&lru->indexes);
	lru->budget = budget;
	return lru;
}

void index_lru_free(struct index_lru **lru)
{
	if (!*lru)
		return;
	pthread_mutex_destroy(&(*lru)->lock);
	free(*lru);
	*lru = NULL;
}

uint64_t index_lru_used(const struct index_lru *lru)
{
	return lru->used;
}

static struct index_lru *lru_of(const struct index *index)
{
	return index->account->store->indexes;
}

/* Tells the budget how much memory the index holds now. */
static void account_for(struct index *index)
{
	uint64_t bytes = sizeof(*index) + index->cap * sizeof(*index->rows) +
			 index->uids.cap * sizeof(*index->uids.v) + keywords_more_bytes(index) +
			 moved_bytes(index);

	lru_of(index)->used += bytes - index->bytes;
	index->bytes = bytes;
}

static void index_free(struct index *index)
{
	lru_of(index)->used -= index->bytes;
	index->mbox->index = NULL;
	keywords_more_remove(index, NULL);
	moved_forget(index);
	seqset_fini(&index->uids);
	free(index->rows);
	free(index);
}

void index_drop(struct account *account, struct mbox *mbox)
{
	struct index_lru *lru = account->store->indexes;

	if (!mbox->index)
		return;
	pthread_mutex_lock(&lru->lock);
	list_remove(&mbox->index->lru);
	pthread_mutex_unlock(&lru->lock);
	index_free(mbox->index);
}

/*
 * Drops indexes until the budget is kept, at most `max` of them. An index of `account` may go, since the
 * caller runs its strand. Those of other accounts go if their strand can be borrowed: it is idle then, so no
 * job holds pointers to rows. account NULL: all are others.
 */
static void index_evict(struct index_lru *lru, const struct account *account, unsigned max)
{
	pthread_mutex_lock(&lru->lock);
	LIST_EACH_SAFE (node, &lru->indexes) {
		struct index *index = CONTAINER_OF(node, struct index, lru);
		bool own = index->account == account;
		struct strand *strand = index->account->strand;

		if (lru->used <= lru->budget || max == 0)
			break;
		if (own ? index->used_by == account->run_number : !strand_borrow(strand))
			continue;
		list_remove(&index->lru);
		index_free(index);
		max--;
		if (!own)
			strand_return(strand);
	}
	pthread_mutex_unlock(&lru->lock);
}

void index_lru_trim(struct index_lru *lru)
{
	if (lru->used > lru->budget)
		index_evict(lru, NULL, TRIM_MAX);
}

static void index_use(struct index *index)
{
	struct index_lru *lru = lru_of(index);
	uint64_t now = clock_mono_ms();

	index->used_by = index->account->run_number;
	if (index->listed && now - index->used_ms < LRU_GRAIN_MS)
		return;
	index->used_ms = now;
	index->listed = true;
	pthread_mutex_lock(&lru->lock);
	list_remove(&index->lru);
	list_append(&lru->indexes, &index->lru);
	pthread_mutex_unlock(&lru->lock);
}

static void read_msg_row(struct msg_row *row, sqlite3_stmt *stmt, uint64_t floor)
{
	row->uid = db_u32(stmt, 0);
	row->flags = db_u32(stmt, 1);
	row->keywords = db_u64(stmt, 2);
	row->modseq = db_u64(stmt, 3);
	if (row->modseq < floor)
		row->modseq = floor;
	row->size = db_u32(stmt, 4);
	row->internaldate = db_i64(stmt, 5);
	row->zone = (int16_t)db_i64(stmt, 6);
	row->savedate = db_i64(stmt, 7);
	row->blob = db_i64(stmt, 8);
}

static void index_room(struct index *index)
{
	if (index->count < index->cap)
		return;
	index->cap += index->cap / 4 + INDEX_SPARE;
	index->rows = mem_realloc(index->rows, index->cap, sizeof(*index->rows));
}

static enum rc read_rows(struct account *account, struct index *index)
{
	struct mbox *mbox = index->mbox;
	sqlite3_stmt *stmt;

	enum rc rc = db_query(account->db, &stmt,
		"SELECT uid, flags, keywords, modseq, size, internaldate, zone, savedate, blob FROM msg"
		" WHERE mailbox = ?1 ORDER BY uid",
		"i", mbox->id);
	if (rc != RC_OK)
		return rc;
	struct seqrange run = { 0, 0 };
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		index_room(index);
		struct msg_row *row = &index->rows[index->count++];
		read_msg_row(row, stmt, mbox->modseq_floor);
		if (!(row->flags & MSG_SEEN) && index->unseen_from == 0)
			index->unseen_from = row->uid;
		if (run.hi != 0 && row->uid == run.hi + 1) {
			run.hi = row->uid;
			continue;
		}
		if (run.hi != 0)
			seqset_add_range(&index->uids, run.lo, run.hi);
		run = (struct seqrange){ row->uid, row->uid };
	}
	if (run.hi != 0)
		seqset_add_range(&index->uids, run.lo, run.hi);
	if (index->unseen_from == 0)
		index->unseen_from = mbox->uidnext;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* The rows are right: counters that differ from them are corrected, and stored with the next change. */
static void check_counts(struct account *account, struct index *index)
{
	struct mbox *mbox = index->mbox;
	struct mbox stored = *mbox;
	struct mail *mail = account->mail;

	mail->messages -= mbox->messages;
	mail->storage -= mbox->size;
	mbox->messages = mbox->unseen = mbox->deleted = mbox->recent = 0;
	mbox->size = 0;
	for (size_t i = 0; i < index->count; i++)
		mail_mbox_count(account, mbox, &index->rows[i], 1);
	if (stored.messages != mbox->messages || stored.unseen != mbox->unseen ||
		stored.deleted != mbox->deleted || stored.size != mbox->size || stored.recent != mbox->recent)
		log_error(account_log(account),
			"counters of a mailbox were wrong account=%s mailbox=%" PRId64,
			account_shown(account), mbox->id);
	if (index->count > 0 && index->rows[index->count - 1].uid >= mbox->uidnext) {
		log_error(account_log(account),
			"next uid of a mailbox was too low account=%s mailbox=%" PRId64,
			account_shown(account), mbox->id);
		mbox->uidnext = index->rows[index->count - 1].uid + 1;
	}
}

static enum rc index_load(struct account *account, struct mbox *mbox, struct index **ret_index)
{
	/* An index in memory implies that the names of its keywords are loaded, too. */
	enum rc rc = keywords_load(account, mbox);
	if (rc != RC_OK)
		return rc;
	struct index *index = mem_zalloc(sizeof(*index));
	index->account = account;
	index->mbox = mbox;
	index->cap = mbox->messages + mbox->messages / 16 + INDEX_SPARE;
	index->rows = mem_alloc(index->cap * sizeof(*index->rows));
	seqset_init(&index->uids);
	rc = read_rows(account, index);
	if (rc == RC_OK)
		rc = keywords_more_load(account, index);
	account_for(index);
	if (rc != RC_OK) {
		index_free(index);
		return rc;
	}
	check_counts(account, index);
	mbox->index = index;
	index_use(index);
	if (account->store->indexes->used > account->store->indexes->budget)
		index_evict(account->store->indexes, account, UINT_MAX);
	*ret_index = index;
	return RC_OK;
}

enum rc index_get(struct account *account, struct mbox *mbox, struct index **ret_index)
{
	if (!mbox->index)
		return index_load(account, mbox, ret_index);
	index_use(mbox->index);
	*ret_index = mbox->index;
	return RC_OK;
}

void index_append(struct index *index, const struct msg_row *row, const struct keyword_set *keywords)
{
	index_room(index);
	struct msg_row *added = &index->rows[index->count++];
	*added = *row;
	added->keywords = keywords->first;
	keywords_more_set(index, added, keywords->more);
	seqset_add(&index->uids, row->uid);
	index_unseen(index, row->uid);
	account_for(index);
}

void index_remove(struct index *index, const struct seqset *uids)
{
	struct msg_row *rows = index->rows;

	if (seqset_empty(uids))
		return;
	size_t from = msg_lower_bound(rows, index->count, uids->v[0].lo);
	size_t to = from;
	for (size_t r = 0; r < uids->n; r++) {
		/* The rows between two removed ranges move down as a whole. */
		from = msg_lower_bound(rows, index->count, uids->v[r].hi + 1);
		size_t end = r + 1 < uids->n ? msg_lower_bound(rows, index->count, uids->v[r + 1].lo)
					     : index->count;
		memmove(rows + to, rows + from, (end - from) * sizeof(*rows));
		to += end - from;
	}
	index->count = to;
	keywords_more_remove(index, uids);
	seqset_remove_set(&index->uids, uids);
	if (index->cap > INDEX_SHRINK && index->count < index->cap / 4) {
		index->cap = index->count + index->count / 4 + INDEX_SPARE;
		index->rows = mem_realloc(index->rows, index->cap, sizeof(*index->rows));
	}
	account_for(index);
}

void index_unseen(struct index *index, uint32_t uid)
{
	if (uid < index->unseen_from)
		index->unseen_from = uid;
}

uint32_t index_first_unseen(struct index *index)
{
	size_t i = msg_lower_bound(index->rows, index->count, index->unseen_from);

	while (i < index->count && (index->rows[i].flags & MSG_SEEN))
		i++;
	if (i == index->count) {
		index->unseen_from = index->mbox->uidnext;
		return 0;
	}
	index->unseen_from = index->rows[i].uid;
	return index->unseen_from;
}

size_t msg_lower_bound(const struct msg_row *rows, size_t count, uint32_t uid)
{
	size_t lo = 0;
	size_t hi = count;

	/* If no UID is missing up to this one, its position follows from the first UID. */
	if (count > 0 && uid >= rows[0].uid && uid - rows[0].uid < count &&
		rows[uid - rows[0].uid].uid == uid)
		return uid - rows[0].uid;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (rows[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum rc msg_index(
	struct account *account, int64_t mailbox, const struct msg_row **ret_rows, size_t *ret_count)
{
	struct mbox *mbox;
	struct index *index;

	enum rc rc = mail_mbox_selectable(account, mailbox, &mbox);
	if (rc == RC_OK)
		rc = index_get(account, mbox, &index);
	if (rc != RC_OK)
		return rc;
	*ret_rows = index->rows;
	*ret_count = index->count;
	return RC_OK;
}

bool msg_index_loaded(struct account *account, int64_t mailbox)
{
	struct mbox *mbox = mail_mbox_by_id(account, mailbox);
	return mbox && mbox->index;
}

enum rc msg_all_there(struct account *account, int64_t mailbox, const struct seqset *uids, bool *ret_there)
{
	struct mbox *mbox;
	struct index *index;
	struct seqset missing = SEQSET_EMPTY;

	enum rc rc = mail_mbox_selectable(account, mailbox, &mbox);
	if (rc == RC_OK)
		rc = index_get(account, mbox, &index);
	if (rc != RC_OK)
		return rc;
	seqset_copy(&missing, uids);
	seqset_remove_set(&missing, &index->uids);
	*ret_there = seqset_empty(&missing);
	seqset_fini(&missing);
	return RC_OK;
}
