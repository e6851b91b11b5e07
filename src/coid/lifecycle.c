/*
 * The life of a running server: signals, the tick, watchdog messages to the service manager, reload and stop.
 */
#include "coid/lifecycle.h"

#include "base/clock.h"
#include "coid/health.h"
#include "coid/logfile.h"
#include "coid/server_priv.h"
#include "coid/settings.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS 1000
#define STOP_POLL_MS 20
#define STOP_GRACE_MS 5000 /* for sessions to end by themselves */

/* Reload. */

/* Asks all parts that can refuse before any part takes the new settings. */
static enum rc lifecycle_apply(struct server *server, const struct conf *conf, struct buf *errors)
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

static void lifecycle_tell_reloading(void)
{
	char text[64];
	struct buf out;

	buf_init(&out, sizeof(text));
	buf_printf(&out, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_mono_us());
	buf_addc(&out, '\0');
	systemd_notify(out.p);
	buf_fini(&out);
}

enum rc lifecycle_reload(struct server *server, struct buf *errors)
{
	const struct server_source *source = server->source;
	struct conf *conf = NULL;
	struct buf restart;

	lifecycle_tell_reloading();
	buf_init(&restart, CONF_ERRORS_MAX);
	enum rc rc = conf_load(source->config, source->overrides, source->override_count, errors, &conf);
	if (rc == RC_OK)
		rc = lifecycle_apply(server, conf, errors);
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
	systemd_notify("READY=1\nSTATUS=serving");
	return rc;
}

/* Stop. */

static void lifecycle_unlisten(struct reactor *reactor, struct reactor_msg *msg)
{
	struct server_reactor *r = CONTAINER_OF(msg, struct server_reactor, unlisten);
	sockets_unlisten(r->server, reactor_index(reactor));
}

static void lifecycle_hurry(struct reactor *reactor, struct reactor_msg *msg)
{
	struct server_reactor *r = CONTAINER_OF(msg, struct server_reactor, hurry);
	auth_hurry(r->server->auth, reactor);
}

/* Ends the loops when no session is left, and then no login or request of one. */
static void lifecycle_on_stop_poll(void *arg)
{
	struct server *server = arg;
	unsigned left =
		imapd_sessions(server->imapd) + lmtp_sessions(server->lmtp) + admin_sessions(server->admin);

	if (left > 0 && server->state == SERVER_STOPPING &&
		clock_mono_ms() - server->stop_began > STOP_GRACE_MS) {
		log_warn(server->log, "dropping sessions that do not end sessions=%u", left);
		server->state = SERVER_DROPPING;
		imapd_stop(server->imapd);
		lmtp_stop(server->lmtp);
		admin_stop(server->admin);
	}
	if (left > 0 || auth_waiting(server->auth) > 0) {
		timer_set(&server->stop_timer, STOP_POLL_MS);
		return;
	}
	/* No mail is delivered any more; pushes that wait stay in their database. */
	webpush_stop(server->webpush);
	if (webpush_busy(server->webpush)) {
		timer_set(&server->stop_timer, STOP_POLL_MS);
		return;
	}
	for (unsigned i = 0; i < server->reactor_count; i++)
		reactor_stop(server->reactors[i].reactor);
}

void lifecycle_stop(struct server *server)
{
	if (server->state != SERVER_SERVING)
		return;
	server->state = SERVER_STOPPING;
	server->stop_began = clock_mono_ms();
	systemd_notify("STOPPING=1");
	for (unsigned i = 0; i < server->reactor_count; i++) {
		struct server_reactor *r = &server->reactors[i];
		r->unlisten.fn = lifecycle_unlisten;
		r->hurry.fn = lifecycle_hurry;
		reactor_post(r->reactor, &r->unlisten);
		reactor_post(r->reactor, &r->hurry);
	}
	imapd_stop(server->imapd);
	lmtp_stop(server->lmtp);
	admin_stop(server->admin);
	timer_set(&server->stop_timer, 1);
}

/* Signals. */

enum rc lifecycle_block_signals(struct server *server, struct buf *errors)
{
	sigemptyset(&server->signal_mask);
	sigaddset(&server->signal_mask, SIGTERM);
	sigaddset(&server->signal_mask, SIGINT);
	sigaddset(&server->signal_mask, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &server->signal_mask, NULL);
	server->signal_fd = signalfd(-1, &server->signal_mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (server->signal_fd < 0) {
		buf_printf(errors, "signalfd: %s\n", strerror(errno));
		return RC_IO;
	}
	return RC_OK;
}

static void lifecycle_on_signal(int fd, short what, void *arg)
{
	struct server *server = arg;
	struct signalfd_siginfo info;

	(void)what;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			struct buf errors;
			buf_init(&errors, CONF_ERRORS_MAX);
			(void)!lifecycle_reload(server, &errors);
			buf_fini(&errors);
		} else {
			log_info(server->log, "stopping signal=%u", info.ssi_signo);
			lifecycle_stop(server);
		}
	}
}

/* Timers. */

static void lifecycle_on_tick(void *arg)
{
	struct server *server = arg;

	store_tick(server->store);
	health_tick(server->health);
	if (server->tls)
		tls_ctx_tick(server->tls);
	timer_set(&server->tick, TICK_MS);
}

/* The ping returns as soon as the loop of that reactor turns. */
static void lifecycle_on_ping(struct reactor *reactor, struct reactor_msg *msg)
{
	struct server_reactor *r = CONTAINER_OF(msg, struct server_reactor, ping);

	(void)reactor;
	atomic_store(&r->ping_out, false);
}

/*
 * Sends a watchdog message to the service manager, if all reactors and workers have moved since the last one.
 */
static void lifecycle_on_watchdog(void *arg)
{
	struct server *server = arg;
	bool alive = pool_longest_turn(server->pool) / 1000 < 2 * server->watchdog_ms;

	for (unsigned i = 1; i < server->reactor_count; i++)
		alive = alive && !atomic_load(&server->reactors[i].ping_out);
	if (alive)
		systemd_notify("WATCHDOG=1");
	else
		log_error(server->log, "a thread does not move: no sign of life to the service manager");
	for (unsigned i = 1; i < server->reactor_count; i++) {
		struct server_reactor *r = &server->reactors[i];
		if (atomic_exchange(&r->ping_out, true))
			continue;
		r->ping.fn = lifecycle_on_ping;
		reactor_post(r->reactor, &r->ping);
	}
	timer_set(&server->watchdog, server->watchdog_ms);
}

void lifecycle_start(struct server *server)
{
	struct reactor *first = server->reactor_array[0];

	server->signal_event = event_new(
		reactor_base(first), server->signal_fd, EV_READ | EV_PERSIST, lifecycle_on_signal, server);
	event_add(server->signal_event, NULL);
	timer_init(&server->tick, first, lifecycle_on_tick, server);
	timer_init(&server->watchdog, first, lifecycle_on_watchdog, server);
	timer_init(&server->stop_timer, first, lifecycle_on_stop_poll, server);
	timer_set(&server->tick, TICK_MS);
	server->watchdog_ms = systemd_watchdog_us() / 2000;
	if (server->watchdog_ms > 0)
		timer_set(&server->watchdog, server->watchdog_ms);
}

void lifecycle_finish(struct server *server)
{
	event_free(server->signal_event);
	server->signal_event = NULL;
	timer_fini(&server->tick);
	timer_fini(&server->watchdog);
	timer_fini(&server->stop_timer);
}
