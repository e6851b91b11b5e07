/*
 * Region memory: many small allocations that are freed together (those of a command, a job, a parse). Not
 * thread-safe; an arena is passed on as a whole. Allocation can't fail (the process aborts): the caller must
 * bound sizes that a peer chooses. Memory is 16-byte aligned.
 */
#ifndef COID_BASE_ARENA_H
#define COID_BASE_ARENA_H

#include "base/strv.h"

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* `hint`: bytes of the first chunk (0: 1 KiB). Later chunks double, up to 64 KiB; larger requests get their
 * own. */
struct arena *arena_new(size_t hint);
/* Frees all, clears the pointer, accepts a pointer to NULL. */
void arena_free(struct arena **arena);
/* Drops every allocation and keeps the first chunk. */
void arena_reset(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* NUL-terminated copies. */
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *p, size_t n);
struct strv arena_strv(struct arena *arena, struct strv v);
/* A copy of the array and of the bytes of each element. */
struct strv *arena_strvs(struct arena *arena, const struct strv *v, size_t count);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Bytes obtained from malloc so far: for limits and for memory accounting. */
size_t arena_size(const struct arena *arena);

#endif
