/*
 * The ledger: the file <account>/account.ledger records, outside account.db and its WAL, how much of them has
 * been synced. SQLite takes the first damaged frame of a WAL for its end, and a missing WAL for an empty one:
 * without a record outside, acknowledged mail would be lost unnoticed. docs/storage.md has the argument.
 * [strand]
 */
#ifndef COID_STORE_LEDGER_H
#define COID_STORE_LEDGER_H

#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct account;

/* The facts that the ledger states. Each was true and on disk when it was written. */
struct ledger_claim {
	uint64_t modseq; /* the highest modseq in the database is at least this */
	uint64_t salt; /* of the WAL */
	uint32_t frames; /* the number of its frames that are needed */
	bool settled; /* no frames are needed: all are in the database file */
	bool emptied; /* settled, and the WAL is empty on disk */
};

struct ledger {
	int fd; /* -1: there is no file (yet) */
	uint64_t number; /* of the last record */
	bool valid; /* there is a claim */
	bool wal_empty; /* when it was opened */
	bool salt_known; /* claim.salt is the salt of the present WAL */
	struct ledger_claim claim;
};

/* Reads the file. RC_OK also if it is missing or unreadable: then nothing is claimed. */
enum rc ledger_open(struct account *account) MUST_CHECK;
void ledger_close(struct account *account);
/*
 * Compares the WAL with the claim, before SQLite opens it. RC_CORRUPT, logged: the WAL is not what was
 * synced. *ret_frames: the number of its frames. ledger_examine_modseq compares the database file, once it is
 * open.
 */
enum rc ledger_examine(struct account *account, unsigned *ret_frames) MUST_CHECK;
enum rc ledger_examine_modseq(struct account *account) MUST_CHECK;
/*
 * Call this after a synced commit or a sync of the WAL. It makes one small write without a sync, which may
 * fail.
 */
void ledger_note(struct account *account);
/*
 * Records, synced, that all frames are in the database file, which is synced. Only if this returns RC_OK may
 * the WAL begin anew or be truncated.
 */
enum rc ledger_settle(struct account *account, unsigned frames) MUST_CHECK;
/* Records, without a sync, that the WAL has then been emptied durably. */
void ledger_emptied(struct account *account);
/* True: at opening the WAL was empty on disk. */
bool ledger_wal_blank(struct account *account);
/* Tells whether the ledger in this folder claims anything. The account need not be open. */
bool ledger_claims(struct account *account);
/* Removes the claim after the database has been set aside. Not synced. */
enum rc ledger_forget(struct account *account) MUST_CHECK;

#endif
