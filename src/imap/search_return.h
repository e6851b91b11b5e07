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
	SEARCH_CONTEXT = 1 << 8 /* a hint that is ignored */
};

struct search_return {
	bool extended; /* RETURN was there: the answer is ESEARCH */
	unsigned items; /* enum search_item; without RETURN: none */
	struct partial partial;
};

/* The results, in the order of the answer. Everything is borrowed. */
struct search_result {
	const struct seqset *set; /* in mailbox order; NULL: list */
	const uint32_t *list; /* as sorted */
	size_t count; /* of the list */
	bool by_uid;
	const uint8_t *scores; /* RELEVANCY: one for each, in the same order */
	struct strv mailbox; /* RFC 7377: the correlator MAILBOX */
	uint32_t uidvalidity; /* the correlator UIDVALIDITY; 0: no correlators */
	bool utf8; /* the mailbox name is written as UTF-8 */
	uint64_t modseq; /* MODSEQ, if anything is returned; 0: none */
};

/* Parses "RETURN (MIN COUNT) " if it comes next. "RETURN ()" means "RETURN (ALL)". */
bool search_return_parse(struct parse *parse, struct search_return *ret_options);
/* Call this after the keys were parsed. RELEVANCY needs FUZZY (RFC 6203 section 4). False: the parser has
 * failed. */
bool search_return_fits(struct parse *parse, const struct search_return *options, bool fuzzy);
/* Tells whether the answer needs all results, not only a part (MIN, MAX, PARTIAL). */
bool search_return_whole(unsigned items);
/* The number of first messages that are enough for the answer; 0: all are needed. */
uint64_t search_return_enough(const struct search_return *options);
/* Prints "* ESEARCH (TAG "a") UID MIN 1 MAX 3 ALL 1:3 COUNT 3 MODSEQ 9" CRLF. ALL of a list keeps its
 * order (RFC 5267 section 3.2). */
void search_return_print(const struct search_return *options, const struct search_result *result,
	struct strv tag, struct buf *out);
/* Prints "5,1:3,9": rising runs become ranges, the order stays. */
void search_list_print(struct buf *out, const uint32_t *list, size_t count);
/* The numbers that SAVE keeps (RFC 5182 section 2.4, RFC 9394 section 3.2): those that are returned. The
 * caller owns the set. */
void search_return_saved(
	const struct search_return *options, const struct search_result *result, struct seqset *ret_numbers);

#endif
