/* One LMTP connection: changes its state, cuts its input into lines or message data, writes replies. */
#include "lmtp/session.h"

#include "base/mem.h"
#include "net/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* State. */

static bool lmtp_session_may_move(enum lmtp_state from, enum lmtp_state to)
{
	switch (from) {
	case LMTP_START:
		return to == LMTP_READY || to == LMTP_CLOSING;
	case LMTP_READY:
		/* LHLO and RSET begin anew in each state that takes commands. */
		return to == LMTP_READY || to == LMTP_MAIL || to == LMTP_CLOSING;
	case LMTP_MAIL:
		return to == LMTP_READY || to == LMTP_LOOKUP || to == LMTP_DATA || to == LMTP_CLOSING;
	case LMTP_LOOKUP:
		return to == LMTP_MAIL;
	case LMTP_DATA:
		return to == LMTP_DELIVER || to == LMTP_CLOSING;
	case LMTP_DELIVER:
		return to == LMTP_READY;
	case LMTP_CLOSING:
		return false;
	}
	return false;
}

void lmtp_session_move(struct lmtp_session *session, enum lmtp_state to)
{
	if (!lmtp_session_may_move(session->state, to)) {
		log_error(reactor_log(session->hub->reactor), "impossible lmtp session state from=%d to=%d",
			(int)session->state, (int)to);
		abort();
	}
	session->state = to;
}

/* True: a lookup or the store is working for the session, so its input waits. */
static bool lmtp_session_waits(const struct lmtp_session *session)
{
	return session->state == LMTP_LOOKUP || session->state == LMTP_DELIVER;
}

/* Replies. */

static void lmtp_session_write(
	struct lmtp_session *session, int code, char separator, const char *status, const char *text)
{
	char head[32];
	int n = snprintf(
		head, sizeof(head), "%d%c%s%s", code, separator, status ? status : "", status ? " " : "");

	conn_write(session->conn, head, (size_t)n);
	conn_writev(session->conn, strv_cstr(text));
	conn_writev(session->conn, STRV("\r\n"));
	conn_flush(session->conn);
}

