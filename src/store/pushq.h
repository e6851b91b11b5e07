/*
 * push.db: pushes that wait to be sent, server-wide. A strand of its own; everything is asynchronous through
 * pushq_submit: `run` is called on the worker that owns it, with the functions marked [pushq]. Jobs that wait
 * together share one commit. It is a queue, not mail: commits are synced within a second, and a damaged file
 * is put aside and begun anew.
 */
#ifndef COID_STORE_PUSHQ_H
#define COID_STORE_PUSHQ_H

#include "base/rc.h"
#include "base/strv.h"
#include "store/store.h"

struct push_record {
	int64_t id; /* grows: older ones are lower */
	int64_t account;
	uint32_t kind; /* the sender's, as the next one */
	uint32_t flags;
	struct strv subscription; /* its name within the account */
	struct strv endpoint;
	struct strv keys; /* octets */
	struct strv plain; /* octets */
	int64_t created; /* seconds since 1970, as the next ones */
	int64_t expires;
	int64_t due; /* next try */
	uint32_t tries; /* made so far */
	int64_t mailbox; /* of the message, as the next one; 0: of none */
	uint32_t uid;
	struct strv vapid; /* the sender's: the key that the subscription was made for */
};

struct pushq; /* the open push.db, in run only */

struct pushq_job {
	struct strand_item item;
	bool write;
	bool sync; /* a write; its commit and all before it are on disk when it is answered with RC_OK */
	enum rc (*run)(struct pushq *pushq,
		struct pushq_job *job); /* may run again: a batch that failed, job by job */
	void (*done)(struct pushq_job *job);
	struct reactor *home; /* NULL: done on the worker */
	enum rc rc;
	struct reactor_msg msg;
};

/*
 * Never RC_BUSY: whoever submits bounds what waits (the sender does). Any thread, before the pool is drained.
 */
void pushq_submit(struct store *store, struct pushq_job *job);

/* [pushq] */
enum rc pushq_add(struct pushq *pushq, const struct push_record *record, int64_t *ret_id) MUST_CHECK;
/* RC_OK also if it is not there. */
enum rc pushq_remove(struct pushq *pushq, int64_t id) MUST_CHECK;
/*
 * Removes the push and remembers its message for some minutes: the message may still be noted as owed
 * (push_owed.h), and a process that finds the note after a crash has to know. Reads id, account, mailbox and
 * uid of the record.
 */
enum rc pushq_sent(struct pushq *pushq, const struct push_record *record, int64_t now) MUST_CHECK;
enum rc pushq_sent_list(struct pushq *pushq,
	void (*fn)(void *arg, int64_t account, int64_t mailbox, uint32_t uid), void *arg) MUST_CHECK;
/* All of an account, or of one of its subscriptions (empty: all). */
enum rc pushq_remove_of(struct pushq *pushq, int64_t account, struct strv subscription) MUST_CHECK;
enum rc pushq_remove_expired(struct pushq *pushq, int64_t now) MUST_CHECK;
/* After a failed try. plain.p NULL: as it was. */
enum rc pushq_delay(struct pushq *pushq, int64_t id, int64_t due, uint32_t tries, uint32_t flags,
	struct strv plain) MUST_CHECK;
/* Oldest first, from the first after `after`; fn false ends. Views live for the call. */
enum rc pushq_list(struct pushq *pushq, int64_t after,
	bool (*fn)(void *arg, const struct push_record *record), void *arg) MUST_CHECK;

/* Failures of a subscription in a row: counts one more, and says how many and when the first was. */
enum rc pushq_failed(struct pushq *pushq, int64_t account, struct strv subscription, int64_t now,
	uint32_t *ret_count, int64_t *ret_since) MUST_CHECK;
/* It works again, or is gone. */
enum rc pushq_worked(struct pushq *pushq, int64_t account, struct strv subscription) MUST_CHECK;

/* Accounts that may owe pushes (store/push_owed.h), so that only they are opened after a crash. */
enum rc pushq_subscriber(struct pushq *pushq, int64_t account, bool on) MUST_CHECK;
enum rc pushq_subscribers(struct pushq *pushq, void (*fn)(void *arg, int64_t account), void *arg) MUST_CHECK;
/* Whether the last process that had it open left nothing owed and said so. */
bool pushq_was_clean(const struct pushq *pushq);
/* All is told. To be synced; nothing may be delivered any more. */
enum rc pushq_set_clean(struct pushq *pushq) MUST_CHECK;

/*
 * When a subscription is to be discarded unless it is validated. endpoint.p NULL: no more, if that was due by
 * then.
 */
enum rc pushq_expiry(struct pushq *pushq, int64_t account, struct strv subscription, struct strv endpoint,
	int64_t due) MUST_CHECK;
/* The one that is due first comes first. */
enum rc pushq_expiries(struct pushq *pushq,
	void (*fn)(void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due),
	void *arg) MUST_CHECK;

#endif
