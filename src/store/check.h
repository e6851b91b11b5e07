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
 * [strand], from the run of a JOB_ALONE. Compares: the database with itself (integrity_check), blobs with messages (refs),
 * blobs with their bytes (sizes, files that are missing or belong to nobody), mailbox counters with their messages. A line
 * of text for each problem goes to `report`; what does not fit is left out.
 *
 * `repair`: counters and references are set right; a message whose bytes are gone is expunged, one whose bytes have
 * another length comes back under a new UID; files without a row that are messages come back into "Recovered". If the database is lost or damaged, it
 * is set aside as account.db.lost-<n>, a new one is made, and all messages that can still be read, from the old database
 * or from files, come back: into their mailbox as far as that is known, else into "Recovered". UIDVALIDITYs are new then.
 *
 * RC_OK whatever was found. Errors: the account can't be opened (RC_IO and the like, not RC_CORRUPT), or a repair failed.
 */
enum rc account_check(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result) MUST_CHECK;

/*
 * [strand] The same, from the run of a JOB_CLOSED: an account that was closed is closed again, so that checking
 * many does not drive those out that are in use. RC_GONE; RC_UNAVAILABLE: it is locked.
 */
enum rc account_check_and_close(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result) MUST_CHECK;

#endif
