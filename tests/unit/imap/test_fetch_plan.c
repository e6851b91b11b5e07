#include "imap/fetch_plan.h"

#include "store/message.h"

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
	struct fetch_plan plan;
};

static bool parse_plan(struct test *t, const char *text, bool by_uid)
{
	t->arena = arena_new(0);
	/* An exact copy on the heap, so that a read past the end is seen. */
	char *copy = malloc(strlen(text) + 1);
	memcpy(copy, text, strlen(text));
	parse_init(&t->parse, strv_make(copy, strlen(text)), t->arena);
	bool ok = fetch_plan_parse(&t->parse, by_uid, &t->plan) && parse_end(&t->parse);
	struct fetch_plan kept;
	if (ok) {
		fetch_plan_copy(&t->plan, t->arena, &kept);
		t->plan = kept;
	}
	free(copy);
	return ok;
}

static void done(struct test *t)
{
	arena_free(&t->arena);
}

/* "UID FLAGS BODY[TEXT]": the items in the order of the answer. */
static void print_plan(const struct fetch_plan *plan, struct buf *out)
{
	static const char *const names[] = { "UID", "FLAGS", "INTERNALDATE", "SIZE", "MODSEQ", "SAVEDATE",
		"PREVIEW", "EMAILID", "THREADID", "ENVELOPE", "BODY", "BODYSTRUCTURE" };
	for (size_t i = 0; i < plan->count; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		if (plan->items[i].label.n > 0)
			buf_addv(out, plan->items[i].label);
		else
			buf_adds(out, names[plan->items[i].kind]);
	}
	buf_addc(out, '\0');
}

static void assert_plan(const char *text, bool by_uid, const char *expected)
{
	struct test t;
	struct buf out;
	buf_init(&out, 100000);
	assert_true(parse_plan(&t, text, by_uid));
	print_plan(&t.plan, &out);
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	done(&t);
}

static void assert_bad(const char *text)
{
	struct test t;
	if (parse_plan(&t, text, false))
		fail_msg("taken: %s", text);
	assert_non_null(t.parse.error);
	done(&t);
}

static void macros_stand_for_their_items(void **state)
{
	(void)state;
	assert_plan("ALL", false, "FLAGS INTERNALDATE SIZE ENVELOPE");
	assert_plan("fast", false, "FLAGS INTERNALDATE SIZE");
	assert_plan("Full", false, "FLAGS INTERNALDATE SIZE ENVELOPE BODY");
	assert_plan("FAST", true, "UID FLAGS INTERNALDATE SIZE");
}

static void a_macro_is_no_item_of_a_list(void **state)
{
	(void)state;
	assert_bad("(ALL)");
	assert_bad("(FLAGS FAST)");
	assert_bad("ALL FLAGS");
}

static void items_keep_their_order(void **state)
{
	(void)state;
	assert_plan("(UID RFC822.SIZE flags BODY ENVELOPE BODYSTRUCTURE INTERNALDATE)", false,
		"UID SIZE FLAGS BODY ENVELOPE BODYSTRUCTURE INTERNALDATE");
	assert_plan("FLAGS", false, "FLAGS");
	assert_plan("FLAGS", true, "UID FLAGS");
	assert_plan("(FLAGS UID)", true, "UID FLAGS");
	assert_plan("(emailid THREADID EMAILID)", false, "EMAILID THREADID");
}

static bool parsed_lazy(const char *text)
{
	struct test t;
	assert_true(parse_plan(&t, text, false));
	assert_int_equal(t.plan.items[0].kind, FETCH_PREVIEW);
	assert_int_equal(t.plan.count, 1);
	bool lazy = t.plan.items[0].lazy;
	assert_int_equal(t.plan.cached, lazy ? 0 : MSG_PREVIEW);
	assert_false(t.plan.memory);
	done(&t);
	return lazy;
}

