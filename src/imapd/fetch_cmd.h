/*
 * The reactor's side of a FETCH: gives a struct fetch to a job for each slice, sends the result, and goes on
 * when the connection has room. It is embedded in the arguments of a command (FETCH, and STORE for its
 * answer).
 */
#ifndef COID_IMAPD_FETCH_CMD_H
#define COID_IMAPD_FETCH_CMD_H

#include "imapd/command.h"
#include "query/fetch.h"

/* The largest set that the reactor itself answers from memory; larger ones go to a worker. */
#define FETCH_BORROW_MAX 400

struct fetch_cmd {
	struct fetch *fetch; /* own, while no job has it */
	bool waits_for_room; /* the next slice begins at drain */
	bool gone; /* some of the messages no longer exist */
	/*
	 * Called when everything is sent (RC_OK) or an error has occurred. The fetch is freed already. Ends
	 * the command.
	 */
	void (*done)(struct cmd *cmd, enum rc rc);
};

/*
 * Makes run->fetch for these messages of the selected mailbox, up to the limit of RFC 9738; the plan is
 * copied. RC_INVALID: a sequence number is beyond the mailbox. ret_uids (may be NULL): the UIDs of the
 * messages; the caller owns it.
 */
enum rc fetch_cmd_init(struct fetch_cmd *run, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids) MUST_CHECK;
/* True: no message of the set is in the mailbox. */
bool fetch_cmd_empty(const struct fetch_cmd *run);
/* The number of messages that the set means, gone ones included. */
uint64_t fetch_cmd_count(const struct fetch_cmd *run);
/* Does the next slice. */
void fetch_cmd_next(struct cmd *cmd, struct fetch_cmd *run);
/* Takes run->fetch back from a job that did a slice with this result. */
void fetch_cmd_deliver(struct cmd *cmd, struct fetch_cmd *run, enum rc rc);
/* Call these from cmd_row.drain and cmd_row.cancel. The latter is called at every end of the command. */
void fetch_cmd_drain(struct cmd *cmd, struct fetch_cmd *run);
void fetch_cmd_cancel(struct fetch_cmd *run);

#endif
