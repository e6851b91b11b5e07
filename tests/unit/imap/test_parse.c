#include "imap/parse.h"

#include "base/clock.h"
#include "base/mem.h"
#include "imap/lex.h"
#include "store/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
	struct arena *arena;
	struct parse parse;
	char *text; /* an exact copy, so that a read past the end is seen */
};

static void setup(struct fixture *f, struct strv in)
{
	f->arena = arena_new(0);
	f->text = mem_strndup(in.p, in.n);
	/* Without the terminator. */
	f->text = mem_realloc(f->text, in.n ? in.n : 1, 1);
	parse_init(&f->parse, strv_make(f->text, in.n), f->arena);
}

static void teardown(struct fixture *f)
{
	arena_free(&f->arena);
	free(f->text);
}

typedef bool string_fn(struct parse *parse, struct strv *ret);

/* The whole input is read and gives `expected`; NULL: an error. */
static void assert_string(string_fn *fn, struct strv in, const char *expected)
{
	struct fixture f;
	struct strv got;
	setup(&f, in);
	bool ok = fn(&f.parse, &got) && parse_end(&f.parse);
	if (expected) {
		assert_true(ok);
		assert_true(strv_eq(got, strv_cstr(expected)));
	} else {
		assert_false(ok);
		assert_non_null(f.parse.error);
	}
	teardown(&f);
}

static void atoms_end_at_specials(void **state)
{
	(void)state;
	assert_string(parse_atom, STRV("abc-+.$"), "abc-+.$");
	assert_string(parse_atom, STRV(""), NULL);
	assert_string(parse_atom, STRV("a]"), NULL);
	assert_string(parse_atom, STRV("a%"), NULL);
	assert_string(parse_atom, STRV("a\\"), NULL);
	assert_string(parse_atom, STRV("a\xc3\xa4"), NULL);
	assert_string(parse_atom, STRV("a\x7f"), NULL);
	assert_string(parse_tag, STRV("a]b"), "a]b");
	assert_string(parse_tag, STRV("a+b"), NULL);
	assert_string(parse_tag, STRV("+"), NULL);
}

static void astrings_are_atoms_quoted_or_literals(void **state)
{
	(void)state;
	assert_string(parse_astring, STRV("a]b"), "a]b");
	assert_string(parse_astring, STRV("~a"), "~a");
	assert_string(parse_astring, STRV("\"a b\""), "a b");
	assert_string(parse_astring, STRV("\"\""), "");
	assert_string(parse_astring, STRV("\"a\\\"\\\\b\""), "a\"\\b");
	assert_string(parse_astring, STRV("\"a\xc3\xa4\""), "a\xc3\xa4");
	assert_string(parse_astring, STRV("{3}\r\na b"), "a b");
	assert_string(parse_astring, STRV("{3+}\r\na\r\n"), "a\r\n");
	assert_string(parse_astring, STRV("~{1}\r\nx"), "x");
	assert_string(parse_astring, STRV("{0}\r\n"), "");
}

static void nul_is_for_literal8_only(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got;
	setup(&f, STRV("~{3}\r\na\0b"));
	assert_true(parse_string(&f.parse, &got));
	assert_true(strv_eq(got, STRV("a\0b")));
	teardown(&f);
	setup(&f, STRV("{3}\r\na\0b"));
	assert_false(parse_string(&f.parse, &got));
	assert_string_equal(f.parse.error, "NUL in a literal");
	teardown(&f);
}

static void broken_strings_are_errors(void **state)
{
	(void)state;
	assert_string(parse_astring, STRV(""), NULL);
	assert_string(parse_astring, STRV("\"a"), NULL);
	assert_string(parse_astring, STRV("\"a\\"), NULL);
	assert_string(parse_astring, STRV("\"a\\b\""), NULL);
	assert_string(parse_astring, STRV("\"a\xe4\""), NULL);
	assert_string(parse_astring, STRV("\"\xc0\x80\""), NULL);
	assert_string(parse_astring, STRV("\"\xed\xa0\x80\""), NULL);
	assert_string(parse_astring, STRV("\"a\nb\""), NULL);
	assert_string(parse_astring, STRV("{3}\r\na"), NULL);
	assert_string(parse_astring, STRV("{3}"), NULL);
	assert_string(parse_astring, STRV("{3}\r"), NULL);
	assert_string(parse_astring, STRV("{}\r\n"), NULL);
	assert_string(parse_astring, STRV("{"), NULL);
	assert_string(parse_astring, STRV("~{"), NULL);
	assert_string(parse_astring, STRV("{99999999999999999999}\r\na"), NULL);
	assert_string(parse_astring, STRV("(a)"), NULL);
	assert_string(parse_string, STRV("abc"), NULL);
	assert_string(parse_string, STRV("~abc"), NULL);
}

