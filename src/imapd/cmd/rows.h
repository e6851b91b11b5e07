/*
 * The rows of every command family, each ended by a row without name. See command.h.
 */
#ifndef COID_IMAPD_CMD_ROWS_H
#define COID_IMAPD_CMD_ROWS_H

struct cmd_row;

/* Limits of single commands. */
#define LOGIN_FAILURES_MAX 8 /* of one connection; then BYE */
#define SASL_MESSAGE_MAX 8192 /* octets, decoded; BAD beyond */
#define ID_FIELDS_MAX 30 /* RFC 2971 section 3.3; more are taken and not logged */
#define ACL_IDENTIFIER_MAX 1024 /* octets; NO [LIMIT] beyond */

extern const struct cmd_row cmd_any_rows[];
extern const struct cmd_row cmd_starttls_rows[];
extern const struct cmd_row cmd_auth_rows[];
extern const struct cmd_row cmd_enable_rows[];
extern const struct cmd_row cmd_select_rows[]; /* SELECT, EXAMINE */
extern const struct cmd_row cmd_close_rows[]; /* CLOSE, UNSELECT, CHECK */
extern const struct cmd_row cmd_mailbox_rows[];
extern const struct cmd_row cmd_list_rows[];
extern const struct cmd_row cmd_status_rows[];
extern const struct cmd_row cmd_metadata_rows[]; /* GETMETADATA, SETMETADATA */
extern const struct cmd_row cmd_append_rows[];
extern const struct cmd_row cmd_replace_rows[]; /* REPLACE, UID REPLACE */
extern const struct cmd_row cmd_fetch_rows[];
extern const struct cmd_row cmd_store_rows[];
extern const struct cmd_row cmd_search_rows[];
extern const struct cmd_row cmd_esearch_rows[];
extern const struct cmd_row cmd_sort_rows[];
extern const struct cmd_row cmd_thread_rows[];
extern const struct cmd_row cmd_copy_rows[]; /* COPY, MOVE and their UID forms */
extern const struct cmd_row cmd_expunge_rows[]; /* EXPUNGE, UID EXPUNGE */
extern const struct cmd_row cmd_idle_rows[];
extern const struct cmd_row cmd_notify_rows[];
extern const struct cmd_row cmd_compress_rows[];
extern const struct cmd_row cmd_unauthenticate_rows[];
extern const struct cmd_row cmd_quota_rows[];
extern const struct cmd_row cmd_acl_rows[];

#endif
