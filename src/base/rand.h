/*
 * Random bytes from getrandom(2): safe for secrets and ids. Any thread. Cannot fail.
 */
#ifndef COID_BASE_RAND_H
#define COID_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t n);
uint64_t rand_u64(void);

#endif