static void nil_is_no_string(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got = STRV("x");
	setup(&f, STRV("nil \"\""));
	assert_true(parse_nstring(&f.parse, &got));
	assert_null(got.p);
	assert_true(parse_sp(&f.parse));
	assert_true(parse_nstring(&f.parse, &got));
	assert_non_null(got.p);
	assert_int_equal(got.n, 0);
	teardown(&f);
}

static void the_first_error_stays(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got;
	uint32_t number;
	setup(&f, STRV("x y"));
	assert_false(parse_number(&f.parse, &number));
	const char *error = f.parse.error;
	assert_false(parse_atom(&f.parse, &got));
	assert_false(parse_astring(&f.parse, &got));
	assert_false(parse_keyword(&f.parse, "x"));
	assert_false(parse_skip(&f.parse, 'x'));
	assert_false(parse_sp(&f.parse));
	assert_false(parse_end(&f.parse));
	assert_ptr_equal(f.parse.error, error);
	teardown(&f);
}

static void a_keyword_is_taken_only_if_it_is_there(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f, STRV("FlagsX flags"));
	assert_false(parse_keyword(&f.parse, "FLAGS"));
	assert_true(parse_keyword(&f.parse, "FLAGSX"));
	assert_true(parse_sp(&f.parse));
	assert_true(parse_keyword(&f.parse, "FLAGS"));
	assert_true(parse_end(&f.parse));
	teardown(&f);
}

static bool number_of(const char *text, uint32_t *ret)
{
	struct fixture f;
	setup(&f, strv_cstr(text));
	bool ok = parse_number(&f.parse, ret) && parse_end(&f.parse);
	teardown(&f);
	return ok;
}

static void numbers_fit_32_bits(void **state)
{
	(void)state;
	uint32_t n;
	assert_true(number_of("0", &n));
	assert_int_equal(n, 0);
	assert_true(number_of("4294967295", &n));
	assert_int_equal(n, UINT32_MAX);
	assert_true(number_of("4294967294", &n));
	assert_int_equal(n, UINT32_MAX - 1);
	assert_true(number_of("2147483648", &n));
	assert_int_equal(n, (uint32_t)INT32_MAX + 1);
	assert_false(number_of("4294967296", &n));
	assert_false(number_of("8589934592", &n));
	assert_false(number_of("18446744073709551616", &n));
	assert_false(number_of("18446744073709551617", &n));
	assert_false(number_of("", &n));
	assert_false(number_of("-1", &n));
	assert_false(number_of("1x", &n));

	struct fixture f;
	uint64_t big;
	setup(&f, STRV("9223372036854775807"));
	assert_true(parse_number64(&f.parse, &big));
	assert_true(big == INT64_MAX);
	teardown(&f);
	setup(&f, STRV("9223372036854775806"));
	assert_true(parse_number64(&f.parse, &big));
	assert_true(big == INT64_MAX - 1);
	teardown(&f);
	static const char *const beyond[] = { "9223372036854775808", "18446744073709551615",
		"18446744073709551616", "18446744073709551617", "99999999999999999999999999999999", "" };
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		setup(&f, strv_cstr(beyond[i]));
		assert_false(parse_number64(&f.parse, &big));
		teardown(&f);
	}
	setup(&f, STRV("1"));
	assert_true(parse_nz_number(&f.parse, &n));
	assert_int_equal(n, 1);
	teardown(&f);
	setup(&f, STRV("4294967295"));
	assert_true(parse_nz_number(&f.parse, &n));
	assert_int_equal(n, UINT32_MAX);
	teardown(&f);
	setup(&f, STRV("4294967296"));
	assert_false(parse_nz_number(&f.parse, &n));
	teardown(&f);
	setup(&f, STRV("0"));
	assert_false(parse_nz_number(&f.parse, &n));
	teardown(&f);
}

