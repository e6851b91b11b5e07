/*
 * The lines of `coidctl status`.
 */
#include "coid/server_priv.h"

#include "base/clock.h"
#include "store/account_lock.h"

#include <inttypes.h>
#include <unistd.h>

void server_status(struct server *server, struct buf *out)
{
	struct imapd_counters imap;
	struct lmtp_counters lmtp;
	struct webpush_counters push;
	struct store_counters store;

	store_counters(server->store, &store);
	webpush_counters(server->webpush, &push);
	imapd_counters(server->imapd, &imap);
	lmtp_counters(server->lmtp, &lmtp);
	buf_printf(out, "version: %s\npid: %d\nuptime: %" PRId64 "s\nreactors: %u\nworkers: %u\n",
		COID_VERSION, (int)getpid(), (clock_wall() - server->started), server->reactor_count,
		pool_threads(server->pool));
	buf_printf(out, "accounts-locked: %u\naccounts-open: %u\naccounts-unsettled: %u\n",
		store_locked_count(server->store), store.accounts_open, store.accounts_unsettled);
	for (unsigned i = 0; i < server->socket_count; i++) {
		const struct server_socket *socket = &server->sockets[i];
		if (i == 0 || strcmp(server->sockets[i - 1].address, socket->address) != 0)
			buf_printf(out, "listen-%s: %s\n", sockets_service_name(socket->service),
				socket->address);
	}
	buf_printf(out,
		"imap-sessions: %u\nimap-idling: %u\nimap-logins: %" PRIu64 "\nimap-login-failures: %" PRIu64
		"\n",
		imap.sessions, imap.idling, imap.logins, imap.login_failures);
	buf_printf(out, "imap-commands: %" PRIu64 "\n", imap.commands);
	buf_printf(out,
		"lmtp-sessions: %u\nlmtp-messages: %" PRIu64 "\nlmtp-delivered: %" PRIu64 "\nlmtp-deferred: "
		"%" PRIu64 "\nlmtp-refused: %" PRIu64 "\n",
		lmtp_sessions(server->lmtp), lmtp.messages, lmtp.delivered, lmtp.deferred, lmtp.refused);
	buf_printf(out,
		"push-sent: %" PRIu64 "\npush-refused: %" PRIu64 "\npush-failed: %" PRIu64
		"\npush-dropped: %" PRIu64 "\npush-expired: "
		"%" PRIu64 "\n"
		"push-unsubscribed: %" PRIu64 "\npush-connections: %" PRIu64
		"\npush-waiting: %u\npush-active: %u\n",
		push.sent, push.refused, push.failed, push.dropped, push.expired, push.unsubscribed,
		push.connections, push.waiting, push.active);
}
