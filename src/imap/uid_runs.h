/*
 * A set of messages of a view by both of their numbers: runs of consecutive UIDs that have consecutive
 * sequence numbers, in order. Plain data, so that a worker can have a copy. Pure.
 */
#ifndef COID_IMAP_UID_RUNS_H
#define COID_IMAP_UID_RUNS_H

#include <stddef.h>
#include <stdint.h>

struct uid_run {
	uint32_t uid_lo;
	uint32_t uid_hi;
	uint32_t seq_lo; /* sequence number of uid_lo */
};

/* The number of messages in the runs, gone ones included. */
uint64_t uid_runs_count(const struct uid_run *runs, size_t count);
/* The number of messages before UID `uid` (0: the first) of runs[run]. */
uint64_t uid_runs_before(const struct uid_run *runs, size_t run, uint32_t uid);

#endif
