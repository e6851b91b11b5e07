#include "imapd/cmd/table.h"

#include "imapd/cmd/rows.h"

#include <stddef.h>

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
