/*
 * The plan of a FETCH: its items in the order of the answer. Everything that can be decided without looking
 * at a message is decided when the plan is made. It is parsed on the reactor into the command's arena; a job
 * gets a copy. Afterwards it does not change.
 */
#ifndef COID_IMAP_FETCH_PLAN_H
#define COID_IMAP_FETCH_PLAN_H

#include "base/arena.h"
#include "imap/parse.h"
#include "mime/summary.h"

#include <stdbool.h>
#include <stdint.h>

#define FETCH_ITEMS_MAX 64 /* items of one FETCH, repeated ones not counted */
#define FETCH_PATH_MAX 64 /* numbers of a part path */
#define FETCH_FIELDS_MAX 512 /* names of one HEADER.FIELDS */

enum fetch_kind {
	FETCH_UID,
	FETCH_FLAGS,
	FETCH_INTERNALDATE,
	FETCH_SIZE,
	FETCH_MODSEQ, /* RFC 7162 */
	FETCH_SAVEDATE, /* RFC 8514 */
	FETCH_PREVIEW, /* RFC 8970 */
	FETCH_EMAILID, /* RFC 8474 */
	FETCH_THREADID,
	FETCH_ENVELOPE,
	FETCH_BODY,
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION,
	FETCH_BINARY, /* RFC 3516 */
	FETCH_BINARY_SIZE
};

enum fetch_filter {
	FETCH_WHOLE, /* the section as it is */
	FETCH_FIELDS, /* HEADER.FIELDS */
	FETCH_FIELDS_NOT /* HEADER.FIELDS.NOT */
};

struct fetch_item {
	enum fetch_kind kind;
	bool lazy; /* PREVIEW (LAZY): only if it is cached */
	/* The rest is for FETCH_SECTION and, as far as it applies, FETCH_BINARY. */
	enum mime_section section;
	enum fetch_filter filter;
	uint64_t offset; /* of a partial; 63 bits (RFC 9051) */
	uint64_t length;
	bool partial;
	bool cached; /* fields of the message itself, all kept in the cached header block */
	/* The text before the value in the answer: "BODY[1.HEADER.FIELDS (From To)]<0>" */
	struct strv label;
	const uint32_t *path;
	size_t depth;
	const struct strv *fields;
	size_t field_count;
};

struct fetch_plan {
	struct fetch_item *items;
	size_t count;
	bool memory; /* the mailbox index has everything that is needed */
	bool uid; /* UID is among the items; the next two likewise */
	bool flags;
	bool modseq;
	bool binary; /* some item is decoded */
	bool seen; /* some item sets \Seen */
	unsigned cached; /* enum msg_part_mask: data that have to be read from the cache */
};

/*
 * Parses a macro, one item, or a list in parentheses. add_uid: UID becomes the first item if it is not asked
 * for.
 */
bool fetch_plan_parse(struct parse *parse, bool add_uid, struct fetch_plan *ret_plan);
/* Makes a plan of these items, for the answers of STORE and of a resynchronising SELECT. In the arena. */
void fetch_plan_state(struct arena *arena, bool uid, bool flags, bool modseq, struct fetch_plan *ret_plan);
/* Adds MODSEQ if it is not in the plan. */
void fetch_plan_add_modseq(struct arena *arena, struct fetch_plan *plan);
/* Copies the plan into another arena. */
void fetch_plan_copy(const struct fetch_plan *plan, struct arena *arena, struct fetch_plan *ret_copy);

#endif
