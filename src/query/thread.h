/*
 * Threading messages that are known by their UIDs, on the worker, slice by slice (at most SEARCH_SLICE_US):
 * what each message says of its thread is read from the cache, the dates are sorted, the tree is made and
 * printed. struct thread has one owner at a time, the command or its job; a slice counts when the reactor has
 * taken it over (thread_accept), so that it may be run again.
 *
 * The passes over the tree are not cut into slices, only the time between them is looked at: the longest
 * takes 5 ms with 100,000 messages, the print 6.
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
	uint32_t uid; /* next to be looked at */
	size_t count; /* messages */
	size_t ref_count;
	size_t linked; /* messages in the tree */
	uint64_t seen; /* messages that are there still */
	enum rc rc; /* RC_CORRUPT: a message could not be read: it stands alone; else it is left out */
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

/* The set is copied; `runs` (of the view, covering it) too: for message numbers; NULL: UIDs. */
struct thread *thread_new(int64_t mailbox, enum thread_algorithm algorithm, const struct seqset *uids,
	const struct uid_run *runs, size_t run_count);
void thread_free(struct thread **thread);
/* [strand] */
enum rc thread_slice(struct account *account, struct thread *thread) MUST_CHECK;
/* On the reactor. */
void thread_accept(struct thread *thread);
/* How many of the UIDs are no longer there. */
uint64_t thread_gone(const struct thread *thread);

#endif
