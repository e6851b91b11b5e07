#include "lmtp/lmtp_priv.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 4096 /* RFC 5321: 512, more for parameters and SMTPUTF8 */
#define REPLY_MAX 1024

struct lmtp_session *lmtp_session_find(struct lmtp_hub *hub, uint64_t id)
{
	struct lmtp_session *session = NULL;
	HASH_FIND(hh, hub->by_id, &id, sizeof(id), session);
	return session;
}

/* Frees it; the connection frees itself, or is dropped here with the server. */
static void session_free(struct lmtp_session *session)
{
	lmtp_transaction_reset(session);
	HASH_DEL(session->hub->by_id, session);
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

static void rearm(struct lmtp_session *session)
{
	timer_set(&session->timer, session->rules->settings.timeout_ms);
}

void lmtp_reply(struct lmtp_session *session, int code, const char *status, const char *format, ...)
{
	char text[REPLY_MAX];
	char line[REPLY_MAX + 32];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	int n = snprintf(
		line, sizeof(line), "%d%s%s %s\r\n", code, status ? " " : "", status ? status : "", text);
	conn_write(session->conn, line, (size_t)n);
	conn_flush(session->conn);
}

void lmtp_session_close(struct lmtp_session *session)
{
	session->state = LMTP_CLOSING;
	conn_close(session->conn);
}

static void timed_out(void *arg)
{
	struct lmtp_session *session = arg;

	/* While the store works the relay may have to wait; its answer will come. */
	if (session->busy) {
		rearm(session);
		return;
	}
	lmtp_reply(session, 421, "4.4.2", "%s timed out", session->rules->settings.hostname);
	lmtp_session_close(session);
}

void lmtp_session_stop(struct lmtp_session *session)
{
	session->stopping = true;
	if (session->busy || session->state == LMTP_DATA || session->state == LMTP_CLOSING)
		return;
	lmtp_reply(session, 421, "4.3.2", "%s shutting down", session->rules->settings.hostname);
	lmtp_session_close(session);
}

void lmtp_session_resume(struct lmtp_session *session)
{
	session->busy = false;
	rearm(session);
	if (session->stopping)
		lmtp_session_stop(session);
	else
		conn_kick(session->conn);
}

static void cmd_lhlo(struct lmtp_session *session, struct strv args)
{
	const struct lmtp_settings *settings = &session->rules->settings;
	struct strv name = strv_trim(args);
	char line[512];

	if (name.n == 0 || name.n >= sizeof(session->helo)) {
		lmtp_reply(session, 501, "5.5.4", "LHLO needs the client's name");
		return;
	}
	/* It goes into the Received field: whatever could end a comment or a line is taken out. */
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		session->helo[i] = (char)(c > ' ' && c < 0x7f && !strchr("()\\\"<>;", c) ? c : '?');
	}
	session->helo[name.n] = '\0';
	lmtp_transaction_reset(session);
	session->state = LMTP_READY;
	int n = snprintf(line, sizeof(line),
		"250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 "
		"SIZE %llu\r\n",
		settings->hostname, (unsigned long long)settings->message_max);
	conn_write(session->conn, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	conn_flush(session->conn);
}

static void bad_command(struct lmtp_session *session, int code, const char *status, const char *text)
{
	session->bad_commands++;
	if (session->bad_commands >= session->rules->settings.bad_commands_max) {
		lmtp_reply(session, 421, "4.7.0", "too many errors");
		lmtp_session_close(session);
		return;
	}
	lmtp_reply(session, code, status, "%s", text);
}

/* "FROM:<...>": takes the keyword and colon off; false if they are not there. */
static bool take_keyword(struct strv *args, struct strv keyword)
{
	if (!strv_istarts(*args, keyword))
		return false;
	*args = strv_sub(*args, keyword.n, args->n);
	while (args->n > 0 && args->p[0] == ' ')
		*args = strv_sub(*args, 1, args->n);
	return true;
}

static void command(struct lmtp_session *session, struct strv line)
{
	size_t space = strv_index(line, ' ');
	struct strv verb = strv_sub(line, 0, space);
	struct strv args = strv_sub(line, space + 1, line.n);
	enum lmtp_state state = session->state;

	if (strv_ieq(verb, STRV("LHLO"))) {
		cmd_lhlo(session, args);
	} else if (strv_ieq(verb, STRV("MAIL"))) {
		if (state != LMTP_READY)
			bad_command(
				session, 503, "5.5.1", state == LMTP_START ? "LHLO first" : "MAIL was given");
		else if (!take_keyword(&args, STRV("FROM:")))
			bad_command(session, 501, "5.5.4", "expected MAIL FROM:<address>");
		else
			lmtp_transaction_mail(session, args);
	} else if (strv_ieq(verb, STRV("RCPT"))) {
		if (state != LMTP_MAIL)
			bad_command(session, 503, "5.5.1", "MAIL first");
		else if (!take_keyword(&args, STRV("TO:")))
			bad_command(session, 501, "5.5.4", "expected RCPT TO:<address>");
		else
			lmtp_transaction_rcpt(session, args);
	} else if (strv_ieq(verb, STRV("DATA"))) {
		if (state != LMTP_MAIL)
			bad_command(session, 503, "5.5.1", "MAIL first");
		else if (args.n > 0)
			bad_command(session, 501, "5.5.4", "DATA takes no argument");
		else
			lmtp_transaction_data(session);
	} else if (strv_ieq(verb, STRV("RSET"))) {
		lmtp_transaction_reset(session);
		if (session->state != LMTP_START)
			session->state = LMTP_READY;
		lmtp_reply(session, 250, "2.0.0", "OK");
	} else if (strv_ieq(verb, STRV("NOOP"))) {
		lmtp_reply(session, 250, "2.0.0", "OK");
	} else if (strv_ieq(verb, STRV("VRFY"))) {
		lmtp_reply(session, 252, "2.5.0", "try RCPT");
	} else if (strv_ieq(verb, STRV("QUIT"))) {
		lmtp_reply(session, 221, "2.0.0", "%s closing", session->rules->settings.hostname);
		lmtp_session_close(session);
	} else if (strv_ieq(verb, STRV("HELO")) || strv_ieq(verb, STRV("EHLO"))) {
		bad_command(session, 500, "5.5.1", "this is LMTP: say LHLO");
	} else {
		bad_command(session, 500, "5.5.1", "unknown command");
	}
}

/* One line, or nothing if it is not complete. */
static size_t take_line(struct lmtp_session *session, struct strv in)
{
	size_t end = strv_index(in, '\n');
	struct strv line = strv_sub(in, 0, end);

	if (session->skipping) {
		session->skipping = end == in.n;
		return end == in.n ? in.n : end + 1;
	}
	if (end == in.n && in.n <= LINE_MAX_OCTETS)
		return 0;
	if (line.n > LINE_MAX_OCTETS) {
		session->skipping = end == in.n;
		bad_command(session, 500, "5.5.2", "line too long");
		return end == in.n ? in.n : end + 1;
	}
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (strv_index(line, '\0') < line.n || strv_index(line, '\r') < line.n)
		bad_command(session, 500, "5.5.2", "control characters in a command");
	else
		command(session, line);
	return end + 1;
}

static size_t on_read(void *arg, struct strv in)
{
	struct lmtp_session *session = arg;
	size_t used = 0;

	rearm(session);
	while (used < in.n && !session->busy && session->state != LMTP_CLOSING) {
		struct strv rest = strv_sub(in, used, in.n);
		size_t taken = session->state == LMTP_DATA ? lmtp_transaction_bytes(session, rest)
							   : take_line(session, rest);
		if (taken == 0)
			break;
		used += taken;
	}
	return session->state == LMTP_CLOSING ? in.n : used;
}

static void on_end(void *arg, enum conn_end why)
{
	struct lmtp_session *session = arg;

	(void)why;
	session_free(session);
}

static bool is_busy(void *arg)
{
	const struct lmtp_session *session = arg;
	return session->busy;
}

static const struct conn_ops ops = { .on_read = on_read, .on_end = on_end, .is_busy = is_busy };

void lmtp_session_accept(struct lmtp_hub *hub, int fd)
{
	struct lmtp *lmtp = hub->lmtp;
	struct lmtp_session *session = mem_zalloc(sizeof(*session));

	session->hub = hub;
	session->id = ++hub->next_id;
	session->rules = lmtp_rules_get(lmtp);
	session->conn = conn_new(hub->reactor, fd, &ops, session, NULL);
	HASH_ADD(hh, hub->by_id, id, sizeof(session->id), session);
	list_append(&hub->sessions, &session->node);
	timer_init(&session->timer, hub->reactor, timed_out, session);
	rearm(session);
	atomic_fetch_add(&lmtp->connections, 1);
	if (atomic_fetch_add(&lmtp->sessions, 1) >= session->rules->settings.connections_max) {
		lmtp_reply(session, 421, "4.3.2", "too many connections");
		lmtp_session_close(session);
		return;
	}
	lmtp_reply(session, 220, NULL, "%s LMTP coid", session->rules->settings.hostname);
}
