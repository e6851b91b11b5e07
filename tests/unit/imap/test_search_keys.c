#include "imap/search_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct test {
	struct arena *arena;
	struct parse parse;
	struct search_keys keys;
};

static bool parse_text(struct test *t, const char *text, size_t n)
{
	t->arena = arena_new(0);
	char *copy = malloc(n ? n : 1);
	memcpy(copy, text, n);
	parse_init(&t->parse, strv_make(copy, n), t->arena);
	bool ok = search_keys_parse(&t->parse, &t->keys) && parse_end(&t->parse);
	if (ok && !t->keys.bad_charset) {
		struct search_keys kept;
		search_keys_copy(&t->keys, t->arena, &kept);
		t->keys = kept;
	}
	free(copy);
	return ok;
}

static void done(struct test *t)
{
	arena_free(&t->arena);
}

static void print_key(const struct search_key *key, struct buf *out)
{
	static const char *const names[] = {
		[SEARCH_AND] = "and",
		[SEARCH_OR] = "or",
		[SEARCH_SEQS] = "seqs",
		[SEARCH_UIDS] = "uids",
		[SEARCH_FLAG] = "flag",
		[SEARCH_RECENT] = "recent",
		[SEARCH_KEYWORD] = "keyword",
		[SEARCH_MODSEQ] = "modseq",
		[SEARCH_LARGER] = "larger",
		[SEARCH_SMALLER] = "smaller",
		[SEARCH_BEFORE] = "before",
		[SEARCH_ON] = "on",
		[SEARCH_SINCE] = "since",
		[SEARCH_SAVEDBEFORE] = "savedbefore",
		[SEARCH_SAVEDON] = "savedon",
		[SEARCH_SAVEDSINCE] = "savedsince",
		[SEARCH_EMAILID] = "emailid",
		[SEARCH_THREADID] = "threadid",
		[SEARCH_OLDER] = "older",
		[SEARCH_YOUNGER] = "younger",
		[SEARCH_SENTBEFORE] = "sentbefore",
		[SEARCH_SENTON] = "senton",
		[SEARCH_SENTSINCE] = "sentsince",
		[SEARCH_HEADER] = "header",
		[SEARCH_BODY] = "body",
		[SEARCH_TEXT] = "text",
	};
	if (key->negate)
		buf_addc(out, '!');
	if (key->fuzzy)
		buf_addc(out, '~');
	buf_adds(out, names[key->kind]);
	if (!seqset_empty(&key->set)) {
		buf_addc(out, ' ');
		seqset_print(out, &key->set);
	}
	if (key->epoch)
		buf_printf(out, " %x", key->epoch);
	if (key->flags)
		buf_printf(out, " %x", key->flags);
	if (key->number)
		buf_printf(out, " %lld", (long long)key->number);
	if (key->field.n)
		buf_printf(out, " %.*s", STRV_ARG(key->field));
	if (key->text.n)
		buf_printf(out, " %.*s", STRV_ARG(key->text));
	if (key->needle.n)
		buf_printf(out, " '%.*s'", STRV_ARG(key->needle));
	if (!key->child)
		return;
	buf_addc(out, '(');
	for (const struct search_key *child = key->child; child; child = child->next) {
		if (child != key->child)
			buf_adds(out, ", ");
		print_key(child, out);
	}
	buf_addc(out, ')');
}

