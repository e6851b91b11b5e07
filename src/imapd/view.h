/*
 * The view: what one session knows of its selected mailbox. It holds the sequence numbers of UIDs, and the
 * changes that have not been told yet. See sync.h for when they may be told. On the session's reactor only.
 * The UID ranges are shared, copy on write, between the views of a mailbox.
 *
 * A message is in one of these places. view_apply moves it when a change list arrives, sync.c when it tells:
 *
 *	         UIDs of the mailbox, rising
 *	| announced: they have numbers | fresh: no number yet |
 *	| 1   2   3   4   5   6        |                      |
 *	|         ^ gone: removed in   |                      |
 *	|           the store, but its |                      |
 *	|           number stays here  |                      |
 *
 *	appended -> fresh --EXISTS--> announced --removed--> gone --EXPUNGE or VANISHED--> forgotten, and
 *	            fresh --removed--> forgotten, never told                               higher numbers sink
 *
 * Changed flags of announced messages wait as `view_flags`, at most one entry per UID, until a FETCH tells
 * them.
 */
#ifndef COID_IMAPD_VIEW_H
#define COID_IMAPD_VIEW_H

#include "base/seqset.h"
#include "base/strv.h"
#include "imap/uid_runs.h"
#include "store/mailbox.h"
#include "store/store.h"

struct view;

/* Takes the snapshot's UID set over (it is empty afterwards). */
struct view *view_new(struct mbox_snapshot *snapshot, bool read_only);
void view_free(struct view **view);

int64_t view_mailbox(const struct view *view);
bool view_read_only(const struct view *view);
uint32_t view_exists(const struct view *view);
uint32_t view_recent(const struct view *view);
/* Sequence number of an announced UID, or 0; UID of a sequence number, or 0. O(log ranges). */
uint32_t view_seq(const struct view *view, uint32_t uid);
uint32_t view_uid(const struct view *view, uint32_t seq);
uint32_t view_last_uid(const struct view *view); /* the UID of '*'; 0: empty */

/*
 * Clips a set given by sequence numbers (by_uid false; a number beyond EXISTS gives RC_INVALID) or by UIDs
 * (unknown ones are left out) to the view. Resolves '*'. *ret_runs lives in the arena; ret_uids is the
 * caller's (seqset_fini).
 */
enum rc view_clip(struct view *view, const struct seqset *set, bool by_uid, struct arena *arena,
	struct uid_run **ret_runs, size_t *ret_count, struct seqset *ret_uids) MUST_CHECK;
/* The sequence numbers of announced UIDs; others are left out. Replaces what *ret_seqs holds. */
void view_seqs(const struct view *view, const struct seqset *uids, struct seqset *ret_seqs);

/* Takes in a change list (called by the hub in commit order) and tells nothing yet. Changes of the
 * session's own (session_id is their origin) are kept like others, but marked; see view_told_flags and
 * view_forget_own. */
void view_apply(struct view *view, const struct change_list *list, uint64_t session_id);
/* view_dirty: something is pending. view_dirty_without_expunges: something besides expunges is pending. */
bool view_dirty(const struct view *view);
bool view_dirty_without_expunges(const struct view *view);
/* The number of pending FETCHes. Above VIEW_PENDING_SOON they are told without waiting for a command.
 * Above VIEW_PENDING_MAX changes of other sessions (the client does not read) the session ends. */
#define VIEW_PENDING_SOON 1024
#define VIEW_PENDING_MAX 262144
size_t view_pending_flags(const struct view *view);
/* Those of them to which other sessions contributed: a session's own changes are limited by the mailbox
 * only. */
size_t view_pending_foreign(const struct view *view);
/* True: new messages have to be told. */
bool view_has_fresh(const struct view *view);
/* Their UIDs, until the view changes. */
const struct seqset *view_fresh(const struct view *view);
/* Call this when a response that is about to be sent tells these flags: the pending FETCH of that UID is
 * dropped if it is not newer than modseq. A non-silent STORE and a FETCH that sets \Seen call this for
 * each message they answer; sync tells the others. */
void view_told_flags(struct view *view, uint32_t uid, uint64_t modseq);
/* .SILENT: drops pending FETCHes to which only this session contributed. sync_tell does it if
 * cmd->law.silent. */
void view_forget_own(struct view *view);
/* The answer to a .SILENT STORE has told the MODSEQ: the pending FETCH is dropped if it is not newer and only
 * this session contributed to it. */
void view_told_own(struct view *view, uint32_t uid, uint64_t modseq);

/* \Recent in this session. The set may hold UIDs that do not exist any more; valid until the view changes. */
bool view_is_recent(const struct view *view, uint32_t uid);
const struct seqset *view_recent_uids(const struct view *view);
/* Call this when UIDs lo..hi have been claimed for this session. */
void view_add_recent(struct view *view, uint32_t lo, uint32_t hi);

/* Call this when the session has no \Recent (IMAP4rev2). */
void view_forget_recent(struct view *view);
/* .SILENT: drops pending FETCHes to which only this session contributed. sync_tell does it if
 * cmd->law.silent. */
void view_share(struct view *view, const struct view *other);

/* The search result variable "$" (RFC 5182): UIDs of announced messages. Messages told as expunged leave
 * it. It is empty in a new view. RC_LIMIT: it would have more than VIEW_SAVED_RANGES ranges; it is empty
 * then. */
#define VIEW_SAVED_RANGES 65536
const struct seqset *view_saved(const struct view *view);
enum rc view_save(struct view *view, const struct seqset *uids) MUST_CHECK;
void view_save_none(struct view *view);

/* Keyword names, bit order, kept up to date by CHANGE_KEYWORDS. */
const struct strv *view_keywords(const struct view *view, size_t *ret_count);
void view_set_keywords(struct view *view, const struct strv *names, size_t count);
/* The highest modseq up to which this session knows everything (RFC 7162 3.2). */
uint64_t view_told_modseq(const struct view *view);
/* The same for flags alone: every pending change of flags has a higher modseq. */
uint64_t view_told_flags_modseq(const struct view *view);
/* Notes that a MODSEQ has been told to a session with CONDSTORE; see sync_modseq. */
void view_said_modseq(struct view *view, uint64_t modseq);

#endif