static void a_sequence_set_lies_in_the_arena(void **state)
{
	(void)state;
	struct fixture f;
	struct seqset set;
	setup(&f, STRV("1:3,7,9:* x"));
	assert_true(parse_seqset(&f.parse, &set));
	assert_int_equal(set.n, 2);
	assert_int_equal(set.star, 9);
	/* There is room for what the star becomes. */
	seqset_resolve(&set, 20);
	assert_int_equal(set.n, 3);
	assert_int_equal(set.v[2].lo, 9);
	assert_int_equal(set.v[2].hi, 20);
	assert_true(parse_sp(&f.parse));
	teardown(&f);
	const char *bad[] = { "", "0", "1:", "x", ",1", "1,,2", "1:2:3" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(&f, strv_cstr(bad[i]));
		assert_false(parse_seqset(&f.parse, &set));
		teardown(&f);
	}
}

static void a_sequence_set_has_a_limit_of_ranges(void **state)
{
	(void)state;
	struct fixture f;
	struct seqset set;
	struct buf text;
	buf_init(&text, 1024 * 1024);
	for (int i = 0; i < PARSE_RANGES_MAX; i++)
		buf_adds(&text, "1,");
	buf_adds(&text, "1");
	setup(&f, buf_strv(&text));
	assert_false(parse_seqset(&f.parse, &set));
	assert_string_equal(f.parse.error, "Too many ranges");
	teardown(&f);
	setup(&f, strv_sub(buf_strv(&text), 2, text.len));
	assert_true(parse_seqset(&f.parse, &set));
	teardown(&f);
	buf_fini(&text);
}

static void mailbox_names_are_decoded(void **state)
{
	(void)state;
	assert_string(parse_mailbox, STRV("foo/bar"), "foo/bar");
	assert_string(parse_mailbox, STRV("\"Entw&APw-rfe\""), "Entw\xc3\xbcrfe");
	assert_string(parse_mailbox, STRV("iNbOx"), "INBOX");
	assert_string(parse_mailbox, STRV("inbox/x"), "INBOX/x");
	assert_string(parse_mailbox, STRV("INBOX/x"), "INBOX/x");
	assert_string(parse_mailbox, STRV("\"R&D\""), NULL);
	assert_string(parse_mailbox, STRV("\"\xc3\xbc&-\""), "\xc3\xbc&-");
	assert_string(parse_mailbox, STRV("{2}\r\n\xc3\xbc"), "\xc3\xbc");
	assert_string(parse_mailbox, STRV("{2}\r\n\xc3x"), NULL);
	assert_string(parse_mailbox, STRV("\xc3\xbc"), NULL);
	assert_string(parse_mailbox, STRV("\"\""), "");
	assert_string(parse_list_mailbox, STRV("%"), "%");
	assert_string(parse_list_mailbox, STRV("a*b/%"), "a*b/%");
	assert_string(parse_list_mailbox, STRV("\"&APw-*\""), "\xc3\xbc*");
	assert_string(parse_list_mailbox, STRV("*&*"), "*&*");
	assert_string(parse_list_mailbox, STRV(""), NULL);
}

static void names_are_utf8_once_that_is_enabled(void **state)
{
	(void)state;
	struct fixture f;
	struct strv name;
	setup(&f, STRV("\"\xc3\xbc&-\""));
	f.parse.utf8 = true;
	assert_true(parse_mailbox(&f.parse, &name));
	assert_true(strv_eq(name, STRV("\xc3\xbc&-")));
	teardown(&f);
	setup(&f, STRV("\"\xc3\""));
	f.parse.utf8 = true;
	assert_false(parse_mailbox(&f.parse, &name));
	teardown(&f);
}

static void a_mailbox_name_is_known_as_it_was_sent(void **state)
{
	(void)state;
	struct fixture f;
	struct strv name;
	struct strv sent;
	setup(&f, STRV("inBox/&APw-"));
	assert_true(parse_mailbox_sent(&f.parse, &name, &sent));
	assert_true(strv_eq(name, STRV("INBOX/\xc3\xbc")));
	assert_true(strv_eq(sent, STRV("inBox/\xc3\xbc")));
	teardown(&f);
}

