/*
 * Carries out the plan of a FETCH on the worker, slice by slice: prints response bytes directly from the
 * mailbox index, the cache and the messages' readers. A slice ends after FETCH_SLICE_BYTES or FETCH_SLICE_US,
 * in a literal at any octet, otherwise only between messages.
 *
 * struct fetch has one owner at a time: the command, or the job that does a slice. Its place moves on only
 * when the reactor has taken the slice (fetch_accept), so that a slice may run again.
 */
#ifndef COID_QUERY_FETCH_H
#define COID_QUERY_FETCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "imap/fetch_plan.h"
#include "imap/uid_runs.h"
#include "mime/decode.h"
#include "store/message.h"

#define FETCH_SLICE_BYTES (256 * 1024)
#define FETCH_SLICE_US 10000
/* Octets at which a header block for HEADER.FIELDS is cut; the scanner keeps less. */
#define FETCH_HEADER_MAX (16 * 1024 * 1024) /* header fields that one item asks for */
/* The command gives up after this number of messages that can't be sent; damaged ones do not count. */
#define FETCH_ERRORS_MAX 16

/* A change that a slice has told: for view_told_flags or view_told_own. */
struct fetch_told {
	uint32_t uid;
	bool flags; /* flags and MODSEQ were told; false: the MODSEQ alone */
	uint64_t modseq;
};

enum fetch_binary { FETCH_BINARY_NONE, FETCH_BINARY_COUNT, FETCH_BINARY_SEND };

/* The progress of a FETCH. */
struct fetch_place {
	size_t run;
	uint32_t uid; /* the next UID of that run; 0: its first */
	uint64_t gone; /* messages of the view that no longer exist */
	unsigned errors;
	enum rc rc; /* of the first message that could not be sent; damaged ones do not count */
	uint64_t damaged; /* messages that could not be read completely */
	uint64_t said; /* the highest MODSEQ told */
	/* A message whose response has begun. */
	bool inside;
	struct msg_row row;
	uint32_t seq;
	bool moved; /* it is not in the mailbox any more */
	size_t item;
	bool some; /* an item has been sent */
	bool spoilt; /* an item could not be read */
	bool in_literal;
	uint64_t offset; /* offset of the literal's next octet in the message */
	uint64_t left;
	/* The state of a BINARY item, whose octets are decoded once to count them, then again to send
	 * them. */
	enum fetch_binary binary;
	struct mime_decoder decoder;
	uint64_t raw_left; /* not yet decoded octets */
	uint64_t counted; /* decoded ones */
	uint64_t skip; /* decoded octets that are not to be sent */
	bool nul; /* NUL is among the octets to be sent */
	struct reader *reader; /* own */
};

struct fetch {
	struct arena *arena; /* own: plan and runs */
	struct arena *message; /* own: cached texts of the present message */
	int64_t mailbox;
	struct fetch_plan plan;
	struct uid_run *runs;
	size_t run_count;
	struct seqset recent; /* own: UIDs that are \Recent in the session */
	/* own: UIDs that this FETCH made \Seen: their FLAGS are told, whatever the plan says */
	struct seqset seen;
	bool condstore; /* UID and MODSEQ are told for messages of `seen`, too */
	bool rev2; /* IMAP4rev2 */
	bool uidonly; /* RFC 9586: UIDFETCH instead of FETCH */
	bool silent; /* answers a .SILENT STORE: the MODSEQ alone tells a change */
	uint64_t changed_since; /* only messages with a higher modseq */
	uint64_t told_modseq; /* flags not newer than this need no fetch_told */

	struct fetch_place place; /* where the slice begins */
	struct fetch_place next; /* where it ended */
	bool finished; /* the slice was the last */
	bool broken; /* a literal can't be completed: the connection must be aborted */
	struct buf out; /* own: the bytes of the slice */
	struct fetch_told *told; /* own */
	size_t told_count;
	size_t told_cap;
};

struct fetch *fetch_new(void);
void fetch_free(struct fetch **fetch);

/* [strand] Fills out, told, next and finished. An error concerns the whole command; errors of single
 * messages are in next.rc. */
enum rc fetch_slice(struct account *account, struct fetch *fetch) MUST_CHECK;
/* On the reactor: call this when `out` has been sent; the next slice goes on after it. */
void fetch_accept(struct fetch *fetch);

/* [strand] Finds the messages of the runs without \Seen. */
enum rc fetch_unseen(struct account *account, const struct fetch *fetch, struct seqset *ret_uids) MUST_CHECK;

#endif
