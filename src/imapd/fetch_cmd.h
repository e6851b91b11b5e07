/*
 * The reactor's side of a FETCH: hands a struct fetch to a job for each slice, sends what the slice made, and
 * goes on when the connection has room. Embedded in the arguments of a command (FETCH, and STORE for its
 * answer).
 */
#ifndef COID_IMAPD_FETCH_CMD_H
#define COID_IMAPD_FETCH_CMD_H

#include "imapd/command.h"
#include "query/fetch.h"

/* Largest set that the reactor itself answers from memory; more go to a worker. */
#define FETCH_BORROW_MAX 400

struct fetch_cmd {
	struct fetch *fetch; /* own, while no job has it */
	bool waits_for_room; /* until drain */
	bool gone; /* some of the messages were not there any more */
	/* Everything is sent (RC_OK), or what went wrong. The fetch is gone. Ends the command. */
	void (*done)(struct cmd *cmd, enum rc rc);
};

/*
 * Makes run->fetch for these messages of the selected mailbox, as far as the limit of RFC 9738 goes; the plan
 * is copied. RC_INVALID: a sequence number beyond the mailbox. ret_uids (may be NULL): which they are; the
 * caller's.
 */
enum rc fetch_cmd_init(struct fetch_cmd *run, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids) MUST_CHECK;
/* Nothing of the set is in the mailbox. */
bool fetch_cmd_empty(const struct fetch_cmd *run);
/* How many messages the set means, gone ones included. */
uint64_t fetch_cmd_count(const struct fetch_cmd *run);
/* Does the next slice. */
void fetch_cmd_next(struct cmd *cmd, struct fetch_cmd *run);
/* run->fetch is back from a job that did a slice with this result. */
void fetch_cmd_deliver(struct cmd *cmd, struct fetch_cmd *run, enum rc rc);
/* For cmd_row.drain and cmd_row.cancel. The latter is called at every end of the command. */
void fetch_cmd_drain(struct cmd *cmd, struct fetch_cmd *run);
void fetch_cmd_cancel(struct fetch_cmd *run);

#endif
