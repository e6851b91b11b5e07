/*
 * A set of a mailbox's keywords, by their numbers. Most mailboxes have few keywords: the first 64 are one
 * word in the message's row. Further ones are kept beside the row, only for messages that have such a keyword
 * (keywords_more.c). This is a value; any thread.
 */
#ifndef COID_STORE_KEYWORD_SET_H
#define COID_STORE_KEYWORD_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYWORDS_FIRST 64 /* these are in msg_row.keywords and msg_state.keywords */
#define KEYWORDS_MORE_WORDS 15 /* words of the others: keyword 64 is bit 0 of the first */

struct keyword_set {
	uint64_t first;
	uint64_t more[KEYWORDS_MORE_WORDS];
};

/* True if one of the words `more` (NULL: all zero) is not zero. */
static inline bool keyword_words_any(const uint64_t *more)
{
	for (size_t i = 0; more && i < KEYWORDS_MORE_WORDS; i++)
		if (more[i])
			return true;
	return false;
}

static inline bool keyword_in(uint64_t first, const uint64_t *more, size_t number)
{
	if (number < KEYWORDS_FIRST)
		return first >> number & 1;
	size_t at = number - KEYWORDS_FIRST;
	return more && at / 64 < KEYWORDS_MORE_WORDS && (more[at / 64] >> at % 64 & 1);
}

static inline void keyword_set_add(struct keyword_set *set, size_t number)
{
	if (number < KEYWORDS_FIRST)
		set->first |= UINT64_C(1) << number;
	else
		set->more[(number - KEYWORDS_FIRST) / 64] |= UINT64_C(1) << (number - KEYWORDS_FIRST) % 64;
}

static inline void keyword_set_join(struct keyword_set *set, uint64_t first, const uint64_t *more)
{
	set->first |= first;
	for (size_t i = 0; more && i < KEYWORDS_MORE_WORDS; i++)
		set->more[i] |= more[i];
}

#endif
