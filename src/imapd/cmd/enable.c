/*
 * ENABLE (RFC 5161): turns extensions on. They stay on until the session ends or UNAUTHENTICATE.
 */
#include "imapd/command.h"
#include "base/mem.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"

static const struct {
	const char *name;
	enum session_enabled bit;
} extensions[] = {
	{ "CONDSTORE", ENABLED_CONDSTORE },
	{ "QRESYNC", ENABLED_QRESYNC },
	{ "UTF8=ACCEPT", ENABLED_UTF8 },
	{ "UIDONLY", ENABLED_UIDONLY },
	{ "IMAP4rev2", ENABLED_REV2 },
};

struct enable_args {
	unsigned asked; /* enum session_enabled bits */
};

/* Unknown names are ignored (RFC 5161 section 3.1). */
static bool enable_parse(struct cmd *cmd, struct parse *parse)
{
	struct enable_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	struct strv name;
	cmd->args = args;
	do {
		if (!parse_atom(parse, &name))
			return false;
		for (size_t i = 0; i < COUNT_OF(extensions); i++) {
			if (strv_ieq(name, strv_cstr(extensions[i].name)))
				args->asked |= extensions[i].bit;
		}
	} while (parse_more(parse));
	return parse_end(parse);
}

static void enable_run(struct cmd *cmd)
{
	const struct enable_args *args = cmd->args;
	struct session *session = cmd->session;
	struct buf out;

	buf_init(&out, 256);
	buf_adds(&out, "* ENABLED");
	for (size_t i = 0; i < COUNT_OF(extensions); i++) {
		if (args->asked & extensions[i].bit)
			buf_printf(&out, " %s", extensions[i].name);
	}
	buf_adds(&out, "\r\n");
	answer_own(session, &out);
	/* QRESYNC includes CONDSTORE (RFC 7162 section 3.2.3). */
	if (args->asked & (ENABLED_CONDSTORE | ENABLED_QRESYNC))
		sync_condstore(session);
	session->enabled |= args->asked;
	if (args->asked & ENABLED_REV2 && session->view)
		view_forget_recent(session->view);
	cmd_finish_rc(cmd, RC_OK);
}

const struct cmd_row cmd_enable_rows[] = {
	{
		.name = "ENABLE",
		.usage = "extension ...",
		.help = "turns on CONDSTORE, QRESYNC, UTF8=ACCEPT, UIDONLY or IMAP4rev2",
		.states = CMD_AUTH_STATES,
		.capability = "ENABLE",
		.parse = enable_parse,
		.run = enable_run,
	},
	{ 0 },
};
