/*
 * The LMTP server (RFC 2033 over RFC 5321): takes mail from the relay on a UNIX socket or TCP and answers for
 * each recipient once that copy is on disk. Extensions: PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES,
 * SIZE. coid/server.c uses this header. Sessions live on the reactor that accepted them.
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
	unsigned recipients_max; /* of one transaction; one more is answered with 452 4.5.3 */
	uint64_t timeout_ms; /* inactivity; then 421 */
	unsigned bad_commands_max; /* of one session; then 421 */
	unsigned connections_max; /* of the whole server; one more is answered with 421 */
	const struct coi *coi; /* borrowed; NULL: chat messages are treated like others */
	struct webpush *webpush; /* borrowed; NULL: no pushes */
	bool quota_permanent; /* over quota: 552 5.2.2 instead of 452 4.2.2 */
};

/* Makes the server. Strings of the settings are copied; the other objects are borrowed. */
struct lmtp *lmtp_new(const struct lmtp_settings *settings, struct store *store, struct reactor **reactors,
	unsigned reactor_count, struct log *log);
/* Sets new settings for future sessions. Any reactor thread. */
void lmtp_reload(struct lmtp *lmtp, const struct lmtp_settings *settings);
/* Starts a session on this connection. On the reactor's thread; owns fd. */
void lmtp_accept(struct lmtp *lmtp, struct reactor *reactor, int fd);
/*
 * Ends each session with 421 once its present message is answered. A second call drops the remaining ones.
 * Any thread.
 */
void lmtp_stop(struct lmtp *lmtp);
/* The number of sessions. Any thread. */
unsigned lmtp_sessions(const struct lmtp *lmtp);
/* Call this after the last session and the reactors have ended. */
void lmtp_free(struct lmtp **lmtp);

struct lmtp_counters {
	uint64_t connections; /* accepted */
	uint64_t messages; /* received to their end */
	uint64_t delivered; /* recipients answered with 2xx */
	uint64_t deferred; /* ... with 4xx */
	uint64_t refused; /* ... with 5xx */
	uint64_t bytes; /* of messages */
};
/* Counts since the start. Any thread. */
void lmtp_counters(const struct lmtp *lmtp, struct lmtp_counters *ret_counters);

#endif
