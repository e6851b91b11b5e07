/*
 * The mailboxes and messages of an open account, as the job machinery sees them: opening, closing, and what
 * has to be thrown away when a transaction did not happen. Everything is [strand]. Internal to the store;
 * what jobs call is in mailbox.h and message.h.
 */
#ifndef COID_STORE_MAIL_H
#define COID_STORE_MAIL_H

#include "base/rc.h"

#include <stdint.h>

struct store;
struct account;

/* The memory of all indexes of a store, `struct store`'s member `indexes`. Any thread. */
struct index_lru;
struct index_lru *index_lru_new(uint64_t budget);
void index_lru_free(struct index_lru **lru);
/*
 * Once a second: drops some indexes of idle accounts if the budget is passed, which it may be while all are
 * busy.
 */
void index_lru_trim(struct index_lru *lru);

/*
 * An account's tree of names, counters and indexes: `struct account`'s member `mail`, NULL while it is
 * closed.
 */
struct mail;

/*
 * Reads the names and counters of an open database; makes INBOX and the default mailboxes if there is no
 * INBOX (in the transaction of the caller, or in one of its own if there is none).
 */
enum rc mail_open(struct account *account) MUST_CHECK;
/* Accepts a closed one. */
void mail_close(struct account *account);

/*
 * fn in one synced transaction of its own, for the time of opening, when there are no jobs yet. On error
 * nothing of it is in the database, but the memory may follow it no longer: the account has to be closed.
 */
enum rc mail_transaction(
	struct account *account, enum rc (*fn)(struct account *account, void *arg), void *arg) MUST_CHECK;

/* The transaction is committed: what was touched is what is stored now. */
void mail_committed(struct account *account);
/*
 * A savepoint or the transaction was rolled back: names, counters and the indexes of every mailbox touched
 * since the last mail_committed are read from the database again, which must be usable. On error the account
 * has to be closed.
 */
enum rc mail_reload(struct account *account) MUST_CHECK;

/*
 * The highest modseq given out so far: it must never pass the synced ceiling. One job takes one per call at
 * most.
 */
uint64_t mail_modseq(const struct account *account);
/* The highest one that is committed, or a lower one. Memory. */
uint64_t mail_modseq_stored(const struct account *account);
/*
 * Opened after a power cut: HIGHESTMODSEQ of every mailbox and the modseq of every message become `ceiling`.
 * In the caller's write transaction.
 */
enum rc mail_raise_modseq(struct account *account, uint64_t ceiling) MUST_CHECK;

/*
 * The mailboxes are older than they have been: all get UIDVALIDITYs above the last one of then, since UIDs
 * have been given out that they do not know. In the caller's write transaction.
 */
enum rc mail_renew(struct account *account, uint32_t uidvalidity) MUST_CHECK;
/* The last UIDVALIDITY given out. */
uint32_t mail_uidvalidity(const struct account *account);

#endif
