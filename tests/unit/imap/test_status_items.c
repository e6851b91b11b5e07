#include "imap/status_items.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* NULL: the text was taken as a whole; else the error. */
static const char *read_items(const char *text, struct status_items *ret_items)
{
	static char error[100];
	struct arena *arena = arena_new(0);
	struct parse parse;
	parse_init(&parse, strv_cstr(text), arena);
	bool ok = status_items_parse(&parse, ret_items) && parse_end(&parse);
	snprintf(error, sizeof(error), "%s", parse.error ? parse.error : "syntax");
	arena_free(&arena);
	return ok ? NULL : error;
}

static const struct status_values values = {
	.info = { .messages = 1,
		.recent = 2,
		.uidnext = 3,
		.uidvalidity = 4,
		.unseen = 5,
		.size = 6,
		.deleted = 7,
		.highestmodseq = 9 },
	.deleted_storage = 8,
	.message_max = 10,
};

static void assert_printed(const char *items_text, const char *expected)
{
	struct status_items items;
	struct buf out;
	assert_null(read_items(items_text, &items));
	buf_init(&out, 10000);
	status_items_print(&out, STRV("a b"), false, &items, &values);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void each_item_has_its_number(void **state)
{
	(void)state;
	assert_printed(
		"(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED DELETED-STORAGE HIGHESTMODSEQ "
		"APPENDLIMIT MAILBOXID)",
		"* STATUS \"a b\" (MESSAGES 1 RECENT 2 UIDNEXT 3 UIDVALIDITY 4 UNSEEN 5 SIZE 6 DELETED 7 "
		"DELETED-STORAGE 8 HIGHESTMODSEQ 9 APPENDLIMIT 10 MAILBOXID (F4))\r\n");
}

static void items_are_told_in_the_order_of_the_client(void **state)
{
	(void)state;
	assert_printed("(unseen Messages)", "* STATUS \"a b\" (UNSEEN 5 MESSAGES 1)\r\n");
	assert_printed("(SIZE SIZE)", "* STATUS \"a b\" (SIZE 6 SIZE 6)\r\n");
}

static void the_mask_holds_what_was_asked_for(void **state)
{
	(void)state;
	struct status_items items;
	assert_null(read_items("(DELETED MESSAGES DELETED)", &items));
	assert_int_equal(items.count, 3);
	assert_int_equal(items.mask, 1u << STATUS_MESSAGES | 1u << STATUS_DELETED);
}

static void only_deleted_storage_needs_the_index(void **state)
{
	(void)state;
	struct status_items items;
	assert_null(read_items(
		"(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED HIGHESTMODSEQ APPENDLIMIT "
		"MAILBOXID)",
		&items));
	assert_true(status_items_memory(&items));
	assert_null(read_items("(MESSAGES DELETED-STORAGE)", &items));
	assert_false(status_items_memory(&items));
}

static void items_have_a_limit(void **state)
{
	(void)state;
	struct status_items items;
	char text[2 + 5 * (STATUS_ITEMS_MAX + 1)] = "(SIZE";
	for (int i = 1; i < STATUS_ITEMS_MAX; i++)
		strcat(text, " SIZE");
	char more[sizeof(text) + 8];
	snprintf(more, sizeof(more), "%s)", text);
	assert_null(read_items(more, &items));
	assert_int_equal(items.count, STATUS_ITEMS_MAX);
	snprintf(more, sizeof(more), "%s SIZE)", text);
	assert_string_equal(read_items(more, &items), "Too many items");
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	struct status_items items;
	static const char *const wrong[] = { "", "()", "MESSAGES", "(MESSAGES", "(MESSAGES) x",
		"(MESSAGES,UNSEEN)" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		if (!read_items(wrong[i], &items))
			fail_msg("taken: %s", wrong[i]);
	assert_string_equal(read_items("(WHAT)", &items), "Unknown STATUS item");
	assert_string_equal(read_items("(DELETED-STORAGES)", &items), "Unknown STATUS item");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_item_has_its_number),
		cmocka_unit_test(items_are_told_in_the_order_of_the_client),
		cmocka_unit_test(the_mask_holds_what_was_asked_for),
		cmocka_unit_test(only_deleted_storage_needs_the_index),
		cmocka_unit_test(items_have_a_limit),
		cmocka_unit_test(nonsense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
