#include "query/thread_tree.h"

#include "base/mem.h"
#include "mime/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint64_t keys[4] = { 1, 2, 3, 4 };

/* Ids are single letters, references are words of them. */
struct letter {
	const char *id; /* NULL: none */
	const char *refs;
	const char *subject;
	int date;
};

struct threads {
	struct thread_message *messages;
	size_t count;
	struct thread_id *refs;
	size_t ref_count;
	struct sorter dates;
};

static void threads_init(struct threads *threads, size_t count, size_t ref_max)
{
	memset(threads, 0, sizeof(*threads));
	threads->messages = mem_zalloc((count + 1) * sizeof(*threads->messages));
	threads->refs = mem_zalloc((ref_max + 1) * sizeof(*threads->refs));
	sorter_init(&threads->dates);
}

static void threads_fini(struct threads *threads)
{
	free(threads->messages);
	free(threads->refs);
	sorter_fini(&threads->dates);
}

static void add_subject(struct thread_message *message, const char *subject)
{
	struct buf base;
	buf_init(&base, 1000);
	mime_subject_base(&base, strv_cstr(subject), &message->reply);
	message->no_subject = base.len == 0;
	message->subject = thread_id_make(buf_strv(&base), keys);
	buf_fini(&base);
}

static void add_message(struct threads *threads, struct strv id, const char *subject, uint64_t date)
{
	struct thread_message *message = &threads->messages[threads->count++];
	message->uid = message->number = (uint32_t)threads->count;
	message->no_id = id.n == 0;
	message->id = thread_id_make(id, keys);
	message->refs = threads->ref_count;
	add_subject(message, subject);
	sorter_add(&threads->dates, (struct sort_item){ .head = date, .uid = (uint32_t)threads->count });
}

static void add_ref(struct threads *threads, struct strv id)
{
	threads->refs[threads->ref_count++] = thread_id_make(id, keys);
	threads->messages[threads->count - 1].ref_count++;
}

static void run(struct threads *threads, enum thread_algorithm algorithm, struct buf *out)
{
	struct thread_tree *tree = thread_tree_new(algorithm);
	for (size_t i = 0; i < threads->count; i++)
		thread_tree_add(tree, &threads->messages[i], threads->refs + threads->messages[i].refs);
	while (!sorter_step(&threads->dates, UINT64_MAX))
		sorter_accept(&threads->dates);
	sorter_accept(&threads->dates);
	while (!thread_tree_step(tree, threads->messages, sorter_items(&threads->dates)))
		;
	thread_tree_print(tree, threads->messages, out);
	thread_tree_free(&tree);
}

static void assert_threads(
	enum thread_algorithm algorithm, const struct letter *letters, size_t count, const char *expected)
{
	struct threads threads;
	struct buf out;
	size_t refs = 0;
	for (size_t i = 0; i < count; i++)
		refs += letters[i].refs ? strlen(letters[i].refs) : 0;
	threads_init(&threads, count, refs);
	buf_init(&out, 100000);
	for (size_t i = 0; i < count; i++) {
		const struct letter *letter = &letters[i];
		add_message(&threads, strv_cstr(letter->id), letter->subject ? letter->subject : "",
			(uint64_t)letter->date);
		for (const char *ref = letter->refs; ref && *ref; ref++)
			add_ref(&threads, strv_make(ref, 1));
	}
	run(&threads, algorithm, &out);
	if (!strv_eq(buf_strv(&out), strv_cstr(expected)))
		fail_msg("%.*s is not %s", (int)out.len, out.p ? out.p : "", expected);
	buf_fini(&out);
	threads_fini(&threads);
}

#define ASSERT_REFERENCES(expected, ...)                                                                     \
	do {                                                                                                 \
		const struct letter letters[] = { __VA_ARGS__ };                                             \
		assert_threads(THREAD_REFERENCES, letters, sizeof(letters) / sizeof(letters[0]), expected);  \
	} while (0)

#define ASSERT_SUBJECTS(expected, ...)                                                                       \
	do {                                                                                                 \
		const struct letter letters[] = { __VA_ARGS__ };                                             \
		assert_threads(                                                                              \
			THREAD_ORDEREDSUBJECT, letters, sizeof(letters) / sizeof(letters[0]), expected);     \
	} while (0)

static void nothing_gives_nothing(void **state)
{
	(void)state;
	assert_threads(THREAD_REFERENCES, NULL, 0, "");
	assert_threads(THREAD_ORDEREDSUBJECT, NULL, 0, "");
}

