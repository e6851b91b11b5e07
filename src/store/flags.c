/*
 * STORE: flags and keywords of existing messages.
 */
#include "store/mail_priv.h"

#include <stdlib.h>
#include <string.h>

/* The flags that clients see. Other flags change without a modseq and without a notice. */
#define VISIBLE ((uint32_t)MSG_FLAGS_CLIENT)

struct store_flags {
	struct account *account;
	struct mbox *mbox;
	struct index *index;
	enum flag_op op;
	uint32_t flags;
	const struct keyword_set *keywords;
	uint64_t unchanged_since;
	uint64_t modseq; /* of all changes; 0: nothing has changed yet */
	bool mark; /* chat messages that turn \Seen get MSG_MARKED */
	struct seqset *modified;
};

static uint64_t changed_word(enum flag_op op, uint64_t old, uint64_t given)
{
	if (op == FLAGS_SET)
		return given;
	return op == FLAGS_ADD ? old | given : old & ~given;
}

/* Computes the new row. `more` holds the old keywords beyond the first 64, and gets the new ones. */
static void changed_row(
	const struct store_flags *s, const struct msg_row *old, struct msg_row *new, uint64_t *more)
{
	*new = *old;
	switch (s->op) {
	case FLAGS_SET:
		new->flags = (old->flags & ~VISIBLE) | s->flags;
		break;
	case FLAGS_ADD:
		new->flags |= s->flags;
		break;
	case FLAGS_REMOVE:
		new->flags &= ~s->flags;
		break;
	}
	new->keywords = changed_word(s->op, old->keywords, s->keywords->first);
	for (size_t i = 0; i < KEYWORDS_MORE_WORDS; i++)
		more[i] = changed_word(s->op, more[i], s->keywords->more[i]);
}

/* COI-48: true if the message turns \Seen now. */
static bool flags_to_mark(const struct store_flags *s, const struct msg_row *old, const struct msg_row *new)
{
	uint32_t flags = new->flags &(uint32_t)(MSG_SEEN | MSG_CHAT | MSG_DELETED);
	return s->mark && flags == (MSG_SEEN | MSG_CHAT) && !(old->flags & MSG_SEEN);
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

static enum rc write_row(
	struct store_flags *s, const struct msg_row *row, const uint64_t *more, bool more_changed)
{
	enum rc rc = db_run(s->account->db,
		"UPDATE msg SET flags = ?3, keywords = ?4, modseq = ?5 WHERE mailbox = ?1 AND uid = ?2",
		"idduu", s->mbox->id, row->uid, row->flags & ~(uint32_t)MSG_MORE_KEYWORDS, row->keywords,
		row->modseq);
	return rc == RC_OK && more_changed ? keywords_more_store(s->account, s->mbox, row->uid, more) : rc;
}

static void tell_row(struct store_flags *s, const struct msg_row *row)
{
	struct msg_state state = { row->uid, row->flags, row->keywords, row->modseq,
		keywords_more(s->index, row) };
	change_msg(s->account, CHANGE_FLAGS, s->mbox->id, &state);
}

static enum rc store_row(struct store_flags *s, struct msg_row *row)
{
	const uint64_t *old_more = keywords_more(s->index, row);
	uint64_t more[KEYWORDS_MORE_WORDS] = { 0 };
	struct msg_row new;

	if (row->modseq > s->unchanged_since) {
		seqset_add(s->modified, row->uid);
		return RC_OK;
	}
	if (old_more)
		memcpy(more, old_more, sizeof(more));
	changed_row(s, row, &new, more);
	bool more_changed = old_more ? memcmp(more, old_more, sizeof(more)) != 0 : keyword_words_any(more);
	bool mark = flags_to_mark(s, row, &new);
	if (mark)
		new.flags |= MSG_MARKED;
	bool keywords = more_changed || new.keywords != row->keywords;
	if (new.flags == row->flags && !keywords)
		return RC_OK;
	bool visible = ((new.flags ^ row->flags) & VISIBLE) || keywords;
	if (visible) {
		if (s->modseq == 0)
			s->modseq = account_modseq_next(s->account);
		new.modseq = s->modseq;
	}
	mail_mbox_touch(s->account, s->mbox);
	enum rc rc = write_row(s, &new, more, more_changed);
	if (rc != RC_OK)
		return rc;
	count_change(s->mbox, s->index, row, &new);
	*row = new;
	if (more_changed)
		keywords_more_set(s->index, row, more);
	if (mark)
		marked_add(s->account, s->mbox->id, new.uid);
	if (visible)
		tell_row(s, row);
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
	return mail_mbox_save(s->account, s->mbox);
}

enum rc msg_store_flags(struct account *account, int64_t mailbox, const struct seqset *uids, enum flag_op op,
	uint32_t flags, const struct keyword_set *keywords, uint64_t unchanged_since, struct seqset *modified,
	struct seqset *ret_gone)
{
	static const struct keyword_set none;
	struct store_flags s = { .account = account,
		.op = op,
		.flags = flags,
		.keywords = keywords ? keywords : &none,
		.unchanged_since = unchanged_since,
		.modified = modified };

	enum rc rc = mail_mbox_selectable(account, mailbox, &s.mbox);
	if (rc == RC_OK)
		rc = index_get(account, s.mbox, &s.index);
	if (rc == RC_OK && (flags & MSG_SEEN) && op != FLAGS_REMOVE)
		rc = marked_wanted(account, s.mbox, &s.mark);
	if (rc == RC_OK)
		rc = store_rows(&s, uids);
	if (rc == RC_OK && ret_gone) {
		seqset_init(ret_gone);
		seqset_copy(ret_gone, uids);
		seqset_remove_set(ret_gone, &s.index->uids);
	}
	return rc;
}
