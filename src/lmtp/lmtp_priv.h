/*
 * The insides of the LMTP server that its files share: the server object, one hub for each reactor, the rules
 * of a session. Any thread may use the server object (its counters are atomic); a hub and its sessions belong
 * to its reactor's thread.
 */
#ifndef COID_LMTP_LMTP_PRIV_H
#define COID_LMTP_LMTP_PRIV_H

#include "base/list.h"
#include "lmtp/lmtp.h"

#include <pthread.h>
#include <stdatomic.h>

struct lmtp_transaction;

/* The settings that were in force when a session was accepted: a counted copy, immutable. Any thread. */
struct lmtp_rules {
	atomic_uint refs;
	struct lmtp_settings settings; /* hostname own */
};

struct lmtp_hub {
	struct lmtp *lmtp; /* borrowed */
	struct reactor *reactor; /* borrowed */
	struct list sessions; /* of struct lmtp_session */
	/*
	 * By id. Lookups and deliveries carry the id, not a pointer, since the session may end before them.
	 */
	struct lmtp_transaction *transactions;
	uint64_t next_id;
	struct reactor_msg stop_msg;
	bool stopping; /* sessions end when their present work is done */
};

struct lmtp {
	struct store *store; /* borrowed */
	struct log *log; /* borrowed */
	struct lmtp_hub *hubs; /* own array, by reactor index */
	unsigned hub_count;
	pthread_mutex_t lock; /* of `rules` */
	struct lmtp_rules *rules; /* own reference; for future sessions */
	atomic_uint sessions;
	atomic_uint_fast64_t connections, messages, delivered, refused, deferred, bytes;
};

/* A reference to the rules for future sessions. Any thread. */
struct lmtp_rules *lmtp_rules_get(struct lmtp *lmtp);
/* Drops a reference and clears the pointer; accepts NULL. */
void lmtp_rules_unref(struct lmtp_rules **rules);

#endif