static void assert_keys(const char *text, const char *expected)
{
	struct test t;
	struct buf out;
	buf_init(&out, 100000);
	if (!parse_text(&t, text, strlen(text)))
		fail_msg("refused: %s: %s", text, t.parse.error);
	print_key(t.keys.root, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	done(&t);
}

static void assert_bad(const char *text)
{
	struct test t;
	if (parse_text(&t, text, strlen(text)))
		fail_msg("taken: %s", text);
	assert_non_null(t.parse.error);
	done(&t);
}

static void every_flag_has_its_key_and_its_opposite(void **state)
{
	(void)state;
	assert_keys("ANSWERED", "and(flag 2)");
	assert_keys("UNANSWERED", "and(!flag 2)");
	assert_keys("DELETED UNDELETED", "and(flag 8, !flag 8)");
	assert_keys("draft undraft", "and(flag 10, !flag 10)");
	assert_keys("FLAGGED UNFLAGGED", "and(flag 4, !flag 4)");
	assert_keys("SEEN UNSEEN", "and(flag 1, !flag 1)");
	assert_keys("RECENT OLD", "and(recent, !recent)");
	assert_keys("NEW", "and(and(!flag 1, recent))");
	assert_keys("KEYWORD $Chat UNKEYWORD x", "and(keyword $Chat, !keyword x)");
}

static void all_matches_everything(void **state)
{
	(void)state;
	assert_keys("ALL", "and(and)");
	assert_keys("NOT ALL", "and(!and)");
}

static void sets_stand_for_messages(void **state)
{
	(void)state;
	assert_keys("1:3,7", "and(seqs 1:3,7)");
	assert_keys("*", "and(seqs *)");
	assert_keys("UID 5:*", "and(uids 5:*)");
	assert_keys("UIDAFTER 5 NOT UIDBEFORE 7", "and(uids 6:4294967295, !uids 1:6)");
	assert_keys("UIDBEFORE 1 UIDAFTER 4294967294", "and(uids, uids 4294967295)");
	assert_keys("2 UNSEEN UID 1", "and(seqs 2, !flag 1, uids 1)");
}

static void dates_are_days(void **state)
{
	(void)state;
	assert_keys("BEFORE 2-Jan-1970 ON \"3-Jan-1970\" SINCE 04-Jan-1970", "and(before 1, on 2, since 3)");
	assert_keys("SENTBEFORE 2-Jan-1970 SENTON 3-Jan-1970 SENTSINCE 1-Jan-2026",
		"and(sentbefore 1, senton 2, sentsince 20454)");
	assert_keys("savedbefore 2-Jan-1970 SAVEDON 3-Jan-1970 SAVEDSINCE 1-Jan-2026 SAVEDATESUPPORTED",
		"and(savedbefore 1, savedon 2, savedsince 20454, and)");
}

static void object_ids_that_were_never_given_out_are_taken(void **state)
{
	(void)state;
	assert_keys("EMAILID M12-34", "and(emailid c 34)");
	assert_keys("emailid m12-34", "and(emailid)");
	assert_keys("NOT THREADID T00000000000000ff", "and(!threadid 255)");
	assert_keys("THREADID x EMAILID y", "and(emailid, threadid)");
	assert_bad("EMAILID");
	assert_bad("EMAILID \"M12-34\"");
	assert_bad("THREADID a.b");
}

static void sizes_are_numbers(void **state)
{
	(void)state;
	assert_keys("LARGER 100 SMALLER 9223372036854775807", "and(larger 100, smaller 9223372036854775807)");
}

static void strings_are_case_mapped(void **state)
{
	(void)state;
	assert_keys("SUBJECT \"Hallo Welt\"", "and(header SUBJECT 'HALLO WELT')");
	assert_keys("FROM a TO b CC c BCC d",
		"and(header FROM 'A', header TO 'B', header CC 'C', header BCC 'D')");
	assert_keys("HEADER Message-ID \"<1@x>\"", "and(header Message-ID '<1@X>')");
	assert_keys("HEADER X-Y \"\"", "and(header X-Y)");
	assert_keys("BODY {3}\r\na)b", "and(body 'A)B')");
	assert_keys("CHARSET UTF-8 TEXT {5}\r\n\xc3\xa4\xc3\xb6x", "and(text 'A\xcc\x88O\xcc\x88X')");
}

static void keys_can_be_joined_and_negated(void **state)
{
	(void)state;
	assert_keys("OR SEEN DELETED", "and(or(flag 1, flag 8))");
	assert_keys("NOT SEEN", "and(!flag 1)");
	assert_keys("NOT NOT SEEN", "and(flag 1)");
	assert_keys("NOT UNSEEN", "and(flag 1)");
	assert_keys("NOT (SEEN DELETED) 1", "and(!and(flag 1, flag 8), seqs 1)");
	assert_keys("(OR (SEEN) NOT (FLAGGED DRAFT))", "and(and(or(and(flag 1), !and(flag 4, flag 10))))");
}

static void a_chain_of_or_is_one_key(void **state)
{
	(void)state;
	assert_keys("OR SEEN OR DELETED OR DRAFT FLAGGED", "and(or(flag 1, flag 8, flag 10, flag 4))");
	assert_keys("OR OR SEEN DELETED DRAFT", "and(or(or(flag 1, flag 8), flag 10))");
	assert_keys("OR SEEN NOT OR DELETED DRAFT", "and(or(flag 1, !or(flag 8, flag 10)))");
}

static void cheap_keys_come_first(void **state)
{
	(void)state;
	assert_keys("BODY x HEADER DKIM-Signature y SUBJECT z UNSEEN 1",
		"and(!flag 1, seqs 1, header SUBJECT 'Z', header DKIM-Signature 'Y', body 'X')");
	assert_keys("(TEXT a) OR BODY b SEEN DELETED", "and(flag 8, and(text 'A'), or(flag 1, body 'B'))");
}

static void an_unknown_charset_is_told_apart(void **state)
{
	(void)state;
	struct test t;
	const char *text = "CHARSET X-KLINGON SUBJECT \xff\xfe (";
	assert_true(parse_text(&t, text, strlen(text)));
	assert_true(t.keys.bad_charset);
	done(&t);
	assert_keys("charset us-ascii ALL", "and(and)");
	assert_keys("CHARSET \"utf-8\" ALL", "and(and)");
	assert_keys("CHARSET utf8 SUBJECT {2}\r\n\xc3\xa4", "and(header SUBJECT 'A\xcc\x88')");
}

static void strings_of_other_charsets_are_converted(void **state)
{
	(void)state;
	assert_keys("CHARSET KOI8-R SUBJECT {4}\r\n\xd4\xc5\xd3\xd4 BODY {1}\r\n\xd4",
		"and(header SUBJECT '\xd0\xa2\xd0\x95\xd0\xa1\xd0\xa2', body '\xd0\xa2')");
	assert_keys("CHARSET iso-8859-1 FROM {1}\r\n\xe4", "and(header FROM 'A\xcc\x88')");
	assert_keys("CHARSET gbk TEXT {4}\r\n\xd6\xd0\xce\xc4", "and(text '\xe4\xb8\xad\xe6\x96\x87')");
	/* A stateful one begins anew with each string. */
	assert_keys("CHARSET iso-2022-jp SUBJECT {8}\r\n\x1b$B$\"\x1b(B FROM {2}\r\n$\"",
		"and(header SUBJECT '\xe3\x81\x82', header FROM '$\"')");
}

static void a_modseq_may_name_a_flag(void **state)
{
	(void)state;
	assert_keys("MODSEQ 9223372036854775807", "and(modseq 9223372036854775807)");
	assert_keys("NOT MODSEQ 7", "and(!modseq 7)");
	assert_keys("MODSEQ 0", "and(modseq)");
	assert_keys("modseq \"/flags/\\\\draft\" all 7", "and(modseq 7)");
	assert_keys(
		"MODSEQ \"/flags/$mdnsent\" PRIV 7 MODSEQ \"/Flags/x\" shared 8", "and(modseq 7, modseq 8)");
	struct test t;
	assert_true(parse_text(&t, "OR (MODSEQ 7) 1", 15));
	assert_true(t.keys.modseq && t.keys.seqs);
	done(&t);
	assert_true(parse_text(&t, "UID 1", 5));
	assert_false(t.keys.modseq || t.keys.seqs);
	done(&t);
}

static void wrong_keys_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"MODSEQ",
		"MODSEQ x",
		"MODSEQ 9223372036854775808",
		"MODSEQ \"/flags/x\"",
		"MODSEQ \"/flags/x\" 7",
		"MODSEQ \"/flags/x\" none 7",
		"MODSEQ \"/flag/x\" all 7",
		"MODSEQ \"\" all 7",
		"MODSEQ /flags/x all 7",
		"",
		" ",
		"FOO",
		"NOT",
		"NOT ",
		"OR SEEN",
		"OR SEEN ",
		"()",
		"(SEEN",
		"(SEEN ",
		"SEEN)",
		"KEYWORD \\Seen",
		"KEYWORD",
		"UID",
		"UID x",
		"UID 0",
		"0",
		"1:",
		"BEFORE 30-Feb-2026",
		"BEFORE yesterday",
		"SINCE \"1-Jan-2026",
		"LARGER -1",
		"LARGER 9223372036854775808",
		"SUBJECT",
		"HEADER x",
		"TEXT (",
		"CHARSET gbk SUBJECT {1}\r\n\xd6",
		"CHARSET shift_jis SUBJECT a BODY {2}\r\n\x81\xff",
		"CHARSET UTF-8 SUBJECT {1}\r\n\xff",
		"CHARSET",
		"CHARSET UTF-8",
		"SEEN CHARSET UTF-8",
		"OLDER",
		"OLDER 0",
		"YOUNGER -1",
		"YOUNGER 4294967296",
		"YOUNGER 1-Jan-2026",
		"$",
		"UID $",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_bad(cases[i]);
}

