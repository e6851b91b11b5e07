/* Makes a struct fetch from the view of the session, and tells the view what a slice has sent. */
#include "imapd/fetch_view.h"

#include "imap/uid_runs.h"
#include "imapd/answer.h"
#include "imapd/message_limit.h"
#include "imapd/session.h"
#include "imapd/sync_print.h"
#include "imapd/view.h"

/* Clips the set to the view and to the limit on messages. If the limit cuts the set, those with the
 * highest UIDs come first. */
static enum rc fetch_view_clip(struct view *view, struct cmd *cmd, struct fetch *fetch,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids)
{
	struct seqset again = SEQSET_EMPTY;
	enum rc rc = view_clip(view, set, by_uid, fetch->arena, &fetch->runs, &fetch->run_count, ret_uids);
	if (rc != RC_OK || !cmd || !message_limit_clip(cmd, ret_uids))
		return rc;
	rc = view_clip(view, ret_uids, true, fetch->arena, &fetch->runs, &fetch->run_count, &again);
	seqset_fini(&again);
	if (rc == RC_OK)
		fetch->runs =
			message_limit_down(fetch->arena, fetch->runs, fetch->run_count, &fetch->run_count);
	return rc;
}

enum rc fetch_view_new(struct session *session, struct cmd *cmd, const struct fetch_plan *plan,
	const struct seqset *set, bool by_uid, struct seqset *ret_uids, struct fetch **ret_fetch)
{
	struct view *view = session->view;
	struct fetch *fetch = fetch_new();
	struct seqset uids = SEQSET_EMPTY;
	enum rc rc = fetch_view_clip(view, cmd, fetch, set, by_uid, &uids);
	if (rc != RC_OK) {
		seqset_fini(&uids);
		fetch_free(&fetch);
		return rc;
	}
	fetch->mailbox = view_mailbox(view);
	fetch->told_modseq = view_told_flags_modseq(view);
	fetch->condstore = session->enabled & ENABLED_CONDSTORE;
	fetch->rev2 = session->enabled & ENABLED_REV2;
	fetch->uidonly = session->enabled & ENABLED_UIDONLY;
	fetch_plan_copy(plan, fetch->arena, &fetch->plan);
	/* \Recent is needed even if the plan has no FLAGS: a STORE sends the flags of messages that fail
	 * its condition. */
	if ((plan->flags || plan->seen || plan->modseq) && view_recent(view) > 0)
		seqset_copy(&fetch->recent, view_recent_uids(view));
	if (ret_uids)
		*ret_uids = uids;
	else
		seqset_fini(&uids);
	*ret_fetch = fetch;
	return RC_OK;
}

bool fetch_view_take(struct session *session, struct fetch *fetch)
{
	struct view *view = session->view;
	if (!fetch->place.inside)
		sync_tell_keywords(session);
	for (size_t i = 0; i < fetch->told_count; i++) {
		const struct fetch_told *told = &fetch->told[i];
		if (told->flags)
			view_told_flags(view, told->uid, told->modseq);
		else
			view_told_own(view, told->uid, told->modseq);
	}
	answer_own(session, &fetch->out);
	bool finished = fetch->finished;
	fetch_accept(fetch);
	view_said_modseq(view, fetch->place.said);
	return finished;
}
