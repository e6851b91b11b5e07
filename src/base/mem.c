#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* This may not allocate: it writes a log line directly, then aborts. */
static void no_memory(void)
{
	static const char text[] = "coid: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size ? size : 1);
	if (!p)
		no_memory();
	return p;
}

void *mem_zalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		no_memory();
	return p;
}

void *mem_realloc(void *p, size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size)
		no_memory();
	size_t total = count * size;
	void *q = realloc(p, total ? total : 1);
	if (!q)
		no_memory();
	return q;
}

void *mem_grow(void *p, size_t *cap, size_t size)
{
	size_t more = *cap > 0 ? *cap : MEM_GROW_FIRST / 2;
	if (more > SIZE_MAX / 2)
		no_memory();
	p = mem_realloc(p, 2 * more, size);
	*cap = 2 * more;
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *p, size_t n)
{
	if (n == SIZE_MAX)
		no_memory();
	char *copy = mem_alloc(n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void mem_wipe(void *p, size_t size)
{
	if (size > 0)
		explicit_bzero(p, size);
}
