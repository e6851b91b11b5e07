/*
 * Fuzzy matching of a few words against a text, for SEARCH FUZZY (RFC 6203). Both are in the form of
 * mime_casemap(): capitals, decomposed. The rules are:
 *
 * - A word is a run of letters and digits. Accents and other marks are dropped, and letters that are not
 *   decomposed (sharp s, ae, o with stroke ...) become their plain forms.
 * - Every wanted word must be somewhere in the text, in any order. A word of the text matches it if it is the
 *   same (100), begins with it (90), contains it (80), is most of its beginning (70), or differs by one slip
 *   (60) or two (40). A slip is a letter too many, too few or different, or two letters swapped. Words of 4
 *   letters and more may have one slip, words of 8 and more two, words with digits none.
 * - The score is the mean of the best matches, each times the weight of the text it was in; it is a tenth
 *   less for several words.
 *
 * The cost is bounded: FUZZY_WORDS_MAX words are wanted (more are ignored), and FUZZY_LETTERS_MAX letters of
 * a word count. So each word of the text takes a bounded time, and the text is not kept in memory. Lives on
 * one thread at a time.
 */
#ifndef COID_MIME_FUZZY_H
#define COID_MIME_FUZZY_H

#include "base/arena.h"
#include "base/strv.h"

#define FUZZY_WORDS_MAX 16
#define FUZZY_LETTERS_MAX 40

struct fuzzy;

/* Makes a matcher for these words, in the arena. */
struct fuzzy *fuzzy_new(struct arena *arena, struct strv words);
/* Begins a text. */
void fuzzy_begin(struct fuzzy *fuzzy);
/* Takes some more of the text: a word may begin here and end in the next piece. Weight: 1..100, for this
 * piece. */
void fuzzy_feed(struct fuzzy *fuzzy, struct strv text, unsigned weight);
/* Ends a word: the next piece begins a new one. Call it also after the last piece. */
void fuzzy_break(struct fuzzy *fuzzy);
/* The score, 1..100. 0: not all words were found, or there are none. */
unsigned fuzzy_score(const struct fuzzy *fuzzy);

#endif
