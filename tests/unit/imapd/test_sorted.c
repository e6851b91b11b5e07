#include "imap/sort_program.h"
#include "imapd/sorted.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MESSAGES 60

/* A client's list. */
struct replayed {
	uint32_t v[MESSAGES];
	size_t n;
};

static void put(struct replayed *list, size_t at, uint32_t number)
{
	assert_true(at <= list->n && list->n < MESSAGES);
	memmove(list->v + at + 1, list->v + at, (list->n - at) * sizeof(*list->v));
	list->v[at] = number;
	list->n++;
}

static void cut(struct replayed *list, size_t at, uint32_t number)
{
	assert_true(at < list->n);
	assert_int_equal(list->v[at], number);
	memmove(list->v + at, list->v + at + 1, (list->n - at - 1) * sizeof(*list->v));
	list->n--;
}

/* "3 7,9:11 5 2" as a client does it. */
static void replay(struct replayed *list, const char *text, bool added)
{
	while (*text) {
		char *end;
		size_t position = strtoul(text, &end, 10);
		assert_true(*end == ' ' && position > 0);
		do {
			uint32_t lo = (uint32_t)strtoul(end + 1, &end, 10);
			uint32_t hi = *end == ':' ? (uint32_t)strtoul(end + 1, &end, 10) : lo;
			for (uint32_t number = lo; number <= hi; number++) {
				if (added)
					put(list, position++ - 1, number);
				else
					cut(list, position - 1, number);
			}
		} while (*end == ',');
		text = *end == ' ' ? end + 1 : end;
	}
}

static int compare(const void *a, const void *b)
{
	return sorter_item_compare(a, b);
}

/* Keys of messages 1..: some are equal, some have a rest. */
static struct sort_item item_of(uint32_t uid)
{
	static const char *const keys[] = { "a", "bbbbbbbbbb", "bbbbbbbbba", "c", "bbbbbbbb", "" };
	return sorter_item_make(strv_cstr(keys[uid * 7 % 6]), uid, 1);
}

static void take(struct sorted *sorted, const struct seqset *uids)
{
	struct sort_item items[MESSAGES];
	size_t n = 0;
	for (uint32_t uid = 1; uid <= MESSAGES; uid++)
		items[n++] = item_of(uid);
	qsort(items, n, sizeof(*items), compare);
	sorted_take(sorted, items, n, uids);
}

static void assert_order(const struct replayed *list, const struct seqset *told)
{
	assert_int_equal(list->n, seqset_count(told));
	for (size_t i = 0; i < list->n; i++)
		assert_true(seqset_contains(told, list->v[i]));
	for (size_t i = 1; i < list->n; i++) {
		struct sort_item a = item_of(list->v[i - 1]);
		struct sort_item b = item_of(list->v[i]);
		assert_true(sorter_item_compare(&a, &b) < 0);
	}
}

static void tell(
	const struct sorted *sorted, struct seqset *told, const struct seqset *truth, struct replayed *list)
{
	struct seqset removed = SEQSET_EMPTY;
	struct seqset added = SEQSET_EMPTY;
	struct buf out;
	seqset_copy(&removed, told);
	seqset_remove_set(&removed, truth);
	seqset_copy(&added, truth);
	seqset_remove_set(&added, told);
	buf_init(&out, 100000);
	sorted_print_removed(sorted, told, &removed, NULL, &out);
	buf_addc(&out, '\0');
	replay(list, out.p, false);
	seqset_remove_set(told, &removed);
	assert_order(list, told);
	buf_reset(&out);
	sorted_print_added(sorted, told, &added, NULL, &out);
	buf_addc(&out, '\0');
	replay(list, out.p, true);
	seqset_add_set(told, &added);
	assert_order(list, told);
	buf_fini(&out);
	seqset_fini(&removed);
	seqset_fini(&added);
}

static void positions_replayed_give_the_order(void **state)
{
	struct sort_program program = { .n = 0 };
	struct sorted *sorted = sorted_new(&program);
	struct seqset told = SEQSET_EMPTY;
	struct seqset truth = SEQSET_EMPTY;
	struct replayed list = { .n = 0 };
	(void)state;
	srand(7);
	for (unsigned round = 0; round < 300; round++) {
		for (int i = rand() % 12; i > 0; i--) {
			uint32_t uid = 1 + (uint32_t)(rand() % MESSAGES);
			if (rand() % 2)
				seqset_add(&truth, uid);
			else
				seqset_remove(&truth, uid);
		}
		take(sorted, &truth);
		tell(sorted, &told, &truth, &list);
		sorted_keep(sorted, &truth);
		assert_int_equal(sorted->n, seqset_count(&truth));
		assert_true(seqset_equal(&sorted->known, &truth));
	}
	seqset_fini(&told);
	seqset_fini(&truth);
	sorted_free(&sorted);
	assert_null(sorted);
}

static void neighbours_are_one_pair(void **state)
{
	struct sort_program program = { .n = 0 };
	struct sorted *sorted = sorted_new(&program);
	struct seqset all = SEQSET_EMPTY;
	struct seqset none = SEQSET_EMPTY;
	struct sort_item items[5];
	struct buf out;
	static const uint32_t order[] = { 4, 1, 2, 5, 3 };
	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		char key = (char)('a' + (int)i);
		items[i] = sorter_item_make(strv_make(&key, 1), order[i], 1);
		seqset_add(&all, order[i]);
	}
	sorted_take(sorted, items, 5, &all);
	buf_init(&out, 1000);
	sorted_print_added(sorted, &none, &all, NULL, &out);
	sorted_print_removed(sorted, &all, &all, NULL, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, "1 4,1:2,5,31 4,1:2,5,3");
	buf_fini(&out);
	seqset_fini(&all);
	sorted_free(&sorted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_replayed_give_the_order),
		cmocka_unit_test(neighbours_are_one_pair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
