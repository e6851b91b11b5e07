/*
 * One LMTP transaction (RFC 5321 section 3.3, RFC 2033): the sender, the recipients, the message, and what
 * becomes of each recipient's copy. It is embedded in a session, which hands it everything it needs: the
 * settings, the client's names, the message's octets, and the callbacks below. It knows neither sessions
 * nor connections; which of the calls is allowed when is the session's business.
 *
 * Reactor's thread. Lookups and deliveries run elsewhere and carry the transaction's id: when they come
 * back they find it in its hub, or are only logged, if its session has ended. A delivery that has begun is
 * never called back.
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
	/* A reply for a recipient; its text lives during the call. */
	void (*reply)(void *arg, const struct smtp_reply *reply);
	/*
	 * The recipient asked for last has been answered; or each recipient of the message has, and the
	 * transaction is empty again. May come during lmtp_transaction_deliver, never during
	 * lmtp_transaction_rcpt.
	 */
	void (*done)(void *arg);
	/* lmtp_transaction_bytes takes octets again. */
	void (*room)(void *arg);
};

struct lmtp_recipient {
	struct smtp_path path;
	char address[SMTP_ADDRESS_ROOM]; /* as given, for headers and replies */
	struct account *account; /* own reference */
	size_t detail; /* offset of the detail in path.local; 0: none */
	bool shares; /* its copy is that of an earlier recipient, of the same account and detail */
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
	struct spool *spool; /* own until the end of the message, or until an error of it is known */
	enum rc data_rc; /* why the message can't be taken */
	uint64_t data_size; /* octets received */
};

void lmtp_transaction_init(struct lmtp_transaction *transaction, struct lmtp_hub *hub,
	const struct lmtp_settings *settings, const struct lmtp_transaction_ops *ops, void *arg);
/* No callback comes any more. */
void lmtp_transaction_fini(struct lmtp_transaction *transaction);
/* Forgets sender, recipients and message. Not while a lookup or a delivery is under way. */
void lmtp_transaction_reset(struct lmtp_transaction *transaction);

/*
 * The commands; `args` is what stands behind "MAIL FROM:" and "RCPT TO:". False: refused, as *ret_refusal
 * says (the only case in which it is written).
 */
bool lmtp_transaction_mail(
	struct lmtp_transaction *transaction, struct strv args, struct smtp_reply *ret_refusal);
/* True: ops->reply and ops->done follow; the session asks for nothing until then. */
bool lmtp_transaction_rcpt(
	struct lmtp_transaction *transaction, struct strv args, struct smtp_reply *ret_refusal);
/* `helo` and `peer` are names of the client for the Received field; copied. */
bool lmtp_transaction_data(struct lmtp_transaction *transaction, const char *helo, const char *peer,
	struct smtp_reply *ret_refusal);

/* Octets behind DATA. Returns how many were used; 0 while there is no room (ops->room follows). */
size_t lmtp_transaction_bytes(struct lmtp_transaction *transaction, struct strv in);
/* The message's last octet has come: deliver it. */
static inline bool lmtp_transaction_received(const struct lmtp_transaction *transaction)
{
	return data_ended(&transaction->data);
}
/* Delivers to each recipient: ops->reply follows for each of them in the order of RCPT, then ops->done. */
void lmtp_transaction_deliver(struct lmtp_transaction *transaction);

#endif
