/* Names of entries: checks their syntax, which of them can exist, and which are below others. */
#include "metadata/entry.h"

#include "base/mem.h"
#include "base/str.h"

#define VENDOR_COMPONENTS_MIN 4

bool entry_name_valid(struct strv name)
{
	if (name.n < 2 || name.n > ENTRY_NAME_MAX || name.p[0] != '/' || name.p[name.n - 1] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c < 0x20 || c >= 0x7f || c == '*' || c == '%')
			return false;
		if (c == '/' && i > 0 && name.p[i - 1] == '/')
			return false;
	}
	return true;
}

static unsigned entry_components(struct strv name)
{
	unsigned count = 0;

	for (size_t i = 0; i < name.n; i++)
		count += name.p[i] == '/';
	return count;
}

/* Tells whether `name` is below `top`, in any case. */
static bool entry_is_below(struct strv name, struct strv top)
{
	return name.n > top.n && name.p[top.n] == '/' && strv_istarts(name, top);
}

bool entry_name_usable(struct strv name)
{
	static const struct strv tops[] = { { "/private", 8 }, { "/shared", 7 } };

	for (size_t i = 0; i < COUNT_OF(tops); i++) {
		if (!entry_is_below(name, tops[i]))
			continue;
		struct strv rest = strv_sub(name, tops[i].n, name.n);
		bool vendor = strv_ieq(rest, STRV("/vendor")) || entry_is_below(rest, STRV("/vendor"));
		return !vendor || entry_components(name) >= VENDOR_COMPONENTS_MIN;
	}
	return false;
}

bool entry_is_shared(struct strv name)
{
	return entry_is_below(name, STRV("/shared"));
}

bool entry_within(struct strv name, struct strv top, enum entry_depth depth)
{
	if (strv_ieq(name, top))
		return true;
	if (!entry_is_below(name, top))
		return false;
	switch (depth) {
	case ENTRY_DEPTH_0:
		return false;
	case ENTRY_DEPTH_1:
		return entry_components(name) == entry_components(top) + 1;
	case ENTRY_DEPTH_INFINITY:
		break;
	}
	return true;
}

struct strv entry_lower(struct strv name, bool keep_last, struct arena *arena)
{
	char *copy = arena_strndup(arena, name.p, name.n);
	size_t end = name.n;

	while (keep_last && end > 0 && copy[end - 1] != '/')
		end--;
	for (size_t i = 0; i < end; i++)
		copy[i] = str_lower(copy[i]);
	return strv_make(copy, name.n);
}
