/* SELECT and EXAMINE: the snapshot with which a session's view starts. */
#include "store/mail_priv.h"

static enum rc select_claim(struct account *account, struct mbox *mbox)
{
	if (mbox->recent == 0)
		return RC_OK;
	mail_mbox_touch(account, mbox);
	mbox->first_recent = mbox->uidnext;
	mbox->recent = 0;
	return mail_mbox_save(account, mbox);
}

enum rc mbox_select(struct account *account, int64_t id, bool read_write, struct change_sink *sink,
	struct mbox_snapshot *ret_snapshot)
{
	struct mbox_snapshot snapshot = { .uids = SEQSET_EMPTY };
	struct mbox *mbox;
	struct index *index;

	enum rc rc = mail_mbox_selectable(account, id, &mbox);
	if (rc == RC_OK)
		rc = index_get(account, mbox, &index);
	if (rc != RC_OK)
		return rc;
	if (mbox->recent > 0) {
		snapshot.first_recent = mbox->first_recent;
		snapshot.recent = mbox->recent;
	}
	if (read_write)
		rc = select_claim(account, mbox);
	if (rc == RC_OK)
		rc = mbox_get(account, id, &snapshot.info);
	if (rc != RC_OK)
		return rc;
	snapshot.first_unseen = index_first_unseen(index);
	seqset_copy(&snapshot.uids, &index->uids);
	change_watch(account, sink);
	*ret_snapshot = snapshot;
	return RC_OK;
}

enum rc mbox_claim_recent(struct account *account, int64_t id, uint32_t *ret_first, uint32_t *ret_count)
{
	struct mbox *mbox;

	enum rc rc = mail_mbox_selectable(account, id, &mbox);
	if (rc != RC_OK)
		return rc;
	uint32_t first = mbox->recent > 0 ? mbox->first_recent : 0;
	uint32_t count = mbox->recent;
	rc = select_claim(account, mbox);
	if (rc != RC_OK)
		return rc;
	*ret_first = first;
	*ret_count = count;
	return RC_OK;
}
