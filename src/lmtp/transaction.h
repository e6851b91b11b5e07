/*
 * One LMTP transaction (RFC 5321 section 3.3, RFC 2033): the sender, the recipients, the message, and the
 * result of each recipient's copy. It is embedded in a session, which gives it everything it needs: the
 * settings, the client's names, the message's octets, and the callbacks below. It knows neither sessions nor
 * connections; the session decides which calls are allowed when.
 *
 * Reactor's thread. Lookups and deliveries run elsewhere and carry the transaction's id. When they return
 * they find it in its hub; if its session has ended they are only logged. A delivery that has begun is never
 * cancelled.
 */
#ifndef COID_LMTP_TRANSACTION_H
#define COID_LMTP_TRANSACTION_H

#include "base/hash.h"
#include "lmtp/data.h"
#include "lmtp/lmtp_priv.h"
#include "lmtp/reply.h"
#include "lmtp/smtp_parse.h"
#include "lmtp/trace.h"
#include "store/content.h"

struct lmtp_transaction_ops {
	/* A reply for a recipient; its text is valid during the call. */
	void (*reply)(void *arg, const struct smtp_reply *reply);
	/*
	 * The last requested recipient has been answered; or each recipient of the message has, and the
	 * transaction is empty again. May be called during lmtp_transaction_deliver, never during
	 * lmtp_transaction_rcpt.
	 */
	void (*done)(void *arg);
	/* lmtp_transaction_bytes accepts octets again. */
	void (*room)(void *arg);
};

struct lmtp_recipient {
	struct smtp_path path;
	char address[SMTP_ADDRESS_ROOM]; /* as given, for headers and replies */
	struct account *account; /* own reference */
	size_t detail; /* offset of the detail in path.local; 0: none */
	bool shares; /* it shares the copy of an earlier recipient with the same account and detail */
	unsigned next_same; /* index of the next recipient that shares its copy; 0: there is none */
	bool answered;
	enum rc rc; /* once answered */
};

struct lmtp_transaction {
	UT_hash_handle hh; /* of hub->transactions */
	uint64_t id;
	struct lmtp_hub *hub; /* borrowed */
	const struct lmtp_settings *settings; /* borrowed */
	const struct lmtp_transaction_ops *ops; /* borrowed */
	void *arg; /* of the callbacks */

	char sender[SMTP_ADDRESS_ROOM]; /* of Return-Path, without <> */
	bool utf8; /* the client has asked for SMTPUTF8 (RFC 6531) */
	struct lmtp_recipient *recipients; /* own array */
	unsigned recipient_count;
	unsigned next_reply; /* replies keep the order of RCPT */
	struct trace *trace; /* own reference, from DATA on */
	struct data data;
	struct spool *spool; /* own until the message ends or fails */
	enum rc data_rc; /* the reason why the message can't be accepted */
	uint64_t data_size; /* octets received */
};

void lmtp_transaction_init(struct lmtp_transaction *transaction, struct lmtp_hub *hub,
	const struct lmtp_settings *settings, const struct lmtp_transaction_ops *ops, void *arg);
/* Frees its data; no callback is called any more. */
void lmtp_transaction_fini(struct lmtp_transaction *transaction);
/* Forgets sender, recipients and message. Do not call this while a lookup or a delivery is under way. */
void lmtp_transaction_reset(struct lmtp_transaction *transaction);

/*
 * Carry out the commands. `args` is the text after "MAIL FROM:" and "RCPT TO:". False: refused, with
 * *ret_refusal (which is written only then).
 */
bool lmtp_transaction_mail(
	struct lmtp_transaction *transaction, struct strv args, struct smtp_reply *ret_refusal);
/* True: ops->reply and ops->done follow; the session does nothing else until then. */
bool lmtp_transaction_rcpt(
	struct lmtp_transaction *transaction, struct strv args, struct smtp_reply *ret_refusal);
/* `helo` and `peer` are names of the client for the Received field; copied. */
bool lmtp_transaction_data(struct lmtp_transaction *transaction, const char *helo, const char *peer,
	struct smtp_reply *ret_refusal);

/* Takes octets after DATA. Returns how many were used; 0 while there is no room (ops->room follows). */
size_t lmtp_transaction_bytes(struct lmtp_transaction *transaction, struct strv in);
/* True: the last octet of the message has come, so it can be delivered. */
static inline bool lmtp_transaction_received(const struct lmtp_transaction *transaction)
{
	return data_ended(&transaction->data);
}
/* Delivers to each recipient: ops->reply follows for each of them in the order of RCPT, then ops->done. */
void lmtp_transaction_deliver(struct lmtp_transaction *transaction);

#endif
