/* Compares the index with the bytes of messages, for `coidctl check` and for tests. */
#ifndef COID_STORE_CHECK_H
#define COID_STORE_CHECK_H

#include "base/buf.h"
#include "store/store.h"

struct check_result {
	uint64_t mailboxes;
	uint64_t messages;
	uint64_t octets; /* of all blobs */
	uint64_t files;
	unsigned problems; /* found by the check */
	/* those of them that are files without a row; the sweep after a crash removes these, too */
	unsigned strays;
	unsigned left; /* problems that remain after the repair */
	bool rebuilt; /* the database was lost or damaged and has been made anew */
};

/*
 * [strand], from the run of a JOB_ALONE. Compares: the header, tables and indexes of the database with those
 * that this program makes; the database with itself (integrity_check); blobs with messages (refs); blobs with
 * their bytes (sizes, checksums, files that are missing or belong to nobody); cached structure with its
 * checksums; mailbox counters with their messages. Writes a line of text for each problem into `report`;
 * lines that do not fit are left out.
 *
 * `repair`: counters and references are set right. A message whose bytes are gone is expunged; one whose
 * bytes are not those that were stored comes back under a new UID. Messages without a row, and files without
 * a row that are messages, come back into "Recovered". If the database is lost or damaged, a new one is made
 * beside it from all rows that can be read and takes its place in one rename (swap.h); the old one stays as
 * account.db.lost-<n>. If rows are missing, UIDVALIDITYs are new.
 *
 * Returns RC_OK whatever was found. Errors: the account can't be opened (RC_IO and the like, not RC_CORRUPT),
 * or a repair failed.
 */
enum rc check_account(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result) MUST_CHECK;

/*
 * [strand], from the run of a JOB_CLOSED. Does what check_account does. An account that was closed is closed
 * again, so that a check of many accounts does not close those that are in use. RC_GONE: it was removed.
 * RC_UNAVAILABLE: it is locked.
 */
enum rc check_account_and_close(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result) MUST_CHECK;

#endif
