/*
 * STARTTLS: the answer is sent in plain text, then the handshake begins.
 */
#include "imapd/command.h"
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"

static void starttls_run(struct cmd *cmd)
{
	struct session *session = cmd->session;
	if (session_is_tls(session)) {
		cmd_bad(cmd, "TLS is active already");
		return;
	}
	struct tls_ctx *tls = imapd_tls(session->hub->imapd);
	if (!tls) {
		cmd_bad(cmd, "TLS is not available");
		return;
	}
	cmd_ok(cmd, NULL, "Begin TLS negotiation now");
	if (session->state != SESSION_LOGOUT) {
		/* From here on no plain text is read or written; the connection throws away the input it
		 * holds. */
		session_start_tls(session, tls);
	}
	tls_ctx_unref(&tls);
}

const struct cmd_row cmd_starttls_rows[] = {
	{
		.name = "STARTTLS",
		.usage = "",
		.help = "begins TLS on a plain connection",
		.states = SESSION_NOT_AUTH,
		.parse = cmd_no_arguments,
		.run = starttls_run,
	},
	{ 0 },
};