void lmtp_session_reply(struct lmtp_session *session, int code, const char *status, const char *format, ...)
{
	char text[LMTP_REPLY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	lmtp_session_write(session, code, ' ', status, text);
}

void lmtp_session_reply_part(struct lmtp_session *session, int code, const char *text)
{
	lmtp_session_write(session, code, '-', NULL, text);
}

void lmtp_session_refuse(struct lmtp_session *session, int code, const char *status, const char *text)
{
	session->bad_commands++;
	if (session->bad_commands >= lmtp_session_settings(session)->bad_commands_max) {
		lmtp_session_reply(session, 421, "4.7.0", "too many errors");
		lmtp_session_close(session);
		return;
	}
	lmtp_session_reply(session, code, status, "%s", text);
}

/* Ending. */

/* Frees the session; the connection frees itself. */
static void lmtp_session_free(struct lmtp_session *session)
{
	lmtp_transaction_fini(&session->transaction);
	list_remove(&session->node);
	atomic_fetch_sub(&session->hub->lmtp->sessions, 1);
	timer_fini(&session->timer);
	lmtp_rules_unref(&session->rules);
	free(session);
}

void lmtp_session_drop(struct lmtp_session *session)
{
	conn_abort(session->conn);
}

void lmtp_session_close(struct lmtp_session *session)
{
	if (session->state == LMTP_CLOSING)
		return;
	lmtp_session_move(session, LMTP_CLOSING);
	timer_cancel(&session->timer);
	conn_close(session->conn);
}

void lmtp_session_stop(struct lmtp_session *session)
{
	if (lmtp_session_waits(session) || session->state == LMTP_DATA || session->state == LMTP_CLOSING)
		return;
	lmtp_session_reply(
		session, 421, "4.3.2", "%s shutting down", lmtp_session_settings(session)->hostname);
	lmtp_session_close(session);
}

static void lmtp_session_rearm(struct lmtp_session *session)
{
	timer_set(&session->timer, lmtp_session_settings(session)->timeout_ms);
}

static void lmtp_session_time_out(void *arg)
{
	struct lmtp_session *session = arg;

	/* While the store works the relay may have to wait; the answer will come. */
	if (lmtp_session_waits(session)) {
		lmtp_session_rearm(session);
		return;
	}
	lmtp_session_reply(session, 421, "4.4.2", "%s timed out", lmtp_session_settings(session)->hostname);
	lmtp_session_close(session);
}

/* The transaction's callbacks. */

static void lmtp_session_on_reply(void *arg, const struct smtp_reply *reply)
{
	lmtp_session_reply(arg, reply->code, reply->status, "%s", reply->text);
}

/* A lookup has been answered, or each recipient of a message: commands are read again. */
static void lmtp_session_on_done(void *arg)
{
	struct lmtp_session *session = arg;

	lmtp_session_move(session, session->state == LMTP_LOOKUP ? LMTP_MAIL : LMTP_READY);
	lmtp_session_rearm(session);
	if (session->hub->stopping)
		lmtp_session_stop(session);
	else
		conn_kick(session->conn);
}

static void lmtp_session_on_room(void *arg)
{
	const struct lmtp_session *session = arg;
	conn_kick(session->conn);
}

static const struct lmtp_transaction_ops transaction_ops = {
	.reply = lmtp_session_on_reply,
	.done = lmtp_session_on_done,
	.room = lmtp_session_on_room,
};

/* Input. */

static size_t lmtp_session_take_line(struct lmtp_session *session, struct strv in)
{
	enum lmtp_line_result result;
	struct strv line = STRV_NULL;
	size_t used = lmtp_line_take(&session->lines, in, &result, &line);

	switch (result) {
	case LMTP_LINE_NEED_MORE:
		break;
	case LMTP_LINE_TAKEN:
		session->on_line(session, line);
		break;
	case LMTP_LINE_TOO_LONG:
		lmtp_session_refuse(session, 500, "5.5.2", "line too long");
		break;
	case LMTP_LINE_CONTROL:
		lmtp_session_refuse(session, 500, "5.5.2", "control characters in a command");
		break;
	}
	return used;
}

static size_t lmtp_session_take_data(struct lmtp_session *session, struct strv in)
{
	size_t used = lmtp_transaction_bytes(&session->transaction, in);

	if (lmtp_transaction_received(&session->transaction)) {
		lmtp_session_move(session, LMTP_DELIVER);
		lmtp_transaction_deliver(&session->transaction);
	}
	return used;
}

static size_t lmtp_session_on_read(void *arg, struct strv in)
{
	struct lmtp_session *session = arg;
	size_t used = 0;

	if (session->state == LMTP_CLOSING)
		return in.n;
	lmtp_session_rearm(session);
	while (used < in.n && !lmtp_session_waits(session) && session->state != LMTP_CLOSING) {
		struct strv rest = strv_sub(in, used, in.n);
		size_t taken = session->state == LMTP_DATA ? lmtp_session_take_data(session, rest)
							   : lmtp_session_take_line(session, rest);
		if (taken == 0)
			break;
		used += taken;
	}
	return session->state == LMTP_CLOSING ? in.n : used;
}

static void lmtp_session_on_end(void *arg, enum conn_end why)
{
	(void)why;
	lmtp_session_free(arg);
}

static bool lmtp_session_is_busy(void *arg)
{
	return lmtp_session_waits(arg);
}

static const struct conn_ops conn_ops = {
	.on_read = lmtp_session_on_read,
	.on_end = lmtp_session_on_end,
	.is_busy = lmtp_session_is_busy,
};

void lmtp_session_accept(struct lmtp_hub *hub, int fd, lmtp_line_fn *on_line)
{
	struct lmtp *lmtp = hub->lmtp;
	struct lmtp_session *session = mem_zalloc(sizeof(*session));

	session->hub = hub;
	session->on_line = on_line;
	session->rules = lmtp_rules_get(lmtp);
	session->conn = conn_new(hub->reactor, fd, &conn_ops, session, NULL);
	lmtp_line_init(&session->lines);
	lmtp_transaction_init(
		&session->transaction, hub, lmtp_session_settings(session), &transaction_ops, session);
	list_append(&hub->sessions, &session->node);
	timer_init(&session->timer, hub->reactor, lmtp_session_time_out, session);
	lmtp_session_rearm(session);
	atomic_fetch_add(&lmtp->connections, 1);
	if (atomic_fetch_add(&lmtp->sessions, 1) >= lmtp_session_settings(session)->connections_max) {
		lmtp_session_reply(session, 421, "4.3.2", "too many connections");
		lmtp_session_close(session);
		return;
	}
	lmtp_session_reply(session, 220, NULL, "%s LMTP coid", lmtp_session_settings(session)->hostname);
}
