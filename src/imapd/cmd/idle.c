/*
 * IDLE (RFC 2177): the session is told of changes at once until the client sends DONE.
 */
#include "imapd/command.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "imapd/sync.h"

static void idle_run(struct cmd *cmd)
{
	struct session *session = cmd->session;
	cmd_wait_line(cmd);
	answer_continue(session, "idling");
	session_idle(session, true);
	answer_flush(session);
	sync_offer(session);
}

static void idle_line(struct cmd *cmd, struct strv line)
{
	session_idle(cmd->session, false);
	if (strv_ieq(strv_trim(line), STRV("DONE")))
		cmd_finish_rc(cmd, RC_OK);
	else
		cmd_bad(cmd, "DONE expected");
}

static void idle_cancel(struct cmd *cmd)
{
	session_idle(cmd->session, false);
}

const struct cmd_row cmd_idle_rows[] = {
	{
		.name = "IDLE",
		.usage = "",
		.help = "tells what changes as it happens, until the client sends DONE",
		.states = CMD_AUTH_STATES,
		.capability = "IDLE",
		.parse = cmd_no_arguments,
		.run = idle_run,
		.line = idle_line,
		.cancel = idle_cancel,
	},
	{ 0 },
};