static void a_preview_may_be_lazy(void **state)
{
	(void)state;
	assert_plan("(SAVEDATE PREVIEW (LAZY) FLAGS)", false, "SAVEDATE PREVIEW FLAGS");
	assert_false(parsed_lazy("PREVIEW"));
	assert_true(parsed_lazy("preview (lazy)"));
	assert_true(parsed_lazy("(PREVIEW (LAZY LAZY))"));
	/* Asked for both ways it can't be NIL. */
	assert_false(parsed_lazy("(PREVIEW (LAZY) PREVIEW)"));
	assert_false(parsed_lazy("(PREVIEW PREVIEW (LAZY))"));
	assert_bad("PREVIEW (LAZYX)");
	assert_bad("PREVIEW (LAZY");
	assert_true(parsed_lazy("( PREVIEW  ( LAZY  LAZY ) )"));
	assert_false(parsed_lazy("(PREVIEW  )"));
	assert_bad("(PREVIEW ())");
	assert_bad("(PREVIEW (EAGER))");
	assert_bad("PREVIEW(LAZY)");
}

static void decoded_parts(void **state)
{
	(void)state;
	struct test t;
	assert_plan("(binary[] BINARY.PEEK[1.2]<3.4> binary.size[1.2] BINARY[1.2]<3.4> BINARY.SIZE[1.2])",
		false, "BINARY[] BINARY[1.2]<3> BINARY.SIZE[1.2]");
	assert_true(parse_plan(&t, "(BINARY.PEEK[1] BINARY.SIZE[1] BODY.PEEK[1])", false));
	assert_true(t.plan.binary);
	assert_false(t.plan.seen);
	assert_false(t.plan.memory);
	assert_int_equal(t.plan.count, 3);
	assert_int_equal(t.plan.cached, MSG_PARTS);
	done(&t);
	assert_true(parse_plan(&t, "BINARY[1]", false));
	assert_true(t.plan.seen);
	done(&t);
	assert_bad("BINARY");
	assert_bad("BINARY[1");
	assert_bad("BINARY[1.]");
	assert_bad("BINARY[1.MIME]");
	assert_bad("BINARY[HEADER]");
	assert_bad("BINARY.SIZE[1]<0.1>");
	assert_bad("BINARY[1]<0.0>");
	assert_bad("BINARY.SIZE");
}

static void repeated_items_are_answered_once(void **state)
{
	(void)state;
	assert_plan("(FLAGS FLAGS BODY[TEXT] BODY.PEEK[text])", false, "FLAGS BODY[TEXT]");
	assert_plan("(BODY[]<0.5> BODY[]<0.7> BODY[])", false, "BODY[]<0> BODY[]<0> BODY[]");
}

static void sections_are_echoed_in_upper_case(void **state)
{
	(void)state;
	assert_plan("body[]", false, "BODY[]");
	assert_plan("body.peek[header]", false, "BODY[HEADER]");
	assert_plan("BODY.PEEK[1.2.3]", false, "BODY[1.2.3]");
	assert_plan("BODY[1.mime]", false, "BODY[1.MIME]");
	assert_plan("BODY[4.2.header]<10.20>", false, "BODY[4.2.HEADER]<10>");
	assert_plan("BODY[3.TEXT]<4294967295.1>", false, "BODY[3.TEXT]<4294967295>");
	assert_plan("(RFC822 rfc822.header RFC822.TEXT)", false, "RFC822 RFC822.HEADER RFC822.TEXT");
}

static void field_names_are_echoed_as_given(void **state)
{
	(void)state;
	assert_plan("BODY.PEEK[HEADER.FIELDS (From \"To\" x-y)]", false, "BODY[HEADER.FIELDS (From To x-y)]");
	assert_plan(
		"BODY[1.header.fields.not (\"a(b\")]<0.9>", false, "BODY[1.HEADER.FIELDS.NOT (\"a(b\")]<0>");
	assert_plan("BODY[HEADER.FIELDS (!~)]", false, "BODY[HEADER.FIELDS (!~)]");
	assert_plan("BODY[HEADER.FIELDS ({4}\r\nDate)]", false, "BODY[HEADER.FIELDS (Date)]");
	assert_plan("BODY[HEADER.FIELDS (\"q\\\"q\")]", false, "BODY[HEADER.FIELDS (\"q\\\"q\")]");
}

static void a_section_is_read_into_its_parts(void **state)
{
	(void)state;
	struct test t;
	assert_true(parse_plan(&t, "BODY[1.22.HEADER.FIELDS.NOT (Subject)]<3.4>", false));
	const struct fetch_item *item = &t.plan.items[0];
	assert_int_equal(item->section, MIME_SECTION_HEADER);
	assert_int_equal(item->filter, FETCH_FIELDS_NOT);
	assert_int_equal(item->depth, 2);
	assert_int_equal(item->path[0], 1);
	assert_int_equal(item->path[1], 22);
	assert_int_equal(item->field_count, 1);
	assert_true(strv_eq(item->fields[0], STRV("Subject")));
	assert_true(item->partial);
	assert_int_equal(item->offset, 3);
	assert_int_equal(item->length, 4);
	assert_false(item->cached);
	assert_true(t.plan.seen);
	assert_int_equal(t.plan.cached, MSG_PARTS);
	done(&t);
}