static void references_make_parents(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(1)", { "a", "", "", 0 });
	ASSERT_REFERENCES("(1 2)", { "a", "", "", 0 }, { "b", "a", "", 0 });
	ASSERT_REFERENCES("(2 1)", { "a", "b", "", 0 }, { "b", "", "", 0 });
	ASSERT_REFERENCES("(1 2 3)", { "a", "", "", 0 }, { "b", "a", "", 0 }, { "c", "ab", "", 0 });
	ASSERT_REFERENCES("(1 (2)(3))", { "a", "", "", 0 }, { "b", "a", "", 0 }, { "c", "a", "", 0 });
	ASSERT_REFERENCES("(1 (3)(2))", { "a", "", "", 0 }, { "b", "a", "", 2 }, { "c", "a", "", 1 });
	ASSERT_REFERENCES("(2)(1)", { "a", "", "", 2 }, { "b", "", "", 1 });
	ASSERT_REFERENCES("(1)(2)", { NULL, "", "", 0 }, { NULL, "", "", 0 });
}

/* Those of RFC 5256 section 4: (2)(3 6 (4 23)(44 7 96)) and ((3)(5)); numbers by place here. */
static void threads_are_printed_as_the_rfc_shows(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(1)(2 3 (4 5)(6 7 8))", { "a", "", "", 1 }, { "b", "", "", 2 },
		{ "c", "b", "", 3 }, { "d", "bc", "", 4 }, { "e", "bcd", "", 5 }, { "f", "c", "", 6 },
		{ "g", "cf", "", 7 }, { "h", "g", "", 8 });
	ASSERT_REFERENCES("((1)(2))", { "a", "x", "", 1 }, { "b", "x", "", 2 });
}

/* Step 1: the rules of linking. */
static void a_parent_that_is_known_stays_until_the_message_itself_tells(void **state)
{
	(void)state;
	/* b's parent by its own header is a, whatever d says before or after. */
	ASSERT_REFERENCES("(1 3 4)(2)", { "a", "", "", 1 }, { "c", "", "", 2 }, { "b", "a", "", 3 },
		{ "d", "cb", "", 4 });
	ASSERT_REFERENCES("(1 4 3)(2)", { "a", "", "", 1 }, { "c", "", "", 2 }, { "d", "cb", "", 3 },
		{ "b", "a", "", 4 });
	/* A message without references has no parent, whatever others said. */
	ASSERT_REFERENCES("(1)(3 2)", { "a", "", "", 1 }, { "c", "ab", "", 2 }, { "b", "", "", 2 });
}

static void loops_are_refused(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(1)", { "a", "a", "", 1 });
	ASSERT_REFERENCES("(1)", { "a", "aa", "", 1 });
	ASSERT_REFERENCES("(2 1)", { "a", "b", "", 1 }, { "b", "a", "", 2 });
	ASSERT_REFERENCES("(3 2 1)", { "a", "b", "", 1 }, { "b", "c", "", 2 }, { "c", "a", "", 3 });
	ASSERT_REFERENCES("(1 2)", { "a", "", "", 1 }, { "b", "aba", "", 2 });
	ASSERT_REFERENCES("(2 1)", { "a", "xyxb", "", 1 }, { "b", "yx", "", 2 });
}

static void only_the_first_message_has_its_id(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(1 3)(2)", { "a", "", "", 1 }, { "a", "", "", 2 }, { "b", "a", "", 3 });
	ASSERT_REFERENCES("(1 (2)(3))", { "a", "", "", 1 }, { "a", "a", "", 2 }, { "b", "a", "", 3 });
}

/* Step 3. */
static void dummies_go(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(1)", { "a", "x", "", 1 });
	ASSERT_REFERENCES("(1)", { "a", "xyz", "", 1 });
	ASSERT_REFERENCES("(1 2)", { "a", "", "", 1 }, { "b", "axy", "", 2 });
	ASSERT_REFERENCES("(1 (2)(3))", { "a", "", "", 1 }, { "b", "ax", "", 2 }, { "c", "ay", "", 3 });
	ASSERT_REFERENCES("(1 (2)(3))", { "a", "", "", 1 }, { "b", "ax", "", 2 }, { "c", "axy", "", 3 });
	/* Two dummies above one another: one is enough. */
	ASSERT_REFERENCES("((1)(2))", { "a", "xy", "", 1 }, { "b", "xz", "", 2 });
	ASSERT_REFERENCES("((1)(2))", { "a", "xyz", "", 1 }, { "b", "xyz", "", 2 });
	/* One child only, below several dummies, with siblings of its own. */
	ASSERT_REFERENCES("(1 (2)(3))", { "a", "xy", "", 1 }, { "b", "a", "", 2 }, { "c", "a", "", 3 });
	ASSERT_REFERENCES("((1 3)(2))", { "a", "xy", "", 1 }, { "b", "x", "", 2 }, { "c", "a", "", 3 });
}

