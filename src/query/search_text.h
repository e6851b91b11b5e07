/*
 * Searches for strings in the bytes of one message, for SEARCH BODY and TEXT. The message is scanned for its
 * parts, then headers and text parts are decoded to UTF-8, case-mapped and searched, a window at a time. It
 * runs on the worker in steps; a later job may continue it. Parts other than text are not searched (RFC 3501
 * section 6.4.4 allows that).
 */
#ifndef COID_QUERY_SEARCH_TEXT_H
#define COID_QUERY_SEARCH_TEXT_H

#include "base/rc.h"
#include "base/strv.h"
#include "mime/fuzzy.h"
#include "store/content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search_needle {
	struct strv text; /* casemap form; borrowed */
	bool headers; /* TEXT: also in the message's own header */
	struct fuzzy *fuzzy; /* borrowed; its words count, too. NULL: exactly this text */
	bool found; /* the text, as it is */
	unsigned score; /* 1..100: how well it fits, if it does; 0: not */
};

/* Words in the message's own header count in full. */
#define SEARCH_BODY_WEIGHT 80

struct search_text;

/* The needles are borrowed; `found` is cleared. Owns the reader from now on. */
struct search_text *search_text_new(struct search_needle *needles, size_t count, struct reader *reader);
void search_text_free(struct search_text **text);
/* Goes on until all is searched (RC_OK) or the time has come (RC_AGAIN; clock_mono_us). */
enum rc search_text_step(struct search_text *text, uint64_t until_us) MUST_CHECK;

/* Whether the field's value (raw) holds the needle: unfolded, decoded, case-mapped. Scratch memory is the
 * caller's. */
struct search_scratch {
	struct buf plain;
	struct buf decoded;
	struct buf mapped;
};
void search_scratch_init(struct search_scratch *scratch);
void search_scratch_fini(struct search_scratch *scratch);
/* The value in that form; valid until the next call. */
struct strv search_value_map(struct search_scratch *scratch, struct strv value);
bool search_value_contains(struct search_scratch *scratch, struct strv value, struct strv needle);

#endif
