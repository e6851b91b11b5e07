/*
 * Commands of every state.
 */
#include "imapd/capability.h"
#include "imapd/command.h"
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/answer.h"
#include "imap/print.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"

#include <inttypes.h>

#define ANY_LINE_MAX 8192

static void capability_run(struct cmd *cmd)
{
	struct buf out;
	buf_init(&out, ANY_LINE_MAX);
	buf_adds(&out, "* ");
	capability_print(&out, cmd->session);
	buf_adds(&out, "\r\n");
	answer_own(cmd->session, &out);
	cmd_finish_rc(cmd, RC_OK);
}

static void noop_run(struct cmd *cmd)
{
	cmd_finish_rc(cmd, RC_OK);
}

static void logout_run(struct cmd *cmd)
{
	struct session *session = cmd->session;
	answer_untagged(session, "BYE Logging out");
	cmd_finish_rc(cmd, RC_OK);
	session_end(session);
}

/* "NIL", or else a string or an atom: ("version" 1.2) is what many send. */
static bool id_parse_value(struct parse *parse, struct strv *ret_value)
{
	*ret_value = STRV("NIL");
	return parse_keyword(parse, "NIL") || parse_data(parse, ret_value);
}

/* The client's fields go to the log, which cuts each value. Further fields are read and ignored. */
static bool cmd_any_id_parse(struct cmd *cmd, struct parse *parse)
{
	struct log *log = cmd->session->hub->imapd->log;
	struct strv name;
	struct strv value;
	size_t fields = 0;

	if (parse_keyword(parse, "NIL"))
		return parse_end(parse);
	if (!parse_char(parse, '('))
		return false;
	if (parse_skip(parse, ')'))
		return parse_end(parse);
	do {
		if (!parse_string(parse, &name) || !parse_sp(parse) || !id_parse_value(parse, &value))
			return false;
		if (++fields > ID_FIELDS_MAX)
			continue;
		log_debug(log, "imap client id=%" PRIu64 " field=%s value=%s", cmd->session->id, LOG_V(name),
			LOG_V(value));
	} while (parse_more(parse));
	return parse_char(parse, ')') && parse_end(parse);
}

static void id_run(struct cmd *cmd)
{
	const struct imapd_settings *settings = cmd->session->settings;
	struct buf out;

	buf_init(&out, ANY_LINE_MAX);
	buf_adds(&out, settings->id_field_count > 0 ? "* ID (" : "* ID NIL");
	for (size_t i = 0; i < settings->id_field_count; i++) {
		struct strv field = strv_cstr(settings->id_fields[i]);
		size_t equals = strv_index(field, '=');
		buf_adds(&out, i > 0 ? " " : "");
		print_astring(&out, strv_sub(field, 0, equals));
		buf_addc(&out, ' ');
		print_astring(&out, strv_sub(field, equals + 1, field.n));
	}
	buf_adds(&out, settings->id_field_count > 0 ? ")\r\n" : "\r\n");
	if (buf_ok(&out))
		answer_raw(cmd->session, buf_strv(&out));
	buf_fini(&out);
	cmd_finish_rc(cmd, RC_OK);
}

const struct cmd_row cmd_any_rows[] = {
	{
		.name = "CAPABILITY",
		.usage = "",
		.help = "tells what the server can do in this state",
		.states = CMD_ANY_STATE,
		.parse = cmd_no_arguments,
		.run = capability_run,
	},
	{
		.name = "NOOP",
		.usage = "",
		.help = "does nothing; tells what has changed",
		.states = CMD_ANY_STATE,
		.parse = cmd_no_arguments,
		.run = noop_run,
	},
	{
		.name = "LOGOUT",
		.usage = "",
		.help = "says BYE and ends the connection",
		.states = CMD_ANY_STATE,
		.flags = CMD_NO_SYNC,
		.parse = cmd_no_arguments,
		.run = logout_run,
	},
	{
		.name = "ID",
		.usage = "NIL | (field value ...)",
		.help = "tells which program the client is, asks which the server is",
		.states = CMD_ANY_STATE,
		.capability = "ID",
		.parse = cmd_any_id_parse,
		.run = id_run,
	},
	{ 0 },
};
