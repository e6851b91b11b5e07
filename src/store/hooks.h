/*
 * Joints for what stands above the store and must act within its transactions: moving of messages that have been seen
 * (src/coi), and what modules remember about an account. Set once, before the first job.
 */
#ifndef COID_STORE_HOOKS_H
#define COID_STORE_HOOKS_H

#include "base/seqset.h"
#include "store/store.h"

struct store_hooks {
	void *ctx; /* borrowed; as long as the store */
	/*
	 * [strand] Whether messages of INBOX that were detected as chat (MSG_CHAT) and turn \Seen just now shall be moved. Those
	 * are marked MSG_MOVE_PENDING in the same transaction, unless they are \Deleted.
	 */
	/* An error fails the job: whoever cannot tell must not say no, since nobody asks again. */
	enum rc (*seen)(void *ctx, struct account *account, bool *ret_moves);
	/*
	 * Messages were marked, and that is committed: submits a job that moves them. `uids` NULL: whatever msg_marked says.
	 * Called on the strand, or on the thread that calls account_move_marked.
	 */
	void (*move)(void *ctx, struct account *account, int64_t mailbox, const struct seqset *uids);
};

/* Copied. */
void store_set_hooks(struct store *store, const struct store_hooks *hooks);

/*
 * Whoever submitted a job with `hold_moves` calls this when the command is over: a FETCH that sets \Seen goes on reading
 * the messages that it has marked. Any thread. Does nothing for an empty set.
 */
void account_move_marked(struct account *account, int64_t mailbox, const struct seqset *uids);
/* [strand] Messages of the mailbox with MSG_MOVE_PENDING. The caller's: seqset_fini. */
enum rc msg_marked(struct account *account, int64_t mailbox, struct seqset *ret_uids) MUST_CHECK;
/* [strand] Moving has failed: marks are looked for again after a pause, which grows, or when the account is opened next. */
void account_marks_left(struct account *account);
/* [strand] Moving works: the next pause is a short one. */
void account_marks_moved(struct account *account);

/*
 * [strand] What a module has read of an account and does not want to read again: one allocation, freed by the store whenever
 * annotations or mailboxes have been undone, annotations change or the account closes. memory.
 */
enum account_note { ACCOUNT_NOTE_COI, ACCOUNT_NOTE_WEBPUSH, ACCOUNT_NOTES };
/* NULL: nothing is remembered. */
const void *account_note(struct account *account, enum account_note note);
/* Takes over `p` (free). */
void account_note_set(struct account *account, enum account_note note, void *p);

#endif
