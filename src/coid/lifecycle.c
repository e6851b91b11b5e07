#include "coid/server_priv.h"

#include "base/clock.h"
#include "store/account_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* All parts that can refuse are asked before any takes over. */
static enum rc apply(struct server *server, const struct conf *conf, struct buf *errors)
{
	struct tls_ctx *tls = NULL;
	struct auth_settings auth;
	struct imapd_settings imapd;
	struct lmtp_settings lmtp;
	struct admin_settings admin;

	enum rc rc = settings_tls(conf, errors, &tls);
	if (rc != RC_OK)
		return rc;
	settings_auth(conf, &auth);
	rc = auth_reload(server->auth, &auth, errors);
	if (rc == RC_OK)
		rc = logfile_reopen(server, conf, errors);
	if (rc != RC_OK) {
		tls_ctx_unref(&tls);
		return rc;
	}
	struct descriptors plan = descriptors_plan(conf, server->reactor_count, descriptors_limit());
	settings_imapd(conf, &imapd);
	imapd.connections_max = plan.imap;
	settings_lmtp(conf, &lmtp);
	lmtp.connections_max = plan.lmtp;
	settings_admin(conf, &admin);
	imapd.metadata = server->metadata;
	imapd.coi = server->coi;
	lmtp.coi = server->coi;
	lmtp.webpush = server->webpush;
	imapd_reload(server->imapd, &imapd, tls);
	lmtp_reload(server->lmtp, &lmtp);
	admin_reload(server->admin, &admin);
	tls_ctx_unref(&server->tls);
	server->tls = tls;
	log_set_level(server->log, conf->server.log_level);
	return RC_OK;
}

static void tell_reloading(void)
{
	char text[64];
	struct buf out;

	buf_init(&out, sizeof(text));
	buf_printf(&out, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_mono_us());
	buf_addc(&out, '\0');
	notify_send(out.p);
	buf_fini(&out);
}

enum rc server_reload(struct server *server, struct buf *errors)
{
	const struct server_source *source = server->source;
	struct conf *conf = NULL;
	struct buf restart;

	tell_reloading();
	buf_init(&restart, CONF_ERRORS_MAX);
	enum rc rc = conf_load(source->config, source->overrides, source->override_count, errors, &conf);
	if (rc == RC_OK)
		rc = apply(server, conf, errors);
	if (rc == RC_OK) {
		if (!conf_reloadable(server->conf, conf, &restart)) {
			log_warn(server->log, "settings that take effect at the next start: %s",
				LOG_V(buf_strv(&restart)));
			buf_printf(errors, "settings that take effect at the next start: %.*s\n",
				STRV_ARG(buf_strv(&restart)));
		}
		conf_free(&server->conf);
		server->conf = conf;
		log_info(server->log, "configuration reloaded");
	} else {
		log_error(server->log, "configuration not reloaded: %s", LOG_V(buf_strv(errors)));
		conf_free(&conf);
	}
	buf_fini(&restart);
	notify_send("READY=1\nSTATUS=serving");
	return rc;
}

void server_status(struct server *server, struct buf *out)
{
	struct imapd_counters imap;
	struct lmtp_counters lmtp;

	struct webpush_counters push;

	webpush_counters(server->webpush, &push);
	imapd_counters(server->imapd, &imap);
	lmtp_counters(server->lmtp, &lmtp);
	buf_printf(out, "version: %s\npid: %d\nuptime: %llds\nreactors: %u\nworkers: %u\n", COID_VERSION,
		(int)getpid(), (long long)(clock_wall() - server->started), server->reactor_count,
		pool_threads(server->pool));
	buf_printf(out, "accounts-locked: %u\n", store_locked_count(server->store));
	for (unsigned i = 0; i < server->socket_count; i++) {
		const struct server_socket *socket = &server->sockets[i];
		if (i == 0 || strcmp(server->sockets[i - 1].address, socket->address) != 0)
			buf_printf(out, "listen-%s: %s\n", service_name(socket->service), socket->address);
	}
	buf_printf(out, "imap-sessions: %u\nimap-idling: %u\nimap-logins: %llu\nimap-login-failures: %llu\n",
		imap.sessions, imap.idling, (unsigned long long)imap.logins,
		(unsigned long long)imap.login_failures);
	buf_printf(out, "imap-commands: %llu\n", (unsigned long long)imap.commands);
	buf_printf(out,
		"lmtp-sessions: %u\nlmtp-messages: %llu\nlmtp-delivered: %llu\nlmtp-deferred: "
		"%llu\nlmtp-refused: %llu\n",
		lmtp_sessions(server->lmtp), (unsigned long long)lmtp.messages,
		(unsigned long long)lmtp.delivered, (unsigned long long)lmtp.deferred,
		(unsigned long long)lmtp.refused);
	buf_printf(out,
		"push-sent: %llu\npush-refused: %llu\npush-failed: %llu\npush-dropped: %llu\npush-expired: "
		"%llu\n"
		"push-unsubscribed: %llu\npush-connections: %llu\npush-waiting: %u\npush-active: %u\n",
		(unsigned long long)push.sent, (unsigned long long)push.refused,
		(unsigned long long)push.failed, (unsigned long long)push.dropped,
		(unsigned long long)push.expired, (unsigned long long)push.unsubscribed,
		(unsigned long long)push.connections, push.waiting, push.active);
}
