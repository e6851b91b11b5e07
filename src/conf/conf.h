/*
 * The configuration: one struct, filled from the table in conf_table.c, a file, and overrides ("coid -o").
 * Immutable once loaded; a reload makes a new one. Owned by the server; reading it is safe on any thread.
 *
 * The file is "section { key = value }" (coid.conf.5). Loading is for the main thread only: the parser
 * library keeps the state of its lexer in globals.
 */
#ifndef COID_CONF_CONF_H
#define COID_CONF_CONF_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The file that coid and coidctl read if none is named: the same for every prefix (cmake -D
 * COID_CONFIG=...). */
#ifndef COID_CONFIG
#define COID_CONFIG "/etc/coid.conf"
#endif
#define CONF_FILE_MAX ((size_t)1024 * 1024) /* bytes of one file */
#define CONF_FILES_MAX 32 /* included files, patterns expanded */
#define CONF_VALUE_MAX 4096 /* bytes of one value */
#define CONF_ITEMS_MAX 64 /* of one list */
#define CONF_ERRORS_MAX ((size_t)64 * 1024) /* a good maximum for the buf of errors */

struct conf_list {
	char **v; /* own */
	size_t n;
};

enum conf_push_content { CONF_PUSH_FULL, CONF_PUSH_HEADERS, CONF_PUSH_MINIMAL };
enum conf_append_8bit { CONF_APPEND_8BIT_ACCEPT, CONF_APPEND_8BIT_REFUSE };
enum conf_sync_flags { CONF_SYNC_RELAXED, CONF_SYNC_ALWAYS };

/* Strings are own and never NULL ("" if not set); sizes are bytes, durations milliseconds. */
struct conf {
	struct {
		char *root;
		char *hostname; /* the system's if it was not set */
		char *user; /* "": keep the user who started it, unless that is root */
		unsigned reactors; /* 0: one for each core */
		unsigned workers;
		unsigned auth_workers;
		enum log_level log_level;
		char *log_file; /* "": standard error */
		unsigned max_connections;
		unsigned max_connections_per_user; /* 0: no limit, also the next */
		unsigned max_connections_per_ip;
		unsigned max_connections_per_network;
		unsigned connections_reserve;
		unsigned max_connections_before_login;
		unsigned max_connections_before_login_per_ip;
		bool core_dumps;
		unsigned malloc_arenas; /* 0: leave it to the C library */
	} server;
	struct {
		struct conf_list listen;
		struct conf_list listen_tls;
		uint64_t line_max;
		uint64_t line_max_before_login;
		uint64_t literal_max;
		uint64_t literal_max_before_login;
		unsigned command_max_args;
		uint64_t idle_keepalive; /* 0: never */
		uint64_t progress_interval; /* 0: never */
		unsigned message_limit; /* 0: none, as the next */
		unsigned save_limit;
		uint64_t timeout_auth;
		uint64_t timeout_login;
		unsigned bad_commands_max;
		enum conf_append_8bit append_8bit_headers;
		bool allow_plaintext_loopback;
		bool compress;
		struct conf_list id_fields; /* "field=value" */
		uint64_t output_high_water;
	} imap;
	struct {
		char *cert; /* "": no TLS at all; then key is "" too */
		char *key;
		char *min_version; /* "1.2" or "1.3" */
		char *ciphers;
		uint64_t ticket_key_age;
	} tls;
	struct {
		struct conf_list listen;
		char *socket; /* "": none */
		unsigned socket_mode;
		unsigned recipients_max;
		char *separator; /* one character, or "" */
		uint64_t timeout;
		char *hostname; /* server.hostname if none was given */
		unsigned bad_commands_max;
		unsigned max_connections;
		bool quota_permanent;
	} lmtp;
	struct {
		char *password_scheme; /* "YESCRYPT", "SHA512-CRYPT", "BCRYPT" */
		unsigned password_length_min;
		uint64_t cache_ttl; /* 0: no cache */
		unsigned scram_iterations;
		uint64_t delay_max;
		uint64_t failure_grid;
		uint64_t guess_window;
		unsigned guesses_per_address; /* 0: no limit, as the next two */
		unsigned guesses_per_network;
		unsigned guesses_per_account;
		uint64_t ban_time;
		uint64_t known_address_age;
		unsigned checks_per_address;
		unsigned checks_per_account;
		struct conf_list trusted_networks;
		char *users_file; /* "": none */
		unsigned queue_max;
	} auth;
	struct {
		uint64_t inline_max;
		uint64_t inline_total_max;
		uint64_t inline_age;
		uint64_t message_max;
		unsigned mailboxes_max;
		unsigned mailbox_name_max;
		unsigned mailbox_depth_max;
		uint64_t quota_storage; /* 0: none, also the next */
		unsigned quota_messages;
		enum conf_sync_flags sync_flags;
		unsigned open_accounts_max;
		uint64_t index_memory;
		unsigned expunge_log_max;
		uint64_t undelete_age;
		uint64_t lost_keep;
		bool verify_reads;
		unsigned batch_jobs;
		uint64_t batch_size_max;
		uint64_t batch_time_max;
		unsigned queue_max;
		uint64_t free_min; /* 0: none, also the next */
		uint64_t reserve;
		uint64_t spool_memory_max;
		uint64_t spool_account_max; /* 0: no limit */
		struct conf_list default_mailboxes; /* "Name:\Use", see conf_mailbox_split */
	} store;
	struct {
		uint64_t value_max;
		unsigned entries_max;
		char *shared_comment; /* "": none, also the next */
		char *shared_admin;
	} metadata;
	struct {
		bool enabled;
		char *mailbox_root;
		bool user_root;
		bool default_enabled;
		unsigned default_filter; /* as enum coi_filter */
	} coi;
	struct {
		bool enabled;
		enum conf_push_content content;
		char *contact; /* "": made of server.hostname */
		char *ca_file; /* "": none, also the next */
		char *proxy;
		bool allow_private;
		uint64_t ttl;
		uint64_t validation_window;
		uint64_t validation_max;
		unsigned subscriptions_max;
		unsigned registrations_max;
		unsigned unvalidated_max;
		unsigned queue_max;
		unsigned queue_per_origin;
		unsigned parallel_max;
		unsigned parallel_per_origin;
		uint64_t connect_timeout;
		uint64_t timeout;
		unsigned tries_max;
		uint64_t backoff_min;
		uint64_t backoff_max;
		uint64_t origin_pause_max;
		unsigned fail_count;
		uint64_t fail_age;
	} webpush;
	struct {
		bool enabled;
		bool relay;
		char *notifier_url; /* "": none, also the next ones */
		char *iroh_relay;
		char *turn;
		char *max_smtp_recipients;
		char *app_versions;
		unsigned tokens_max;
		bool auto_create;
		unsigned auto_create_local_min;
		unsigned auto_create_local_max;
		unsigned auto_create_password_min;
		struct conf_list auto_create_domains;
		unsigned auto_create_per_hour;
	} chatmail;
	struct {
		char *socket;
		unsigned socket_mode;
	} control;
	struct {
		char *listen; /* "": none */
	} metrics;
};

