/*
 * One IMAP session: its connection, its state, the present command, the selected mailbox. It lives on one
 * reactor and is used only there. Commands run one after the other: while one waits for a job, input stays
 * unread. command.c ends every command exactly once.
 */
#ifndef COID_IMAPD_SESSION_H
#define COID_IMAPD_SESSION_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "imapd/admission.h"
#include "imap/lex.h"
#include "imap/parse.h"
#include "imapd/view.h"
#include "store/store.h"

struct auth_request;
struct cmd;
struct cmd_row;
struct conn;
struct search_updates;
struct hub;
struct imapd;
struct imapd_settings;
struct notify;
struct tls_ctx;

enum session_state {
	SESSION_GREETING = 1 << 0, /* waits for TLS or for the greeting to be queued */
	SESSION_NOT_AUTH = 1 << 1,
	SESSION_AUTH = 1 << 2,
	SESSION_SELECTED = 1 << 3,
	SESSION_LOGOUT = 1 << 4 /* BYE is queued; input is ignored */
};

enum session_enabled {
	ENABLED_CONDSTORE = 1 << 0, /* MODSEQ in unsolicited FETCH, HIGHESTMODSEQ */
	ENABLED_QRESYNC = 1 << 1, /* VANISHED instead of EXPUNGE */
	ENABLED_UTF8 = 1 << 2, /* RFC 6855: mailbox names and quoted strings are UTF-8 */
	ENABLED_UIDONLY = 1 << 3, /* RFC 9586: no message numbers in either direction */
	/* IMAP4rev2, RFC 9051: names are UTF-8, there is no \Recent, SEARCH answers ESEARCH, ... */
	ENABLED_REV2 = 1 << 4
};

struct session {
	uint64_t id; /* for jobs; never used again */
	struct hub *hub; /* borrowed: this reactor's sessions, sink and imapd */
	struct conn *conn; /* own; session.c, session_conn.c and answer.c alone use it */
	const struct imapd_settings *settings; /* counted copy, of the time of accept */
	enum session_state state; /* changed by session_move only */
	uint32_t enabled;
	struct lex lex;
	struct cmd *cmd; /* own: the one command in hand, or NULL */
	struct admission_ticket ticket; /* admission's */
	struct auth_request *login; /* borrowed: the check in hand, or NULL */
	struct account *account; /* own reference once authenticated */
	char *user; /* own: canonical name */
	struct view *view; /* own: selected mailbox, or NULL */
	/* own: its search results that are kept up to date (search_update.h), or NULL */
	struct search_updates *updates;
	uint64_t updates_serial;
	struct notify *notify; /* own: since the first NOTIFY; NULL: there was none */
	bool tls_pending; /* STARTTLS: handshake follows */
	bool deflate_begun; /* COMPRESS: the rest of this turn's input comes again, inflated */
	bool implicit_tls;
	bool idling;
	bool reading; /* on_read is running, and will read on by itself */
	bool input_waits; /* input waits until NOTIFY has sent its responses */
	bool stopping; /* say BYE when the present command is done */
	bool claiming; /* a claim of \Recent is under way: commands on messages wait for it */
	bool watching; /* change_watch is in force */
	bool counted; /* among the connections of its user */
	uint8_t login_failures;
	unsigned bad_commands; /* in a row */
	struct timer timer; /* inactivity, IDLE keep-alive, login time-out */
	struct list_node in_hub;
	struct list_node in_account; /* hub's list of sessions of an account */
	UT_hash_handle by_id;
};

void session_accept(struct hub *hub, int fd, bool implicit_tls);
/* The only function that changes `state`. */
void session_move(struct session *session, enum session_state to);
/* Writes "* BYE text" and closes. Safe from anywhere on the reactor; the session object lives until the
 * end of the turn. */
void session_bye(struct session *session, const char *code, const char *text);
/* Leaves the selected mailbox: the view is freed, the account no longer watched. */
void session_unselect(struct session *session);
/* command.c calls this when a command has ended: sets timers, says BYE if the server stops, reads further
 * input. */
void session_command_done(struct session *session);
/* Counts one more bad command in a row; if there are too many, says BYE. */
void session_bad_command(struct session *session);
/* Reads no more input; closes when all output is sent. */
void session_end(struct session *session);
/* Makes this an authenticated session of the account. RC_LIMIT: its user has too many connections; nothing
 * has changed. */
enum rc session_login(struct session *session, int64_t account_id, const char *user) MUST_CHECK;
/* Makes the session not authenticated again: leaves the mailbox, switches extensions off, gives up the
 * account. */
void session_unauthenticate(struct session *session);
/* session_conn.c: the parts of the connection that commands may use; see net/conn.h. */
/* True: a password may be sent, because of TLS or an exempted peer. */
bool session_secure(const struct session *session);
/* True: STARTTLS can be offered. */
bool session_can_starttls(const struct session *session);
bool session_is_tls(const struct session *session);
const char *session_tls_version(const struct session *session); /* "TLSv1.3"; borrowed */
const char *session_peer(const struct session *session); /* address of the client; borrowed */
bool session_is_deflate(const struct session *session);
/* Ends plain text: input that was read and not used is thrown away, the handshake follows. */
void session_start_tls(struct session *session, struct tls_ctx *tls);
/* Begins to compress in both directions. The rest of this turn's input comes again, inflated. */
enum rc session_start_deflate(struct session *session) MUST_CHECK;
/* Ends the connection at once, without BYE, because a response can't be completed. */
void session_abort(struct session *session);
/* Reads input that waits in the connection, at the end of this turn. */
void session_read_on(struct session *session);
/* True: mailbox names are written and read as UTF-8 instead of modified UTF-7. */
static inline bool session_utf8(const struct session *session)
{
	return session->enabled & (ENABLED_UTF8 | ENABLED_REV2);
}
/* Makes the mailbox of this view the selected one. `watching`: mbox_select has begun to watch the account. */
void session_select(struct session *session, struct view *view);
/* IDLE begins or ends: changes timers and memory. */
void session_idle(struct session *session, bool on);

#endif
