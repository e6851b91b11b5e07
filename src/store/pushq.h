/*
 * push.db: the pushes that wait to be sent, for the whole server. It has a strand of its own; everything is
 * asynchronous through pushq_submit: `run` is called on the worker that owns the strand, and may call the
 * functions marked [pushq]. Jobs that wait together share one commit. This is a queue, not mail: commits are
 * synced within a second, and a damaged file is set aside and begun anew.
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
	bool sync; /* a write; it and all before it are on disk when it is answered with RC_OK */
	enum rc (*run)(struct pushq *pushq,
		struct pushq_job *job); /* may run again: a batch that failed, job by job */
	void (*done)(struct pushq_job *job);
	struct reactor *home; /* NULL: done on the worker */
	enum rc rc;
	struct reactor_msg msg;
};

/*
 * Never RC_BUSY: the submitter limits the number of waiting jobs (the sender does). Any thread, before the
 * pool is drained.
 */
void pushq_submit(struct store *store, struct pushq_job *job);

/* [pushq] */
enum rc pushq_add(struct pushq *pushq, const struct push_record *record, int64_t *ret_id) MUST_CHECK;
/* Removes a push. RC_OK also if it does not exist. */
enum rc pushq_remove(struct pushq *pushq, int64_t id) MUST_CHECK;
/*
 * Removes the push and remembers its message for some minutes: the message may still be noted as owed
 * (push_owed.h), and a process that finds the note after a crash must know. Reads id, account, mailbox and
 * uid of the record.
 */
enum rc pushq_sent(struct pushq *pushq, const struct push_record *record, int64_t now) MUST_CHECK;
enum rc pushq_sent_list(struct pushq *pushq,
	void (*fn)(void *arg, int64_t account, int64_t mailbox, uint32_t uid), void *arg) MUST_CHECK;
/* Removes all pushes of an account, or of one of its subscriptions (an empty one: all). */
enum rc pushq_remove_of(struct pushq *pushq, int64_t account, struct strv subscription) MUST_CHECK;
enum rc pushq_remove_expired(struct pushq *pushq, int64_t now) MUST_CHECK;
/* Notes a failed attempt and the next due time. plain.p NULL: the text stays. */
enum rc pushq_delay(struct pushq *pushq, int64_t id, int64_t due, uint32_t tries, uint32_t flags,
	struct strv plain) MUST_CHECK;
/*
 * Walks over the pushes, oldest first, from the first after `after`, until fn returns false. Views live for
 * the call.
 */
enum rc pushq_list(struct pushq *pushq, int64_t after,
	bool (*fn)(void *arg, const struct push_record *record), void *arg) MUST_CHECK;

/* Counts one more failure in a row of a subscription. Returns the count and the time of the first one. */
enum rc pushq_failed(struct pushq *pushq, int64_t account, struct strv subscription, int64_t now,
	uint32_t *ret_count, int64_t *ret_since) MUST_CHECK;
/* Forgets the failures: the subscription works again, or is gone. */
enum rc pushq_worked(struct pushq *pushq, int64_t account, struct strv subscription) MUST_CHECK;

/* The accounts that may owe pushes (store/push_owed.h): only these are opened after a crash. */
enum rc pushq_subscriber(struct pushq *pushq, int64_t account, bool on) MUST_CHECK;
enum rc pushq_subscribers(struct pushq *pushq, void (*fn)(void *arg, int64_t account), void *arg) MUST_CHECK;
/* Tells whether the last process that had the file open left nothing owed and said so. */
bool pushq_was_clean(const struct pushq *pushq);
/* Notes that everything has been pushed. The job must sync, and nothing may be delivered afterwards. */
enum rc pushq_set_clean(struct pushq *pushq) MUST_CHECK;

/*
 * Sets when a subscription is to be discarded unless it is validated. endpoint.p NULL: removes the entry if
 * it was due by `due`.
 */
enum rc pushq_expiry(struct pushq *pushq, int64_t account, struct strv subscription, struct strv endpoint,
	int64_t due) MUST_CHECK;
/* Walks over the entries, the earliest due first. */
enum rc pushq_expiries(struct pushq *pushq,
	void (*fn)(void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due),
	void *arg) MUST_CHECK;

#endif