/* Reads `path` (NULL: defaults only), the files it includes, then the overrides ("section.key=value"; a
 * list is comma-separated). Each error is a line "file:line: message", or "-o section.key: message",
 * appended to `errors`. RC_OK; RC_INVALID: errors in the text; RC_IO: a file can't be read. Main thread
 * only. */
enum rc conf_load(const char *path, const char *const *overrides, size_t override_count, struct buf *errors,
	struct conf **ret_conf) MUST_CHECK;
/* Does the same for a text in memory; messages call it `name`. It can't include files. */
enum rc conf_load_text(const char *name, struct strv text, const char *const *overrides,
	size_t override_count, struct buf *errors, struct conf **ret_conf) MUST_CHECK;
/* The file to read: `given` if it is not NULL; else COID_CONFIG if that exists; else NULL, for which
 * conf_load uses the defaults. */
const char *conf_path(const char *given);
/* Clears the pointer, accepts a pointer to NULL. */
void conf_free(struct conf **conf);

/* Compares two configurations. True: all differences can take effect without a restart. Otherwise the
 * names of the settings that can't are appended to `out`, separated by blanks. */
bool conf_reloadable(const struct conf *old, const struct conf *new, struct buf *out);

/* The sample file: every setting, commented out, with its default and its one-line comment. */
void conf_sample(struct buf *out);

/* Splits "Sent:\Sent" of store.default_mailboxes into the name and the attribute ("\Sent"). Loaded values
 * can always be split. */
bool conf_mailbox_split(struct strv item, struct strv *ret_name, struct strv *ret_use);

#endif
