#include "mime/fuzzy.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mime/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The text is fed in two pieces, cut behind `cut` octets of its mapped form. */
static unsigned score_cut(const char *words, const char *text, size_t cut)
{
	struct arena *arena = arena_new(0);
	struct buf mapped_words;
	struct buf mapped;
	buf_init(&mapped_words, SIZE_MAX / 2);
	buf_init(&mapped, SIZE_MAX / 2);
	mime_casemap(&mapped_words, strv_cstr(words));
	mime_casemap(&mapped, strv_cstr(text));
	struct fuzzy *fuzzy = fuzzy_new(arena, buf_strv(&mapped_words));
	fuzzy_begin(fuzzy);
	cut = cut < mapped.len ? cut : mapped.len;
	fuzzy_feed(fuzzy, strv_sub(buf_strv(&mapped), 0, cut), 100);
	fuzzy_feed(fuzzy, strv_sub(buf_strv(&mapped), cut, mapped.len), 100);
	fuzzy_break(fuzzy);
	unsigned score = fuzzy_score(fuzzy);
	buf_fini(&mapped_words);
	buf_fini(&mapped);
	arena_free(&arena);
	return score;
}

static unsigned score(const char *words, const char *text)
{
	return score_cut(words, text, SIZE_MAX);
}

static void a_word_counts_as_another_that_is_near(void **state)
{
	static const struct {
		const char *word;
		const char *text;
		unsigned score;
	} cases[] = {
		{ "work", "at WORK today", 100 },
		{ "work", "working hard", 90 },
		{ "work", "my homework", 80 },
		{ "working", "at work", 0 },
		{ "worked", "at work", 70 },
		{ "Helo", "hello", 60 },
		{ "Helo", "help", 60 },
		{ "hlep", "help", 60 },
		{ "hello", "helo", 60 },
		{ "hello", "hallo", 60 },
		{ "hello", "hxllx", 0 },
		{ "calendar", "calender", 60 },
		{ "calendar", "kalender", 40 },
		{ "calendar", "klaender", 0 },
		{ "calendar", "aclendra", 40 },
		{ "cat", "cut", 0 },
		{ "a", "a b", 100 },
		{ "a", "and", 0 },
		{ "an", "band", 0 },
		{ "2026", "2025", 0 },
		{ "2026", "2026-11-24", 100 },
		{ "room12", "room13", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (score(cases[i].word, cases[i].text) != cases[i].score)
			fail_msg("%s in %s: %u", cases[i].word, cases[i].text,
				score(cases[i].word, cases[i].text));
}

/* The slips that each length allows: rules and scores of fuzzy.h, applied by hand. */
static void the_length_of_a_word_decides_what_is_near(void **state)
{
	static const struct {
		const char *word;
		const char *text;
		unsigned score;
	} cases[] = {
		/* One letter: only itself. */
		{ "a", "a", 100 },
		{ "a", "b", 0 },
		{ "a", "ab", 0 },
		{ "a", "ba", 0 },
		/* Two: also a begin. */
		{ "an", "an", 100 },
		{ "an", "ant", 90 },
		{ "an", "ban", 0 },
		{ "an", "a", 0 },
		{ "an", "na", 0 },
		/* Three: also within, at its end or not. */
		{ "cat", "cat", 100 },
		{ "cat", "cats", 90 },
		{ "cat", "scat", 80 },
		{ "cat", "scats", 80 },
		{ "cat", "ca", 0 },
		{ "cat", "act", 0 },
		{ "cat", "cut", 0 },
		{ "cat", "chat", 0 },
		/* Four: also one slip of each kind; three letters are no begin. */
		{ "cats", "cats", 100 },
		{ "cats", "catsup", 90 },
		{ "cats", "bobcats", 80 },
		{ "cats", "cat", 60 },
		{ "cats", "ats", 60 },
		{ "cats", "chats", 60 },
		{ "cats", "cuts", 60 },
		{ "cats", "cast", 60 },
		{ "cats", "acts", 60 },
		{ "cats", "acst", 0 },
		{ "cats", "ca", 0 },
		{ "cats", "cuds", 0 },
		/* Five and six: four letters are two thirds of them. */
		{ "hello", "hell", 70 },
		{ "hello", "hel", 0 },
		{ "hello", "ello", 60 },
		{ "hello", "hlelo", 60 },
		{ "hello", "hleol", 0 },
		{ "worked", "work", 70 },
		{ "worked", "worke", 70 },
		{ "worked", "word", 0 },
		/* Seven: four are not, five are; still one slip. */
		{ "working", "work", 0 },
		{ "working", "worki", 70 },
		{ "working", "wroking", 60 },
		{ "working", "wroknig", 0 },
		/* Eight: two slips, no three. */
		{ "calendar", "calen", 0 },
		{ "calendar", "calend", 70 },
		{ "calendar", "kalendar", 60 },
		{ "calendar", "calendrs", 40 },
		{ "calendar", "alendr", 40 },
		{ "calendar", "xcalendxar", 40 },
		{ "calendar", "alend", 0 },
		{ "calendar", "xcalxendxar", 0 },
		{ "calendar", "calxxxar", 0 },
		/* Digits anywhere in what is looked for allow no slip, those in the text do not matter. */
		{ "room0", "room1", 0 },
		{ "room9", "room8", 0 },
		{ "room5", "rooms5", 0 },
		{ "rooms", "room9", 60 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (score(cases[i].word, cases[i].text) != cases[i].score)
			fail_msg("%s in %s: %u", cases[i].word, cases[i].text,
				score(cases[i].word, cases[i].text));
}

static void the_first_and_last_letters_and_digits_are_in_words(void **state)
{
	static const char beside[] = "@[`{/:";
	struct arena *arena = arena_new(0);
	(void)state;
	assert_int_equal(score("az", "ZA AZ"), 100);
	assert_int_equal(score("z0", "z 0"), 0);
	assert_int_equal(score("a9", "a9"), 100);
	for (size_t i = 0; i + 1 < sizeof(beside); i++) {
		char text[] = { 'q', beside[i], 'q', '\0' };
		assert_int_equal(score("qq", text), 0);
	}
	/* Unmapped small letters, too. */
	struct fuzzy *fuzzy = fuzzy_new(arena, STRV("za"));
	fuzzy_begin(fuzzy);
	fuzzy_feed(fuzzy, STRV("za"), 100);
	fuzzy_break(fuzzy);
	assert_int_equal(fuzzy_score(fuzzy), 100);
	/* A number that is no digit is a letter; an enclosing mark is nothing. */
	assert_int_equal(score("a\xf0\x90\x84\x87", "a \xf0\x90\x84\x87"), 0);
	assert_int_equal(score("a\xf0\x90\x84\x87", "a\xf0\x90\x84\x87"), 100);
	assert_int_equal(score("ab", "a\xe2\x83\x9d"
				     "b"),
		100);
	arena_free(&arena);
}

static void marks_and_old_letters_do_not_matter(void **state)
{
	(void)state;
	assert_int_equal(score("uber", "Über allen Gipfeln"), 100);
	assert_int_equal(score("Über", "uber"), 100);
	assert_int_equal(score("strasse", "Hauptstraße"), 80);
	assert_int_equal(score("Straße", "STRASSE"), 100);
	assert_int_equal(score("lodz", "Łódź"), 100);
	assert_int_equal(score("Ørsted", "orsted"), 100);
	assert_int_equal(score("cafe", "cafe\xcc\x81"), 100);
	assert_int_equal(score("oeuvre", "œuvre"), 100);
	assert_int_equal(score("Mueller", "Müller"), 60);
	assert_int_equal(score("привет", "ПРИВЕТ всем"), 100);
	assert_int_equal(score("привет", "превет"), 60);
	assert_int_equal(score("soft", "so\xc2\xad"
				       "ft"),
		100);
}

static void all_words_must_be_there_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(score("IMAP break", "the break of IMAP"), 90);
	assert_int_equal(score("IMAP break", "IMAP is broken"), 0);
	assert_int_equal(score("IMAP break", "IMAP breaks"), 85);
	assert_int_equal(score("IMAP break", "IMAP only"), 0);
	assert_int_equal(score("one one", "one"), 90);
}

static void what_has_no_words_matches_nothing(void **state)
{
	(void)state;
	assert_int_equal(score("", "text"), 0);
	assert_int_equal(score("!? --", "text !? --"), 0);
	assert_int_equal(score("text", ""), 0);
	assert_int_equal(score("text", "\xff\xfe te\xffxt"), 0);
}

static void a_word_may_be_cut_anywhere(void **state)
{
	static const char text[] = "Die Größe der Hauptstraße, naïve cafés";
	(void)state;
	for (size_t cut = 0; cut < 2 * sizeof(text); cut++) {
		/* A code point that is cut is none, so that only what is whole is compared. */
		struct buf mapped;
		buf_init(&mapped, 4096);
		mime_casemap(&mapped, strv_cstr(text));
		bool inside = cut < mapped.len && ((unsigned char)mapped.p[cut] & 0xc0) == 0x80;
		buf_fini(&mapped);
		if (inside)
			continue;
		assert_int_equal(score_cut("grosse cafe", text, cut), score("grosse cafe", text));
		assert_int_equal(score_cut("hauptstrase", text, cut), 60);
	}
}

static void the_weight_is_that_of_the_text_it_was_in(void **state)
{
	struct arena *arena = arena_new(0);
	struct fuzzy *fuzzy = fuzzy_new(arena, STRV("ONE TWO"));
	(void)state;
	fuzzy_begin(fuzzy);
	fuzzy_feed(fuzzy, STRV("ONE"), 100);
	fuzzy_break(fuzzy);
	fuzzy_feed(fuzzy, STRV("ONE TWO"), 80);
	assert_int_equal(fuzzy_score(fuzzy), 0);
	fuzzy_break(fuzzy);
	assert_int_equal(fuzzy_score(fuzzy), 81);
	fuzzy_begin(fuzzy);
	assert_int_equal(fuzzy_score(fuzzy), 0);
	fuzzy_feed(fuzzy, STRV("ON"), 1);
	fuzzy_feed(fuzzy, STRV("EX TWO"), 1);
	fuzzy_break(fuzzy);
	assert_int_equal(fuzzy_score(fuzzy), 0);
	arena_free(&arena);
}

static void words_and_letters_are_limited(void **state)
{
	char many[4096] = "";
	char text[4096] = "";
	char longer[2000];
	(void)state;
	for (unsigned i = 0; i < FUZZY_WORDS_MAX; i++) {
		size_t n = strlen(many);
		snprintf(many + n, sizeof(many) - n, "w%u ", i);
	}
	memcpy(text, many, sizeof(text));
	assert_int_equal(score(many, text), 90);
	/* All but the last of them. */
	text[strlen(text) - strlen("w15 ")] = '\0';
	assert_int_equal(score(many, text), 0);
	memcpy(text, many, sizeof(text));
	strncat(many, "missing", sizeof(many) - strlen(many) - 1);
	assert_int_equal(score(many, text), 90);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(score(longer, longer), 100);
	longer[FUZZY_LETTERS_MAX] = '\0';
	assert_int_equal(score(longer, "x"), 0);
	/* The last letter that counts, and the first that does not. */
	char other[FUZZY_LETTERS_MAX + 2];
	memset(other, 'x', sizeof(other) - 1);
	other[FUZZY_LETTERS_MAX + 1] = '\0';
	other[FUZZY_LETTERS_MAX] = 'y';
	assert_int_equal(score(longer, other), 100);
	other[FUZZY_LETTERS_MAX - 1] = 'y';
	assert_int_equal(score(longer, other), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_counts_as_another_that_is_near),
		cmocka_unit_test(the_length_of_a_word_decides_what_is_near),
		cmocka_unit_test(the_first_and_last_letters_and_digits_are_in_words),
		cmocka_unit_test(marks_and_old_letters_do_not_matter),
		cmocka_unit_test(all_words_must_be_there_in_any_order),
		cmocka_unit_test(what_has_no_words_matches_nothing),
		cmocka_unit_test(a_word_may_be_cut_anywhere),
		cmocka_unit_test(the_weight_is_that_of_the_text_it_was_in),
		cmocka_unit_test(words_and_letters_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
