/* Reads the values of the items of a STATUS for a mailbox. [strand] */
#ifndef COID_QUERY_STATUS_H
#define COID_QUERY_STATUS_H

#include "imap/status_items.h"

/* Reads neither files nor the database if status_items_memory() says so. The name in ret_values->info is
 * borrowed. */
enum rc status_read(struct account *account, const struct mbox_info *info, const struct status_items *items,
	struct status_values *ret_values) MUST_CHECK;

#endif
