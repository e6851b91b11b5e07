/*
 * Searches for strings in the bytes of one message, for SEARCH BODY and TEXT. The message is scanned for its
 * parts, then headers and text parts are decoded to UTF-8, case-mapped and searched, a window at a time. This
 * runs on the worker in steps; a later job may go on. Parts other than text are not searched (RFC 3501
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
	struct fuzzy *fuzzy; /* borrowed; matches words as well. NULL: only the exact text matches */
	bool found; /* the exact text was found */
	unsigned score; /* 1..100: the score; 0: no match */
};

/* The weight of matches outside the message's own header. */
#define SEARCH_BODY_WEIGHT 80

struct search_text;

/* Begins a search. The needles are borrowed; `found` is cleared. Takes over the reader. */
struct search_text *search_text_new(struct search_needle *needles, size_t count, struct reader *reader);
void search_text_free(struct search_text **text);
/* Goes on until everything is searched (RC_OK) or the time has come (RC_AGAIN; clock_mono_us). */
enum rc search_text_step(struct search_text *text, uint64_t until_us) MUST_CHECK;

/* Memory for search_value_map and search_value_contains, which tells whether the field's value (raw)
 * contains the needle after unfolding, decoding and case-mapping. The caller owns it. */
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
