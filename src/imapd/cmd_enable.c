#include "imapd/command.h"
#include "imapd/resp.h"
#include "imapd/rows.h"

/* Names that nobody knows are ignored (RFC 5161 section 3.1). No announced extension needs enabling yet. */
static bool enable_parse(struct cmd *cmd, struct parse *parse)
{
	struct strv name;
	(void)cmd;
	do {
		if (!parse_atom(parse, &name))
			return false;
	} while (parse_skip(parse, ' '));
	return parse_end(parse);
}

static void enable_run(struct cmd *cmd)
{
	resp_untagged(cmd->session, "ENABLED");
	cmd_finish_rc(cmd, RC_OK);
}

const struct cmd_row cmd_enable_rows[] = {
	{
		.name = "ENABLE",
		.states = CMD_AUTH_STATES,
		.capability = "ENABLE",
		.parse = enable_parse,
		.run = enable_run,
	},
	{ 0 },
};
