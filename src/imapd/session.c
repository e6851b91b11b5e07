/* One session: the events of its connection (bytes, room, end), its timers, its states, login and logout. */
#include "imapd/session.h"

#include "base/mem.h"
#include "imapd/capability.h"
#include "imapd/command.h"
#include "imapd/search_update.h"
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/notify.h"
#include "imapd/answer.h"
#include "imapd/sync.h"
#include "imapd/view.h"
#include "net/conn.h"

#include <inttypes.h>
#include <assert.h>
#include <stdlib.h>

#define IN_HIGH (64 * 1024)
#define WRITE_MS (5 * 60 * 1000)
#define TLS_MS (30 * 1000)

/* State. */

static bool imapd_session_may_move(enum session_state from, enum session_state to)
{
	switch (from) {
	case SESSION_GREETING:
		return to == SESSION_NOT_AUTH || to == SESSION_LOGOUT;
	case SESSION_NOT_AUTH:
		return to == SESSION_AUTH || to == SESSION_LOGOUT;
	case SESSION_AUTH:
		return to == SESSION_SELECTED || to == SESSION_NOT_AUTH || to == SESSION_LOGOUT;
	case SESSION_SELECTED:
		return to == SESSION_AUTH || to == SESSION_LOGOUT;
	case SESSION_LOGOUT:
		return false;
	}
	return false;
}

void session_move(struct session *session, enum session_state to)
{
	if (!imapd_session_may_move(session->state, to)) {
		log_error(session->hub->imapd->log, "impossible imap session state from=%d to=%d",
			(int)session->state, (int)to);
		abort();
	}
	session->state = to;
}

/* Ending. */

void session_end(struct session *session)
{
	if (session->state == SESSION_LOGOUT)
		return;
	session_idle(session, false);
	session_move(session, SESSION_LOGOUT);
	timer_cancel(&session->timer);
	conn_close(session->conn);
}

void session_bye(struct session *session, const char *code, const char *text)
{
	if (session->state == SESSION_LOGOUT)
		return;
	bool broken = (session->cmd && session->cmd->law.in_response) || notify_in_response(session);
	bool handshake =
		session->tls_pending || (session->state == SESSION_GREETING && session->implicit_tls);
	if (broken || handshake) {
		/* A text would be taken for a part of the literal, or would be sent in the middle of a
		 * handshake. */
		session_idle(session, false);
		session_move(session, SESSION_LOGOUT);
		timer_cancel(&session->timer);
		conn_abort(session->conn);
		return;
	}
	if (code)
		answer_untagged(session, "BYE [%s] %s", code, text);
	else
		answer_untagged(session, "BYE %s", text);
	session_end(session);
}

void session_bad_command(struct session *session)
{
	session->bad_commands++;
	if (session->settings->bad_commands_max > 0 &&
		session->bad_commands >= session->settings->bad_commands_max)
		session_bye(session, NULL, "Too many bad commands");
}

static void imapd_session_free(struct session *session)
{
	struct imapd *imapd = session->hub->imapd;

	cmd_drop(session);
	session_idle(session, false);
	timer_fini(&session->timer);
	search_updates_free(session);
	notify_free(session);
	view_free(&session->view);
	if (session->watching)
		change_unwatch(session->account, &session->hub->sink);
	hub_remove(session->hub, session);
	if (session->login)
		auth_cancel(imapd->auth, session->login);
	if (session->account)
		account_unref(&session->account);
	if (session->counted)
		admission_logout(imapd->admission, session->user, &session->ticket);
	admission_leave(imapd->admission, &session->ticket);
	atomic_fetch_add_explicit(&imapd->bytes_in, conn_bytes_in(session->conn), memory_order_relaxed);
	atomic_fetch_add_explicit(&imapd->bytes_out, conn_bytes_out(session->conn), memory_order_relaxed);
	atomic_fetch_sub_explicit(&imapd->sessions, 1, memory_order_relaxed);
	lex_fini(&session->lex);
	imapd_settings_unref(&session->settings);
	free(session->user);
	free(session);
}

/* Timers. */

