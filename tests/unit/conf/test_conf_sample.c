/*
 * The sample file and the manual page against the table. "unit_conf_test_conf_sample --write FILE" writes the
 * sample.
 */
#include "conf/conf_priv.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SAMPLE "../etc/coid.conf"
#define MANUAL "../docs/coid.conf.5"

static void slurp(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot open %s", path);
	buf_init(out, 1024 * 1024);
	for (int c = fgetc(file); c != EOF; c = fgetc(file))
		buf_addc(out, (char)c);
	fclose(file);
	assert_true(buf_ok(out));
}

static void the_sample_is_what_the_table_says(void **state)
{
	(void)state;
	struct buf file, made;
	slurp(SAMPLE, &file);
	buf_init(&made, 1024 * 1024);
	conf_sample(&made);
	assert_true(buf_ok(&made));
	if (!strv_eq(buf_strv(&file), buf_strv(&made)))
		fail_msg("write it anew: unit_conf_test_conf_sample --write etc/coid.conf");
	buf_fini(&file);
	buf_fini(&made);
}

/* Removes the '#' in front of settings: those that no blank follows. */
static void uncomment(struct strv text, struct buf *out)
{
	buf_init(out, 1024 * 1024);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '#' || i + 1 == text.n || text.p[i + 1] == ' ')
			buf_addc(out, text.p[i]);
	}
}

static void assert_loads_as_default(struct strv text)
{
	struct buf errors;
	struct conf *conf = NULL;
	struct conf *plain = NULL;

	buf_init(&errors, CONF_ERRORS_MAX);
	if (conf_load_text("sample", text, NULL, 0, &errors, &conf) != RC_OK)
		fail_msg("%.*s", STRV_ARG(buf_strv(&errors)));
	assert_int_equal(conf_load(NULL, NULL, 0, &errors, &plain), RC_OK);
	for (size_t i = 0; i < conf_table_rows; i++) {
		if (!conf_value_equal(conf, plain, &conf_table[i]))
			fail_msg("%s.%s", conf_table[i].section, conf_table[i].key);
	}
	conf_free(&conf);
	conf_free(&plain);
	buf_fini(&errors);
}

static void the_sample_loads_and_changes_nothing(void **state)
{
	(void)state;
	struct buf sample;
	slurp(SAMPLE, &sample);
	assert_loads_as_default(buf_strv(&sample));
	buf_fini(&sample);
}

static void the_sample_with_all_settings_active_changes_nothing(void **state)
{
	(void)state;
	struct buf sample, active;
	slurp(SAMPLE, &sample);
	uncomment(buf_strv(&sample), &active);
	assert_loads_as_default(buf_strv(&active));
	for (size_t i = 0; i < conf_table_rows; i++) {
		char line[100];
		snprintf(line, sizeof(line), "\n\t%s = ", conf_table[i].key);
		buf_addc(&active, '\0');
		assert_non_null(strstr(active.p, line));
		active.len--;
	}
	buf_fini(&sample);
	buf_fini(&active);
}

/* The default as the manual page spells it. */
static void print_default(const struct conf_row *row, struct buf *out)
{
	if (row->text[0] == '\0') {
		buf_adds(out, "Default: empty.");
		return;
	}
	buf_adds(out, "Default: \\fB");
	for (const char *p = row->text; *p; p++) {
		if (*p == '\\')
			buf_adds(out, "\\e");
		else if (*p == '-')
			buf_adds(out, "\\-");
		else if (*p == ',')
			buf_adds(out, ", ");
		else
			buf_addc(out, *p);
	}
	buf_adds(out, "\\fR.");
}

static void the_manual_has_every_setting_with_its_default(void **state)
{
	(void)state;
	struct buf manual;
	slurp(MANUAL, &manual);
	buf_addc(&manual, '\0');
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		struct buf text;
		char title[100];

		snprintf(title, sizeof(title), "\n.B %s.%s\n", row->section, row->key);
		const char *entry = strstr(manual.p, title);
		if (!entry)
			fail_msg("%s.%s is not in the manual", row->section, row->key);
		const char *end = strstr(entry, "\n.TP\n");
		size_t length = end ? (size_t)(end - entry) : strlen(entry);
		char *copy = mem_strndup(entry, length);
		buf_init(&text, 10000);
		print_default(row, &text);
		buf_addc(&text, '\0');
		if (!strstr(copy, text.p))
			fail_msg("%s.%s: the manual should say: %s", row->section, row->key, text.p);
		if ((strstr(copy, "Needs a restart.") != NULL) != ((row->flags & CONF_RESTART) != 0))
			fail_msg("%s.%s: the manual is wrong about the restart", row->section, row->key);
		free(copy);
		buf_fini(&text);
	}
	buf_fini(&manual);
}

static int write_sample(const char *path)
{
	struct buf made;
	FILE *file = fopen(path, "wb");

	if (!file) {
		perror(path);
		return 1;
	}
	buf_init(&made, 1024 * 1024);
	conf_sample(&made);
	fwrite(made.p, 1, made.len, file);
	buf_fini(&made);
	return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_what_the_table_says),
		cmocka_unit_test(the_sample_loads_and_changes_nothing),
		cmocka_unit_test(the_sample_with_all_settings_active_changes_nothing),
		cmocka_unit_test(the_manual_has_every_setting_with_its_default),
	};
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_sample(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
