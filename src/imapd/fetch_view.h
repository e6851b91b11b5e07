/*
 * Makes a FETCH of messages of the selected mailbox from the session's view, and gives the result of each
 * slice back to the view and the connection. FETCH and STORE (fetch_cmd.h) use it, and NOTIFY for messages
 * that it sends unasked. On the session's reactor.
 */
#ifndef COID_IMAPD_FETCH_VIEW_H
#define COID_IMAPD_FETCH_VIEW_H

#include "query/fetch.h"

struct cmd;
struct session;

/*
 * Makes a fetch of these messages; the plan is copied. `cmd`: its limit of messages applies (RFC 9738); NULL:
 * no limit. RC_INVALID: a sequence number is beyond the mailbox. ret_uids (may be NULL): the UIDs of the
 * messages. The caller owns the set and the fetch.
 */
enum rc fetch_view_new(struct session *session, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids, struct fetch **ret_fetch) MUST_CHECK;
/*
 * Sends the result of a slice, tells the view so, and prepares the next slice. True: that was the last one.
 */
bool fetch_view_take(struct session *session, struct fetch *fetch);

#endif
