/*
 * The criteria of SORT (RFC 5256, RFC 5957, RFC 6203). Pure.
 */
#ifndef COID_IMAP_SORT_PROGRAM_H
#define COID_IMAP_SORT_PROGRAM_H

#include "imap/parse.h"

#include <stdbool.h>
#include <stddef.h>

enum sort_criterion {
	SORT_ARRIVAL,
	SORT_CC,
	SORT_DATE,
	SORT_DISPLAYFROM,
	SORT_DISPLAYTO,
	SORT_FROM,
	SORT_RELEVANCY, /* RFC 6203: the highest score first */
	SORT_SIZE,
	SORT_SUBJECT,
	SORT_TO
};
#define SORT_CRITERIA_MAX 10

/* Plain data, may be copied. */
struct sort_program {
	struct {
		enum sort_criterion what;
		bool reverse;
	} v[SORT_CRITERIA_MAX];
	size_t n;
	bool envelope; /* some are answered from the envelope */
	bool sent; /* the sent date is needed */
	bool relevancy; /* the scores of the search are needed */
};

/* Parses "(REVERSE DATE SUBJECT)". A criterion that occurs again changes nothing and is dropped. */
bool sort_program_parse(struct parse *parse, struct sort_program *ret_program);
/* Tells whether the index has all data that the criteria need. */
bool sort_program_is_memory(const struct sort_program *program);

#endif
