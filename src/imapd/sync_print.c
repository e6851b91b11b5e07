/*
 * Prints FLAGS, PERMANENTFLAGS and VANISHED.
 */
#include "imapd/sync_print.h"

#include "imap/print.h"
#include "imapd/answer.h"
#include "imapd/session.h"
#include "imapd/view_priv.h"
#include "store/message.h"

#include <string.h>

/* Ranges in a line of VANISHED: 21 octets each at most, so that the line stays below 8 KiB. */
#define VANISHED_RANGES 350
/* Two lines with all keywords of a mailbox fit. */
#define KEYWORDS_BUFFER_MAX (1024 * 1024)

void sync_print_flags(struct buf *out, const struct view *view)
{
	size_t count;
	const struct strv *names = view_keywords(view, &count);
	struct keyword_set all;

	memset(&all, 0xff, sizeof(all));
	buf_adds(out, "* FLAGS ");
	print_flags(out, MSG_FLAGS_CLIENT, false, all.first, all.more, names, count);
	buf_adds(out, "\r\n* OK [PERMANENTFLAGS ");
	if (view_read_only(view)) {
		buf_adds(out, "()] No flags can be changed\r\n");
		return;
	}
	print_flags(out, MSG_FLAGS_CLIENT, false, all.first, all.more, names, count);
	/* RFC 9051 section 7.1: there is room for a new one. */
	if (count < MBOX_KEYWORDS_MAX) {
		out->len--;
		buf_adds(out, " \\*)");
	}
	buf_adds(out, "] Flags permitted\r\n");
}

void sync_print_vanished(struct buf *out, const struct seqset *uids, bool earlier)
{
	for (size_t i = 0; i < uids->n; i += VANISHED_RANGES) {
		size_t n = uids->n - i < VANISHED_RANGES ? uids->n - i : VANISHED_RANGES;
		struct seqset part = { .v = uids->v + i, .n = n, .cap = n };
		buf_adds(out, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
		seqset_print(out, &part);
		buf_adds(out, "\r\n");
	}
}

void sync_add_keywords(struct view *view, struct buf *out)
{
	if (!view->keywords_changed)
		return;
	view->keywords_changed = false;
	sync_print_flags(out, view);
}

void sync_tell_keywords(struct session *session)
{
	struct buf out;

	if (!session->view || !session->view->keywords_changed)
		return;
	buf_init(&out, KEYWORDS_BUFFER_MAX);
	sync_add_keywords(session->view, &out);
	answer_own(session, &out);
}
