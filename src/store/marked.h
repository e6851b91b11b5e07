/*
 * Messages with a mark (MSG_MARKED): a module above the store asks for messages to be marked in the same
 * transaction that sets \Seen, and gets them handed over after that transaction is committed. So a crash in
 * between loses nothing: the mark is on disk, and the store hands marked messages over again when the account
 * is opened next. COI's mover (src/coi/mover.c) is the only module that uses it: it moves chat messages out
 * of INBOX when they have been seen. The module takes the mark away when it has done its work, or moves the
 * message (a copy has no mark).
 *
 *	transaction:	\Seen set --> marked_wanted? --> MSG_MARKED set in the same row
 *	commit
 *	strand:		hooks.hand_over(uids)		at once, or, if the job had hold_marked set,
 * marked_hand_over(uids)          when the submitter has finished
 *	account opened:	hooks.hand_over(NULL)		if a mark is left in INBOX
 *
 * hold_marked (struct job): a FETCH that sets \Seen goes on reading the messages that it has marked, in later
 * jobs. They must stay where they are until then. So its job sets hold_marked, the store does not hand over
 * after the commit, and the FETCH calls marked_hand_over itself when it ends, also when it is cancelled. If
 * the process dies before, the next opening of the account finds the marks.
 */
#ifndef COID_STORE_MARKED_H
#define COID_STORE_MARKED_H

#include "base/seqset.h"
#include "store/store.h"

struct marked_hooks {
	void *ctx; /* borrowed; must live as long as the store */
	/*
	 * [strand] Whether chat messages (MSG_CHAT) of INBOX that turn \Seen now are to be marked, unless
	 * they are \Deleted. An error fails the job. The hook must not answer "no" when it cannot tell: the
	 * question is asked only once.
	 */
	enum rc (*wanted)(void *ctx, struct account *account, bool *ret_wanted);
	/*
	 * Messages were marked, and that is committed. The hook submits a job that works on them. `uids`
	 * NULL: all that marked_uids finds. Called on the strand, or on the thread that calls
	 * marked_hand_over.
	 */
	void (*hand_over)(void *ctx, struct account *account, int64_t mailbox, const struct seqset *uids);
};

/* Copies the hooks. At most once, before the first job. */
void marked_set_hooks(struct store *store, const struct marked_hooks *hooks);

/*
 * Call this when the submitter of a job with hold_marked (see above) has finished. Any thread. Does nothing
 * for an empty set.
 */
void marked_hand_over(struct account *account, int64_t mailbox, const struct seqset *uids);
/*
 * [strand] The UIDs of all marked messages of the mailbox. The caller owns the set: seqset_fini. Storage
 * errors.
 */
enum rc marked_uids(struct account *account, int64_t mailbox, struct seqset *ret_uids) MUST_CHECK;
/*
 * [strand] The module could not do its work and has left the marks. They are handed over again after a pause,
 * which doubles from one second to five minutes, or when the account is opened next.
 */
void marked_left(struct account *account);
/* [strand] The module has done its work: the next pause is a short one again. */
void marked_done(struct account *account);

#endif
