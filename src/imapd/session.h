/*
 * One IMAP session: connection, state, the command in hand, the selected mailbox. Lives on one reactor. Commands run one
 * after the other: while one waits for a job, input stays unread. Every command ends in exactly one call of cmd_finish.
 */
#ifndef COID_IMAPD_SESSION_H
#define COID_IMAPD_SESSION_H

#include "base/arena.h"
#include "base/list.h"
#include "imapd/lex.h"
#include "imapd/parse.h"
#include "imapd/view.h"
#include "net/conn.h"
#include "store/store.h"

struct cmd;
struct cmd_row;
struct hub;
struct imapd;
struct imapd_settings;

enum session_state {
	SESSION_GREETING = 1 << 0,  /* waits for TLS or for the greeting to be queued */
	SESSION_NOT_AUTH = 1 << 1,
	SESSION_AUTH = 1 << 2,
	SESSION_SELECTED = 1 << 3,
	SESSION_LOGOUT = 1 << 4	    /* BYE is queued; input is ignored */
};

enum session_enabled {
	ENABLED_CONDSTORE = 1 << 0, /* MODSEQ in unsolicited FETCH, HIGHESTMODSEQ */
	ENABLED_QRESYNC = 1 << 1,   /* VANISHED instead of EXPUNGE */
	ENABLED_UTF8 = 1 << 2
};

struct session {
	uint64_t id;		 /* for jobs; never used again */
	struct hub *hub;	 /* borrowed: this reactor's sessions, sink and imapd */
	struct conn *conn;	 /* own */
	const struct imapd_settings *settings; /* counted copy, of the time of accept */
	enum session_state state; /* changed by session_move only */
	uint32_t enabled;
	struct lex lex;
	struct cmd *cmd;	 /* own: the one command in hand, or NULL */
	struct account *account; /* own reference once authenticated */
	char *user;		 /* own: canonical name */
	struct view *view;	 /* own: selected mailbox, or NULL */
	bool tls_pending;	 /* STARTTLS: handshake follows */
	bool idling;
	unsigned bad_commands;	 /* in a row */
	struct timer timer;	 /* inactivity, IDLE keep-alive, login time-out */
	struct list_node in_hub;
	struct list_node in_account; /* hub's list of sessions of an account */
	bool watching;		 /* account_watch is in force */
};

void session_accept(struct hub *hub, int fd, bool implicit_tls);
/* The one mover of `state`. */
void session_move(struct session *session, enum session_state to);
/* "* BYE text" and close. Safe from anywhere on the reactor; the session object lives until the end of the turn. */
void session_bye(struct session *session, const char *code, const char *text);
/* Runs whatever input is there when no command is in hand. */
void session_kick(struct session *session);
/* Leaves the selected mailbox: view freed, no longer watched. */
void session_unselect(struct session *session);
/* Session of this id on this hub, or NULL. For `done` functions of jobs. */
struct session *session_find(struct hub *hub, uint64_t id);

/* Per-reactor registry. `fn` of the reactor's change sink applies lists to views and wakes idlers. */
struct hub {
	struct imapd *imapd;
	struct reactor *reactor;
	struct change_sink sink;
	struct list sessions;
	void *by_id;	  /* uthash tables, hub.c's */
	void *by_account;
};

#endif
