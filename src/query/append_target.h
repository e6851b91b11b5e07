/* Finds the mailbox for APPEND, REPLACE and similar commands. [strand] */
#ifndef COID_QUERY_APPEND_TARGET_H
#define COID_QUERY_APPEND_TARGET_H

#include "store/mailbox.h"

#include <stdbool.h>

/*
 * Finds the mailbox `name` (UTF-8). RC_NOT_FOUND or RC_INVALID: it does not exist, or has no messages
 * (\Noselect); *ret_missing is true then and false otherwise. Valid until the job ends.
 */
enum rc append_target(
	struct account *account, struct strv name, struct mbox_info *ret_info, bool *ret_missing) MUST_CHECK;

#endif
