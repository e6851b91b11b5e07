/* Finds the mailbox for APPEND and similar commands, and checks whether there is room. */
#include "query/append_target.h"

enum rc append_target(
	struct account *account, struct strv name, struct mbox_info *ret_info, bool *ret_missing)
{
	enum rc rc = mbox_find(account, name, ret_info);
	if (rc == RC_OK && (ret_info->attrs & MBOX_NOSELECT))
		rc = RC_NOT_FOUND;
	*ret_missing = rc == RC_NOT_FOUND || rc == RC_INVALID;
	return rc;
}
