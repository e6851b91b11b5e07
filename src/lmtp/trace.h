/*
 * The facts about a message that is being received, for its trace fields and its log lines. Each DATA makes
 * one; it is counted, since a delivery may outlive the session. Immutable once the message has been received.
 * Any thread.
 */
#ifndef COID_LMTP_TRACE_H
#define COID_LMTP_TRACE_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct trace {
	atomic_uint refs;
	uint64_t id; /* of the message: in Received, in the replies and in the log */
	uint64_t size; /* octets as received, without trace fields */
	uint64_t since_ms; /* end of the message, monotonic */
	bool utf8;
	char *sender, *helo, *peer, *hostname; /* own */
};

/* Copies the strings. */
struct trace *trace_new(
	const char *sender, const char *helo, const char *peer, const char *hostname, bool utf8);
struct trace *trace_ref(struct trace *trace);
/* Accepts NULL. */
void trace_unref(struct trace **trace);
/* Call this when the message has ended. */
void trace_received(struct trace *trace, uint64_t size);

/* An upper bound for the trace fields of one copy: sender, client, server and the recipient twice. */
#define TRACE_HEAD_MAX 8192
/* Return-Path, Delivered-To and Received of one recipient's copy (RFC 5321 section 4.4). */
void trace_print(const struct trace *trace, const char *recipient, struct buf *out);

/*
 * Logs one delivery (see coid(8)): info if it succeeded, otherwise a warning. `account` may be NULL.
 * `mailbox` may be empty if the delivery failed.
 */
void trace_log(struct log *log, const struct trace *trace, const char *recipient,
	const struct account *account, struct strv mailbox, enum rc rc);

#endif
