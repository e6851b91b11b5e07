/*
 * Does the index say what the bytes say? For `coidctl check` and for tests.
 */
#ifndef COID_STORE_CHECK_H
#define COID_STORE_CHECK_H

#include "base/buf.h"
#include "store/store.h"

struct check_result {
	uint64_t mailboxes;
	uint64_t messages;
	uint64_t octets; /* of all blobs */
	uint64_t files;
	unsigned problems; /* found */
	unsigned strays; /* among them: files of nobody, which the sweep after a crash takes, too */
	unsigned left; /* of them after the repair */
	bool rebuilt; /* the database was lost or damaged and has been made anew */
};

/*
 * [strand], from the run of a JOB_ALONE. Compares: the header, tables and indexes of the database with those
 * that this program makes, the database with itself (integrity_check), blobs with messages (refs), blobs with
 * their bytes (sizes, checksums, files that are missing or belong to nobody), cached structure with its
 * checksums, mailbox counters with their messages. A line of text for each problem goes to `report`; what
 * does not fit is left out.
 *
 * `repair`: counters and references are set right; a message whose bytes are gone is expunged, one whose
 * bytes are others than those that were stored comes back under a new UID; messages without a row and files
 * without a row that are messages come back into "Recovered". If the database is lost or damaged, a new one
 * is made beside it from all rows that can be read and takes its place in one rename (swap.h); the old one
 * stays as account.db.lost-<n>. UIDVALIDITYs are new then if rows are missing.
 *
 * RC_OK whatever was found. Errors: the account can't be opened (RC_IO and the like, not RC_CORRUPT), or a
 * repair failed.
 */
enum rc check_account(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result) MUST_CHECK;

/*
 * [strand] The same, from the run of a JOB_CLOSED: an account that was closed is closed again, so that
 * checking many does not drive those out that are in use. RC_GONE; RC_UNAVAILABLE: it is locked.
 */
enum rc check_account_and_close(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result) MUST_CHECK;

#endif
