/*
 * Sends untagged data about the selected mailbox: at the end of a command (sync_tell) and between commands
 * (sync_offer).
 */
#include "imapd/sync.h"

#include "imapd/session.h"
#include "imapd/sync_print.h"
#include "imapd/command.h"
#include "imapd/search_update.h"
#include "imapd/notify.h"
#include "imapd/answer.h"
#include "imap/print.h"
#include "imap/status_items.h"
#include "imapd/view.h"
#include "imapd/view_priv.h"
#include "store/message.h"

#include <inttypes.h>
#include <string.h>

#define SYNC_CHUNK (32 * 1024)
/* Two lines with all keywords of a mailbox fit behind a chunk. */
#define SYNC_BUFFER_MAX (1024 * 1024)

static void flush_chunk(struct session *session, struct buf *out, size_t above)
{
	if (out->len <= above)
		return;
	answer_raw(session, buf_strv(out));
	buf_reset(out);
}

static void tell_vanished(struct session *session, const struct seqset *gone)
{
	struct buf lines;
	buf_init(&lines, BUF_UNBOUNDED);
	sync_print_vanished(&lines, gone, false);
	answer_own(session, &lines);
}

/* Tells the highest numbers first, so that no number told shifts one that is told later. */
static void tell_expunged(struct session *session, const struct seqset *gone, struct buf *out)
{
	for (size_t i = gone->n; i-- > 0;) {
		struct seqrange range = gone->v[i];
		for (uint32_t uid = range.hi; uid >= range.lo; uid--) {
			buf_printf(out, "* %u EXPUNGE\r\n", view_seq(session->view, uid));
			flush_chunk(session, out, SYNC_CHUNK);
		}
	}
}

static void tell_gone(struct session *session, struct buf *out, bool own_only)
{
	struct view *view = session->view;
	const struct seqset *gone = own_only ? &view->gone_own : &view->gone;
	if (seqset_empty(gone))
		return;
	if (session->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY))
		tell_vanished(session, gone);
	else
		tell_expunged(session, gone, out);
	view_drop_gone(view, own_only);
}

static void tell_exists(struct session *session, struct buf *out)
{
	struct view *view = session->view;
	if (seqset_empty(&view->fresh))
		return;
	view_announce_fresh(view);
	buf_printf(out, "* %u EXISTS\r\n", view_exists(view));
}

/*
 * Tells RECENT after EXPUNGE and EXISTS, which change the number (RFC 3501 section 7.3.2). `fresh`: new
 * messages have been told. Outside a command RECENT waits while a claim is pending (the number is about to
 * change), and a higher number is never sent alone: it would wake the client for nothing.
 */
static void tell_recent(struct session *session, bool fresh, struct buf *out)
{
	struct view *view = session->view;
	uint32_t recent = view_recent(view);
	bool unasked = session->idling || !session->cmd;
	bool less = recent < view->recent_told;
	bool more = fresh || (!unasked && recent > view->recent_told);

	if (session->enabled & ENABLED_REV2 || (unasked && session->claiming) || (!less && !more))
		return;
	buf_printf(out, "* %u RECENT\r\n", recent);
	view->recent_told = recent;
}

static void tell_flags(struct session *session, struct buf *out)
{
	struct view *view = session->view;
	const struct cmd *cmd = session->cmd;
	bool condstore = session->enabled & ENABLED_CONDSTORE;
	bool uidonly = session->enabled & ENABLED_UIDONLY;
	bool always = condstore || session->notify || session->enabled & ENABLED_REV2;
	bool with_uid = !uidonly && (always || (cmd && cmd->row->flags & CMD_UID));

	for (size_t i = 0; i < view->flags_count; i++) {
		const struct view_flags *entry = &view->flags[i];
		if (entry->dropped)
			continue;
		print_fetch_head(out, uidonly, view_seq(view, entry->uid), entry->uid);
		if (with_uid)
			buf_printf(out, "UID %u ", entry->uid);
		/* The session knows the flags of its own .SILENT changes. */
		if (entry->foreign || !cmd || !cmd->law.silent) {
			buf_adds(out, "FLAGS ");
			print_flags(out, entry->flags, view_is_recent(view, entry->uid), entry->keywords,
				entry->more, view->keywords, view->keyword_count);
			buf_adds(out, condstore ? " " : "");
		}
		if (condstore) {
			buf_printf(out, "MODSEQ (%" PRIu64 ")", entry->modseq);
			view_said_modseq(view, entry->modseq);
		}
		buf_adds(out, ")\r\n");
		flush_chunk(session, out, SYNC_CHUNK);
	}
	view_clear_flags(view);
}

/* Tells updates of contexts. They go out directly: one line may have many results. */
static void tell_updates(struct session *session, void (*tell)(struct session *session, struct buf *out))
{
	struct buf out;
	if (!search_updates_due(session))
		return;
	buf_init(&out, BUF_UNBOUNDED);
	tell(session, &out);
	flush_chunk(session, &out, 0);
	buf_fini(&out);
}

