/*
 * One LMTP connection: its state, its input, its replies and its transaction. It knows no command (it hands
 * each line to the function given to lmtp_session_accept) and nothing of recipients and messages, which are
 * the transaction's. It lives on the reactor that accepted it, from lmtp_session_accept until its
 * connection ends, and frees itself then. All calls on that reactor's thread.
 *
 *   START --LHLO--> READY --MAIL--> MAIL --DATA--> DATA --end of message--> DELIVER
 *                     ^             |  ^                                       |
 *                     |        RCPT |  | answered                              |
 *                     |             v  |                                       |
 *                     |            LOOKUP                                      |
 *                     +------------------- each recipient answered ------------+
 *
 * LHLO and RSET lead from MAIL back to READY. CLOSING is reached from each state that neither waits for a
 * lookup nor for the store.
 */
#ifndef COID_LMTP_SESSION_H
#define COID_LMTP_SESSION_H

#include "lmtp/line.h"
#include "lmtp/lmtp_priv.h"
#include "lmtp/reply.h"
#include "lmtp/transaction.h"

struct conn;
struct lmtp_session;

/*
 * The session's name for its client has at most this many octets, with NUL (RFC 5321 section 4.5.3.1.2: 255).
 */
#define LMTP_HELO_ROOM 256
/*
 * The size of the text of one reply, with NUL: it has room for an address, the text of its reply and the
 * message's id.
 */
#define LMTP_REPLY_MAX (SMTP_ADDRESS_ROOM + 256)

enum lmtp_state {
	LMTP_START, /* waits for LHLO */
	LMTP_READY, /* waits for MAIL */
	LMTP_MAIL, /* waits for RCPT or DATA */
	LMTP_LOOKUP, /* waits for the answer about a recipient; input waits, too */
	LMTP_DATA, /* receives the message */
	LMTP_DELIVER, /* waits for the store; replies are sent as they come, input waits */
	LMTP_CLOSING /* the last reply is queued */
};

/* Carries out a command line (without CRLF). Called in LMTP_START, LMTP_READY and LMTP_MAIL only. */
typedef void lmtp_line_fn(struct lmtp_session *session, struct strv line);

struct lmtp_session {
	struct list_node node; /* of hub->sessions */
	struct lmtp_hub *hub; /* borrowed */
	struct lmtp_rules *rules; /* own reference */
	struct conn *conn; /* frees itself after its last callback */
	lmtp_line_fn *on_line;
	enum lmtp_state state; /* changed by lmtp_session_move only */
	struct lmtp_line_reader lines;
	unsigned bad_commands;
	struct timer timer; /* inactivity */
	char helo[LMTP_HELO_ROOM]; /* printable; empty before LHLO */
	struct lmtp_transaction transaction;
};

/* Takes over the non-blocking socket fd and sends the greeting, or 421 if there are too many connections. */
void lmtp_session_accept(struct lmtp_hub *hub, int fd, lmtp_line_fn *on_line);
/*
 * Ends the session with 421 at once, or (hub->stopping) as soon as the present message or lookup is answered.
 */
void lmtp_session_stop(struct lmtp_session *session);
/* Ends the session without a reply. */
void lmtp_session_drop(struct lmtp_session *session);

/* The only function that changes `state`; aborts if the change is impossible. */
void lmtp_session_move(struct lmtp_session *session, enum lmtp_state to);
/* Sends one reply line. `status` is the enhanced status code (RFC 2034), NULL: none. */
void lmtp_session_reply(struct lmtp_session *session, int code, const char *status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Sends a line of a reply that has more lines. */
void lmtp_session_reply_part(struct lmtp_session *session, int code, const char *text);
/* Replies to an invalid command; the first one beyond bad_commands_max ends the session with 421. */
void lmtp_session_refuse(struct lmtp_session *session, int code, const char *status, const char *text);
/* Sends the queued output and closes. It may be called again. */
void lmtp_session_close(struct lmtp_session *session);

static inline const struct lmtp_settings *lmtp_session_settings(const struct lmtp_session *session)
{
	return &session->rules->settings;
}

#endif
