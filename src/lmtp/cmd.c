/*
 * The command table of LMTP, and the functions of its rows. Each row says in which states its command is
 * allowed and which form its arguments have; both are checked before the row's function runs.
 */
#include "lmtp/cmd.h"

#include "lmtp/session.h"
#include "net/conn.h"

#include <inttypes.h>
#include <stdio.h>

#define IN_START (1u << LMTP_START)
#define IN_READY (1u << LMTP_READY)
#define IN_MAIL (1u << LMTP_MAIL)
#define IN_ANY (IN_START | IN_READY | IN_MAIL)

enum lmtp_cmd_args {
	ARGS_NONE, /* an argument is an error */
	ARGS_FREE, /* the function reads them, or they are ignored */
	ARGS_PATH /* the prefix, then a path in angle brackets and parameters */
};

struct lmtp_cmd {
	const char *name;
	unsigned states; /* IN_...: the states in which it is allowed */
	const char *early; /* text of the 503 before those states */
	const char *late; /* text of the 503 after those states */
	enum lmtp_cmd_args args;
	const char *prefix; /* of ARGS_PATH, such as "TO:"; taken off before the function runs */
	void (*run)(struct lmtp_session *session, struct strv args);
};

/*
 * Keeps the client's name for the Received field: characters that could end a comment or a line there become
 * "?".
 */
static void lmtp_cmd_keep_helo(struct lmtp_session *session, struct strv name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		session->helo[i] = (char)(c > ' ' && c < 0x7f && !strchr("()\\\"<>;", c) ? c : '?');
	}
	session->helo[name.n] = '\0';
}

static void lmtp_cmd_lhlo(struct lmtp_session *session, struct strv args)
{
	static const char *const extensions[] = { "PIPELINING", "8BITMIME", "SMTPUTF8",
		"ENHANCEDSTATUSCODES" };
	const struct lmtp_settings *settings = lmtp_session_settings(session);
	struct strv name = strv_trim(args);

	if (name.n == 0 || name.n >= sizeof(session->helo)) {
		lmtp_session_reply(session, 501, "5.5.4", "LHLO needs the client's name");
		return;
	}
	lmtp_cmd_keep_helo(session, name);
	lmtp_transaction_reset(&session->transaction);
	lmtp_session_move(session, LMTP_READY);
	lmtp_session_reply_part(session, 250, settings->hostname);
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		lmtp_session_reply_part(session, 250, extensions[i]);
	lmtp_session_reply(session, 250, NULL, "SIZE %" PRIu64, settings->message_max);
}

static void lmtp_cmd_mail(struct lmtp_session *session, struct strv args)
{
	struct smtp_reply refusal;

	if (!lmtp_transaction_mail(&session->transaction, args, &refusal)) {
		lmtp_session_reply(session, refusal.code, refusal.status, "%s", refusal.text);
		return;
	}
	lmtp_session_move(session, LMTP_MAIL);
	lmtp_session_reply(session, 250, "2.1.0", "OK");
}

/* Begins RCPT. The reply is sent when the users table has answered. */
static void lmtp_cmd_rcpt(struct lmtp_session *session, struct strv args)
{
	struct smtp_reply refusal;

	if (lmtp_transaction_rcpt(&session->transaction, args, &refusal))
		lmtp_session_move(session, LMTP_LOOKUP);
	else
		lmtp_session_reply(session, refusal.code, refusal.status, "%s", refusal.text);
}

static void lmtp_cmd_data(struct lmtp_session *session, struct strv args)
{
	struct smtp_reply refusal;

	(void)args;
	if (!lmtp_transaction_data(
		    &session->transaction, session->helo, conn_peer(session->conn), &refusal)) {
		lmtp_session_reply(session, refusal.code, refusal.status, "%s", refusal.text);
		return;
	}
	lmtp_session_move(session, LMTP_DATA);
	lmtp_session_reply(session, 354, NULL, "end with <CRLF>.<CRLF>");
}

static void lmtp_cmd_rset(struct lmtp_session *session, struct strv args)
{
	(void)args;
	lmtp_transaction_reset(&session->transaction);
	if (session->state != LMTP_START)
		lmtp_session_move(session, LMTP_READY);
	lmtp_session_reply(session, 250, "2.0.0", "OK");
}