static bool sync_due(const struct session *session, bool expunges)
{
	const struct view *view = session->view;
	unsigned events = notify_selected(session);

	if (!view)
		return false;
	if (search_updates_due(session))
		return true;
	if (expunges && events & NOTIFY_MESSAGE_EXPUNGE && !seqset_empty(&view->gone))
		return true;
	if (events & NOTIFY_MESSAGE_NEW && view_has_fresh(view))
		return true;
	return events & NOTIFY_FLAG_CHANGE && (view_pending_flags(view) > 0 || view->keywords_changed);
}

void sync_tell(struct session *session, bool expunges)
{
	struct view *view = session->view;
	struct buf out;

	if (!view || session->state == SESSION_LOGOUT)
		return;
	if (session->cmd && session->cmd->law.silent && !(session->enabled & ENABLED_CONDSTORE))
		view_forget_own(view);

	buf_init(&out, SYNC_BUFFER_MAX);
	tell_updates(session, search_updates_tell_removed);
	unsigned events = notify_selected(session);
	if (expunges && events & NOTIFY_MESSAGE_EXPUNGE)
		tell_gone(session, &out, false);
	else if (session->cmd && session->cmd->law.removed)
		tell_gone(session, &out, true);
	bool fresh = events & NOTIFY_MESSAGE_NEW && view_has_fresh(view);
	if (fresh)
		tell_exists(session, &out);
	if (events & NOTIFY_MESSAGE_NEW || view_recent(view) < view->recent_told)
		tell_recent(session, fresh, &out);
	/*
	 * The names of keywords are needed to understand the next answer, so they are told even if NOTIFY has
	 * switched off changes of flags.
	 */
	bool asked = session->cmd && !session->idling;
	if (asked || events & NOTIFY_FLAG_CHANGE)
		sync_add_keywords(session->view, &out);
	if (events & NOTIFY_FLAG_CHANGE && view_pending_flags(view) > 0)
		tell_flags(session, &out);
	flush_chunk(session, &out, 0);
	buf_fini(&out);
	tell_updates(session, search_updates_tell_added);
	if (!session->cmd)
		sync_modseq(session);
}

void sync_tell_new(struct session *session)
{
	struct view *view = session->view;
	struct buf out;

	if (!view || !view_has_fresh(view) || !(notify_selected(session) & NOTIFY_MESSAGE_NEW))
		return;
	buf_init(&out, SYNC_BUFFER_MAX);
	tell_exists(session, &out);
	tell_recent(session, true, &out);
	flush_chunk(session, &out, 0);
	buf_fini(&out);
}

/* These functions decide whether and what may be told while no command is about to end. */

/*
 * Sessions without NOTIFY are told while they idle, or if too much gathers; otherwise with the tagged line of
 * their next command.
 */
static void offer_plain(struct session *session)
{
	struct view *view = session->view;
	bool idling = session->idling && (view_dirty(view) || search_updates_due(session));
	bool gathered = !session->cmd && view_pending_flags(view) > VIEW_PENDING_SOON;

	if ((!idling && !gathered) || answer_full(session))
		return;
	sync_tell(session, idling);
	answer_flush(session);
}

/* Sessions with NOTIFY (RFC 5465) are told what its set allows; a job is submitted if one is needed. */
static void offer_notify(struct session *session)
{
	bool expunges = session->idling || notify_immediate(session);

	if ((session->cmd && !session->idling) || notify_sending(session) || answer_full(session))
		return;
	if (!session->input_waits && sync_due(session, expunges))
		sync_tell(session, expunges);
	if (!session->cmd)
		sync_modseq(session);
	notify_flush(session);
	/*
	 * A command that has arrived meanwhile is next, so that a stream of messages can't delay it for ever.
	 */
	if (session->input_waits)
		session_read_on(session);
	else
		notify_start(session);
	answer_flush(session);
}

void sync_offer(struct session *session)
{
	if (session->state == SESSION_LOGOUT)
		return;
	if (session->notify)
		offer_notify(session);
	else if (session->view)
		offer_plain(session);
}

/* HIGHESTMODSEQ. */

static void say_highest(struct session *session)
{
	answer_untagged(session, "OK [HIGHESTMODSEQ %" PRIu64 "] Highest", view_told_modseq(session->view));
}

void sync_modseq(struct session *session)
{
	struct view *view = session->view;
	if (!view || !(session->enabled & ENABLED_CONDSTORE))
		return;
	if (view->said > 0 && view->said > view_told_modseq(view)) {
		say_highest(session);
		view->lowered = true;
	} else if (view->lowered && seqset_empty(&view->gone)) {
		say_highest(session);
		view->lowered = false;
	}
	view->said = 0;
}

const char *sync_modseq_code(struct cmd *cmd)
{
	struct view *view = cmd->session->view;
	view->said = 0;
	view->lowered = false;
	return arena_printf(cmd->arena, "HIGHESTMODSEQ %" PRIu64, view_told_modseq(view));
}

void sync_condstore(struct session *session)
{
	if (session->enabled & ENABLED_CONDSTORE)
		return;
	session->enabled |= ENABLED_CONDSTORE;
	if (session->view)
		say_highest(session);
}

void sync_status(struct session *session, struct status_items *items)
{
	if (!(items->mask & 1u << STATUS_HIGHESTMODSEQ))
		return;
	sync_condstore(session);
	if (!session->view)
		return;
	items->selected = view_mailbox(session->view);
	items->told_modseq = view_told_modseq(session->view);
}
