/* The special uses (RFC 6154) of an account's mailboxes. The names of the uses are in base/special_use.h. */
#include "store/mail_priv.h"

enum rc mbox_use_taken(struct account *account, int64_t id, uint32_t special_use, bool *ret_taken)
{
	const struct mail *mail = account->mail;
	bool taken = false;

	for (size_t i = 0; i < mail->name_count && !taken; i++)
		taken = mail->names[i]->id != id && (mail->names[i]->attrs & special_use & MBOX_SPECIAL_MASK);
	*ret_taken = taken;
	return RC_OK;
}

enum rc mbox_set_special_use(struct account *account, int64_t id, uint32_t special_use)
{
	struct mbox *mbox;
	bool taken;

	enum rc rc = mail_mbox_selectable(account, id, &mbox);
	if (rc == RC_OK)
		rc = mbox_use_taken(account, id, special_use, &taken);
	if (rc != RC_OK || taken)
		return rc == RC_OK ? RC_EXISTS : rc;
	uint32_t attrs = (mbox->attrs & ~(uint32_t)MBOX_SPECIAL_MASK) | (special_use & MBOX_SPECIAL_MASK);
	if (attrs == mbox->attrs)
		return RC_OK;
	mail_mbox_touch(account, mbox);
	rc = db_run(account->db, "UPDATE mailbox SET attrs = ?2 WHERE id = ?1", "id", id, attrs);
	if (rc == RC_OK)
		mbox->attrs = attrs;
	return rc;
}
