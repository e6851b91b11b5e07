#include "mime/fuzzy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#define SAME 100
#define BEGINS 90
#define HOLDS 80
#define IS_BEGIN 70
#define ONE_SLIP 60
#define TWO_SLIPS 40
#define SLIPS_MAX 2

struct word {
	size_t n;
	uint64_t letters_seen; /* a bit for the letter's lowest six bits */
	bool digits;
	uint32_t letters[FUZZY_LETTERS_MAX];
};

struct fuzzy {
	size_t count;
	struct word *words;
	unsigned best[FUZZY_WORDS_MAX];
	unsigned weight; /* of the present word */
	struct word word; /* the word of the text that may go on with the next piece */
};

static void add_letter(struct word *word, uint32_t c)
{
	if (word->n == FUZZY_LETTERS_MAX)
		return;
	word->letters[word->n++] = c;
	word->letters_seen |= UINT64_C(1) << (c & 63);
}

/*
 * The plain form of letters that Unicode does not decompose but people write without their marks; "": it is
 * no such letter.
 */
static const char *fuzzy_plain(utf8proc_int32_t c)
{
	switch (c) {
	case 0xc6: /* AE */
		return "AE";
	case 0xd8: /* O with stroke */
		return "O";
	case 0xde: /* thorn */
		return "TH";
	case 0xdf: /* sharp s, small and capital */
	case 0x1e9e:
		return "SS";
	case 0xd0: /* eth, D with stroke */
	case 0x110:
		return "D";
	case 0x126: /* H with stroke */
		return "H";
	case 0x131: /* dotless i */
		return "I";
	case 0x141: /* L with stroke */
		return "L";
	case 0x152: /* OE */
		return "OE";
	case 0x166: /* T with stroke */
		return "T";
	}
	return "";
}

enum place { IN_WORD, BETWEEN, NOWHERE };

static enum place place_of(utf8proc_int32_t c)
{
	if (c < 0x80) {
		bool inside = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		return inside ? IN_WORD : BETWEEN;
	}
	utf8proc_category_t category = utf8proc_category(c);
	bool mark = category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
	if (mark || category == UTF8PROC_CATEGORY_CF)
		return NOWHERE;
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO ? IN_WORD : BETWEEN;
}

static void fuzzy_add_code_point(struct word *word, utf8proc_int32_t c)
{
	const char *letters = fuzzy_plain(c);
	if (c >= '0' && c <= '9')
		word->digits = true;
	if (!*letters)
		add_letter(word, (uint32_t)c);
	for (; *letters; letters++)
		add_letter(word, (unsigned char)*letters);
}

/* The next code point; invalid bytes count as separators. */
static utf8proc_int32_t fuzzy_next(struct strv text, size_t *at)
{
	utf8proc_int32_t c = (unsigned char)text.p[*at];
	if (c < 0x80) {
		++*at;
		return c;
	}
	utf8proc_ssize_t n = utf8proc_iterate(
		(const utf8proc_uint8_t *)text.p + *at, (utf8proc_ssize_t)(text.n - *at), &c);
	*at += n > 0 ? (size_t)n : 1;
	return n > 0 ? c : ' ';
}

struct fuzzy *fuzzy_new(struct arena *arena, struct strv words)
{
	struct fuzzy *fuzzy = arena_zalloc(arena, sizeof(*fuzzy));
	fuzzy->words = arena_zalloc(arena, FUZZY_WORDS_MAX * sizeof(*fuzzy->words));
	bool inside = false;
	for (size_t at = 0; at < words.n;) {
		utf8proc_int32_t c = fuzzy_next(words, &at);
		enum place place = place_of(c);
		if (place == IN_WORD && !inside && fuzzy->count == FUZZY_WORDS_MAX)
			break;
		if (place == IN_WORD && !inside)
			fuzzy->count++;
		if (place == IN_WORD)
			fuzzy_add_code_point(&fuzzy->words[fuzzy->count - 1], c);
		if (place != NOWHERE)
			inside = place == IN_WORD;
	}
	return fuzzy;
}

static unsigned slips_allowed(const struct word *word)
{
	if (word->digits || word->n < 4)
		return 0;
	return word->n < 8 ? 1 : SLIPS_MAX;
}

static unsigned fuzzy_min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;
	return least < c ? least : c;
}

