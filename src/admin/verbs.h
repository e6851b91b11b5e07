/*
 * The verbs of coidctl, for the daemon, which runs them, and for `coidctl help`, which works without it: a list for
 * each file of this folder, of X(words, what stands behind them, what it does, the function of that file).
 */
#ifndef COID_ADMIN_VERBS_H
#define COID_ADMIN_VERBS_H

#define ADMIN_VERBS_USER(X)                                                                                  \
	X("user add", "ADDRESS --password-stdin", "makes an account", run_add)                               \
	X("user passwd", "ADDRESS --password-stdin", "changes a password", run_passwd)                       \
	X("user del", "ADDRESS", "removes an account with all its mail", run_del)                            \
	X("user enable", "ADDRESS", "allows logins and mail again", run_enable)                              \
	X("user disable", "ADDRESS", "refuses logins and mail", run_disable)                                 \
	X("user list", "[--details]", "lists the accounts", run_list)                                        \
	X("user quota", "ADDRESS [--storage SIZE|none|default] [--messages N|none|default]",                 \
		"shows or sets the limits of an account", run_quota)

#define ADMIN_VERBS_IMPORT(X)                                                                                \
	X("user import", "FILE", "adds the users of \"address:password\" or \"address:{SCHEME}hash\" lines", \
		run_import)

#define ADMIN_VERBS_SERVER(X)                                                                                \
	X("status", "", "what the server listens on and does", run_status)                                   \
	X("reload", "", "reads the configuration and certificates again", run_reload)

#define ADMIN_VERBS_CHECK(X)                                                                                 \
	X("check", "ADDRESS|--all [--repair]",                                                               \
		"compares the index of an account, or of each, with its messages", run_check)

#define ADMIN_VERBS_ACCOUNT(X)                                                                               \
	X("account lock", "ADDRESS", "closes an account and leaves its folder alone until it is unlocked",   \
		lock_run_lock)                                                                               \
	X("account unlock", "ADDRESS", "takes what is in the folder of a locked account into service",       \
		lock_run_unlock)

#define ADMIN_VERBS_COI(X)                                                                                   \
	X("coi show", "ACCOUNT", "an account's settings of Chat over IMAP", run_show)                        \
	X("coi enable", "ACCOUNT", "enables it as a client would: folders are made, filtering begins",       \
		run_enable)                                                                                  \
	X("coi disable", "ACCOUNT", "disables it; folders and messages stay", run_disable)                   \
	X("coi filter", "ACCOUNT none|active|seen", "sets its message filter", run_filter)

#define ADMIN_VERBS_PUSH(X)                                                                                  \
	X("push list", "ACCOUNT", "an account's push subscriptions and device tokens", run_list)             \
	X("push test", "ACCOUNT [ID]", "sends a real push and shows what the push service has answered",     \
		run_test)                                                                                    \
	X("push remove", "ACCOUNT ID", "removes a subscription or device token", run_remove)                 \
	X("vapid show", "", "the key that push services know the server by", run_vapid_show)                 \
	X("vapid rotate", "", "makes a new one: all push subscriptions become void", run_vapid_rotate)

#endif
