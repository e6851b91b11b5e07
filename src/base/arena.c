#include "base/arena.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN ((size_t)16)
#define ARENA_FIRST ((size_t)1024)
#define ARENA_CHUNK_MAX ((size_t)65536)

struct chunk {
	struct chunk *next; /* own: the chunk that was made before it */
	size_t size; /* usable bytes */
	size_t used;
	size_t pad; /* keeps the bytes that follow aligned */
};

_Static_assert(sizeof(struct chunk) % 16 == 0, "the bytes after a chunk header must be aligned");

struct arena {
	struct chunk *current; /* own: serves small requests; its list ends with `first` */
	struct chunk *large; /* own: requests with a chunk of their own */
	struct chunk *first; /* borrowed from the list of `current` */
	size_t total;
};

static struct chunk *arena_chunk_new(struct arena *arena, size_t size)
{
	struct chunk *chunk = mem_alloc(sizeof(*chunk) + size);
	*chunk = (struct chunk){ .size = size };
	arena->total += sizeof(*chunk) + size;
	return chunk;
}

static char *chunk_bytes(struct chunk *chunk)
{
	return (char *)(chunk + 1);
}

static size_t round_up(size_t size)
{
	/* Absurd sizes become a size that malloc refuses, which aborts. */
	if (size > SIZE_MAX / 2)
		return SIZE_MAX / 2 & ~(ARENA_ALIGN - 1);
	return (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
}

struct arena *arena_new(size_t hint)
{
	struct arena *arena = mem_zalloc(sizeof(*arena));
	arena->total = sizeof(*arena);
	arena->first = arena_chunk_new(arena, round_up(hint ? hint : ARENA_FIRST));
	arena->current = arena->first;
	return arena;
}

static void free_until(struct arena *arena, struct chunk *chunk, const struct chunk *end)
{
	while (chunk != end) {
		struct chunk *next = chunk->next;
		arena->total -= sizeof(*chunk) + chunk->size;
		free(chunk);
		chunk = next;
	}
}

void arena_free(struct arena **arena)
{
	struct arena *a = *arena;
	if (!a)
		return;
	free_until(a, a->large, NULL);
	free_until(a, a->current, NULL);
	free(a);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	free_until(arena, arena->large, NULL);
	free_until(arena, arena->current, arena->first);
	arena->large = NULL;
	arena->current = arena->first;
	arena->first->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t need = round_up(size ? size : 1);
	struct chunk *chunk = arena->current;

	if (need > chunk->size - chunk->used) {
		size_t next = chunk->size < ARENA_CHUNK_MAX / 2 ? chunk->size * 2 : ARENA_CHUNK_MAX;
		if (next < ARENA_FIRST)
			next = ARENA_FIRST;
		if (need > next / 2) {
			/*
			 * The request is too large to share a chunk: the current chunk stays in use for small
			 * ones.
			 */
			chunk = arena_chunk_new(arena, need);
			chunk->used = need;
			chunk->next = arena->large;
			arena->large = chunk;
			return chunk_bytes(chunk);
		}
		chunk = arena_chunk_new(arena, next);
		chunk->next = arena->current;
		arena->current = chunk;
	}
	void *p = chunk_bytes(chunk) + chunk->used;
	chunk->used += need;
	return p;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	void *p = arena_alloc(arena, size);
	memset(p, 0, size);
	return p;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return arena_strndup(arena, s, strlen(s));
}

char *arena_strndup(struct arena *arena, const char *p, size_t n)
{
	char *copy = arena_alloc(arena, n < SIZE_MAX ? n + 1 : n);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

struct strv arena_strv(struct arena *arena, struct strv v)
{
	return (struct strv){ arena_strndup(arena, v.p, v.n), v.n };
}

struct strv *arena_strvs(struct arena *arena, const struct strv *v, size_t count)
{
	struct strv *copy = arena_alloc(arena, count * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strv(arena, v[i]);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	char *text = arena_alloc(arena, (size_t)n + 1);
	va_start(args, format);
	n = vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	if (n < 0)
		abort();
	return text;
}

size_t arena_size(const struct arena *arena)
{
	return arena->total;
}