static void imapd_session_arm(struct session *session)
{
	const struct imapd_settings *settings = session->settings;
	if (!session->idling)
		timer_set(&session->timer, settings->timeout_ms);
	else if (settings->idle_keepalive_ms > 0)
		timer_set(&session->timer, settings->idle_keepalive_ms);
	else
		timer_cancel(&session->timer);
}

static void imapd_session_on_timer(void *arg)
{
	struct session *session = arg;
	switch (session->state) {
	case SESSION_GREETING:
	case SESSION_NOT_AUTH:
		session_bye(session, NULL, "Login took too long");
		return;
	case SESSION_LOGOUT:
		return;
	case SESSION_AUTH:
	case SESSION_SELECTED:
		break;
	}
	if (session->idling) {
		if (!notify_in_response(session))
			answer_untagged(session, "OK Still here");
		conn_flush(session->conn);
		imapd_session_arm(session);
	} else if ((session->cmd && session->cmd->job) || notify_sending(session) ||
		   conn_out_length(session->conn) > 0) {
		/* The session is busy for its client. If the connection takes no output, its own limit
		 * ends it. */
		imapd_session_arm(session);
	} else {
		session_bye(session, NULL, "Autologout, idle for too long");
	}
}

void session_idle(struct session *session, bool on)
{
	if (session->idling == on)
		return;
	session->idling = on;
	if (on) {
		atomic_fetch_add_explicit(&session->hub->imapd->idling, 1, memory_order_relaxed);
		lex_release(&session->lex);
		conn_idle(session->conn);
		imapd_session_arm(session);
	} else {
		atomic_fetch_sub_explicit(&session->hub->imapd->idling, 1, memory_order_relaxed);
	}
}

void session_command_done(struct session *session)
{
	if (session->state == SESSION_LOGOUT)
		return;
	if (session->stopping) {
		session_bye(session, NULL, "Server is shutting down");
		return;
	}
	if (session->state != SESSION_NOT_AUTH)
		imapd_session_arm(session);
	sync_offer(session);
	if (!session->reading)
		conn_kick(session->conn);
}

/* Input. */

static bool takes_input(const struct session *session)
{
	if (session->state == SESSION_GREETING || session->state == SESSION_LOGOUT || session->tls_pending)
		return false;
	if (session->deflate_begun)
		return false;
	if ((session->cmd && session->cmd->input_paused) || notify_sending(session))
		return false;
	return !conn_out_full(session->conn);
}

/* Handles one event of the assembler. False: nothing more to do for now. */
static bool imapd_session_step(struct session *session, struct strv *in)
{
	struct strv bytes = STRV_NULL;
	struct cmd *cmd;

	switch (lex_feed(&session->lex, in, &bytes)) {
	case LEX_MORE:
		return false;
	case LEX_COMMAND:
		cmd = session->cmd;
		if (cmd && session->lex.raw)
			cmd_line(session);
		else
			cmd_begin(session);
		break;
	case LEX_LITERAL:
		cmd_literal(session);
		break;
	case LEX_STREAM:
		/* A literal that is still coming counts as activity, however slow the line is. */
		imapd_session_arm(session);
		session->cmd->row->literal_bytes(session->cmd, bytes);
		break;
	case LEX_STREAM_END:
		session->cmd->row->literal_end(session->cmd);
		break;
	case LEX_TOO_LONG:
		cmd_spoiled(session, "Line is too long");
		break;
	case LEX_BAD:
		cmd_spoiled(session, "NUL or bare CR in a command");
		break;
	}
	return true;
}

static size_t imapd_session_on_read(void *arg, struct strv in)
{
	struct session *session = arg;
	struct strv rest = in;

	session->reading = true;
	while (takes_input(session) && imapd_session_step(session, &rest))
		;
	session->reading = false;
	session->deflate_begun = false;
	session->input_waits = rest.n > 0 && notify_sending(session);
	if (!session->input_waits && !session->cmd)
		sync_offer(session);
	uint64_t skip_max = session->state == SESSION_NOT_AUTH ? session->settings->skip_max_preauth
							       : session->settings->skip_max;
	if (session->lex.skipped > skip_max)
		session_bye(session, NULL, "Too many bytes of a refused command");
	/* Plain bytes after STARTTLS are thrown away (CVE-2011-0411), and so are bytes after BYE. */
	if (session->tls_pending || session->state == SESSION_LOGOUT)
		return in.n;
	return in.n - rest.n;
}

