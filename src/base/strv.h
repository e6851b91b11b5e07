/*
 * A view of bytes: pointer and length, owned by somebody else, not NUL-terminated. Everything that came over
 * the wire travels as one of these. An empty view may have a NULL pointer.
 */
#ifndef COID_BASE_STRV_H
#define COID_BASE_STRV_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct strv {
	const char *p;
	size_t n;
};

#define STRV(literal) ((struct strv){ (literal), sizeof(literal) - 1 })
#define STRV_NULL ((struct strv){ NULL, 0 })
/* For printf's "%.*s"; the length is cut to INT_MAX by the callers' own limits. */
#define STRV_ARG(v) (int)(v).n, (v).p ? (v).p : ""

static inline struct strv strv_make(const void *p, size_t n)
{
	return (struct strv){ (const char *)p, n };
}

static inline struct strv strv_cstr(const char *s)
{
	return (struct strv){ s, s ? strlen(s) : 0 };
}

static inline bool strv_eq(struct strv a, struct strv b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* From `from` (clipped) for at most `n` bytes. */
static inline struct strv strv_sub(struct strv v, size_t from, size_t n)
{
	if (from > v.n)
		from = v.n;
	if (n > v.n - from)
		n = v.n - from;
	return (struct strv){ v.p ? v.p + from : NULL, n };
}

/* ASCII case only. */
bool strv_ieq(struct strv a, struct strv b);
bool strv_starts(struct strv v, struct strv prefix);
bool strv_istarts(struct strv v, struct strv prefix);
/* Like memcmp, shorter first; the i form folds ASCII case. */
int strv_cmp(struct strv a, struct strv b);
int strv_icmp(struct strv a, struct strv b);
/* Index of the byte, or v.n. */
size_t strv_index(struct strv v, char c);
/* Without leading and trailing SP, HT, CR, LF. */
struct strv strv_trim(struct strv v);
/* Constant time in the content (not in the length). For secrets. */
bool strv_eq_secret(struct strv a, struct strv b);

#endif
