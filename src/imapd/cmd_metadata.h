/*
 * What LIST needs of METADATA (RFC 9590): "RETURN (METADATA (/shared/comment /private/comment))".
 */
#ifndef COID_IMAPD_CMD_METADATA_H
#define COID_IMAPD_CMD_METADATA_H

#include "imapd/parse.h"
#include "metadata/metadata.h"
#include "store/mailbox.h"

/* Behind "METADATA" and its space: "(entry entry)"; `bare`: or entries without parentheses. Zero the request before. */
bool metadata_parse_entries(struct parse *parse, bool bare, struct metadata_request *request);
/* For a job's own arena. */
void metadata_request_copy(
	const struct metadata_request *request, struct arena *arena, struct metadata_request *ret_request);
/*
 * [strand] Behind a mailbox's LIST response: its METADATA response. Entries that are not there are NIL. Nothing for a name
 * without a mailbox, or without METADATA (NULL: settings->metadata).
 */
enum rc metadata_list(const struct metadata *metadata, struct account *account, const struct mbox_info *info,
	const struct metadata_request *request, bool utf8, struct buf *out) MUST_CHECK;

#endif
