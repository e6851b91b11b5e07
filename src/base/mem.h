/*
 * Heap allocation that cannot fail: the process aborts with a log line instead. Only for sizes that no peer
 * chooses, or that were bounded before.
 */
#ifndef COID_BASE_MEM_H
#define COID_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc));
void *mem_zalloc(size_t size) __attribute__((malloc));
/* count * size is checked for overflow. */
void *mem_realloc(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *p, size_t n);
/* Overwrites; never optimised away. */
void mem_wipe(void *p, size_t size);

#endif
