/*
 * Special uses of mailboxes (RFC 6154): their names, and which mailbox has them.
 */
#include "store/mail_priv.h"

static const struct {
	uint32_t use;
	const char *name;
} uses[] = {
	{ MBOX_SENT, "\\Sent" },
	{ MBOX_DRAFTS, "\\Drafts" },
	{ MBOX_TRASH, "\\Trash" },
	{ MBOX_JUNK, "\\Junk" },
	{ MBOX_ARCHIVE, "\\Archive" },
	{ MBOX_ALL, "\\All" },
	{ MBOX_FLAGGED, "\\Flagged" },
	{ MBOX_IMPORTANT, "\\Important" },
};

uint32_t mbox_use_of(struct strv word)
{
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		if (strv_ieq(word, strv_cstr(uses[i].name)))
			return uses[i].use;
	}
	return 0;
}

const char *mbox_use_name(uint32_t use)
{
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		if (uses[i].use == use)
			return uses[i].name;
	}
	return NULL;
}

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
