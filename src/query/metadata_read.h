/*
 * Reads entries of METADATA for LIST (RFC 9590) and prints them. [strand]
 */
#ifndef COID_QUERY_METADATA_READ_H
#define COID_QUERY_METADATA_READ_H

#include "base/buf.h"
#include "metadata/metadata.h"
#include "store/mailbox.h"

/*
 * Prints the METADATA response that follows a mailbox's LIST response. Missing entries are NIL. Prints
 * nothing for a name without a mailbox, or if `metadata` (settings->metadata) is NULL, because the server has
 * no METADATA then.
 */
enum rc metadata_read_list(const struct metadata *metadata, struct account *account,
	const struct mbox_info *info, const struct metadata_request *request, bool utf8,
	struct buf *out) MUST_CHECK;

#endif
