/*
 * Declarations that the files of this folder share: the admin object and the table of verbs. All on the
 * admin's reactor.
 */
#ifndef COID_ADMIN_ADMIN_PRIV_H
#define COID_ADMIN_ADMIN_PRIV_H

#include "admin/admin.h"
#include "admin/request.h"
#include "admin/verbs.h"

#define ADMIN_IMPORT_ERRORS_MAX 100 /* lines of a file that are told one by one */

struct admin {
	struct admin_settings settings;
	char *password_scheme; /* own */
	struct admin_hooks hooks;
	struct store *store; /* borrowed, as the next ones */
	struct auth *auth;
	struct reactor *reactor;
	struct log *log;
	struct list requests; /* of struct request */
	unsigned count; /* of requests */
	bool stopping; /* no new requests */
};

struct verb {
	const char *words; /* "user add" */
	const char *usage; /* the arguments after them */
	const char *help;
	/* Called once. It answers, at once or later, and calls request_finish. */
	void (*run)(struct request *request);
};

#define VERB_ROW(words, usage, help, run) { words, usage, help, run },

/* The rows of each family; ends with a row without words. */
extern const struct verb admin_user_verbs[];
extern const struct verb admin_import_verbs[];
extern const struct verb admin_server_verbs[];
extern const struct verb admin_check_verbs[];
extern const struct verb admin_account_verbs[];
extern const struct verb admin_coi_verbs[];
extern const struct verb admin_push_verbs[];

/* admin_check_all.c: checks each account, one after the other. */
void admin_check_all(struct request *request, bool repair);

#endif
