/*
 * Heap allocation that can't fail: the process aborts with a log line instead. Only for sizes that no peer
 * chooses, or that were bounded before.
 */
#ifndef COID_BASE_MEM_H
#define COID_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Number of elements of an array (not of a pointer). */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

void *mem_alloc(size_t size) __attribute__((malloc));
void *mem_zalloc(size_t size) __attribute__((malloc));
/* count * size is checked for overflow. */
void *mem_realloc(void *p, size_t count, size_t size);
/*
 * Makes room for more elements of `size` bytes when an array is full: *cap (0: none yet) doubles, or becomes
 * MEM_GROW_FIRST. Returns the array's new place.
 */
#define MEM_GROW_FIRST 4
void *mem_grow(void *p, size_t *cap, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *p, size_t n);
/* Overwrites memory; the compiler never removes it. */
void mem_wipe(void *p, size_t size);

/*
 * The only function that removes const: for an owner who frees or wipes memory that it shows to others as
 * const, and for foreign functions that only read but are not declared so.
 */
static inline void *mem_unconst(const void *p)
{
	return (void *)(uintptr_t)p; /* NOLINT(performance-no-int-to-ptr) */
}

#endif
