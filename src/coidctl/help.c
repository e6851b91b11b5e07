/*
 * `coidctl help`: lists the verbs and their arguments, without the daemon.
 */
#include "admin/protocol.h"
#include "admin/verbs.h"
#include "base/str.h"
#include "coidctl/coidctl.h"

#include <stdio.h>
#include <string.h>

#define HELP_ROW(words, usage, help, run) { words, usage, help },

static const struct help_row {
	const char *words;
	const char *usage;
	const char *help;
} help_rows[] = {
	ADMIN_VERBS_USER(HELP_ROW) ADMIN_VERBS_IMPORT(HELP_ROW) ADMIN_VERBS_SERVER(
		HELP_ROW) ADMIN_VERBS_CHECK(HELP_ROW) ADMIN_VERBS_ACCOUNT(HELP_ROW) ADMIN_VERBS_COI(HELP_ROW)
		ADMIN_VERBS_PUSH(HELP_ROW){ "check --server", "[--repair] [--root FOLDER | --config FILE]",
			"compares server.db with the folders of the accounts; the daemon must be stopped" },
	{ "help", "[VERB]", "tells how the verbs are used, also without the daemon" },
};

#define HELP_ROWS (sizeof(help_rows) / sizeof(help_rows[0]))

/* The daemon answers `help imap`, since only it knows the IMAP commands. */
bool help_is_wanted(int argc, char **argv)
{
	if (argc == 0)
		return true;
	return strcmp(argv[0], "help") == 0 && !(argc == 2 && strcmp(argv[1], "imap") == 0);
}

/* Tells whether the verb begins with these words: "user" matches all verbs about users. */
static bool help_fits(const struct help_row *row, int argc, char **argv)
{
	struct strv words = strv_cstr(row->words);

	for (int i = 0; i < argc; i++) {
		size_t end = strv_index(words, ' ');
		if (!strv_eq(strv_cstr(argv[i]), strv_sub(words, 0, end)))
			return false;
		words = strv_sub(words, end + 1, words.n);
	}
	return true;
}

int help_print(int argc, char **argv)
{
	unsigned count = 0;

	if (argc > 0) {
		argc--;
		argv++;
	}
	if (argc == 0)
		puts("usage: coidctl [-c FILE] [-s SOCKET] VERB ...");
	for (size_t i = 0; i < HELP_ROWS; i++) {
		const struct help_row *row = &help_rows[i];
		if (!help_fits(row, argc, argv))
			continue;
		printf("  %s%s%s\t%s\n", row->words, row->usage[0] ? " " : "", row->usage, row->help);
		count++;
	}
	if (count > 0)
		return PROTOCOL_OK;
	fprintf(stderr, "coidctl: there is no such verb; coidctl help lists them\n");
	return PROTOCOL_USAGE;
}
