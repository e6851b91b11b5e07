/*
 * The RETURN options of SEARCH, SORT and their like, and the ESEARCH response that answers them (RFC 4466
 * section 2.6, RFC 4731, RFC 5182, RFC 5267, RFC 6203, RFC 9394). Pure: reads the parser, prints into a buf.
 * Numbers are UIDs or message numbers, whichever the command has.
 */
#ifndef COID_IMAP_SEARCH_RETURN_H
#define COID_IMAP_SEARCH_RETURN_H

#include "base/seqset.h"
#include "imap/parse.h"
#include "imap/partial.h"

#include <stdbool.h>
#include <stdint.h>

enum search_item {
	SEARCH_MIN = 1 << 0,
	SEARCH_MAX = 1 << 1,
	SEARCH_ALL = 1 << 2,
	SEARCH_COUNT = 1 << 3,
	SEARCH_SAVE = 1 << 4,
	SEARCH_PARTIAL = 1 << 5, /* RFC 9394 */
	SEARCH_RELEVANCY = 1 << 6, /* RFC 6203 */
	SEARCH_UPDATE = 1 << 7, /* RFC 5267 */
	SEARCH_CONTEXT = 1 << 8 /* a hint that is not taken */
};

struct search_return {
	bool extended; /* RETURN was there: the answer is ESEARCH */
	unsigned items; /* enum search_item; without RETURN: none */
	struct partial partial;
};

/* What was found, in the order of the answer. All borrowed. */
struct search_result {
	const struct seqset *set; /* in mailbox order; NULL: list */
	const uint32_t *list; /* as sorted */
	size_t count; /* of the list */
	bool by_uid;
	const uint8_t *scores; /* RELEVANCY: one for each, in the same order */
	struct strv mailbox; /* RFC 7377: its correlators */
	uint32_t uidvalidity; /* 0: no such correlators */
	bool utf8; /* the name is written so */
	uint64_t modseq; /* MODSEQ, if anything is returned; 0: none */
};

/* "RETURN (MIN COUNT) " if it is there. "RETURN ()" is "RETURN (ALL)". */
bool search_return_parse(struct parse *parse, struct search_return *ret_options);
/* RELEVANCY goes with FUZZY only (RFC 6203 section 4). After the keys were read; false: the parser has
 * failed. */
bool search_return_fits(struct parse *parse, const struct search_return *options, bool fuzzy);
/* Whether the answer is about all that was found, not only about a part: MIN, MAX, PARTIAL. */
bool search_return_whole(unsigned items);
/* Number of first messages that are enough to answer; 0: all are needed. */
uint64_t search_return_enough(const struct search_return *options);
/* "* ESEARCH (TAG "a") UID MIN 1 MAX 3 ALL 1:3 COUNT 3 MODSEQ 9" CRLF. ALL of a list is in its order (RFC
 * 5267 3.2). */
void search_return_print(const struct search_return *options, const struct search_result *result,
	struct strv tag, struct buf *out);
/* "5,1:3,9": rising runs as ranges, the order as it is. */
void search_list_print(struct buf *out, const uint32_t *list, size_t count);
/* The numbers that SAVE keeps (RFC 5182 section 2.4, RFC 9394 section 3.2), which are those that are
 * returned. The set is the caller's. */
void search_return_saved(
	const struct search_return *options, const struct search_result *result, struct seqset *ret_numbers);

#endif
