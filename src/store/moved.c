/*
 * Messages that were moved out of a mailbox a moment ago: a session that has not been told yet may still read
 * them (RFC 2180 section 4.1.1). They are kept in memory only, beside the index; the oldest are forgotten
 * first.
 */
#include "store/mail_priv.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct moved {
	UT_hash_handle hh; /* index->moved, by uid, oldest first */
	uint32_t uid;
	struct msg_row row;
	uint64_t *more; /* own: its keywords beyond the first 64; NULL: none */
};

static void moved_drop(struct index *index, struct moved *moved)
{
	HASH_DEL(index->moved, moved);
	free(moved->more);
	free(moved);
}

void moved_add(struct index *index, const struct msg_row *row)
{
	struct moved *moved = mem_zalloc(sizeof(*moved));
	const uint64_t *more = keywords_more(index, row);

	moved->uid = row->uid;
	moved->row = *row;
	if (more) {
		moved->more = mem_alloc(KEYWORDS_MORE_WORDS * sizeof(*more));
		memcpy(moved->more, more, KEYWORDS_MORE_WORDS * sizeof(*more));
	}
	HASH_ADD(hh, index->moved, uid, sizeof(moved->uid), moved);
	if (HASH_COUNT(index->moved) > MOVED_MAX)
		moved_drop(index, index->moved);
}

void moved_forget(struct index *index)
{
	while (index->moved)
		moved_drop(index, index->moved);
}

uint64_t moved_bytes(const struct index *index)
{
	return HASH_COUNT(index->moved) * sizeof(struct moved);
}

static struct moved *moved_find(const struct index *index, uint32_t uid)
{
	struct moved *moved;

	HASH_FIND(hh, index->moved, &uid, sizeof(uid), moved);
	return moved;
}

const uint64_t *moved_keywords(const struct index *index, uint32_t uid)
{
	const struct moved *moved = moved_find(index, uid);
	return moved ? moved->more : NULL;
}

void moved_keywords_used(const struct index *index, struct keyword_set *used)
{
	for (const struct moved *moved = index->moved; moved; moved = moved->hh.next)
		keyword_set_join(used, moved->row.keywords, moved->more);
}

const struct msg_row *msg_moved(struct account *account, int64_t mailbox, uint32_t uid)
{
	const struct mbox *mbox = mail_mbox_by_id(account, mailbox);
	const struct moved *moved = mbox && mbox->index ? moved_find(mbox->index, uid) : NULL;
	return moved ? &moved->row : NULL;
}
