/*
 * The help texts of the table of commands, and the document that is made from it. "unit_imapd_cmd_test_table
 * --write FILE" writes the document.
 */
#include "imapd/cmd/table.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DOCUMENT "../docs/imap-commands.md"
#define DOCUMENT_MAX 65536
#define EACH_ROW(row)                                                                                        \
	for (size_t family = 0; cmd_table[family]; family++)                                                 \
		for (const struct cmd_row *row = cmd_table[family]; row->name; row++)

/* The text within a cell of a table in Markdown. */
static void print_cell(struct buf *out, struct strv text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '|')
			buf_addc(out, '\\');
		buf_addc(out, text.p[i]);
	}
}

static void print_states(struct buf *out, unsigned states)
{
	if (states & SESSION_NOT_AUTH && states & SESSION_SELECTED)
		buf_adds(out, "any");
	else if (states & SESSION_NOT_AUTH)
		buf_adds(out, "before login");
	else if (states & SESSION_AUTH)
		buf_adds(out, "after login");
	else
		buf_adds(out, "mailbox selected");
}

/* A row of the document for a line of cmd_table_help. */
static void print_row(struct buf *out, struct strv line)
{
	size_t tab = strv_index(line, '\t');
	struct strv usage = strv_sub(line, 2, tab - 2);
	unsigned states = 0;
	size_t longest = 0;

	EACH_ROW(row)
	{
		struct strv name = strv_cstr(row->name);
		if (strv_starts(usage, name) && name.n > longest) {
			longest = name.n;
			states = row->states;
		}
	}
	buf_adds(out, "| `");
	print_cell(out, usage);
	buf_adds(out, "` | ");
	print_states(out, states);
	buf_adds(out, " | ");
	print_cell(out, strv_sub(line, tab + 1, line.n));
	buf_adds(out, " |\n");
}

static void print_document(struct buf *out)
{
	struct buf help;

	buf_init(out, DOCUMENT_MAX);
	buf_init(&help, DOCUMENT_MAX);
	buf_adds(out, "# IMAP commands\n\n"
		      "Made of the rows in src/imapd/cmd by `unit_imapd_cmd_test_table --write`; `coidctl "
		      "help imap` "
		      "prints the same.\n\n"
		      "| command and arguments | when | use |\n|---|---|---|\n");
	cmd_table_help(&help);
	struct strv left = buf_strv(&help);
	while (left.n > 0) {
		size_t end = strv_index(left, '\n');
		print_row(out, strv_sub(left, 0, end));
		left = strv_sub(left, end + 1, left.n);
	}
	buf_fini(&help);
	if (!buf_ok(out))
		abort();
}

static void every_row_says_how_it_is_used(void **state)
{
	(void)state;
	EACH_ROW(row)
	{
		if (!row->usage || !row->help || !row->help[0])
			fail_msg("%s has no usage or no help", row->name);
		if (row->help[strlen(row->help) - 1] == '.' || strchr(row->help, '\n'))
			fail_msg("%s: help is a line without a full stop", row->name);
		assert_null(strchr(row->usage, '\t'));
		assert_non_null(row->parse);
		assert_non_null(row->run);
	}
}

static void a_row_of_a_uid_form_says_so(void **state)
{
	(void)state;
	EACH_ROW(row)
	assert_int_equal(strncmp(row->name, "UID ", 4) == 0, (row->flags & CMD_UID) != 0);
}

static void names_are_unique(void **state)
{
	(void)state;
	EACH_ROW(row)
	{
		struct strv name = strv_cstr(row->name);
		bool uid = row->flags & CMD_UID;
		assert_ptr_equal(cmd_find(cmd_table, strv_sub(name, uid ? 4 : 0, name.n), uid), row);
	}
}

static void help_lists_every_command_sorted(void **state)
{
	(void)state;
	struct buf help;
	size_t rows = 0, lines = 0;

	buf_init(&help, DOCUMENT_MAX);
	cmd_table_help(&help);
	EACH_ROW(row)
	rows++;
	for (size_t i = 0; i < help.len; i++)
		lines += help.p[i] == '\n';
	assert_int_equal(lines, rows);
	assert_true(strv_starts(buf_strv(&help), STRV("  APPEND mailbox ")));
	buf_addc(&help, '\0');
	assert_non_null(strstr(help.p, "\n  NOOP\tdoes nothing; tells what has changed\n"));
	buf_fini(&help);
}

static void the_document_is_what_the_table_says(void **state)
{
	(void)state;
	struct buf file, made;
	FILE *in = fopen(DOCUMENT, "rb");

	if (!in)
		fail_msg("cannot open %s", DOCUMENT);
	buf_init(&file, DOCUMENT_MAX);
	for (int c = fgetc(in); c != EOF; c = fgetc(in))
		buf_addc(&file, (char)c);
	fclose(in);
	print_document(&made);
	if (!strv_eq(buf_strv(&file), buf_strv(&made)))
		fail_msg("write it anew: unit_imapd_cmd_test_table --write docs/imap-commands.md");
	buf_fini(&file);
	buf_fini(&made);
}

static int write_document(const char *path)
{
	struct buf made;
	FILE *file = fopen(path, "wb");

	if (!file) {
		perror(path);
		return 1;
	}
	print_document(&made);
	fwrite(made.p, 1, made.len, file);
	buf_fini(&made);
	return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_says_how_it_is_used),
		cmocka_unit_test(a_row_of_a_uid_form_says_so),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(help_lists_every_command_sorted),
		cmocka_unit_test(the_document_is_what_the_table_says),
	};
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_document(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
