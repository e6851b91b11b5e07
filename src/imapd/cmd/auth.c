/*
 * LOGIN and AUTHENTICATE: the two ways to give a name and a password to the folder auth, which checks them.
 */
#include "base/mem.h"
#include "base/str.h"
#include "imapd/capability.h"
#include "imapd/command.h"
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "store/account_lock.h"

#include <stdlib.h>

struct login {
	struct auth_request request;
	struct hub *hub; /* borrowed */
};

/* The arguments of LOGIN and AUTHENTICATE, for `run` and `line`. */
struct auth_args {
	struct strv user; /* LOGIN */
	struct strv password;
	bool plain; /* AUTHENTICATE PLAIN; otherwise the mechanism is not supported */
	bool initial; /* it came with a response */
	struct strv response; /* base64, a view into the line */
};

static void log_accepted(struct session *session, const struct auth_request *request)
{
	const char *tls = session_is_tls(session) ? session_tls_version(session) : "none";
	log_info(session->hub->imapd->log, "imap login user=%s rip=%s tls=%s mechanism=%s",
		LOG_V(strv_cstr(request->name)), session_peer(session), LOG_V(strv_cstr(tls)),
		request->mechanism);
}

static void cmd_auth_accepted(struct cmd *cmd, const struct auth_request *request)
{
	struct session *session = cmd->session;
	if (store_account_locked(session->hub->imapd->store, request->account_id)) {
		cmd_finish_rc(cmd, RC_UNAVAILABLE);
		return;
	}
	if (session_login(session, request->account_id, request->name) != RC_OK) {
		cmd_no(cmd, "LIMIT", "Too many connections of this user");
		return;
	}
	account_quota_set(session->account, request->quota_storage, request->quota_messages);
	atomic_fetch_add_explicit(&session->hub->imapd->logins, 1, memory_order_relaxed);
	log_accepted(session, request);
	cmd_ok(cmd, capability_code(session), "Logged in");
}

/* Handles a refused login, which auth has logged already. */
static void cmd_auth_refused(struct cmd *cmd, const struct auth_request *request)
{
	struct session *session = cmd->session;
	atomic_fetch_add_explicit(&session->hub->imapd->login_failures, 1, memory_order_relaxed);
	cmd_finish_rc(cmd, request->rc);
	/* A login while the server is busy counts as a bad command, so that nobody can keep it busy. */
	if (request->rc == RC_BUSY)
		session_bad_command(session);
	if (++session->login_failures >= LOGIN_FAILURES_MAX)
		session_bye(session, NULL, "Too many failed logins");
}

static void login_done(struct auth_request *request)
{
	struct login *login = request->ctx;
	struct session *session = hub_session(login->hub, request->asker);

	if (session)
		session->login = NULL;
	struct cmd *cmd = session ? cmd_auth_answered(session) : NULL;
	if (cmd && request->rc == RC_OK)
		cmd_auth_accepted(cmd, request);
	else if (cmd)
		cmd_auth_refused(cmd, request);
	free(login);
}

static void cmd_auth_check(struct cmd *cmd, const char *mechanism, struct strv user, struct strv password)
{
	struct session *session = cmd->session;
	struct login *login = mem_zalloc(sizeof(*login));
	login->hub = session->hub;
	login->request = (struct auth_request){
		.user = user,
		.password = password,
		.peer = session_peer(session),
		.mechanism = mechanism,
		.home = session->hub->reactor,
		.asker = session->id,
		.done = login_done,
		.ctx = login,
	};
	cmd_wait_auth(cmd);
	session->login = &login->request;
	auth_check(session->hub->imapd->auth, &login->request);
}

/* LOGIN */

static bool login_parse(struct cmd *cmd, struct parse *parse)
{
	struct auth_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_astring(parse, &args->user) && parse_sp(parse) &&
	       parse_astring(parse, &args->password) && parse_end(parse);
}

static void login_run(struct cmd *cmd)
{
	struct auth_args *args = cmd->args;
	if (session_secure(cmd->session))
		cmd_auth_check(cmd, "LOGIN", args->user, args->password);
	else
		cmd_no(cmd, "PRIVACYREQUIRED", "Passwords are accepted under TLS only");
}

/* AUTHENTICATE */

/* Handles the base64 of a SASL PLAIN message. */
static void plain_response(struct cmd *cmd, struct strv base64)
{
	struct buf message;
	struct strv authzid;
	struct strv user;
	struct strv password;

	buf_init(&message, SASL_MESSAGE_MAX);
	if (str_base64_decode(&message, base64) != RC_OK) {
		cmd_bad(cmd, "Invalid base64");
	} else if (sasl_plain_parse(buf_strv(&message), &authzid, &user, &password) != RC_OK) {
		/*
		 * The exchange was well formed (even an empty response is), so this is a failed
		 * authentication.
		 */
		cmd_no(cmd, "AUTHENTICATIONFAILED", "Invalid PLAIN message");
	} else if (authzid.n > 0 && !strv_ieq(authzid, user)) {
		cmd_no(cmd, "AUTHORIZATIONFAILED", "Authorization failed: no acting for others");
	} else {
		cmd_auth_check(cmd, "PLAIN", user, password);
	}
	buf_wipe(&message);
}

static bool authenticate_parse(struct cmd *cmd, struct parse *parse)
{
	struct auth_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	struct strv mechanism;
	cmd->args = args;
	if (!parse_atom(parse, &mechanism))
		return false;
	args->plain = strv_ieq(mechanism, STRV("PLAIN"));
	if (!parse_more(parse))
		return parse_end(parse);
	args->initial = true;
	args->response = strv_trim(parse_rest(parse));
	return true;
}

static void authenticate_run(struct cmd *cmd)
{
	struct auth_args *args = cmd->args;
	if (!args->plain) {
		cmd_no(cmd, "CANNOT", "Authentication mechanism is not supported");
	} else if (!session_secure(cmd->session)) {
		cmd_no(cmd, "PRIVACYREQUIRED", "Passwords are accepted under TLS only");
	} else if (args->initial) {
		/* RFC 4959: a lone "=" is an empty response. */
		plain_response(cmd, strv_eq(args->response, STRV("=")) ? STRV("") : args->response);
	} else {
		cmd_wait_line(cmd);
		answer_continue(cmd->session, "");
	}
}

static void authenticate_line(struct cmd *cmd, struct strv line)
{
	if (strv_eq(line, STRV("*")))
		cmd_bad(cmd, "Authentication cancelled");
	else
		plain_response(cmd, line);
}

const struct cmd_row cmd_auth_rows[] = {
	{
		.name = "LOGIN",
		.usage = "user password",
		.help = "logs in with a password, under TLS",
		.states = SESSION_NOT_AUTH,
		.flags = CMD_SENSITIVE,
		.parse = login_parse,
		.run = login_run,
	},
	{
		.name = "AUTHENTICATE",
		.usage = "PLAIN [initial-response]",
		.help = "logs in by SASL, under TLS",
		.states = SESSION_NOT_AUTH,
		.flags = CMD_SENSITIVE,
		.parse = authenticate_parse,
		.run = authenticate_run,
		.line = authenticate_line,
	},
	{ 0 },
};
