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
/* Arguments for printf's "%.*s"; the callers' own limits keep the length below INT_MAX. */
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

/* The part from `from` (clipped) of at most `n` bytes. */
static inline struct strv strv_sub(struct strv v, size_t from, size_t n)
{
	if (from > v.n)
		from = v.n;
	if (n > v.n - from)
		n = v.n - from;
	return (struct strv){ v.p ? v.p + from : NULL, n };
}

/* These ignore ASCII case only. */
bool strv_ieq(struct strv a, struct strv b);
bool strv_starts(struct strv v, struct strv prefix);
bool strv_istarts(struct strv v, struct strv prefix);
/* Compare like memcmp, the shorter one first if it is a prefix; the i form ignores ASCII case. */
int strv_cmp(struct strv a, struct strv b);
int strv_icmp(struct strv a, struct strv b);
/* The index of the byte, or v.n. */
size_t strv_index(struct strv v, char c);
/* The view without leading and trailing SP, HT, CR, LF. */
struct strv strv_trim(struct strv v);
/* Compares secrets: the time does not depend on the content, only on the length. */
bool strv_eq_secret(struct strv a, struct strv b);

#endif
