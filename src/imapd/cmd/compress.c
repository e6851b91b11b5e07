/*
 * COMPRESS (RFC 4978).
 */
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"

struct compress_args {
	struct strv algorithm;
};

static bool compress_parse(struct cmd *cmd, struct parse *parse)
{
	struct compress_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_atom(parse, &args->algorithm) && parse_end(parse);
}

static void compress_run(struct cmd *cmd)
{
	const struct compress_args *args = cmd->args;
	struct session *session = cmd->session;

	if (!strv_ieq(args->algorithm, STRV("DEFLATE"))) {
		cmd_bad(cmd, "Unknown compression mechanism");
		return;
	}
	if (!session->settings->compress) {
		cmd_no(cmd, "CANNOT", "COMPRESS is switched off");
		return;
	}
	if (session_is_deflate(session)) {
		cmd_no(cmd, "COMPRESSIONACTIVE", "DEFLATE is active already");
		return;
	}
	cmd_ok(cmd, NULL, "DEFLATE active");
	if (session->state == SESSION_LOGOUT)
		return;
	/* All further input is compressed; the rest of this turn's input comes again, inflated. */
	if (session_start_deflate(session) != RC_OK)
		session_bye(session, "UNAVAILABLE", "Compression failed");
}

const struct cmd_row cmd_compress_rows[] = {
	{
		.name = "COMPRESS",
		.usage = "DEFLATE",
		.help = "compresses both directions from now on",
		.states = CMD_AUTH_STATES,
		.parse = compress_parse,
		.run = compress_run,
	},
	{ 0 },
};