static void only_data_without_peek_sets_seen(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool seen;
	} cases[] = {
		{ "BODY[]", true },
		{ "BODY.PEEK[]", false },
		{ "(BODY.PEEK[] BODY[])", true },
		{ "BODY[HEADER]", true },
		{ "RFC822", true },
		{ "RFC822.TEXT", true },
		{ "RFC822.HEADER", false },
		{ "FULL", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test t;
		assert_true(parse_plan(&t, cases[i].text, false));
		assert_int_equal(t.plan.seen, cases[i].seen);
		done(&t);
	}
}

static void what_must_be_read_is_known_beforehand(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool memory;
		unsigned cached;
	} cases[] = {
		{ "FAST", true, 0 },
		{ "(UID FLAGS)", true, 0 },
		{ "ALL", false, MSG_ENVELOPE },
		{ "FULL", false, MSG_ENVELOPE | MSG_BODY },
		{ "BODYSTRUCTURE", false, MSG_BODYSTRUCTURE },
		{ "BODY[]", false, 0 },
		{ "BODY[TEXT]", false, MSG_PARTS },
		{ "BODY[HEADER.FIELDS (DATE FROM)]", false, MSG_HEADERS },
		{ "BODY[HEADER.FIELDS.NOT (DATE)]", false, MSG_PARTS },
		{ "BODY[1.HEADER.FIELDS (DATE)]", false, MSG_PARTS },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test t;
		assert_true(parse_plan(&t, cases[i].text, false));
		assert_int_equal(t.plan.memory, cases[i].memory);
		assert_int_equal(t.plan.cached, cases[i].cached);
		done(&t);
	}
}

static void wrong_items_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"()",
		"(",
		"(FLAGS",
		"FLAGS UID",
		"FLAG",
		"BODY.PEEK",
		"BODY[",
		"BODY[]]",
		"BODY[MIME]",
		"BODY[HEADERS]",
		"BODY[0]",
		"BODY[1.0]",
		"BODY[1.]",
		"BODY[.1]",
		"BODY[1..2]",
		"BODY[1HEADER]",
		"BODY[1.HEADER.2]",
		"BODY[4294967296]",
		"BODY[HEADER.FIELDS]",
		"BODY[HEADER.FIELDS ()]",
		"BODY[HEADER.FIELDS (a:b)]",
		"BODY[HEADER.FIELDS (\"\")]",
		"BODY[HEADER.FIELDS (\"a b\")]",
		"BODY[HEADER.FIELDS ({2}\r\na\x7f)]",
		"BODY[HEADER.FIELDS ({2}\r\na\x80)]",
		"BODY[HEADER.FIELDS (a ]",
		"BODY[HEADER.FIELDS (a)",
		"BODY[]<1>",
		"BODY[]<1.0>",
		"BODY[]<.1>",
		"BODY[]<1.2",
		"BODY []",
		"RFC822.PEEK",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_bad(cases[i]);
}

/* "(x y z)" with n different sections, path numbers or field names. */
static void make(struct buf *out, const char *head, const char *before, const char *behind, unsigned n,
	const char *tail)
{
	buf_init(out, 1000000);
	buf_adds(out, head);
	for (unsigned i = 1; i <= n; i++)
		buf_printf(out, "%s%u%s", before, i, behind);
	/* Without the last separator. */
	out->len--;
	buf_adds(out, tail);
	buf_addc(out, '\0');
}

static void the_number_of_items_has_a_limit(void **state)
{
	(void)state;
	struct buf text;
	struct test t;
	make(&text, "(", "BODY[", "] ", FETCH_ITEMS_MAX, ")");
	assert_true(parse_plan(&t, text.p, false));
	assert_int_equal(t.plan.count, FETCH_ITEMS_MAX);
	done(&t);
	buf_fini(&text);
	make(&text, "(", "BODY[", "] ", FETCH_ITEMS_MAX + 1, ")");
	assert_bad(text.p);
	buf_fini(&text);
}