static void a_mailbox_name_has_a_limit(void **state)
{
	(void)state;
	struct fixture f;
	struct strv name;
	char text[PARSE_MAILBOX_MAX + 1];
	memset(text, 'x', sizeof(text));
	for (size_t n = PARSE_MAILBOX_MAX - 1; n <= PARSE_MAILBOX_MAX; n++) {
		setup(&f, strv_make(text, n));
		assert_true(parse_mailbox(&f.parse, &name));
		assert_int_equal(name.n, n);
		teardown(&f);
	}
	setup(&f, strv_make(text, PARSE_MAILBOX_MAX + 1));
	assert_false(parse_mailbox(&f.parse, &name));
	assert_string_equal(f.parse.error, "Mailbox name is too long");
	teardown(&f);
}

static bool flags_of(const char *text, bool optional, uint32_t *ret_flags, char *ret_keywords)
{
	struct fixture f;
	struct strv *keywords;
	size_t count;
	setup(&f, strv_cstr(text));
	bool ok = parse_flag_list(&f.parse, optional, ret_flags, &keywords, &count) && parse_end(&f.parse);
	ret_keywords[0] = '\0';
	for (size_t i = 0; ok && i < count; i++) {
		size_t n = strlen(ret_keywords);
		snprintf(ret_keywords + n, 100 - n, "%.*s;", STRV_ARG(keywords[i]));
	}
	teardown(&f);
	return ok;
}

static void flag_lists_hold_flags_and_keywords(void **state)
{
	(void)state;
	uint32_t flags;
	char keywords[100];
	assert_true(flags_of("(\\Seen \\deleted $Chat foo)", false, &flags, keywords));
	assert_int_equal(flags, MSG_SEEN | MSG_DELETED);
	assert_string_equal(keywords, "$Chat;foo;");
	assert_true(flags_of("()", false, &flags, keywords));
	assert_int_equal(flags, 0);
	assert_true(flags_of("\\Draft \\Answered \\Flagged", true, &flags, keywords));
	assert_int_equal(flags, MSG_DRAFT | MSG_ANSWERED | MSG_FLAGGED);
	assert_true(flags_of("(a A b)", true, &flags, keywords));
	assert_string_equal(keywords, "a;b;");
}

static void wrong_flag_lists_are_errors(void **state)
{
	(void)state;
	uint32_t flags;
	char keywords[100];
	assert_false(flags_of("", true, &flags, keywords));
	assert_false(flags_of("\\Seen", false, &flags, keywords));
	assert_false(flags_of("(\\Recent)", false, &flags, keywords));
	assert_false(flags_of("(\\Foo)", false, &flags, keywords));
	assert_false(flags_of("(\\*)", false, &flags, keywords));
	assert_false(flags_of("(\\Seen", false, &flags, keywords));
	assert_false(flags_of("(a]b)", false, &flags, keywords));
}

static void flag_lists_have_limits(void **state)
{
	(void)state;
	uint32_t flags;
	char keywords[100];
	struct buf text;
	buf_init(&text, 100000);
	for (int i = 0; i < PARSE_FLAGS_MAX; i++)
		buf_adds(&text, "x ");
	buf_adds(&text, "x");
	char *copy = mem_strndup(text.p, text.len);
	assert_false(flags_of(copy, true, &flags, keywords));
	assert_true(flags_of(copy + 2, true, &flags, keywords));
	free(copy);
	buf_fini(&text);

	char keyword[PARSE_KEYWORD_MAX + 2];
	memset(keyword, 'k', PARSE_KEYWORD_MAX + 1);
	keyword[PARSE_KEYWORD_MAX + 1] = '\0';
	assert_false(flags_of(keyword, true, &flags, keywords));
	assert_true(flags_of(keyword + 1, true, &flags, keywords));
}

static bool date_time_of(const char *text, int64_t *ret_seconds, int16_t *ret_zone)
{
	struct fixture f;
	setup(&f, strv_cstr(text));
	bool ok = parse_date_time(&f.parse, ret_seconds, ret_zone) && parse_end(&f.parse);
	teardown(&f);
	return ok;
}

