#include "base/strv.h"

#include "base/str.h"

bool strv_ieq(struct strv a, struct strv b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (str_lower(a.p[i]) != str_lower(b.p[i]))
			return false;
	}
	return true;
}

bool strv_starts(struct strv v, struct strv prefix)
{
	return v.n >= prefix.n && strv_eq(strv_sub(v, 0, prefix.n), prefix);
}

bool strv_istarts(struct strv v, struct strv prefix)
{
	return v.n >= prefix.n && strv_ieq(strv_sub(v, 0, prefix.n), prefix);
}

static int length_order(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

int strv_cmp(struct strv a, struct strv b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
	return order != 0 ? order : length_order(a.n, b.n);
}

int strv_icmp(struct strv a, struct strv b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++) {
		int x = (unsigned char)str_lower(a.p[i]);
		int y = (unsigned char)str_lower(b.p[i]);
		if (x != y)
			return x - y;
	}
	return length_order(a.n, b.n);
}

size_t strv_index(struct strv v, char c)
{
	const char *found = v.n > 0 ? memchr(v.p, c, v.n) : NULL;
	return found ? (size_t)(found - v.p) : v.n;
}

static bool strv_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct strv strv_trim(struct strv v)
{
	while (v.n > 0 && strv_is_blank(v.p[0])) {
		v.p++;
		v.n--;
	}
	while (v.n > 0 && strv_is_blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

bool strv_eq_secret(struct strv a, struct strv b)
{
	if (a.n != b.n)
		return false;
	/* volatile: an optimiser that sees what the loop computes must not shorten it. */
	volatile unsigned char difference = 0;
	for (size_t i = 0; i < a.n; i++)
		difference = (unsigned char)(difference | ((unsigned char)a.p[i] ^ (unsigned char)b.p[i]));
	return difference == 0;
}
