/*
 * Reads the numbers of a STATUS.
 */
#include "query/status.h"

#include "imap/status_items.h"
#include "store/message.h"

enum rc status_read(struct account *account, const struct mbox_info *info, const struct status_items *items,
	struct status_values *ret_values)
{
	const struct msg_row *rows = NULL;
	size_t count = 0;

	*ret_values = (struct status_values){
		.info = *info,
		.message_max = store_settings(account_store(account))->message_max,
	};
	if (info->id == items->selected && info->highestmodseq > items->told_modseq)
		ret_values->info.highestmodseq = items->told_modseq;
	if (status_items_memory(items) || info->deleted == 0)
		return RC_OK;
	enum rc rc = msg_index(account, info->id, &rows, &count);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].flags & MSG_DELETED)
			ret_values->deleted_storage += rows[i].size;
	}
	return RC_OK;
}