static void dates_with_times_are_read(void **state)
{
	(void)state;
	int64_t seconds;
	int16_t zone;
	assert_true(date_time_of("\"17-Jul-1996 02:44:25 -0700\"", &seconds, &zone));
	assert_true(seconds == clock_from_utc(1996, 7, 17, 9, 44, 25));
	assert_int_equal(zone, -420);
	assert_true(date_time_of("\" 1-jan-2026 00:00:00 +0530\"", &seconds, &zone));
	assert_true(seconds == clock_from_utc(2025, 12, 31, 18, 30, 0));
	assert_int_equal(zone, 330);
	/* Days below 10 in each form that clients send. */
	const char *ninth[] = { "\"9-Feb-2025 18:28:47 +0000\"", "\" 9-Feb-2025 18:28:47 +0000\"",
		"\"09-Feb-2025 18:28:47 +0000\"" };
	for (size_t i = 0; i < sizeof(ninth) / sizeof(ninth[0]); i++) {
		assert_true(date_time_of(ninth[i], &seconds, &zone));
		assert_true(seconds == clock_from_utc(2025, 2, 9, 18, 28, 47));
	}
	assert_true(date_time_of("\"29-Feb-2024 23:59:60 +0000\"", &seconds, &zone));
	const char *bad[] = { "17-Jul-1996 02:44:25 -0700", "\"1 -Jul-1996 02:44:25 -0700\"",
		"\"30-Feb-2024 00:00:00 +0000\"", "\"29-Feb-2023 00:00:00 +0000\"",
		"\"00-Jan-2024 00:00:00 +0000\"", "\"17-Foo-1996 02:44:25 -0700\"",
		"\"17-Jul-1996 24:44:25 -0700\"", "\"17-Jul-1996 02:60:25 -0700\"",
		"\"17-Jul-1996 02:44:61 -0700\"", "\"17-Jul-1996 02:44:25 0700 \"",
		"\"17-Jul-1996 02:44:25 -2400\"", "\"17-Jul-1996T02:44:25 -0700\"", "\"\"", "\"17-Jul-1996\"",
		"\" 17-Jul-1996 02:44:25 -0700\"", "\"117-Jul-1996 02:44:25 -0700\"",
		"\"0-Jul-1996 02:44:25 -0700\"", "\"1-Jul-1996 02:44:25 -0700 \"" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(date_time_of(bad[i], &seconds, &zone));
}

static bool date_of(const char *text, int64_t *ret)
{
	struct fixture f;
	setup(&f, strv_cstr(text));
	bool ok = parse_date(&f.parse, ret) && parse_end(&f.parse);
	teardown(&f);
	return ok;
}

static void dates_are_read_quoted_or_not(void **state)
{
	(void)state;
	int64_t day;
	assert_true(date_of("1-Feb-1994", &day));
	assert_true(day == clock_from_utc(1994, 2, 1, 0, 0, 0));
	assert_true(date_of("\"28-feb-1994\"", &day));
	assert_true(date_of("01-Feb-1994", &day));
	assert_true(date_of("\" 1-Feb-1994\"", &day));
	assert_false(date_of("\"1-Feb-1994", &day));
	assert_false(date_of("1-Feb-94", &day));
	assert_false(date_of("31-Apr-1994", &day));
	assert_false(date_of("-1-Feb-1994", &day));
	assert_false(date_of("", &day));
	assert_false(date_of("1", &day));
	assert_false(date_of("1-", &day));
}

/* The days that a calendar has, said here a second time. */
static int days_of(int year, int month)
{
	if (month == 2)
		return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void a_month_ends_with_its_last_day(void **state)
{
	static const int years[] = { 0, 1, 1599, 1600, 1899, 1900, 1970, 1999, 2000, 2023, 2024, 2100, 2400,
		9999 };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
		"Oct", "Nov", "Dec" };
	char text[64];
	int64_t got;
	int16_t zone;

	(void)state;
	for (size_t y = 0; y < sizeof(years) / sizeof(years[0]); y++) {
		for (int month = 1; month <= 12; month++) {
			for (int day = 0; day <= 32; day++) {
				bool exists = day >= 1 && day <= days_of(years[y], month);
				int64_t start = exists ? clock_from_utc(years[y], month, day, 0, 0, 0) : 0;
				snprintf(text, sizeof(text), "%d-%s-%04d", day, months[month - 1], years[y]);
				assert_int_equal(date_of(text, &got), exists);
				if (exists)
					assert_true(got == start);
				snprintf(text, sizeof(text), "\"%02d-%s-%04d 00:00:00 +0000\"", day,
					months[month - 1], years[y]);
				assert_int_equal(date_time_of(text, &got, &zone), exists);
				if (exists)
					assert_true(got == start);
			}
		}
	}
	assert_false(date_of("1-Jan-99", &got));
	assert_false(date_of("1-Jan-999", &got));
	assert_false(date_of("1-Jan-10000", &got));
	assert_false(date_of("100-Jan-1999", &got));
	assert_false(date_of("001-Jan-1999", &got));
}

static void a_zone_is_within_a_day(void **state)
{
	char text[64];
	int64_t noon = clock_from_utc(2026, 11, 28, 12, 0, 0);
	int64_t got;
	int16_t zone;

	(void)state;
	for (int number = 0; number <= 9999; number++) {
		int minutes = number / 100 * 60 + number % 100;
		bool valid = number / 100 <= 23 && number % 100 <= 59;
		for (int sign = -1; sign <= 1; sign += 2) {
			snprintf(text, sizeof(text), "\"28-Nov-2026 12:00:00 %c%04d\"", sign < 0 ? '-' : '+',
				number);
			assert_int_equal(date_time_of(text, &got, &zone), valid);
			if (valid) {
				assert_int_equal(zone, sign * minutes);
				assert_true(got == noon - sign * (int64_t)minutes * 60);
			}
		}
	}
}

static void a_time_is_within_a_day(void **state)
{
	char text[64];
	int64_t midnight = clock_from_utc(2026, 11, 28, 0, 0, 0);
	int64_t got;
	int16_t zone;

	(void)state;
	for (int number = 0; number <= 99; number++) {
		/* A second 60 is a leap second. */
		const int limits[] = { 23, 59, 60 };
		const int weights[] = { 3600, 60, 1 };
		for (int i = 0; i < 3; i++) {
			int time[3] = { 0, 0, 0 };
			time[i] = number;
			snprintf(text, sizeof(text), "\"28-Nov-2026 %02d:%02d:%02d +0000\"", time[0], time[1],
				time[2]);
			assert_int_equal(date_time_of(text, &got, &zone), number <= limits[i]);
			if (number <= limits[i])
				assert_true(got == midnight + (int64_t)number * weights[i]);
		}
	}
}

static void superfluous_blanks_are_taken(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got;
	setup(&f, STRV("(  a   b )  c "));
	assert_true(parse_char(&f.parse, '('));
	assert_true(parse_atom(&f.parse, &got) && strv_eq(got, STRV("a")));
	assert_true(parse_more(&f.parse));
	assert_true(parse_atom(&f.parse, &got) && strv_eq(got, STRV("b")));
	assert_false(parse_more(&f.parse));
	assert_true(parse_char(&f.parse, ')') && parse_sp(&f.parse));
	assert_true(parse_atom(&f.parse, &got) && strv_eq(got, STRV("c")));
	assert_false(parse_more(&f.parse));
	assert_true(parse_end(&f.parse));
	teardown(&f);

	/* A literal that was announced comes behind the last blank. */
	setup(&f, STRV("a "));
	f.parse.literal_follows = true;
	assert_true(parse_atom(&f.parse, &got) && parse_more(&f.parse));
	assert_true(parse_at_end(&f.parse));
	teardown(&f);

	/* None is not enough where one is due. */
	setup(&f, STRV("a(b)"));
	assert_true(parse_atom(&f.parse, &got));
	assert_false(parse_more(&f.parse));
	assert_false(parse_sp(&f.parse));
	teardown(&f);
}

static void what_is_no_error_of_syntax_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got;
	setup(&f, STRV("R&D"));
	assert_false(parse_mailbox(&f.parse, &got));
	assert_true(f.parse.refused);
	teardown(&f);
	setup(&f, STRV("\"R&D"));
	assert_false(parse_mailbox(&f.parse, &got));
	assert_false(f.parse.refused);
	/* The first error counts. */
	assert_false(parse_refuse(&f.parse, NULL, "x"));
	assert_false(f.parse.refused);
	teardown(&f);
}

