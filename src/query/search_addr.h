/*
 * Searches for a string in a field of addresses as ENVELOPE shows them: without comments, quoting, folding
 * and routes, with names decoded. Pure.
 */
#ifndef COID_QUERY_SEARCH_ADDR_H
#define COID_QUERY_SEARCH_ADDR_H

#include "query/search_text.h"

/* Tells whether "name <mailbox@domain>" of one of the addresses, or the name of a group, contains the
 * needle (casemap form). */
bool search_addr_contains(struct search_scratch *scratch, struct strv value, struct strv needle);

#endif
