/*
 * Writes response lines to a session's connection.
 */
#include "imapd/answer.h"

#include "base/mem.h"
#include "imapd/session.h"
#include "net/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_STACK 512 /* a longer line is built on the heap */

static bool answer_silent(const struct session *session)
{
	return session->state == SESSION_LOGOUT;
}

void answer_raw(struct session *session, struct strv bytes)
{
	if (!answer_silent(session))
		conn_writev(session->conn, bytes);
}

void answer_untagged(struct session *session, const char *format, ...)
{
	char small[ANSWER_STACK];
	va_list args;

	if (answer_silent(session))
		return;
	va_start(args, format);
	int n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n < 0)
		return;
	conn_write(session->conn, "* ", 2);
	if ((size_t)n < sizeof(small)) {
		conn_write(session->conn, small, (size_t)n);
	} else {
		char *large = mem_alloc((size_t)n + 1);
		va_start(args, format);
		vsnprintf(large, (size_t)n + 1, format, args);
		va_end(args);
		conn_write(session->conn, large, (size_t)n);
		free(large);
	}
	conn_write(session->conn, "\r\n", 2);
}

void answer_continue(struct session *session, const char *text)
{
	if (answer_silent(session))
		return;
	conn_write(session->conn, "+ ", 2);
	conn_writev(session->conn, strv_cstr(text));
	conn_write(session->conn, "\r\n", 2);
	conn_flush(session->conn);
}

void answer_tagged(
	struct session *session, struct strv tag, const char *word, const char *code, const char *text)
{
	if (answer_silent(session))
		return;
	struct conn *conn = session->conn;
	conn_writev(conn, tag);
	conn_write(conn, " ", 1);
	conn_writev(conn, strv_cstr(word));
	if (code) {
		conn_write(conn, " [", 2);
		conn_writev(conn, strv_cstr(code));
		conn_write(conn, "]", 1);
	}
	conn_write(conn, " ", 1);
	conn_writev(conn, strv_cstr(text));
	conn_write(conn, "\r\n", 2);
}

void answer_own(struct session *session, struct buf *out)
{
	size_t max = out->max;

	if (out->len == 0 || answer_silent(session)) {
		buf_fini(out);
	} else {
		buf_shrink(out, 0);
		conn_write_own(session->conn, out->p, out->len);
	}
	buf_init(out, max);
}

void answer_flush(struct session *session)
{
	conn_flush(session->conn);
}

bool answer_full(const struct session *session)
{
	return conn_out_full(session->conn);
}
