/*
 * The file <account>/account.ledger says, outside account.db and its WAL, what of them has been synced.
 * SQLite takes the first damaged frame of a WAL for its end, and a WAL that is not there for an empty one:
 * without a record outside, acknowledged mail would be gone without a word. docs/storage.md has the argument.
 * [strand]
 */
#ifndef COID_STORE_LEDGER_H
#define COID_STORE_LEDGER_H

#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct account;

/* What is claimed: it was so, and was on disk, when it was written. */
struct ledger_claim {
	uint64_t modseq; /* no lower than this is the highest one in the database */
	uint64_t salt; /* of the WAL */
	uint32_t frames; /* so many frames of it are needed ... */
	bool settled; /* ... none: all of them are in the database file, too */
	bool emptied; /* and the WAL is empty, on disk, too */
};

struct ledger {
	int fd; /* -1: there is no file (yet) */
	uint64_t number; /* of the last record */
	bool valid; /* there is a claim */
	bool wal_empty; /* when it was opened */
	bool salt_known; /* claim.salt is that of the WAL of now */
	struct ledger_claim claim;
};

/* Reads it. RC_OK also if there is none, or none that can be read: then nothing is claimed. */
enum rc ledger_open(struct account *account) MUST_CHECK;
void ledger_close(struct account *account);
/*
 * Before SQLite sees the WAL. RC_CORRUPT: it is not what was synced (logged). *ret_frames: how many it has.
 * Whether the database file is as new as it should be is asked when it is open: ledger_examine_modseq.
 */
enum rc ledger_examine(struct account *account, unsigned *ret_frames) MUST_CHECK;
enum rc ledger_examine_modseq(struct account *account) MUST_CHECK;
/* After a synced commit or a sync of the WAL: one small write without a sync, which may fail. */
void ledger_note(struct account *account);
/*
 * All frames are in the database file, which is synced: after this the WAL may begin anew or be truncated.
 * Synced. Not RC_OK: it must not.
 */
enum rc ledger_settle(struct account *account, unsigned frames) MUST_CHECK;
/* The WAL has been emptied after that, durably. Written without a sync, as a note. */
void ledger_emptied(struct account *account);
/* Opened: the WAL is empty, on disk, too. */
bool ledger_wal_blank(struct account *account);
/* Whether something is claimed of the account in this folder; it need not be open. */
bool ledger_claims(struct account *account);
/* The database has been set aside: nothing is claimed of the next one. Not synced. */
enum rc ledger_forget(struct account *account) MUST_CHECK;

#endif
