#include "conf/conf_table.h"

#include "base/buf.h"
#include "conf/conf_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LINE_MAX_COLUMNS 110

/* Loads one override; what is wrong with it goes to `errors`. */
static enum rc load_one(
	const struct conf_row *row, const char *value, struct buf *errors, struct conf **ret_conf)
{
	char text[CONF_VALUE_MAX + 200];
	const char *const overrides[] = { text };
	snprintf(text, sizeof(text), "%s.%s=%s", row->section, row->key, value);
	return conf_load(NULL, overrides, 1, errors, ret_conf);
}

static bool is_number(const struct conf_row *row)
{
	return row->type == CONF_NUMBER || row->type == CONF_OCTAL || row->type == CONF_SIZE ||
	       row->type == CONF_DURATION;
}

/* A number in the smallest unit of its type. */
static void print_plain(const struct conf_row *row, uint64_t number, char *text, size_t size)
{
	const char *unit = row->type == CONF_DURATION ? "ms" : "";
	if (row->type == CONF_OCTAL)
		snprintf(text, size, "%o", (unsigned)number);
	else
		snprintf(text, size, "%ju%s", (uintmax_t)number, unit);
}

static void assert_taken(const struct conf_row *row, uint64_t number, bool expected)
{
	struct buf errors;
	struct conf *conf = NULL;
	char text[64];

	buf_init(&errors, CONF_ERRORS_MAX);
	print_plain(row, number, text, sizeof(text));
	/* Limits that span several settings are checked elsewhere, so look for this setting's own
	 * complaint. */
	enum rc rc = load_one(row, text, &errors, &conf);
	buf_addc(&errors, '\0');
	bool refused = rc != RC_OK &&
		       (strstr(errors.p, "is below") || strstr(errors.p, "is above") ||
			       strstr(errors.p, "is not a")) &&
		       !strstr(errors.p, "is above imap.") && !strstr(errors.p, "is above store.");
	if (refused == expected)
		fail_msg("%s.%s=%s: %s", row->section, row->key, text, errors.p);
	conf_free(&conf);
	buf_fini(&errors);
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		assert_non_null(row->section);
		assert_non_null(row->key);
		assert_non_null(row->text);
		assert_non_null(row->help);
		assert_ptr_equal(conf_row_find(strv_cstr(row->section), strv_cstr(row->key)), row);
		assert_true(strlen(row->help) > 10);
		assert_true(strlen(row->help) + 11 <= LINE_MAX_COLUMNS);
		assert_true(row->help[strlen(row->help) - 1] != '.');
		assert_int_equal(row->words != NULL, row->type == CONF_WORD || row->type == CONF_ENUM);
		assert_true(row->min <= row->max);
		if (is_number(row))
			assert_true(row->max > 0);
		if (row->type == CONF_NUMBER || row->type == CONF_OCTAL)
			assert_true(row->max <= UINT32_MAX);
	}
	assert_null(conf_row_find(STRV("server"), STRV("nothing")));
	assert_null(conf_row_find(STRV("nothing"), STRV("root")));
}

static void rows_of_a_section_stand_together_and_offsets_differ(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_true(conf_table[i].offset != conf_table[j].offset);
			if (strcmp(conf_table[i].section, conf_table[j].section) == 0)
				assert_string_equal(conf_table[j].section, conf_table[i - 1].section);
		}
	}
}

static void limits_of_numbers_are_met_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		if (!is_number(row))
			continue;
		assert_taken(row, row->min, true);
		assert_taken(row, row->max, true);
		assert_taken(row, row->max + 1, false);
		assert_taken(row, 0, row->min == 0 || (row->flags & CONF_ZERO));
		if (row->min > 1)
			assert_taken(row, row->min - 1, false);
	}
}

static void every_word_of_a_choice_is_taken_in_any_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		for (size_t j = 0; row->words && row->words[j]; j++) {
			struct buf errors;
			struct conf *conf = NULL;
			char text[64];
			snprintf(text, sizeof(text), "%s", row->words[j]);
			for (char *p = text; *p; p++)
				*p = (char)(*p >= 'a' && *p <= 'z'   ? *p - 32
					    : *p >= 'A' && *p <= 'Z' ? *p + 32
								     : *p);
			buf_init(&errors, CONF_ERRORS_MAX);
			assert_int_equal(load_one(row, text, &errors, &conf), RC_OK);
			const void *field = (const char *)conf + row->offset;
			if (row->type == CONF_WORD)
				assert_string_equal(*(char *const *)field, row->words[j]);
			else
				assert_int_equal(*(const unsigned *)field, j);
			conf_free(&conf);
			buf_fini(&errors);
		}
	}
}

static void garbage_is_refused_by_all_but_free_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		struct buf errors;
		struct conf *conf = NULL;
		if (row->type == CONF_STRING && !row->check)
			continue;
		buf_init(&errors, CONF_ERRORS_MAX);
		if (load_one(row, "garbage!* ", &errors, &conf) != RC_INVALID)
			fail_msg("%s.%s took garbage", row->section, row->key);
		assert_null(conf);
		buf_fini(&errors);
	}
}

static void strings_have_a_greatest_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		char value[CONF_VALUE_MAX + 1];
		struct buf errors;
		struct conf *conf = NULL;
		if (row->type != CONF_STRING)
			continue;
		assert_true(row->max < sizeof(value) - 1);
		memset(value, row->check ? '/' : 'x', sizeof(value));
		value[row->max + 1] = '\0';
		buf_init(&errors, CONF_ERRORS_MAX);
		assert_int_equal(load_one(row, value, &errors, &conf), RC_INVALID);
		buf_fini(&errors);
	}
}

static void assert_printed(enum conf_type type, uint64_t number, const char *expected)
{
	struct buf out;
	buf_init(&out, 100);
	conf_value_print(&out, type, number);
	assert_true(strv_eq(buf_strv(&out), strv_cstr(expected)));
	buf_fini(&out);
}

static void numbers_are_printed_in_their_largest_whole_unit(void **state)
{
	(void)state;
	assert_printed(CONF_SIZE, 0, "0");
	assert_printed(CONF_SIZE, 1023, "1023");
	assert_printed(CONF_SIZE, 65536, "64K");
	assert_printed(CONF_SIZE, 1536 * 1024, "1536K");
	assert_printed(CONF_SIZE, (uint64_t)1 << 40, "1T");
	assert_printed(CONF_DURATION, 0, "0");
	assert_printed(CONF_DURATION, 1500, "1500ms");
	assert_printed(CONF_DURATION, 90000, "90s");
	assert_printed(CONF_DURATION, 1740000, "29m");
	assert_printed(CONF_DURATION, 7 * 86400000, "7d");
	assert_printed(CONF_OCTAL, 0660, "0660");
	assert_printed(CONF_NUMBER, 12, "12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(rows_of_a_section_stand_together_and_offsets_differ),
		cmocka_unit_test(limits_of_numbers_are_met_exactly),
		cmocka_unit_test(every_word_of_a_choice_is_taken_in_any_case),
		cmocka_unit_test(garbage_is_refused_by_all_but_free_text),
		cmocka_unit_test(strings_have_a_greatest_length),
		cmocka_unit_test(numbers_are_printed_in_their_largest_whole_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
