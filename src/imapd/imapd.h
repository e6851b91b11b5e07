/*
 * The IMAP server: it accepts connections on every reactor and runs sessions on them. coid uses this header
 * to build the server. imapd_new and imapd_free are called while no reactor runs; see the functions for the
 * others.
 */
#ifndef COID_IMAPD_IMAPD_H
#define COID_IMAPD_IMAPD_H

#include "auth/auth.h"
#include "net/tls.h"
#include "store/store.h"
#include "work/reactor.h"

struct cmd_row;
struct coi;
struct imapd;
struct metadata;

struct imapd_settings {
	const char *hostname;
	size_t line_max; /* of one command without its literals, after login */
	/* Headers with 8-bit octets are refused unless the session has UTF8=ACCEPT */
	bool append_8bit_refuse;
	size_t line_max_preauth; /* an ID of RFC 2971's maximum fits, as quoted strings or as literals */
	size_t literal_max; /* of literals kept in memory (all of one command together) */
	size_t literal_max_preauth;
	/* Limits of an updating context (search_update.h): ranges of results, and messages of sorted
	 * results */
	size_t context_ranges_max;
	size_t context_sorted_max;
	size_t esearch_mailboxes_max; /* that one ESEARCH searches, besides the selected one */
	unsigned words_max; /* arguments of one command, counted by the parser: BAD beyond */
	uint64_t message_max; /* of APPEND */
	uint64_t append_memory_max; /* bytes in flight of one APPEND; NO [LIMIT] for a message beyond */
	/* Octets of a refused command (its literals, the rest of its line) that are skipped before the
	 * session ends. */
	uint64_t skip_max;
	uint64_t skip_max_preauth;
	const char *const *id_fields; /* "name=coid": what ID answers; strings are copied */
	size_t id_field_count;
	uint64_t idle_keepalive_ms; /* "* OK Still here"; 0: none */
	/* time between two INPROGRESS of a command that takes long; 0: none */
	uint64_t progress_ms;
	uint64_t timeout_ms; /* inactivity after login (RFC 3501 5.4: at least 30 min) */
	uint64_t timeout_preauth_ms;
	unsigned bad_commands_max; /* in a row; then BYE */
	unsigned message_limit; /* MESSAGELIMIT of RFC 9738; 0: none */
	unsigned save_limit; /* SAVELIMIT, for COPY and APPEND if message_limit is 0; 0: none */
	bool allow_plaintext_loopback; /* LOGIN without TLS from 127.0.0.0/8 and ::1 */
	bool compress; /* COMPRESS=DEFLATE is offered */
	size_t output_high_water;
	unsigned connections_max; /* whole server; 0: no limit, for all of these */
	unsigned connections_reserve; /* of those: kept for addresses from which a user has logged in */
	unsigned connections_per_user;
	unsigned connections_per_ip; /* an IPv4 address, an IPv6 /64 */
	unsigned connections_per_network; /* an IPv6 /48 */
	unsigned connections_preauth; /* not logged in; beyond that the oldest one has to leave */
	unsigned connections_preauth_per_ip;
	const struct metadata *metadata; /* borrowed, as the next one; NULL: no METADATA */
	const struct coi *coi; /* NULL: no COI */
	bool webpush; /* WEBPUSH, XDELTAPUSH and XCHATMAIL are announced after login */
	bool deltapush;
	bool chatmail;
};

/* Sets sensible defaults, for tests and for callers that set only some values. */
void imapd_settings_init(struct imapd_settings *settings);

/* The objects are borrowed; `reactors` is the server's array, `commands` the table of all commands
 * (cmd/table.h). */
struct imapd *imapd_new(const struct imapd_settings *settings, const struct cmd_row *const *commands,
	struct store *store, struct auth *auth, struct reactor **reactors, unsigned reactor_count,
	struct log *log);
/* Sets new settings for future sessions (open ones keep theirs) and a new TLS context (NULL: no STARTTLS).
 * Main reactor. */
void imapd_reload(struct imapd *imapd, const struct imapd_settings *settings, struct tls_ctx *tls);
/* Starts a session on a connection that was accepted on `reactor`; `implicit_tls` for port 993. On the
 * reactor's thread. */
void imapd_accept(struct imapd *imapd, struct reactor *reactor, int fd, bool implicit_tls);
/* Ends the sessions of these users with BYE, on every reactor: their passwords have changed, or they may
 * no longer log in. The watcher of `auth` calls it. Any thread. */
void imapd_end_users(struct imapd *imapd, const struct strv *names, size_t count, enum auth_change change);
/* Stops: every session says "* BYE" when its present command is done. A second call ends the remaining
 * sessions at once. Any thread. */
void imapd_stop(struct imapd *imapd);
/* The number of sessions, approximately. Any thread. */
unsigned imapd_sessions(const struct imapd *imapd);
/* Call this after the reactors have ended. */
void imapd_free(struct imapd **imapd);

struct imapd_counters {
	uint64_t connections, logins, login_failures, commands, bytes_in, bytes_out;
	unsigned sessions, idling;
};
void imapd_counters(const struct imapd *imapd, struct imapd_counters *ret_counters);

#endif