static void on_drain(void *arg)
{
	struct session *session = arg;
	struct cmd *cmd = session->cmd;
	if (session->state == SESSION_LOGOUT)
		return;
	if (!notify_drain(session))
		sync_offer(session);
	if (cmd && cmd->row->drain && cmd->state == CMD_RUNNING)
		cmd->row->drain(cmd);
	conn_kick(session->conn);
}

static const char *end_name(enum conn_end why)
{
	switch (why) {
	case CONN_EOF:
		return "eof";
	case CONN_ERROR:
		return "error";
	case CONN_TIMEOUT:
		return "timeout";
	case CONN_CLOSED:
		return "closed";
	}
	return "";
}

static void imapd_session_on_end(void *arg, enum conn_end why)
{
	struct session *session = arg;
	log_debug(session->hub->imapd->log, "imap session ended id=%" PRIu64 " user=%s why=%s", session->id,
		LOG_V(strv_cstr(session->user)), end_name(why));
	imapd_session_free(session);
}

/* Beginning. */

static void imapd_session_greet(struct session *session)
{
	struct buf out;
	buf_init(&out, 8192);
	session_move(session, SESSION_NOT_AUTH);
	buf_adds(&out, "* OK [");
	capability_print(&out, session);
	buf_printf(&out, "] %s coid ready\r\n", session->settings->hostname);
	answer_own(session, &out);
	conn_flush(session->conn);
	conn_kick(session->conn);
}

static void on_tls(void *arg)
{
	struct session *session = arg;
	if (session->state == SESSION_LOGOUT)
		return;
	if (session->state == SESSION_GREETING) {
		imapd_session_greet(session);
		return;
	}
	/* RFC 3501 section 6.2.1: nothing that was learned before TLS counts. */
	const struct imapd_settings *settings = session->settings;
	session->tls_pending = false;
	session->bad_commands = 0;
	lex_fini(&session->lex);
	lex_init(&session->lex, settings->line_max_preauth, settings->literal_max_preauth);
	conn_kick(session->conn);
}

/* Tells whether input that arrived before the client shut down its side is still being answered. Input
 * that is missing will never come, so a command that waits for some does not count. */
static bool imapd_session_is_busy(void *arg)
{
	const struct session *session = arg;
	return session->state != SESSION_LOGOUT && (lex_waits(&session->lex) || !takes_input(session));
}

static const struct conn_ops ops = {
	.is_busy = imapd_session_is_busy,
	.on_read = imapd_session_on_read,
	.on_drain = on_drain,
	.on_end = imapd_session_on_end,
	.on_tls = on_tls,
};

static struct session *session_new(struct hub *hub, int fd, bool implicit_tls)
{
	struct imapd *imapd = hub->imapd;
	struct session *session = mem_zalloc(sizeof(*session));
	session->hub = hub;
	session->id = atomic_fetch_add_explicit(&imapd->next_id, 1, memory_order_relaxed) + 1;
	session->settings = imapd_settings_ref(imapd);
	session->state = SESSION_GREETING;
	session->implicit_tls = implicit_tls;
	struct conn_limits limits = {
		.in_high = IN_HIGH,
		.out_high = session->settings->output_high_water,
		.write_ms = WRITE_MS,
		.tls_ms = TLS_MS,
	};
	session->conn = conn_new(hub->reactor, fd, &ops, session, &limits);
	lex_init(&session->lex, session->settings->line_max_preauth, session->settings->literal_max_preauth);
	timer_init(&session->timer, hub->reactor, imapd_session_on_timer, session);
	hub_add(hub, session);
	return session;
}

/* A message to the session that has to make room, on its own reactor: it says BYE and is closed. */
struct leave_msg {
	struct reactor_msg msg;
	struct hub *hub; /* borrowed */
	uint64_t session;
};

static void on_leave(struct reactor *reactor, struct reactor_msg *msg)
{
	struct leave_msg *leave = (struct leave_msg *)msg;
	struct session *session = hub_session(leave->hub, leave->session);

	(void)reactor;
	if (session && (session->state == SESSION_GREETING || session->state == SESSION_NOT_AUTH))
		session_bye(session, "LIMIT", "Too many connections that have not logged in");
	free(leave);
}

