/*
 * Makes a FETCH of messages of the selected mailbox from the session's view, and gives what each slice has
 * made back to the view and the connection. FETCH and STORE (fetch_cmd.h) use it, and NOTIFY for messages
 * that it sends unasked. On the session's reactor.
 */
#ifndef COID_IMAPD_FETCH_VIEW_H
#define COID_IMAPD_FETCH_VIEW_H

#include "query/fetch.h"

struct cmd;
struct session;

/*
 * Makes a fetch of these messages; the plan is copied. `cmd`: its limit of messages counts (RFC 9738); NULL:
 * none does. RC_INVALID: a sequence number beyond the mailbox. ret_uids (may be NULL): which messages they
 * are; the caller's, as is the fetch.
 */
enum rc fetch_view_new(struct session *session, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids, struct fetch **ret_fetch) MUST_CHECK;
/* Sends what a slice has made, tells the view so, and makes the fetch ready for the next slice. True: that
 * was the last one. */
bool fetch_view_take(struct session *session, struct fetch *fetch);

#endif
