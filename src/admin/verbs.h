/*
 * The verbs of coidctl: for the daemon, which runs them, and for `coidctl help`, which works without the
 * daemon. Each file of this folder has a list. An item is X(words of the verb, its arguments, help,
 * function).
 */
#ifndef COID_ADMIN_VERBS_H
#define COID_ADMIN_VERBS_H

#define ADMIN_VERBS_USER(X)                                                                                  \
	X("user add", "ADDRESS --password-stdin", "makes an account", admin_run_user_add)                    \
	X("user passwd", "ADDRESS --password-stdin", "changes a password", admin_run_user_passwd)            \
	X("user del", "ADDRESS", "removes an account with all its mail", admin_run_user_del)                 \
	X("user enable", "ADDRESS", "allows logins and mail again", admin_run_user_enable)                   \
	X("user disable", "ADDRESS", "refuses logins and mail", admin_run_user_disable)                      \
	X("user list", "[--details]", "lists the accounts", admin_run_user_list)                             \
	X("user quota", "ADDRESS [--storage SIZE|none|default] [--messages N|none|default]",                 \
		"shows or sets the limits of an account", admin_run_user_quota)

#define ADMIN_VERBS_IMPORT(X)                                                                                \
	X("user import", "FILE", "adds the users of \"address:password\" or \"address:{SCHEME}hash\" lines", \
		admin_run_user_import)

#define ADMIN_VERBS_SERVER(X)                                                                                \
	X("status", "", "what the server listens on and does", admin_run_status)                             \
	X("reload", "", "reads the configuration and certificates again", admin_run_reload)                  \
	X("help imap", "", "lists the IMAP commands and their arguments", admin_run_help_imap)

#define ADMIN_VERBS_CHECK(X)                                                                                 \
	X("check", "ADDRESS|--all [--repair]",                                                               \
		"compares the index of an account, or of each, with its messages", admin_run_check)

#define ADMIN_VERBS_ACCOUNT(X)                                                                               \
	X("account lock", "ADDRESS", "closes an account and leaves its folder alone until it is unlocked",   \
		admin_run_account_lock)                                                                      \
	X("account unlock", "ADDRESS", "takes what is in the folder of a locked account into service",       \
		admin_run_account_unlock)

#define ADMIN_VERBS_COI(X)                                                                                   \
	X("coi show", "ACCOUNT", "an account's settings of Chat over IMAP", admin_run_coi_show)              \
	X("coi enable", "ACCOUNT", "enables it as a client would: folders are made, filtering begins",       \
		admin_run_coi_enable)                                                                        \
	X("coi disable", "ACCOUNT", "disables it; folders and messages stay", admin_run_coi_disable)         \
	X("coi filter", "ACCOUNT none|active|seen", "sets its message filter", admin_run_coi_filter)

#define ADMIN_VERBS_PUSH(X)                                                                                  \
	X("push list", "ACCOUNT", "an account's push subscriptions and device tokens", admin_run_push_list)  \
	X("push test", "ACCOUNT [ID]", "sends a real push and shows what the push service has answered",     \
		admin_run_push_test)                                                                         \
	X("push remove", "ACCOUNT ID", "removes a subscription or device token", admin_run_push_remove)      \
	X("vapid show", "", "the key that push services know the server by", admin_run_vapid_show)           \
	X("vapid rotate", "", "makes a new one: all push subscriptions become void", admin_run_vapid_rotate)

#endif
