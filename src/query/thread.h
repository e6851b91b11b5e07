/*
 * Threads messages that are given by their UIDs, on the worker, slice by slice (at most SEARCH_SLICE_US):
 * reads each message's references and subject from the cache, sorts by date, builds the tree and prints it.
 * struct thread has one owner at a time, the command or its job; a slice counts when the reactor has taken it
 * (thread_accept), so that it may run again.
 *
 * A pass over the tree is not cut into slices; the clock is looked at between passes. The longest one takes 5
 * ms with 100,000 messages, printing takes 6.
 */
#ifndef COID_QUERY_THREAD_H
#define COID_QUERY_THREAD_H

#include "base/buf.h"
#include "base/seqset.h"
#include "query/thread_tree.h"
#include "store/message.h"
#include "imap/uid_runs.h"

#define THREAD_MESSAGE_REFS_MAX 1000 /* references of one message: the last ones count */
#define THREAD_REFS_MAX ((size_t)8 * 1024 * 1024) /* of all; beyond: RC_LIMIT */

enum thread_phase {
	THREAD_GATHER, /* messages and their references */
	THREAD_SORT, /* by date */
	THREAD_LINK, /* the tree is made, from its beginning if a slice does not count */
	THREAD_PRINT
};

struct thread_place {
	enum thread_phase phase;
	uint32_t uid; /* the next UID */
	size_t count; /* messages */
	size_t ref_count;
	size_t linked; /* messages in the tree */
	uint64_t seen; /* messages that still exist */
	enum rc rc; /* RC_CORRUPT: a message could not be read and stands alone; other: one is left out */
};

struct thread {
	int64_t mailbox;
	enum thread_algorithm algorithm;
	struct seqset uids; /* own */
	struct uid_run *runs; /* own; NULL: the answer has UIDs */
	size_t run_count;
	uint64_t keys[4]; /* of the hashes */
	struct thread_message *messages; /* own */
	size_t message_cap;
	struct thread_id *refs; /* own */
	size_t ref_cap;
	size_t refs_max; /* THREAD_REFS_MAX */
	struct sorter dates; /* items' uid: place of the message, from 1 on */
	struct thread_tree *tree; /* own */
	struct buf out; /* the threads */
	struct thread_place place;
	struct thread_place next;
	bool fresh; /* the last slice was accepted */
	bool finished;
};

/*
 * Makes a thread of these messages. The set is copied. `runs` (of the view, covering the set) are copied,
 * too; they give message numbers; NULL: the answer has UIDs.
 */
struct thread *thread_new(int64_t mailbox, enum thread_algorithm algorithm, const struct seqset *uids,
	const struct uid_run *runs, size_t run_count);
void thread_free(struct thread **thread);
/* [strand] */
enum rc thread_slice(struct account *account, struct thread *thread) MUST_CHECK;
/* On the reactor. */
void thread_accept(struct thread *thread);
/* The number of UIDs that no longer exist. */
uint64_t thread_gone(const struct thread *thread);

#endif