/* Step 4: a dummy stands where its first child would. */
static void threads_are_sorted_by_their_first_message(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(3)((2)(1))(4)", { "a", "x", "", 5 }, { "b", "x", "", 3 }, { "c", "", "", 2 },
		{ "d", "", "", 4 });
	/* The oldest message of all does not decide the order. */
	ASSERT_REFERENCES("(3)(1 2)", { "a", "", "", 5 }, { "b", "a", "", 1 }, { "c", "", "", 3 });
}

/* Step 5. */
static void threads_of_one_subject_come_together(void **state)
{
	(void)state;
	/* A reply goes below what is none. */
	ASSERT_REFERENCES("(1 2)", { "a", "", "s", 1 }, { "b", "", "Re: s", 2 });
	ASSERT_REFERENCES("(2 1)", { "a", "", "Re: s", 1 }, { "b", "", "s", 2 });
	ASSERT_REFERENCES(
		"(1 (2)(3))", { "a", "", "s", 1 }, { "b", "", "Re: s", 2 }, { "c", "", "[l] s (fwd)", 3 });
	/* Two that are none, or two replies, become siblings. */
	ASSERT_REFERENCES("((1)(2))", { "a", "", "s", 1 }, { "b", "", "s", 2 });
	ASSERT_REFERENCES("((1)(2))", { "a", "", "Re: s", 1 }, { "b", "", "Re: s", 2 });
	ASSERT_REFERENCES("((1)(2)(3))", { "a", "", "s", 1 }, { "b", "", "s", 2 }, { "c", "", "Re: s", 3 });
	ASSERT_REFERENCES("((1 2)(3))", { "a", "", "s", 1 }, { "b", "", "Re: s", 2 }, { "c", "", "s", 3 });
	/* Below a dummy that is there. */
	ASSERT_REFERENCES("((1)(2)(3))", { "a", "x", "s", 1 }, { "b", "x", "s", 2 }, { "c", "", "s", 3 });
	ASSERT_REFERENCES("((1)(2)(3))", { "a", "", "s", 1 }, { "b", "x", "Re: s", 2 }, { "c", "x", "s", 3 });
	ASSERT_REFERENCES("((1)(2)(3)(4))", { "a", "x", "s", 1 }, { "b", "x", "t", 2 }, { "c", "y", "s", 3 },
		{ "d", "y", "u", 4 });
	/* Without a subject nothing comes together; within a thread subjects don't matter. */
	ASSERT_REFERENCES("(1)(2)(3)", { "a", "", "", 1 }, { "b", "", "", 2 }, { "c", "", "Re:", 3 });
	ASSERT_REFERENCES("(1 2)(3)", { "a", "", "s", 1 }, { "b", "a", "t", 2 }, { "c", "", "t", 3 });
}

static void siblings_are_sorted_at_last(void **state)
{
	(void)state;
	ASSERT_REFERENCES("(2 (4)(1)(3))", { "a", "", "Re: s", 5 }, { "b", "", "s", 1 }, { "c", "b", "x", 6 },
		{ "d", "b", "y", 2 });
}

static void ordered_subject_has_two_levels(void **state)
{
	(void)state;
	ASSERT_SUBJECTS("(1 (2)(4))(3)", { NULL, "", "s", 1 }, { NULL, "", "Re: s", 2 }, { NULL, "", "t", 3 },
		{ NULL, "", "Re: Re: s", 4 });
	ASSERT_SUBJECTS("(1 2)", { NULL, "", "s", 1 }, { NULL, "", "s", 1 });
	ASSERT_SUBJECTS("(2 1)(3)", { NULL, "", "s", 5 }, { NULL, "", "s", 1 }, { NULL, "", "t", 3 });
	ASSERT_SUBJECTS("(1 2)(3)", { NULL, "", "", 1 }, { NULL, "", "Re:", 2 }, { NULL, "", "x", 3 });
}

/* Repeatable. */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* thread-list = "(" (thread-members / thread-nested) ")": each message once, and no parenthesis without
 * need. */
static void assert_well_formed(struct strv text, size_t count)
{
	char *seen = mem_zalloc(count + 1);
	size_t depth = 0;
	size_t total = 0;
	for (size_t i = 0; i < text.n; i++) {
		char before = i > 0 ? text.p[i - 1] : ')';
		if (text.p[i] == '(') {
			assert_true(
				depth == 0 ? before == ')' : before == ' ' || before == ')' || before == '(');
			depth++;
		} else if (text.p[i] == ')') {
			assert_true(before != '(' && before != ' ' && depth > 0);
			depth--;
		} else if (text.p[i] == ' ') {
			assert_true(before >= '0' && before <= '9');
		} else {
			size_t number = 0;
			while (text.p[i] >= '0' && text.p[i] <= '9')
				number = number * 10 + (size_t)(text.p[i++] - '0');
			i--;
			assert_true(number >= 1 && number <= count && !seen[number]);
			seen[number] = 1;
			total++;
		}
	}
	assert_int_equal(depth, 0);
	assert_int_equal(total, count);
	free(seen);
}

