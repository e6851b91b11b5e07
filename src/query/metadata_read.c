/*
 * Reads the METADATA entries that a LIST returns and prints them.
 */
#include "query/metadata_read.h"

#include "imap/metadata_items.h"

enum rc metadata_read_list(const struct metadata *metadata, struct account *account,
	const struct mbox_info *info, const struct metadata_request *request, bool utf8, struct buf *out)
{
	struct metadata_scope scope = { .mailbox = info->id, .mailbox_name = info->name };
	struct metadata_answer answer;

	if (!metadata || info->id == 0)
		return RC_OK;
	enum rc rc = metadata_get(metadata, account, &scope, request, &answer);
	if (rc == RC_OK)
		metadata_items_print(out, info->name, utf8, &answer);
	return rc;
}
