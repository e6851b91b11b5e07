/*
 * What the files of this folder share: the admin object, a request, the table of verbs.
 */
#ifndef COID_ADMIN_ADMIN_PRIV_H
#define COID_ADMIN_ADMIN_PRIV_H

#include "admin/admin.h"
#include "admin/protocol.h"
#include "admin/verbs.h"
#include "base/list.h"
#include "net/conn.h"

struct admin {
	struct admin_settings settings;
	char *password_scheme; /* own */
	struct admin_hooks hooks;
	struct store *store; /* borrowed, as the next ones */
	struct auth *auth;
	struct reactor *reactor;
	struct log *log;
	struct list requests;
	unsigned count;
	bool stopping;
};

/*
 * One connection with its one request. Lives until the verb has finished and the connection has ended, whichever is
 * later; a verb may hold a pointer to it until it calls request_finish. All on the admin's reactor.
 */
struct request {
	struct admin *admin;
	struct list_node node;
	struct conn *conn; /* own; NULL once it has ended */
	struct arena *arena;
	struct strv args[PROTOCOL_ARGS_MAX]; /* NUL-terminated in the arena; verb words included */
	unsigned arg_count;
	unsigned arg_total;
	struct strv rest[PROTOCOL_ARGS_MAX]; /* arguments behind the verb's words, options included */
	unsigned rest_count;
	struct buf payload;
	size_t payload_total;
	bool head_read;
	bool running;
	bool finished;
};

struct verb {
	const char *words; /* "user add" */
	const char *usage; /* what stands behind them */
	const char *help;
	void (*run)(struct request *request);
};

#define VERB_ROW(words, usage, help, run) { words, usage, help, run },

/* Each family's rows; ends with a row without words. */
extern const struct verb admin_user_verbs[];
extern const struct verb admin_import_verbs[];
extern const struct verb admin_server_verbs[];
extern const struct verb admin_check_verbs[];
extern const struct verb admin_account_verbs[];
extern const struct verb admin_coi_verbs[];
extern const struct verb admin_push_verbs[];

/* admin_check_all.c */
void admin_check_all(struct request *request, bool repair);

void request_out(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_err(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A text of several lines to standard output. */
void request_out_lines(struct request *request, struct strv text);
/* Ends the request; it may be gone afterwards. */
void request_finish(struct request *request, int status);
/* "what: not found" and the like on standard error, and the end with PROTOCOL_FAILED. */
void request_fail(struct request *request, struct strv what, enum rc rc);
/* Says how the verb is used; ends with PROTOCOL_USAGE. */
void request_usage(struct request *request, const char *problem);

/*
 * Takes option `--name` (and its value if value is not NULL) out of request->rest. False if it is not there; a missing
 * value gives an empty view.
 */
bool request_option(struct request *request, const char *name, struct strv *ret_value);
/* After the options: exactly `count` plain arguments are left and none looks like an option. Else usage, false. */
bool request_plain(struct request *request, unsigned count);

#endif
