/*
 * Counts failed logins per key (peer address, user name) and says how long an answer to the next one must wait. Any
 * thread. Bounded: when full, the entry that failed longest ago goes.
 */
#ifndef COID_AUTH_PENALTY_H
#define COID_AUTH_PENALTY_H

#include <stddef.h>
#include <stdint.h>

struct penalty;

struct penalty *penalty_new(size_t entries_max);
void penalty_free(struct penalty **penalty);
/* Notes a failure; returns the delay of its answer: 250 ms, doubled with each failure, up to max_ms. */
uint64_t penalty_fail(struct penalty *penalty, const char *key, uint64_t max_ms);
/* The delay that the last failure earned if it is not older than ten minutes; 0 if none: no change. */
uint64_t penalty_peek(struct penalty *penalty, const char *key, uint64_t max_ms);
void penalty_clear(struct penalty *penalty, const char *key);

#endif