static void make_leave(struct imapd *imapd, const struct admission_victim *victim)
{
	struct leave_msg *leave;

	if (victim->session == 0)
		return;
	leave = mem_zalloc(sizeof(*leave));
	leave->msg.fn = on_leave;
	leave->hub = &imapd->hubs[victim->hub];
	leave->session = victim->session;
	reactor_post(leave->hub->reactor, &leave->msg);
}

/* Counts the session as a connection; if another one has to make room, it is told. */
static enum admission_verdict imapd_session_enter(struct session *session)
{
	struct imapd *imapd = session->hub->imapd;
	struct admission_limits limits = imapd_admission_limits(session->settings);
	const char *peer = conn_peer(session->conn);
	struct admission_victim victim;

	session->ticket = (struct admission_ticket){
		.session = session->id,
		.hub = reactor_index(session->hub->reactor),
		.known = imapd->auth && auth_knows(imapd->auth, peer),
		.trusted = imapd->auth && auth_trusts(imapd->auth, peer),
	};
	enum admission_verdict verdict =
		admission_enter(imapd->admission, &limits, peer, &session->ticket, &victim);
	make_leave(imapd, &victim);
	return verdict;
}

void session_accept(struct hub *hub, int fd, bool implicit_tls)
{
	struct imapd *imapd = hub->imapd;
	struct session *session = session_new(hub, fd, implicit_tls);
	const struct imapd_settings *settings = session->settings;

	atomic_fetch_add_explicit(&imapd->sessions, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&imapd->connections, 1, memory_order_relaxed);
	enum admission_verdict verdict = imapd_session_enter(session);
	struct tls_ctx *tls = implicit_tls ? imapd_tls(imapd) : NULL;

	if (hub->stopping || (implicit_tls && !tls)) {
		session_bye(session, NULL, "Server is shutting down");
	} else if (verdict == ADMISSION_FULL) {
		session_bye(session, "LIMIT", "Too many connections");
	} else if (verdict == ADMISSION_ADDRESS) {
		session_bye(session, "LIMIT", "Too many connections from your address");
	} else {
		timer_set(&session->timer, settings->timeout_preauth_ms);
		if (implicit_tls)
			conn_start_tls(session->conn, tls);
		else
			imapd_session_greet(session);
	}
	if (tls)
		tls_ctx_unref(&tls);
}

enum rc session_login(struct session *session, int64_t account_id, const char *user)
{
	struct imapd *imapd = session->hub->imapd;
	const struct imapd_settings *settings = session->settings;

	struct admission_limits limits = imapd_admission_limits(settings);

	if (!admission_login(imapd->admission, &limits, user, &session->ticket))
		return RC_LIMIT;
	session->counted = true;
	session->user = mem_strdup(user);
	session->account = account_get(imapd->store, account_id);
	session->bad_commands = 0;
	session_move(session, SESSION_AUTH);
	hub_add_account(session->hub, session);
	lex_limits(&session->lex, settings->line_max, settings->literal_max);
	return RC_OK;
}

/* Selecting. */

void session_unauthenticate(struct session *session)
{
	const struct imapd_settings *settings = session->settings;

	session_unselect(session);
	notify_free(session);
	session_move(session, SESSION_NOT_AUTH);
	hub_remove_account(session->hub, session);
	admission_logout(session->hub->imapd->admission, session->user, &session->ticket);
	session->counted = false;
	free(session->user);
	session->user = NULL;
	account_unref(&session->account);
	session->enabled = 0;
	session->bad_commands = 0;
	session->login_failures = 0;
	lex_limits(&session->lex, settings->line_max_preauth, settings->literal_max_preauth);
	timer_set(&session->timer, settings->timeout_preauth_ms);
}

void session_select(struct session *session, struct view *view)
{
	session->view = view;
	session->watching = true;
	session_move(session, SESSION_SELECTED);
	hub_share_view(session->hub, session);
}

void session_unselect(struct session *session)
{
	if (!session->view)
		return;
	search_updates_free(session);
	view_free(&session->view);
	notify_unselected(session);
	change_unwatch(session->account, &session->hub->sink);
	session->watching = false;
	if (session->state == SESSION_SELECTED)
		session_move(session, SESSION_AUTH);
}
