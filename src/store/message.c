/* Stores new messages: APPEND and delivery. */
#include "store/mail_priv.h"

#include "base/clock.h"
#include "store/conversation.h"
#include "store/damage.h"

#include <inttypes.h>

enum rc msg_insert(struct account *account, struct mbox *mbox, const struct msg_row *row,
	const struct keyword_set *keywords)
{
	const uint64_t *more = keyword_words_any(keywords->more) ? keywords->more : NULL;
	struct msg_state state = { row->uid, row->flags, keywords->first, row->modseq, more };

	enum rc rc = db_run(account->db,
		"INSERT INTO msg (mailbox, uid, flags, keywords, modseq, size, internaldate, zone, savedate, "
		"blob)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"idduudiiii", mbox->id, row->uid, row->flags, keywords->first, row->modseq, row->size,
		row->internaldate, (int64_t)row->zone, row->savedate, row->blob);
	if (rc == RC_EXISTS) {
		log_error(account_log(account), "uid is in use account=%s mailbox=%" PRId64 " uid=%" PRIu32,
			account_shown(account), mbox->id, row->uid);
		return RC_CORRUPT;
	}
	if (rc == RC_OK && more)
		rc = keywords_more_store(account, mbox, row->uid, more);
	if (rc != RC_OK)
		return rc;
	mbox->uidnext = row->uid + 1;
	mbox->highestmodseq = row->modseq;
	mail_mbox_count(account, mbox, row, 1);
	if (mbox->index)
		index_append(mbox->index, row, keywords);
	change_msg(account, CHANGE_APPEND, mbox->id, &state);
	return RC_OK;
}

enum rc msg_append(struct account *account, int64_t mailbox, const struct msg_new *msg, uint32_t *ret_uid)
{
	uint64_t size = content_size(msg->content) + msg->prefix.n;
	struct msg_row row = { 0 };
	struct keyword_set keywords;
	struct mbox *mbox;

	enum rc rc = mail_mbox_selectable(account, mailbox, &mbox);
	if (rc != RC_OK)
		return rc;
	if (size > account->store->settings.message_max || size > UINT32_MAX || mbox->uidnext == UINT32_MAX)
		return RC_LIMIT;
	rc = account_quota_check(account, size, 1);
	if (rc != RC_OK)
		return rc;
	rc = mbox_keyword_set(account, mailbox, msg->keywords, msg->keyword_count, true, &keywords);
	if (rc != RC_OK)
		return rc;

	mail_mbox_touch(account, mbox);
	rc = blob_put(account, msg->content, msg->prefix, &row.blob);
	if (rc == RC_OK)
		rc = cache_put(account, row.blob, msg->content, msg->prefix);
	if (rc == RC_OK)
		rc = conversation_put(account, row.blob, msg->content);
	if (rc != RC_OK)
		return rc;
	row.uid = mbox->uidnext;
	row.flags = msg->flags & MSG_FLAGS_STORED;
	row.modseq = account_modseq_next(account);
	row.size = (uint32_t)size;
	row.internaldate = msg->internaldate;
	row.zone = msg->zone;
	row.savedate = clock_wall();
	rc = msg_insert(account, mbox, &row, &keywords);
	if (rc == RC_OK)
		rc = mail_mbox_save(account, mbox);
	if (rc == RC_OK)
		*ret_uid = row.uid;
	return rc;
}

uint32_t msg_epoch(struct account *account)
{
	const struct mbox *inbox = account->mail ? tree_find(account->mail, STRV("INBOX")) : NULL;
	return inbox ? inbox->uidvalidity : 0;
}

enum rc msg_thread(struct account *account, const struct msg_row *row, uint64_t *ret_thread)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt, "SELECT thread FROM blob WHERE id = ?1", "i", row->blob);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	*ret_thread = db_u64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

enum rc msg_open(struct account *account, const struct msg_row *row, struct reader **ret_reader)
{
	return blob_open(account, row->blob, ret_reader);
}

void msg_damaged(struct account *account, const struct msg_row *row)
{
	damage_found(account, row->blob);
}