static void repeat(struct buf *out, const char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_adds(out, text);
}

static void assert_limit(const char *open, const char *middle, const char *close, unsigned max)
{
	for (unsigned n = max; n <= max + 1; n++) {
		struct buf text;
		struct test t;
		buf_init(&text, 1000000);
		repeat(&text, open, n);
		buf_adds(&text, middle);
		repeat(&text, close, n);
		assert_int_equal(parse_text(&t, text.p, text.len), n == max);
		done(&t);
		buf_fini(&text);
	}
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	assert_limit("(", "SEEN", ")", PARSE_DEPTH_MAX);
	assert_limit("OR (SEEN) (", "ALL", ")", PARSE_DEPTH_MAX / 2);
}

static void the_number_of_keys_has_a_limit(void **state)
{
	(void)state;
	/* The root is one of them. */
	assert_limit("SEEN ", "DELETED", "", SEARCH_KEYS_MAX - 2);
	assert_limit("TEXT x ", "SEEN", "", SEARCH_TEXTS_MAX);
	assert_limit("OR SEEN ", "DELETED", "", SEARCH_KEYS_MAX - 3);
}

static void not_may_be_repeated_at_will(void **state)
{
	(void)state;
	struct buf text;
	struct test t;
	buf_init(&text, 1000000);
	repeat(&text, "NOT ", 5001);
	buf_adds(&text, "SEEN");
	assert_true(parse_text(&t, text.p, text.len));
	assert_true(t.keys.root->child->negate);
	done(&t);
	buf_fini(&text);
}

