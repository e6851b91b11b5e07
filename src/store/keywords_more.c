/*
 * Keywords of messages beyond the first 64 of their mailbox: a row of `keyword_more` for each message that
 * has one, and a copy in memory beside the index. So rows of `msg` stay short, and mailboxes with few
 * keywords need no more memory.
 */
#include "store/mail_priv.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define MORE_OCTETS (KEYWORDS_MORE_WORDS * 8)

struct more_keywords {
	UT_hash_handle hh; /* index->more, by uid */
	uint32_t uid;
	uint64_t words[KEYWORDS_MORE_WORDS];
};

/* Writes the octets, lowest first, without the zeros at the end. */
static size_t words_pack(const uint64_t *words, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < MORE_OCTETS; i++) {
		out[i] = (char)(words[i / 8] >> 8 * (i % 8));
		if (out[i])
			n = i + 1;
	}
	return n;
}

static void words_unpack(struct strv packed, uint64_t *ret_words)
{
	memset(ret_words, 0, MORE_OCTETS);
	for (size_t i = 0; i < packed.n && i < MORE_OCTETS; i++)
		ret_words[i / 8] |= (uint64_t)(unsigned char)packed.p[i] << 8 * (i % 8);
}

static struct more_keywords *more_find(const struct index *index, uint32_t uid)
{
	struct more_keywords *entry;

	HASH_FIND(hh, index->more, &uid, sizeof(uid), entry);
	return entry;
}

static void more_drop(struct index *index, struct more_keywords *entry)
{
	HASH_DEL(index->more, entry);
	free(entry);
}

uint64_t keywords_more_bytes(const struct index *index)
{
	return HASH_COUNT(index->more) * sizeof(struct more_keywords);
}

const uint64_t *keywords_more(const struct index *index, const struct msg_row *row)
{
	if (!(row->flags & MSG_MORE_KEYWORDS))
		return NULL;
	const struct more_keywords *entry = more_find(index, row->uid);
	return entry ? entry->words : moved_keywords(index, row->uid);
}

void keywords_more_set(struct index *index, struct msg_row *row, const uint64_t *words)
{
	struct more_keywords *entry = more_find(index, row->uid);

	if (!keyword_words_any(words)) {
		row->flags &= ~(uint32_t)MSG_MORE_KEYWORDS;
		if (entry)
			more_drop(index, entry);
		return;
	}
	row->flags |= MSG_MORE_KEYWORDS;
	if (!entry) {
		entry = mem_zalloc(sizeof(*entry));
		entry->uid = row->uid;
		HASH_ADD(hh, index->more, uid, sizeof(entry->uid), entry);
	}
	memcpy(entry->words, words, sizeof(entry->words));
}

void keywords_more_remove(struct index *index, const struct seqset *uids)
{
	struct more_keywords *entry;
	struct more_keywords *next;

	HASH_ITER (hh, index->more, entry, next) {
		if (!uids || seqset_contains(uids, entry->uid))
			more_drop(index, entry);
	}
}

enum rc keywords_more_load(struct account *account, struct index *index)
{
	uint64_t words[KEYWORDS_MORE_WORDS];
	sqlite3_stmt *stmt;

	if (index->mbox->keywords->count <= KEYWORDS_FIRST)
		return RC_OK;
	enum rc rc = db_query(account->db, &stmt, "SELECT uid, bits FROM keyword_more WHERE mailbox = ?1",
		"i", index->mbox->id);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		uint32_t uid = db_u32(stmt, 0);
		size_t at = msg_lower_bound(index->rows, index->count, uid);
		words_unpack(db_blob(stmt, 1), words);
		/* A row without its message is ignored. */
		if (at < index->count && index->rows[at].uid == uid)
			keywords_more_set(index, &index->rows[at], words);
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc keywords_more_store(
	struct account *account, const struct mbox *mbox, uint32_t uid, const uint64_t *words)
{
	char packed[MORE_OCTETS];

	if (!keyword_words_any(words))
		return db_run(account->db, "DELETE FROM keyword_more WHERE mailbox = ?1 AND uid = ?2", "id",
			mbox->id, uid);
	size_t n = words_pack(words, packed);
	return db_run(account->db,
		"INSERT OR REPLACE INTO keyword_more (mailbox, uid, bits) VALUES (?1, ?2, ?3)", "idb",
		mbox->id, uid, strv_make(packed, n));
}

const uint64_t *msg_keywords_more(struct account *account, int64_t mailbox, const struct msg_row *row)
{
	const struct mbox *mbox = row->flags & MSG_MORE_KEYWORDS ? mail_mbox_by_id(account, mailbox) : NULL;

	return mbox && mbox->index ? keywords_more(mbox->index, row) : NULL;
}