static void the_depth_of_a_section_has_a_limit(void **state)
{
	(void)state;
	struct buf text;
	struct test t;
	make(&text, "BODY[", "", ".", FETCH_PATH_MAX, "]");
	assert_true(parse_plan(&t, text.p, false));
	assert_int_equal(t.plan.items[0].depth, FETCH_PATH_MAX);
	done(&t);
	buf_fini(&text);
	make(&text, "BODY[", "", ".", FETCH_PATH_MAX + 1, "]");
	assert_bad(text.p);
	buf_fini(&text);
}

static void the_number_of_fields_has_a_limit(void **state)
{
	(void)state;
	struct buf text;
	struct test t;
	make(&text, "BODY[HEADER.FIELDS (", "x", " ", FETCH_FIELDS_MAX, ")]");
	assert_true(parse_plan(&t, text.p, false));
	assert_int_equal(t.plan.items[0].field_count, FETCH_FIELDS_MAX);
	done(&t);
	buf_fini(&text);
	make(&text, "BODY[HEADER.FIELDS (", "x", " ", FETCH_FIELDS_MAX + 1, ")]");
	assert_bad(text.p);
	buf_fini(&text);
}

static void a_long_label_is_refused(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 200000);
	buf_adds(&text, "BODY[HEADER.FIELDS (");
	for (unsigned i = 0; i < 70000; i++)
		buf_addc(&text, 'a');
	buf_adds(&text, ")]");
	buf_addc(&text, '\0');
	assert_bad(text.p);
	buf_fini(&text);
}

static void every_beginning_of_a_plan_is_refused_or_whole(void **state)
{
	(void)state;
	const char *text = "(UID BODY.PEEK[1.HEADER.FIELDS (Date \"To\")]<0.12> FLAGS)";
	char part[128];
	for (size_t n = 0; n < strlen(text); n++) {
		memcpy(part, text, n);
		part[n] = '\0';
		assert_bad(part);
	}
}

static void store_answers_with_flags(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct fetch_plan plan;
	fetch_plan_state(arena, true, true, false, &plan);
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.items[0].kind, FETCH_UID);
	assert_int_equal(plan.items[1].kind, FETCH_FLAGS);
	assert_true(plan.memory && plan.flags && plan.uid && !plan.modseq && !plan.seen);
	fetch_plan_state(arena, false, true, false, &plan);
	assert_int_equal(plan.count, 1);
	fetch_plan_state(arena, true, false, true, &plan);
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.items[1].kind, FETCH_MODSEQ);
	assert_true(plan.memory && !plan.flags && plan.modseq);
	arena_free(&arena);
}

static void modseq_is_added_once(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct fetch_plan plan;
	fetch_plan_state(arena, true, true, false, &plan);
	fetch_plan_add_modseq(arena, &plan);
	fetch_plan_add_modseq(arena, &plan);
	assert_int_equal(plan.count, 3);
	assert_int_equal(plan.items[1].kind, FETCH_FLAGS);
	assert_int_equal(plan.items[2].kind, FETCH_MODSEQ);
	assert_true(plan.modseq);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(macros_stand_for_their_items),
		cmocka_unit_test(a_macro_is_no_item_of_a_list),
		cmocka_unit_test(items_keep_their_order),
		cmocka_unit_test(a_preview_may_be_lazy),
		cmocka_unit_test(decoded_parts),
		cmocka_unit_test(repeated_items_are_answered_once),
		cmocka_unit_test(sections_are_echoed_in_upper_case),
		cmocka_unit_test(field_names_are_echoed_as_given),
		cmocka_unit_test(a_section_is_read_into_its_parts),
		cmocka_unit_test(only_data_without_peek_sets_seen),
		cmocka_unit_test(what_must_be_read_is_known_beforehand),
		cmocka_unit_test(wrong_items_are_refused),
		cmocka_unit_test(the_number_of_items_has_a_limit),
		cmocka_unit_test(the_depth_of_a_section_has_a_limit),
		cmocka_unit_test(the_number_of_fields_has_a_limit),
		cmocka_unit_test(a_long_label_is_refused),
		cmocka_unit_test(every_beginning_of_a_plan_is_refused_or_whole),
		cmocka_unit_test(store_answers_with_flags),
		cmocka_unit_test(modseq_is_added_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
