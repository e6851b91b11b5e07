/*
 * STORE: flags and keywords of existing messages.
 */
#include "store/mail_priv.h"

#include <stdlib.h>

/* What clients see; the rest changes without a modseq and without telling anybody. */
#define VISIBLE ((uint32_t)MSG_FLAGS_CLIENT)

struct store_flags {
	struct account *account;
	struct mbox *mbox;
	struct index *index;
	enum flag_op op;
	uint32_t flags;
	uint64_t keywords;
	uint64_t unchanged_since;
	uint64_t modseq; /* of all that changes; 0: nothing did yet */
	bool move; /* chat messages that turn \Seen are to be moved */
	struct seqset *modified;
};

static void changed_row(const struct store_flags *s, const struct msg_row *old, struct msg_row *new)
{
	*new = *old;
	switch (s->op) {
	case FLAGS_SET:
		new->flags = (old->flags & ~VISIBLE) | s->flags;
		new->keywords = s->keywords;
		break;
	case FLAGS_ADD:
		new->flags |= s->flags;
		new->keywords |= s->keywords;
		break;
	case FLAGS_REMOVE:
		new->flags &= ~s->flags;
		new->keywords &= ~s->keywords;
		break;
	}
}

/* COI-48: it has been seen just now, for the first time since it was delivered to this mailbox or unset again. */
static bool is_to_move(const struct store_flags *s, const struct msg_row *old, const struct msg_row *new)
{
	uint32_t flags = new->flags &(uint32_t)(MSG_SEEN | MSG_CHAT | MSG_DELETED);
	return s->move && flags == (MSG_SEEN | MSG_CHAT) && !(old->flags & MSG_SEEN);
}

static void count_change(
	struct mbox *mbox, struct index *index, const struct msg_row *old, const struct msg_row *new)
{
	uint32_t changed = old->flags ^ new->flags;

	if (changed & MSG_SEEN) {
		if (new->flags & MSG_SEEN) {
			mbox->unseen--;
		} else {
			mbox->unseen++;
			index_unseen(index, new->uid);
		}
	}
	if (changed & MSG_DELETED) {
		if (new->flags & MSG_DELETED)
			mbox->deleted++;
		else
			mbox->deleted--;
	}
}

static enum rc store_row(struct store_flags *s, struct msg_row *row)
{
	struct msg_row new;

	if (row->modseq > s->unchanged_since) {
		seqset_add(s->modified, row->uid);
		return RC_OK;
	}
	changed_row(s, row, &new);
	bool move = is_to_move(s, row, &new);
	if (move)
		new.flags |= MSG_MOVE_PENDING;
	if (new.flags == row->flags &&new.keywords == row->keywords)
		return RC_OK;
	bool visible = ((new.flags ^ row->flags) & VISIBLE) || new.keywords != row->keywords;
	if (visible) {
		if (s->modseq == 0)
			s->modseq = modseq_next(s->account);
		new.modseq = s->modseq;
	}
	mbox_touch(s->account, s->mbox);
	enum rc rc = db_run(s->account->db,
		"UPDATE msg SET flags = ?3, keywords = ?4, modseq = ?5 WHERE mailbox = ?1 AND uid = ?2",
		"idduu", s->mbox->id, row->uid, new.flags, new.keywords, new.modseq);
	if (rc != RC_OK)
		return rc;
	count_change(s->mbox, s->index, row, &new);
	*row = new;
	if (move)
		moves_mark(s->account, s->mbox->id, new.uid);
	if (visible) {
		struct msg_state state = { new.uid, new.flags, new.keywords, new.modseq };
		change_msg(s->account, CHANGE_FLAGS, s->mbox->id, &state);
	}
	return RC_OK;
}

static enum rc store_rows(struct store_flags *s, const struct seqset *uids)
{
	struct index *index = s->index;

	for (size_t r = 0; r < uids->n; r++) {
		size_t i = msg_lower_bound(index->rows, index->count, uids->v[r].lo);
		for (; i < index->count && index->rows[i].uid <= uids->v[r].hi; i++) {
			enum rc rc = store_row(s, &index->rows[i]);
			if (rc != RC_OK)
				return rc;
		}
	}
	if (s->modseq == 0)
		return RC_OK;
	s->mbox->highestmodseq = s->modseq;
	return mbox_save(s->account, s->mbox);
}

enum rc msg_store_flags(struct account *account, int64_t mailbox, const struct seqset *uids, enum flag_op op,
	uint32_t flags, uint64_t keywords, uint64_t unchanged_since, struct seqset *modified,
	struct seqset *ret_gone)
{
	struct store_flags s = { .account = account,
		.op = op,
		.flags = flags,
		.keywords = keywords,
		.unchanged_since = unchanged_since,
		.modified = modified };

	enum rc rc = mbox_selectable(account, mailbox, &s.mbox);
	if (rc == RC_OK)
		rc = index_get(account, s.mbox, &s.index);
	if (rc == RC_OK) {
		s.move = (flags & MSG_SEEN) && op != FLAGS_REMOVE && moves_wanted(account, s.mbox);
		rc = store_rows(&s, uids);
	}
	if (rc == RC_OK && ret_gone) {
		seqset_init(ret_gone);
		seqset_copy(ret_gone, uids);
		seqset_remove_set(ret_gone, &s.index->uids);
	}
	return rc;
}