static void every_beginning_of_a_search_is_refused_or_whole(void **state)
{
	(void)state;
	const char *text = "OR (SEEN HEADER X \"y\") NOT BODY {2}\r\nab UID 1:*";
	for (size_t n = 0; n <= strlen(text); n++) {
		struct test t;
		bool ok = parse_text(&t, text, n);
		if (!ok)
			assert_non_null(t.parse.error);
		done(&t);
	}
}

static void add_hundred(void *arg, const struct seqset *seqs, struct seqset *uids)
{
	uint32_t number;
	(*(unsigned *)arg)++;
	for (struct seqiter it = seqset_iter(seqs); seqset_next(&it, &number);)
		seqset_add(uids, number + 100);
}

static void sets_are_resolved_everywhere_in_the_tree(void **state)
{
	(void)state;
	struct test t;
	struct buf out;
	unsigned calls = 0;
	const char *text = "1:2 OR (UID 7:*) NOT (3 DELETED) UID *";
	assert_true(parse_text(&t, text, strlen(text)));
	search_keys_resolve(&t.keys, 50, add_hundred, &calls, t.arena);
	buf_init(&out, 10000);
	print_key(t.keys.root, &out);
	buf_addc(&out, '\0');
	assert_string_equal(
		out.p, "and(uids 101:102, or(and(uids 7:4294967295), !and(uids 103, flag 8)), uids 50)");
	assert_int_equal(calls, 2);
	buf_fini(&out);
	done(&t);
}

static void ages_are_seconds(void **state)
{
	(void)state;
	assert_keys("OLDER 1 not younger 4294967295", "and(older 1, !younger 4294967295)");
}

static void what_was_saved_is_a_set_of_uids(void **state)
{
	(void)state;
	static const char *const cases[] = { "$", "UID $", "NOT $", "(OR $ UID 1) SEEN" };
	static const char *const expected[] = { "and(uids 4:6,9)", "and(uids 4:6,9)", "and(!uids 4:6,9)",
		"and(and(or(uids 4:6,9, uids 1)), flag 1)" };
	struct seqset saved = SEQSET_EMPTY;
	seqset_add_range(&saved, 4, 6);
	seqset_add(&saved, 9);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct parse parse;
		struct search_keys keys;
		struct buf out;
		buf_init(&out, 1000);
		parse_init(&parse, strv_cstr(cases[i]), arena);
		parse.saved = &saved;
		assert_true(search_keys_parse(&parse, &keys) && parse_end(&parse));
		/* No message number was written. */
		assert_false(keys.seqs);
		print_key(keys.root, &out);
		buf_addc(&out, '\0');
		assert_string_equal(out.p, expected[i]);
		buf_fini(&out);
		arena_free(&arena);
	}
	seqset_fini(&saved);
}

static bool parse_with(const char *text, bool uidonly, bool no_charset, const char **ret_code)
{
	struct seqset saved = SEQSET_EMPTY;
	struct search_keys keys;
	struct parse parse;
	struct arena *arena = arena_new(0);
	seqset_add(&saved, 7);
	parse_init(&parse, strv_cstr(text), arena);
	parse.uidonly = uidonly;
	parse.no_charset = no_charset;
	parse.saved = &saved;
	bool ok = search_keys_parse(&parse, &keys) && parse_end(&parse);
	*ret_code = parse.code;
	seqset_fini(&saved);
	arena_free(&arena);
	return ok;
}

