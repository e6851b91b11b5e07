/*
 * The LMTP server (RFC 2033 over RFC 5321): takes mail from the relay on a UNIX socket or TCP and answers for each
 * recipient once his copy is on disk. Extensions: PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES, SIZE.
 * What coid/server.c needs; sessions live on the reactor that accepted them.
 */
#ifndef COID_LMTP_LMTP_H
#define COID_LMTP_LMTP_H

#include "base/log.h"
#include "store/store.h"
#include "work/reactor.h"

#include <stdbool.h>
#include <stdint.h>

struct coi;
struct webpush;
struct lmtp;

struct lmtp_settings {
	const char *hostname; /* in the greeting and in Received */
	char separator; /* of subaddresses; 0: none */
	uint64_t message_max; /* octets: SIZE */
	unsigned recipients_max; /* of one transaction: 452 4.5.3 beyond */
	uint64_t timeout_ms; /* inactivity: 421 */
	unsigned bad_commands_max; /* in one session: then 421 */
	unsigned connections_max; /* of the whole server: then 421 */
	const struct coi *coi; /* borrowed; NULL: chat messages are nothing special */
	struct webpush *webpush; /* borrowed; NULL: nobody is told */
	bool quota_permanent; /* over quota: 552 5.2.2 instead of 452 4.2.2 */
};

struct lmtp *lmtp_new(const struct lmtp_settings *settings, struct store *store, struct reactor **reactors,
	unsigned reactor_count, struct log *log);
/* For sessions to come. Any reactor thread. */
void lmtp_reload(struct lmtp *lmtp, const struct lmtp_settings *settings);
/* On the reactor's thread; owns fd. */
void lmtp_accept(struct lmtp *lmtp, struct reactor *reactor, int fd);
/* Sessions end with 421 once the message in hand is answered; called again it drops those that are left. Any thread. */
void lmtp_stop(struct lmtp *lmtp);
unsigned lmtp_sessions(const struct lmtp *lmtp);
/* After the last session and the reactors have ended. */
void lmtp_free(struct lmtp **lmtp);

struct lmtp_counters {
	uint64_t connections, messages, delivered, refused, deferred, bytes;
};
void lmtp_counters(const struct lmtp *lmtp, struct lmtp_counters *ret_counters);

#endif
