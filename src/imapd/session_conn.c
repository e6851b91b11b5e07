/* The functions through which the rest of the server uses a session's connection. */
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/session.h"
#include "net/conn.h"

bool session_is_tls(const struct session *session)
{
	return conn_is_tls(session->conn);
}

const char *session_tls_version(const struct session *session)
{
	return conn_tls_version(session->conn);
}

const char *session_peer(const struct session *session)
{
	return conn_peer(session->conn);
}

bool session_is_deflate(const struct session *session)
{
	return conn_is_deflate(session->conn);
}

void session_start_tls(struct session *session, struct tls_ctx *tls)
{
	session->tls_pending = true;
	conn_start_tls(session->conn, tls);
}

enum rc session_start_deflate(struct session *session)
{
	session->deflate_begun = true;
	return conn_start_deflate(session->conn);
}

void session_abort(struct session *session)
{
	conn_abort(session->conn);
}

void session_read_on(struct session *session)
{
	conn_kick(session->conn);
}

bool session_secure(const struct session *session)
{
	if (conn_is_tls(session->conn))
		return true;
	return session->settings->allow_plaintext_loopback && conn_peer_loopback(session->conn);
}

bool session_can_starttls(const struct session *session)
{
	return !conn_is_tls(session->conn) && imapd_has_tls(session->hub->imapd);
}
