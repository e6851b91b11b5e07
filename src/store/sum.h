/*
 * Checksums of stored bytes: CRC-32 of zlib. They find changes by a disk or a cable, not changes by an
 * attacker. Any thread.
 */
#ifndef COID_STORE_SUM_H
#define COID_STORE_SUM_H

#include "base/strv.h"

#include <stdint.h>

#define SUM_NONE 0u /* the sum of no bytes, with which a sum begins */

/* Adds n bytes to a sum. */
uint32_t sum_add(uint32_t sum, const void *p, size_t n);
uint32_t sum_of(struct strv bytes);
/* The sum of two pieces in a row, from their sums and the length of the second. */
uint32_t sum_join(uint32_t first, uint32_t second, uint64_t second_size);

#endif
