/* Sends INPROGRESS for commands that wait for the store; a timer of the hub looks at them. */
#include "imapd/progress.h"

#include "base/clock.h"
#include "imapd/command.h"
#include "imapd/hub.h"
#include "imapd/imapd.h"
#include "imapd/answer.h"
#include "imap/print.h"
#include "imapd/session.h"

#include <inttypes.h>

#define PROGRESS_LINE_MAX 2048

void progress_print(struct buf *out, struct strv tag, uint64_t done, uint64_t total)
{
	bool tellable = tag.n <= PROGRESS_TAG_MAX && strv_index(tag, ']') == tag.n;

	buf_adds(out, "* OK [INPROGRESS (");
	if (tellable)
		print_astring(out, tag);
	else
		buf_adds(out, "NIL");
	if (total > 0)
		buf_printf(out, " %" PRIu64 " %" PRIu64, done, total);
	else if (done > 0)
		buf_printf(out, " %" PRIu64 " NIL", done);
	else
		buf_adds(out, " NIL NIL");
	buf_adds(out, ")] Still working\r\n");
}

/* Tells whether INPROGRESS may be sent: only between responses, only if the client reads, and not if only
 * the tagged line is left. */
static bool may_tell(const struct cmd *cmd)
{
	return cmd->job && !cmd->law.in_response && !answer_full(cmd->session) &&
	       (cmd->total == 0 || cmd->done < cmd->total) && cmd->session->state != SESSION_LOGOUT;
}

static void progress_tell(struct cmd *cmd)
{
	struct buf out;

	buf_init(&out, PROGRESS_LINE_MAX);
	progress_print(&out, cmd->tag, cmd->done, cmd->total);
	answer_own(cmd->session, &out);
	answer_flush(cmd->session);
}

static void progress_on_timer(void *arg)
{
	struct hub *hub = arg;
	uint64_t now = clock_mono_ms();
	uint64_t next = UINT64_MAX;

	LIST_EACH (node, &hub->waiting) {
		struct cmd *cmd = CONTAINER_OF(node, struct cmd, in_waiting);
		if (cmd->progress_due <= now) {
			cmd->progress_due = now + cmd->session->settings->progress_ms;
			if (may_tell(cmd))
				progress_tell(cmd);
		}
		if (cmd->progress_due < next)
			next = cmd->progress_due;
	}
	if (next != UINT64_MAX)
		timer_set(&hub->waiting_timer, next - now);
}

void progress_init(struct hub *hub)
{
	list_init(&hub->waiting);
	timer_init(&hub->waiting_timer, hub->reactor, progress_on_timer, hub);
}

void progress_fini(struct hub *hub)
{
	timer_fini(&hub->waiting_timer);
}

void progress_watch(struct cmd *cmd)
{
	struct hub *hub = cmd->session->hub;
	uint64_t interval = cmd->session->settings->progress_ms;

	if (interval == 0 || list_linked(&cmd->in_waiting))
		return;
	cmd->progress_due = clock_mono_ms() + interval;
	list_append(&hub->waiting, &cmd->in_waiting);
	/* Sessions that began before a reload may have another interval. */
	if (!timer_pending(&hub->waiting_timer) || hub->waiting_timer.due > cmd->progress_due)
		timer_set(&hub->waiting_timer, interval);
}

void progress_forget(struct cmd *cmd)
{
	list_remove(&cmd->in_waiting);
}