static void any_references_give_every_message_once(void **state)
{
	(void)state;
	static const char *const subjects[] = { "", "s", "Re: s", "t", "Re: t", "u", "Fwd: v", "Re:" };
	for (uint32_t seed = 0; seed < 300; seed++) {
		uint32_t chance = seed;
		uint32_t count = 1 + draw(&chance, 60);
		uint32_t ids = 1 + draw(&chance, 2 * count);
		struct threads threads;
		struct buf out;
		threads_init(&threads, count, count * 6);
		buf_init(&out, 100000);
		for (uint32_t i = 0; i < count; i++) {
			char id = (char)(1 + draw(&chance, ids < 250 ? ids : 250));
			add_message(&threads, strv_make(&id, draw(&chance, 10) > 0),
				subjects[draw(&chance, 8)], draw(&chance, count));
			for (uint32_t refs = draw(&chance, 6); refs > 0; refs--) {
				id = (char)(1 + draw(&chance, ids < 250 ? ids : 250));
				add_ref(&threads, strv_make(&id, 1));
			}
		}
		run(&threads, THREAD_REFERENCES, &out);
		assert_well_formed(buf_strv(&out), count);
		buf_reset(&out);
		run(&threads, THREAD_ORDEREDSUBJECT, &out);
		assert_well_formed(buf_strv(&out), count);
		buf_fini(&out);
		threads_fini(&threads);
	}
}

/* A chain, its links in any order: 0 as they come, 1 the other way round, 2 mixed. */
static void add_chain(struct threads *threads, uint32_t count, int order)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place =
			order == 0 ? i
				   : (order == 1 ? count - 1 - i : (uint32_t)((uint64_t)i * 7919 % count));
		uint32_t before = place - 1;
		add_message(threads, strv_make(&place, sizeof(place)), "Re: s", i);
		if (place > 0)
			add_ref(threads, strv_make(&before, sizeof(before)));
	}
}

static void deep_threads_need_neither_stack_nor_time(void **state)
{
	(void)state;
	uint32_t count = 100000;
	for (int order = 0; order < 3; order++) {
		struct threads threads;
		struct buf out;
		threads_init(&threads, count, count);
		buf_init(&out, 10000000);
		add_chain(&threads, count, order);
		run(&threads, THREAD_REFERENCES, &out);
		assert_well_formed(buf_strv(&out), count);
		/* One thread without a fork. */
		assert_null(memchr(out.p + 1, '(', out.len - 1));
		buf_fini(&out);
		threads_fini(&threads);
	}
}

/* Loop checks at the bottom of a deep thread, for messages that have children. */
static void loop_checks_are_quick(void **state)
{
	(void)state;
	uint32_t count = 50000;
	struct threads threads;
	struct buf out;
	threads_init(&threads, 3 * count, 4 * count);
	buf_init(&out, 10000000);
	add_chain(&threads, count, 0);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t parent = 0x10000000 + i;
		uint32_t child = 0x20000000 + i;
		uint32_t bottom = count - 1;
		add_message(&threads, strv_make(&child, sizeof(child)), "", i);
		add_ref(&threads, strv_make(&parent, sizeof(parent)));
		add_message(&threads, strv_make(&parent, sizeof(parent)), "", i);
		add_ref(&threads, strv_make(&bottom, sizeof(bottom)));
	}
	run(&threads, THREAD_REFERENCES, &out);
	assert_well_formed(buf_strv(&out), threads.count);
	buf_fini(&out);
	threads_fini(&threads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gives_nothing),
		cmocka_unit_test(references_make_parents),
		cmocka_unit_test(threads_are_printed_as_the_rfc_shows),
		cmocka_unit_test(a_parent_that_is_known_stays_until_the_message_itself_tells),
		cmocka_unit_test(loops_are_refused),
		cmocka_unit_test(only_the_first_message_has_its_id),
		cmocka_unit_test(dummies_go),
		cmocka_unit_test(threads_are_sorted_by_their_first_message),
		cmocka_unit_test(threads_of_one_subject_come_together),
		cmocka_unit_test(siblings_are_sorted_at_last),
		cmocka_unit_test(ordered_subject_has_two_levels),
		cmocka_unit_test(any_references_give_every_message_once),
		cmocka_unit_test(deep_threads_need_neither_stack_nor_time),
		cmocka_unit_test(loop_checks_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
