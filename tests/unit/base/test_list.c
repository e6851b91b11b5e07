#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct item {
	int number;
	struct list_node link;
};

static int numbers(const struct list *list)
{
	int all = 0;
	LIST_EACH (node, list)
		all = all * 10 + CONTAINER_OF(node, struct item, link)->number;
	return all;
}

static void nodes_come_out_in_the_order_they_were_put_in(void **state)
{
	(void)state;
	struct item a = { .number = 1 }, b = { .number = 2 }, c = { .number = 3 };
	struct list list;
	list_init(&list);
	assert_true(list_empty(&list));
	assert_null(list_first(&list));
	assert_null(list_pop(&list));
	list_append(&list, &b.link);
	list_append(&list, &c.link);
	list_prepend(&list, &a.link);
	assert_int_equal(numbers(&list), 123);
	assert_ptr_equal(list_pop(&list), &a.link);
	assert_false(list_linked(&a.link));
	list_insert_before(&c.link, &a.link);
	assert_int_equal(numbers(&list), 213);
}

static void removing_an_unlinked_node_is_harmless(void **state)
{
	(void)state;
	struct item a = { .number = 1 }, b = { .number = 2 };
	struct list list;
	list_init(&list);
	list_remove(&a.link);
	list_append(&list, &a.link);
	list_append(&list, &b.link);
	assert_true(list_linked(&a.link));
	list_remove(&a.link);
	list_remove(&a.link);
	assert_int_equal(numbers(&list), 2);
}

static void the_body_of_a_safe_walk_may_remove_its_node(void **state)
{
	(void)state;
	struct item items[4] = { { .number = 1 }, { .number = 2 }, { .number = 3 }, { .number = 4 } };
	struct list list;
	list_init(&list);
	for (int i = 0; i < 4; i++)
		list_append(&list, &items[i].link);
	LIST_EACH_SAFE (node, &list) {
		if (CONTAINER_OF(node, struct item, link)->number % 2 == 0)
			list_remove(node);
	}
	assert_int_equal(numbers(&list), 13);
}

static void splicing_moves_everything_to_the_end(void **state)
{
	(void)state;
	struct item items[4] = { { .number = 1 }, { .number = 2 }, { .number = 3 }, { .number = 4 } };
	struct list to, from;
	list_init(&to);
	list_init(&from);
	list_splice(&to, &from);
	assert_true(list_empty(&to));
	list_append(&from, &items[0].link);
	list_append(&from, &items[1].link);
	list_splice(&to, &from);
	assert_int_equal(numbers(&to), 12);
	assert_true(list_empty(&from));
	list_append(&from, &items[2].link);
	list_append(&from, &items[3].link);
	list_splice(&to, &from);
	assert_int_equal(numbers(&to), 1234);
	list_splice(&to, &from);
	list_splice(&to, &to);
	assert_int_equal(numbers(&to), 1234);
	list_remove(&items[3].link);
	list_remove(&items[0].link);
	assert_int_equal(numbers(&to), 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_out_in_the_order_they_were_put_in),
		cmocka_unit_test(removing_an_unlinked_node_is_harmless),
		cmocka_unit_test(the_body_of_a_safe_walk_may_remove_its_node),
		cmocka_unit_test(splicing_moves_everything_to_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
