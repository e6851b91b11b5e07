/*
 * The mailboxes and messages of an open account, for the job machinery: opens and closes them, and drops
 * memory after a rollback. Everything is [strand]. Internal to the store; jobs use mailbox.h and message.h.
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
 * Call this once a second. Drops some indexes of idle accounts if the budget is passed (which can happen
 * while all accounts are busy).
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
/* Accepts an account whose mail part is closed. */
void mail_close(struct account *account);

/*
 * Runs fn in one synced transaction of its own while the account is being opened and has no jobs yet. On
 * error the database is unchanged, but the memory may differ from it: the account has to be closed.
 */
enum rc mail_transaction(
	struct account *account, enum rc (*fn)(struct account *account, void *arg), void *arg) MUST_CHECK;

/* Call this after the commit: the memory of all touched mailboxes is what is stored now. */
void mail_committed(struct account *account);
/*
 * Call this after the rollback of a savepoint or transaction. Names, counters and the indexes of every
 * mailbox touched since the last mail_committed are read from the database again, which must be usable. On
 * error the account has to be closed.
 */
enum rc mail_reload(struct account *account) MUST_CHECK;

/*
 * The highest modseq given out so far. It must never pass the synced ceiling. One job needs at most one for
 * each call.
 */
uint64_t mail_modseq(const struct account *account);
/* The highest committed modseq, or a lower one. memory. */
uint64_t mail_modseq_stored(const struct account *account);
/*
 * Call this after a power cut: HIGHESTMODSEQ of every mailbox and the modseq of every message become
 * `ceiling`. Call it in a write transaction.
 */
enum rc mail_raise_modseq(struct account *account, uint64_t ceiling) MUST_CHECK;

/*
 * Call this if the mailboxes are older than they have been: UIDs have been given out that they do not know.
 * All get UIDVALIDITYs above `uidvalidity`, the last one that was given out. Call it in a write transaction.
 */
enum rc mail_renew(struct account *account, uint32_t uidvalidity) MUST_CHECK;
/* The last UIDVALIDITY given out. */
uint32_t mail_uidvalidity(const struct account *account);

#endif