/* The optimal string alignment distance. If it is above `max`, the result is some number above `max`. */
static unsigned fuzzy_slips(const struct word *a, const struct word *b, unsigned max)
{
	unsigned rows[3][FUZZY_LETTERS_MAX + 1];
	for (size_t j = 0; j <= b->n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a->n; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i - 1) % 3];
		unsigned least = row[0] = (unsigned)i;
		for (size_t j = 1; j <= b->n; j++) {
			unsigned other = a->letters[i - 1] != b->letters[j - 1];
			row[j] = fuzzy_min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + other);
			bool swapped = i > 1 && j > 1 && a->letters[i - 1] == b->letters[j - 2] &&
				       a->letters[i - 2] == b->letters[j - 1];
			if (swapped && rows[(i - 2) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i - 2) % 3][j - 2] + 1;
			if (row[j] < least)
				least = row[j];
		}
		/* A swap looks back two rows, but never gives less than the minimum of the row before. */
		if (least > max + 1)
			return least;
	}
	return rows[a->n % 3][b->n];
}

static bool fuzzy_begins(const struct word *text, const struct word *with)
{
	return text->n >= with->n && memcmp(text->letters, with->letters, with->n * sizeof(uint32_t)) == 0;
}

static bool fuzzy_holds(const struct word *text, const struct word *part)
{
	for (size_t i = 1; i + part->n <= text->n; i++)
		if (memcmp(text->letters + i, part->letters, part->n * sizeof(uint32_t)) == 0)
			return true;
	return false;
}

static unsigned fuzzy_bits(uint64_t set)
{
	unsigned count = 0;
	for (; set; set &= set - 1)
		count++;
	return count;
}

static unsigned score_slips(const struct word *wanted, const struct word *text)
{
	unsigned allowed = slips_allowed(wanted);
	size_t apart = text->n > wanted->n ? text->n - wanted->n : wanted->n - text->n;
	/* Each slip changes at most two letters. */
	if (allowed == 0 || apart > allowed ||
		fuzzy_bits(wanted->letters_seen ^ text->letters_seen) > 2 * allowed)
		return 0;
	unsigned count = fuzzy_slips(wanted, text, allowed);
	if (count > allowed)
		return 0;
	return count == 1 ? ONE_SLIP : TWO_SLIPS;
}

static unsigned score_word(const struct word *wanted, const struct word *text)
{
	bool all = (wanted->letters_seen & ~text->letters_seen) == 0;
	if (all && fuzzy_begins(text, wanted)) {
		if (text->n == wanted->n)
			return SAME;
		return wanted->n >= 2 ? BEGINS : 0;
	}
	if (all && wanted->n >= 3 && fuzzy_holds(text, wanted))
		return HOLDS;
	if (text->n >= 4 && text->n * 3 >= wanted->n * 2 && fuzzy_begins(wanted, text))
		return IS_BEGIN;
	return score_slips(wanted, text);
}

static void end_word(struct fuzzy *fuzzy)
{
	struct word *word = &fuzzy->word;
	if (word->n == 0)
		return;
	for (size_t i = 0; i < fuzzy->count; i++) {
		if (fuzzy->best[i] >= fuzzy->weight)
			continue;
		unsigned score = score_word(&fuzzy->words[i], word) * fuzzy->weight / 100;
		if (score > fuzzy->best[i])
			fuzzy->best[i] = score;
	}
	word->n = 0;
	word->letters_seen = 0;
	word->digits = false;
}

void fuzzy_begin(struct fuzzy *fuzzy)
{
	memset(fuzzy->best, 0, sizeof(fuzzy->best));
	fuzzy->word.n = 0;
	fuzzy->word.letters_seen = 0;
	fuzzy->word.digits = false;
}

void fuzzy_feed(struct fuzzy *fuzzy, struct strv text, unsigned weight)
{
	fuzzy->weight = weight;
	for (size_t at = 0; at < text.n;) {
		utf8proc_int32_t c = fuzzy_next(text, &at);
		enum place place = place_of(c);
		if (place == IN_WORD)
			fuzzy_add_code_point(&fuzzy->word, c);
		else if (place == BETWEEN)
			end_word(fuzzy);
	}
}

void fuzzy_break(struct fuzzy *fuzzy)
{
	end_word(fuzzy);
}

unsigned fuzzy_score(const struct fuzzy *fuzzy)
{
	unsigned sum = 0;
	if (fuzzy->count == 0)
		return 0;
	for (size_t i = 0; i < fuzzy->count; i++) {
		if (fuzzy->best[i] == 0)
			return 0;
		sum += fuzzy->best[i];
	}
	unsigned mean = sum / (unsigned)fuzzy->count;
	if (fuzzy->count > 1)
		mean = mean * 9 / 10;
	return mean > 0 ? mean : 1;
}
