/*
 * Names of special uses.
 */
#include "base/special_use.h"

#include "base/mem.h"

#include <stddef.h>

static const struct {
	uint32_t use;
	const char *name;
} special_uses[] = {
	{ SPECIAL_USE_SENT, "\\Sent" },
	{ SPECIAL_USE_DRAFTS, "\\Drafts" },
	{ SPECIAL_USE_TRASH, "\\Trash" },
	{ SPECIAL_USE_JUNK, "\\Junk" },
	{ SPECIAL_USE_ARCHIVE, "\\Archive" },
	{ SPECIAL_USE_ALL, "\\All" },
	{ SPECIAL_USE_FLAGGED, "\\Flagged" },
	{ SPECIAL_USE_IMPORTANT, "\\Important" },
};

uint32_t special_use_parse(struct strv word)
{
	for (size_t i = 0; i < COUNT_OF(special_uses); i++) {
		if (strv_ieq(word, strv_cstr(special_uses[i].name)))
			return special_uses[i].use;
	}
	return 0;
}

const char *special_use_name(uint32_t use)
{
	for (size_t i = 0; i < COUNT_OF(special_uses); i++) {
		if (special_uses[i].use == use)
			return special_uses[i].name;
	}
	return NULL;
}
