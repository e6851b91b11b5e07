/* The table of all commands, and the help text made from it. */
#include "imapd/cmd/table.h"

#include "base/buf.h"
#include "imapd/cmd/rows.h"

#include <stddef.h>
#include <string.h>

const struct cmd_row *const cmd_table[] = {
	cmd_any_rows,
	cmd_starttls_rows,
	cmd_auth_rows,
	cmd_enable_rows,
	cmd_list_rows,
	cmd_select_rows,
	cmd_close_rows,
	cmd_mailbox_rows,
	cmd_status_rows,
	cmd_metadata_rows,
	cmd_append_rows,
	cmd_replace_rows,
	cmd_fetch_rows,
	cmd_store_rows,
	cmd_search_rows,
	cmd_esearch_rows,
	cmd_sort_rows,
	cmd_thread_rows,
	cmd_copy_rows,
	cmd_expunge_rows,
	cmd_idle_rows,
	cmd_notify_rows,
	cmd_quota_rows,
	cmd_acl_rows,
	cmd_compress_rows,
	cmd_unauthenticate_rows,
	NULL,
};

/* The row whose name is the next one after `name` (NULL: the first of all); NULL: there is none. */
static const struct cmd_row *table_row_above(const char *name)
{
	const struct cmd_row *best = NULL;

	for (size_t i = 0; cmd_table[i]; i++) {
		for (const struct cmd_row *row = cmd_table[i]; row->name; row++) {
			bool above = !name || strcmp(row->name, name) > 0;
			if (above && (!best || strcmp(row->name, best->name) < 0))
				best = row;
		}
	}
	return best;
}

void cmd_table_help(struct buf *out)
{
	for (const struct cmd_row *row = table_row_above(NULL); row; row = table_row_above(row->name))
		buf_printf(out, "  %s%s%s\t%s\n", row->name, row->usage[0] ? " " : "", row->usage, row->help);
}