static void spaces_are_counted(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got;
	setup(&f, STRV("a   b c d"));
	f.parse.words_max = 2;
	for (int i = 0; i < 2; i++)
		assert_true(parse_atom(&f.parse, &got) && parse_sp(&f.parse));
	assert_true(parse_atom(&f.parse, &got));
	assert_false(parse_sp(&f.parse));
	assert_string_equal(f.parse.error, "Too many arguments");
	teardown(&f);
}

static void a_streamed_literal_is_known_by_its_place(void **state)
{
	(void)state;
	struct fixture f;
	struct strv got;
	size_t index;
	const struct lex_literal streamed[] = {
		{ .offset = 2, .size = 100 },
		{ .offset = 10, .size = 5 },
	};
	setup(&f, STRV("x {100}\r\n {5+}\r\n {1}\r\ny"));
	f.parse.streamed = streamed;
	f.parse.streamed_count = 2;
	assert_true(parse_atom(&f.parse, &got) && parse_sp(&f.parse));
	assert_true(parse_peek_streamed(&f.parse));
	assert_true(parse_streamed(&f.parse, &index));
	assert_int_equal(index, 0);
	assert_true(parse_sp(&f.parse));
	assert_true(parse_streamed(&f.parse, &index));
	assert_int_equal(index, 1);
	assert_true(parse_sp(&f.parse));
	assert_false(parse_peek_streamed(&f.parse));
	assert_true(parse_string(&f.parse, &got));
	assert_true(strv_eq(got, STRV("y")));
	teardown(&f);

	/* Its bytes are not there: it is no string. */
	setup(&f, STRV("{100}\r\nabc"));
	const struct lex_literal first = { .offset = 0, .size = 100 };
	f.parse.streamed = &first;
	f.parse.streamed_count = 1;
	assert_false(parse_astring(&f.parse, &got));
	teardown(&f);
	setup(&f, STRV("{1}\r\na"));
	assert_false(parse_streamed(&f.parse, &index));
	teardown(&f);
}

