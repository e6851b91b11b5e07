/*
 * What lmtp.c and session.c share: the server object, one hub a reactor, the sessions.
 */
#ifndef COID_LMTP_LMTP_PRIV_H
#define COID_LMTP_LMTP_PRIV_H

#include "base/hash.h"
#include "base/list.h"
#include "lmtp/data.h"
#include "lmtp/lmtp.h"
#include "lmtp/reply.h"
#include "lmtp/smtp_parse.h"
#include "lmtp/trace.h"
#include "net/conn.h"
#include "store/content.h"
#include "store/users.h"

#include <pthread.h>
#include <stdatomic.h>

/* Counted copy: a session keeps the settings of its accept. */
struct lmtp_rules {
	atomic_uint refs;
	struct lmtp_settings settings; /* hostname own */
};

struct lmtp_hub {
	struct lmtp *lmtp;
	struct reactor *reactor;
	struct list sessions;
	struct lmtp_session *by_id;
	uint64_t next_id;
	struct reactor_msg stop_msg;
	bool stopping;
};

struct lmtp {
	struct store *store; /* borrowed */
	struct log *log;
	struct lmtp_hub *hubs; /* own array, by reactor index */
	unsigned hub_count;
	pthread_mutex_t lock; /* of `rules` */
	struct lmtp_rules *rules;
	atomic_uint sessions;
	atomic_uint_fast64_t connections, messages, delivered, refused, deferred, bytes;
};

enum lmtp_state {
	LMTP_START, /* waits for LHLO */
	LMTP_READY, /* waits for MAIL */
	LMTP_MAIL, /* waits for RCPT, DATA */
	LMTP_DATA, /* receives the message */
	LMTP_DELIVER, /* waits for the store; then the replies are sent */
	LMTP_CLOSING /* the last reply is queued */
};

struct recipient {
	struct smtp_path path;
	char address[2 * SMTP_PATH_MAX + 2]; /* as given, for headers and replies */
	struct account *account; /* own reference */
	size_t detail; /* offset of the detail in path.local; 0: none */
	bool shares; /* the copy of one before, of the same account and detail */
	unsigned next_same; /* who shares his copy next; 0: nobody */
	bool answered;
	enum rc rc;
};

struct lmtp_session {
	UT_hash_handle hh;
	struct list_node node;
	uint64_t id;
	struct lmtp_hub *hub;
	struct lmtp_rules *rules; /* own reference */
	struct conn *conn; /* own */
	enum lmtp_state state;
	bool busy; /* a lookup or the store is at work: commands wait */
	bool skipping; /* the rest of a line that was too long */
	bool stopping;
	unsigned bad_commands;
	struct timer timer;
	char helo[256];

	/* The transaction. */
	char sender[2 * SMTP_PATH_MAX + 2]; /* of Return-Path, without <> */
	bool utf8;
	struct recipient *recipients; /* own array */
	unsigned recipient_count;
	unsigned next_reply;
	struct trace *trace; /* own reference, from DATA on */
	struct data data;
	struct spool *spool; /* own while LMTP_DATA */
	enum rc data_rc; /* why the message can't be taken */
	uint64_t data_size;
};

void lmtp_session_accept(struct lmtp_hub *hub, int fd);
/* Ends it with 421 as soon as nothing is in hand. */
void lmtp_session_stop(struct lmtp_session *session);
struct lmtp_session *lmtp_session_find(struct lmtp_hub *hub, uint64_t id);
void lmtp_session_drop(struct lmtp_session *session);

struct lmtp_rules *lmtp_rules_get(struct lmtp *lmtp);
void lmtp_rules_unref(struct lmtp_rules **rules);

/* session.c's, for transaction.c and back. */
void lmtp_reply(struct lmtp_session *session, int code, const char *status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void lmtp_session_resume(struct lmtp_session *session); /* `busy` is over: read on */
void lmtp_session_close(struct lmtp_session *session);

/* transaction.c: MAIL, RCPT, DATA and what follows. `args` is what stands behind "MAIL FROM:" and "RCPT TO:". */
void lmtp_transaction_mail(struct lmtp_session *session, struct strv args);
void lmtp_transaction_rcpt(struct lmtp_session *session, struct strv args);
void lmtp_transaction_data(struct lmtp_session *session);
size_t lmtp_transaction_bytes(struct lmtp_session *session, struct strv in);
void lmtp_transaction_reset(struct lmtp_session *session);

#endif