static void lmtp_cmd_noop(struct lmtp_session *session, struct strv args)
{
	(void)args;
	lmtp_session_reply(session, 250, "2.0.0", "OK");
}

static void lmtp_cmd_vrfy(struct lmtp_session *session, struct strv args)
{
	(void)args;
	lmtp_session_reply(session, 252, "2.5.0", "try RCPT");
}

static void lmtp_cmd_quit(struct lmtp_session *session, struct strv args)
{
	(void)args;
	lmtp_session_reply(session, 221, "2.0.0", "%s closing", lmtp_session_settings(session)->hostname);
	lmtp_session_close(session);
}

/* RFC 2033 section 4.1: LMTP must not answer HELO and EHLO with success. */
static void lmtp_cmd_helo(struct lmtp_session *session, struct strv args)
{
	(void)args;
	lmtp_session_refuse(session, 500, "5.5.1", "this is LMTP: say LHLO");
}

static const struct lmtp_cmd cmds[] = {
	{ .name = "LHLO", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_lhlo },
	{ .name = "MAIL",
		.states = IN_READY,
		.early = "LHLO first",
		.late = "MAIL was given",
		.args = ARGS_PATH,
		.prefix = "FROM:",
		.run = lmtp_cmd_mail },
	{ .name = "RCPT",
		.states = IN_MAIL,
		.early = "MAIL first",
		.args = ARGS_PATH,
		.prefix = "TO:",
		.run = lmtp_cmd_rcpt },
	{ .name = "DATA", .states = IN_MAIL, .early = "MAIL first", .args = ARGS_NONE, .run = lmtp_cmd_data },
	{ .name = "RSET", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_rset },
	{ .name = "NOOP", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_noop },
	{ .name = "VRFY", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_vrfy },
	{ .name = "QUIT", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_quit },
	{ .name = "HELO", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_helo },
	{ .name = "EHLO", .states = IN_ANY, .args = ARGS_FREE, .run = lmtp_cmd_helo },
};

static const struct lmtp_cmd *lmtp_cmd_find(struct strv name)
{
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strv_ieq(name, strv_cstr(cmds[i].name)))
			return &cmds[i];
	}
	return NULL;
}

/* Takes "FROM:" or "TO:" and the spaces after it off. False: it is not there. */
static bool lmtp_cmd_take_prefix(struct strv *args, struct strv prefix)
{
	if (!strv_istarts(*args, prefix))
		return false;
	*args = strv_sub(*args, prefix.n, args->n);
	while (args->n > 0 && args->p[0] == ' ')
		*args = strv_sub(*args, 1, args->n);
	return true;
}

/* Checks that the arguments have the form of the row. False: they do not, and the reply has been sent. */
static bool lmtp_cmd_check_args(struct lmtp_session *session, const struct lmtp_cmd *cmd, struct strv *args)
{
	char text[64];

	switch (cmd->args) {
	case ARGS_FREE:
		return true;
	case ARGS_NONE:
		if (args->n == 0)
			return true;
		snprintf(text, sizeof(text), "%s takes no argument", cmd->name);
		break;
	case ARGS_PATH:
		if (lmtp_cmd_take_prefix(args, strv_cstr(cmd->prefix)))
			return true;
		snprintf(text, sizeof(text), "expected %s %s<address>", cmd->name, cmd->prefix);
		break;
	}
	lmtp_session_refuse(session, 501, "5.5.4", text);
	return false;
}

void lmtp_cmd_run(struct lmtp_session *session, struct strv line)
{
	size_t space = strv_index(line, ' ');
	struct strv args = strv_sub(line, space + 1, line.n);
	const struct lmtp_cmd *cmd = lmtp_cmd_find(strv_sub(line, 0, space));
	unsigned state = 1u << session->state;

	if (!cmd)
		lmtp_session_refuse(session, 500, "5.5.1", "unknown command");
	else if (!(cmd->states & state))
		lmtp_session_refuse(session, 503, "5.5.1", state < cmd->states ? cmd->early : cmd->late);
	else if (lmtp_cmd_check_args(session, cmd, &args))
		cmd->run(session, args);
}