static void a_dollar_stands_for_what_was_saved(void **state)
{
	(void)state;
	struct fixture f;
	struct seqset set;
	struct seqset saved = SEQSET_EMPTY;
	bool uids = false;
	setup(&f, STRV("$ x"));
	assert_false(parse_seqset_or_saved(&f.parse, &set, &uids));
	teardown(&f);
	for (unsigned n = 0; n < 3; n++) {
		setup(&f, STRV("$ x"));
		f.parse.saved = &saved;
		assert_true(parse_seqset_or_saved(&f.parse, &set, &uids));
		assert_true(uids);
		assert_true(seqset_equal(&set, &saved));
		assert_true(parse_sp(&f.parse));
		teardown(&f);
		seqset_add(&saved, 10 * n + 1);
	}
	setup(&f, STRV("1:2"));
	f.parse.saved = &saved;
	assert_true(parse_seqset_or_saved(&f.parse, &set, &uids));
	assert_false(uids);
	teardown(&f);
	seqset_fini(&saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(atoms_end_at_specials),
		cmocka_unit_test(astrings_are_atoms_quoted_or_literals),
		cmocka_unit_test(nul_is_for_literal8_only),
		cmocka_unit_test(broken_strings_are_errors),
		cmocka_unit_test(nil_is_no_string),
		cmocka_unit_test(the_first_error_stays),
		cmocka_unit_test(a_keyword_is_taken_only_if_it_is_there),
		cmocka_unit_test(numbers_fit_32_bits),
		cmocka_unit_test(a_sequence_set_lies_in_the_arena),
		cmocka_unit_test(a_sequence_set_has_a_limit_of_ranges),
		cmocka_unit_test(mailbox_names_are_decoded),
		cmocka_unit_test(names_are_utf8_once_that_is_enabled),
		cmocka_unit_test(a_mailbox_name_is_known_as_it_was_sent),
		cmocka_unit_test(a_mailbox_name_has_a_limit),
		cmocka_unit_test(flag_lists_hold_flags_and_keywords),
		cmocka_unit_test(wrong_flag_lists_are_errors),
		cmocka_unit_test(flag_lists_have_limits),
		cmocka_unit_test(dates_with_times_are_read),
		cmocka_unit_test(dates_are_read_quoted_or_not),
		cmocka_unit_test(a_month_ends_with_its_last_day),
		cmocka_unit_test(a_zone_is_within_a_day),
		cmocka_unit_test(a_time_is_within_a_day),
		cmocka_unit_test(superfluous_blanks_are_taken),
		cmocka_unit_test(what_is_no_error_of_syntax_is_refused),
		cmocka_unit_test(spaces_are_counted),
		cmocka_unit_test(a_streamed_literal_is_known_by_its_place),
		cmocka_unit_test(a_dollar_stands_for_what_was_saved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