static void message_numbers_are_refused_where_they_are_not_used(void **state)
{
	(void)state;
	static const char *const numbers[] = { "1", "*", "1:*", "NOT 2", "OR SEEN 3", "(ALL (4,5))",
		"UID 1 6" };
	static const char *const others[] = { "ALL", "UID 1:*", "UID *", "$", "NOT $", "LARGER 1" };
	const char *code;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_true(parse_with(numbers[i], false, false, &code));
		assert_false(parse_with(numbers[i], true, false, &code));
		assert_string_equal(code, "UIDREQUIRED");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(parse_with(others[i], true, false, &code));
	assert_false(parse_with("FOO", true, false, &code));
	assert_null(code);
}

static void a_charset_is_refused_where_all_is_utf8(void **state)
{
	(void)state;
	const char *code;
	assert_true(parse_with("CHARSET UTF-8 ALL", false, false, &code));
	assert_false(parse_with("CHARSET UTF-8 ALL", false, true, &code));
	assert_false(parse_with("CHARSET KOI8-R ALL", false, true, &code));
	assert_true(parse_with("ALL", false, true, &code));
}

static void fuzzy_holds_for_its_key(void **state)
{
	struct test t;
	(void)state;
	assert_keys("FUZZY SUBJECT a FROM b", "and(~header SUBJECT 'A', header FROM 'B')");
	assert_keys("FUZZY (SUBJECT a TEXT b) SEEN", "and(flag 1, ~and(~header SUBJECT 'A', ~text 'B'))");
	assert_keys("FUZZY OR SUBJECT a SUBJECT b", "and(~or(~header SUBJECT 'A', ~header SUBJECT 'B'))");
	assert_keys("OR FUZZY SUBJECT a SUBJECT b", "and(or(~header SUBJECT 'A', header SUBJECT 'B'))");
	assert_keys("NOT FUZZY SUBJECT a", "and(!~header SUBJECT 'A')");
	assert_keys("FUZZY NOT SUBJECT a", "and(!header SUBJECT 'A')");
	assert_keys("FUZZY (NOT SUBJECT a SUBJECT b)", "and(~and(!header SUBJECT 'A', ~header SUBJECT 'B'))");
	assert_keys("fuzzy fuzzy 1:2", "and(~seqs 1:2)");
	assert_bad("FUZZY");
	assert_bad("FUZZY ");
	assert_bad("FUZZY(SUBJECT a)");
	assert_bad("FUZZYSUBJECT a");
	assert_bad("SUBJECT a FUZZY");
	assert_true(parse_text(&t, "NOT FUZZY SEEN", 14));
	assert_true(t.keys.fuzzy);
	done(&t);
	assert_true(parse_text(&t, "SEEN", 4));
	assert_false(t.keys.fuzzy);
	done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fuzzy_holds_for_its_key),
		cmocka_unit_test(every_flag_has_its_key_and_its_opposite),
		cmocka_unit_test(all_matches_everything),
		cmocka_unit_test(sets_stand_for_messages),
		cmocka_unit_test(dates_are_days),
		cmocka_unit_test(object_ids_that_were_never_given_out_are_taken),
		cmocka_unit_test(sizes_are_numbers),
		cmocka_unit_test(strings_are_case_mapped),
		cmocka_unit_test(keys_can_be_joined_and_negated),
		cmocka_unit_test(a_chain_of_or_is_one_key),
		cmocka_unit_test(cheap_keys_come_first),
		cmocka_unit_test(an_unknown_charset_is_told_apart),
		cmocka_unit_test(strings_of_other_charsets_are_converted),
		cmocka_unit_test(a_modseq_may_name_a_flag),
		cmocka_unit_test(wrong_keys_are_refused),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(the_number_of_keys_has_a_limit),
		cmocka_unit_test(not_may_be_repeated_at_will),
		cmocka_unit_test(every_beginning_of_a_search_is_refused_or_whole),
		cmocka_unit_test(sets_are_resolved_everywhere_in_the_tree),
		cmocka_unit_test(ages_are_seconds),
		cmocka_unit_test(what_was_saved_is_a_set_of_uids),
		cmocka_unit_test(message_numbers_are_refused_where_they_are_not_used),
		cmocka_unit_test(a_charset_is_refused_where_all_is_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
