/* The insides of a view, for view.c, sync.c and sync_print.c. On the session's reactor. */
#ifndef COID_IMAPD_VIEW_PRIV_H
#define COID_IMAPD_VIEW_PRIV_H

#include "imap/uid_runs.h"
#include "imapd/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Announced UIDs: runs in order of both numbers. Counted, copy on write, on one reactor. */
struct view_uids {
	unsigned refs;
	uint32_t count; /* EXISTS */
	size_t n;
	size_t cap;
	struct uid_run *v; /* own */
};

/* A FETCH FLAGS that is due. */
struct view_flags {
	uint32_t uid;
	uint32_t flags;
	uint64_t keywords;
	uint64_t *more; /* own: keywords from the 65th on, or NULL */
	uint64_t modseq;
	uint64_t from; /* modseq of the first change in it */
	bool foreign; /* another session contributed */
	bool dropped; /* it was told meanwhile; the next sync removes it */
};

struct view {
	int64_t mailbox;
	bool read_only;
	bool keywords_changed; /* FLAGS and PERMANENTFLAGS are due */
	struct view_uids *uids; /* counted */
	struct seqset recent; /* own: claimed for this session */
	uint32_t recent_told; /* the number last said in RECENT */

	struct seqset fresh; /* own: appended, not announced; all above the announced ones */
	struct seqset gone; /* own: announced, expunged, not told */
	struct seqset gone_own; /* own: those of them that the session removed itself */
	struct view_flags *flags; /* own: by UID */
	size_t flags_count;
	size_t flags_cap;
	size_t flags_dropped;
	size_t flags_foreign; /* the number with `foreign`, without dropped ones */

	struct seqset saved; /* own: UIDs that "$" stands for */

	struct strv *keywords; /* own, the names too */
	size_t keyword_count;

	uint64_t modseq; /* of the last change taken in */
	uint64_t fresh_from; /* the lowest modseq in fresh; 0: empty */
	uint64_t gone_from; /* the lowest modseq of a removal in gone; 0: empty */
	uint64_t said; /* the highest MODSEQ said since the last tagged line */
	bool lowered; /* a HIGHESTMODSEQ below `said` was told */
};

/*
 * Call this when the messages in gone (or only the session's own) have been told: sequence numbers move up.
 */
void view_drop_gone(struct view *view, bool own_only);
/* Call this when the messages in fresh have been told. */
void view_announce_fresh(struct view *view);
/* Call this when all pending FETCHes have been told. */
void view_clear_flags(struct view *view);

#endif
