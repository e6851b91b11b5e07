/*
 * Fuzzy matching of a few words against a text, for SEARCH FUZZY (RFC 6203). Both come as mime_casemap()
 * makes them: capitals, decomposed. Then, and this is all there is to it:
 *
 * - A word is a run of letters and digits. Accents and other marks are dropped, and letters that are not
 *   decomposed (sharp s, ae, o with stroke ...) become their plain ones.
 * - Every word that is looked for must be somewhere in the text, in any order. A word of the text counts as
 *   it if it is the same (100), begins with it (90), holds it (80), is most of its begin (70), or differs by
 *   one slip (60) or two (40): a letter too many, too few, another one, or two swapped. Words of 4 letters
 *   and more may have one slip, of 8 and more two, those with digits none.
 * - The score is the mean of the best ones, each times the weight of the text it was in; one tenth less for
 *   several words.
 *
 * Bounded: FUZZY_WORDS_MAX words are looked for (more are not looked at), FUZZY_LETTERS_MAX letters of a word
 * count; so each word of the text costs a bounded time, and there is no memory of the text. Lives on one
 * thread at a time.
 */
#ifndef COID_MIME_FUZZY_H
#define COID_MIME_FUZZY_H

#include "base/arena.h"
#include "base/strv.h"

#define FUZZY_WORDS_MAX 16
#define FUZZY_LETTERS_MAX 40

struct fuzzy;

/* In the arena. */
struct fuzzy *fuzzy_new(struct arena *arena, struct strv words);
/* A text begins. */
void fuzzy_begin(struct fuzzy *fuzzy);
/* Some more of it: a word may begin here and end with the next piece. Weight: 1..100, of what is in this
 * piece. */
void fuzzy_feed(struct fuzzy *fuzzy, struct strv text, unsigned weight);
/* What follows begins a word of its own; also after the last piece. */
void fuzzy_break(struct fuzzy *fuzzy);
/* 1..100; 0: not all words were there, or none is looked for. */
unsigned fuzzy_score(const struct fuzzy *fuzzy);

#endif
