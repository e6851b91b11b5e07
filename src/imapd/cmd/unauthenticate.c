/*
 * UNAUTHENTICATE (RFC 8437): the connection returns to the state before login. It is not announced, and
 * refused, while COMPRESS is active: the end of the compressed stream can't be told from what follows it.
 */
#include "imapd/command.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"

static void unauthenticate_run(struct cmd *cmd)
{
	if (session_is_deflate(cmd->session)) {
		cmd_bad(cmd, "Not possible while compression is active");
		return;
	}
	session_unauthenticate(cmd->session);
	cmd_ok(cmd, NULL, "Log in again");
}

const struct cmd_row cmd_unauthenticate_rows[] = {
	{
		.name = "UNAUTHENTICATE",
		.usage = "",
		.help = "logs out and keeps the connection",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NO_SYNC,
		.parse = cmd_no_arguments,
		.run = unauthenticate_run,
	},
	{ 0 },
};
