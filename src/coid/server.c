#include "coid/server.h"

#include "base/clock.h"
#include "base/mem.h"
#include "coid/health.h"
#include "coid/server_priv.h"
#include "imapd/cmd/table.h"
#include "store/io.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS 1000
#define STOP_POLL_MS 20
#define STOP_GRACE_MS 5000 /* for sessions to end by themselves */

enum rc server_check(const struct server_source *source, struct buf *errors)
{
	struct conf *conf = NULL;
	struct tls_ctx *tls = NULL;
	enum rc rc = conf_load(source->config, source->overrides, source->override_count, errors, &conf);

	if (rc == RC_OK)
		rc = logfile_check(conf, errors);
	if (rc == RC_OK)
		rc = settings_tls(conf, errors, &tls);
	if (rc == RC_OK && conf->auth.users_file[0])
		rc = auth_check_users_file(conf->auth.users_file, errors);
	if (rc == RC_OK) {
		struct webpush_settings webpush;
		struct arena *arena = arena_new(0);
		settings_webpush(conf, arena, &webpush);
		rc = webpush_check_settings(&webpush, errors);
		arena_free(&arena);
	}
	tls_ctx_unref(&tls);
	conf_free(&conf);
	return rc;
}

/* SIGTERM and the like come through a descriptor of reactor 0; every thread inherits the mask. */
static enum rc block_signals(struct server *server, struct buf *errors)
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

static void on_signal(int fd, short what, void *arg)
{
	struct server *server = arg;
	struct signalfd_siginfo info;

	(void)what;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			struct buf errors;
			buf_init(&errors, CONF_ERRORS_MAX);
			(void)!server_reload(server, &errors);
			buf_fini(&errors);
		} else {
			log_info(server->log, "stopping signal=%u", info.ssi_signo);
			server_begin_stop(server);
		}
	}
}

static void on_tick(void *arg)
{
	struct server *server = arg;

	store_tick(server->store);
	health_tick(server->health);
	if (server->tls)
		tls_ctx_tick(server->tls);
	timer_set(&server->tick, TICK_MS);
}

/* Comes back as soon as that reactor's loop turns. */
static void on_ping(struct reactor *reactor, struct reactor_msg *msg)
{
	struct server_reactor *r = CONTAINER_OF(msg, struct server_reactor, ping);

	(void)reactor;
	atomic_store(&r->ping_out, false);
}

/* Tells the service manager that we live, if all reactors and workers have moved since the last time. */
static void on_watchdog(void *arg)
{
	struct server *server = arg;
	bool alive = pool_longest_turn(server->pool) / 1000 < 2 * server->watchdog_ms;

	for (unsigned i = 1; i < server->reactor_count; i++)
		alive = alive && !atomic_load(&server->reactors[i].ping_out);
	if (alive)
		notify_send("WATCHDOG=1");
	else
		log_error(server->log, "a thread does not move: no sign of life to the service manager");
	for (unsigned i = 1; i < server->reactor_count; i++) {
		struct server_reactor *r = &server->reactors[i];
		if (atomic_exchange(&r->ping_out, true))
			continue;
		r->ping.fn = on_ping;
		reactor_post(r->reactor, &r->ping);
	}
	timer_set(&server->watchdog, server->watchdog_ms);
}

void server_accept(struct server *server, enum service service, struct reactor *reactor, int fd)
{
	switch (service) {
	case SERVICE_IMAP:
	case SERVICE_IMAPS:
		imapd_accept(server->imapd, reactor, fd, service == SERVICE_IMAPS);
		break;
	case SERVICE_LMTP:
		lmtp_accept(server->lmtp, reactor, fd);
		break;
	case SERVICE_CONTROL:
		admin_accept(server->admin, fd);
		break;
	case SERVICE_COUNT:
		close(fd);
		break;
	}
}

static void make_reactors(struct server *server)
{
	unsigned count = server->conf->server.reactors;

	if (count == 0) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);
		count = cores > 0 ? (unsigned)cores : 1;
	}
	if (count > REACTORS_MAX)
		count = REACTORS_MAX;
	server->reactor_count = count;
	for (unsigned i = 0; i < count; i++) {
		server->reactors[i].server = server;
		server->reactors[i].reactor = reactor_new(i, server->log);
		server->reactor_array[i] = server->reactors[i].reactor;
	}
}

static void status_hook(void *ctx, struct buf *out)
{
	server_status(ctx, out);
}

static enum rc reload_hook(void *ctx, struct buf *errors)
{
	return server_reload(ctx, errors);
}

static enum rc make_parts(struct server *server, struct buf *errors)
{
	const struct conf *conf = server->conf;
	struct arena *arena = arena_new(0);
	struct admin_hooks hooks = { .ctx = server, .status = status_hook, .reload = reload_hook };
	struct store_settings store;
	struct auth_settings auth;
	struct imapd_settings imapd;
	struct lmtp_settings lmtp;
	struct admin_settings admin;

	server->pool = pool_new(conf->server.workers, "store", server->log);
	server->descriptors = descriptors_plan(conf, server->reactor_count, descriptors_limit());
	descriptors_tell(&server->descriptors, server->log);
	settings_store(conf, arena, &store);
	store.open_accounts_max = server->descriptors.accounts;
	server->io = io_from_environment();
	enum rc rc = store_new(&store, server->pool, server->io, server->log, &server->store);
	arena_free(&arena);
	if (rc != RC_OK) {
		buf_printf(errors, "server.root: %s: %s\n", conf->server.root,
			rc == RC_INUSE ? "another server uses it" : "can't open the store, see the log");
		return rc;
	}
	rc = server_providers_make(server, errors);
	if (rc != RC_OK)
		return rc;
	settings_auth(conf, &auth);
	rc = auth_new(&auth, server->store, server->log, &server->auth);
	if (rc != RC_OK) {
		buf_adds(errors, "auth: can't start, see the log\n");
		return rc;
	}
	settings_imapd(conf, &imapd);
	imapd.connections_max = server->descriptors.imap;
	imapd.metadata = server->metadata;
	imapd.coi = server->coi;
	server->imapd = imapd_new(&imapd, cmd_table, server->store, server->auth, server->reactor_array,
		server->reactor_count, server->log);
	imapd_reload(server->imapd, &imapd, server->tls);
	settings_lmtp(conf, &lmtp);
	lmtp.connections_max = server->descriptors.lmtp;
	lmtp.coi = server->coi;
	lmtp.webpush = server->webpush;
	server->lmtp =
		lmtp_new(&lmtp, server->store, server->reactor_array, server->reactor_count, server->log);
	settings_admin(conf, &admin);
	hooks.coi = server->coi;
	hooks.webpush = server->webpush;
	server->admin =
		admin_new(&admin, &hooks, server->store, server->auth, server->reactor_array[0], server->log);
	server->health = health_new(server);
	return conf->metrics.listen[0] ? metrics_new(server, errors, &server->metrics) : RC_OK;
}

enum rc server_new(const struct server_source *source, struct buf *errors, struct server **ret_server)
{
	struct server *server = mem_zalloc(sizeof(*server));

	server->source = source;
	server->signal_fd = -1;
	server->log_fd = -1;
	server->started = clock_wall();
	enum rc rc =
		conf_load(source->config, source->overrides, source->override_count, errors, &server->conf);
	if (rc == RC_OK)
		rc = logfile_open(server, errors);
	if (rc == RC_OK)
		rc = settings_tls(server->conf, errors, &server->tls);
	if (rc == RC_OK)
		rc = block_signals(server, errors);
	if (rc == RC_OK) {
		privileges_raise_descriptors();
		if (server->conf->server.malloc_arenas)
			mallopt(M_ARENA_MAX, (int)server->conf->server.malloc_arenas);
		make_reactors(server);
		rc = server_sockets_open(server, errors);
	}
	if (rc == RC_OK)
		rc = privileges_drop(server->conf, server->log, errors);
	if (rc == RC_OK)
		rc = make_parts(server, errors);
	if (rc != RC_OK) {
		server_free(&server);
		return rc;
	}
	*ret_server = server;
	return RC_OK;
}

static void *reactor_thread(void *arg)
{
	struct server_reactor *r = arg;

	reactor_run(r->reactor);
	return NULL;
}

static void start_threads(struct server *server)
{
	for (unsigned i = 1; i < server->reactor_count; i++) {
		if (pthread_create(&server->reactors[i].thread, NULL, reactor_thread, &server->reactors[i]) !=
			0) {
			log_error(server->log, "can't start a thread reactor=%u", i);
			abort();
		}
		server->reactors_running = i;
	}
}

static void unlisten(struct reactor *reactor, struct reactor_msg *msg)
{
	struct server_reactor *r = CONTAINER_OF(msg, struct server_reactor, unlisten);
	server_sockets_unlisten(r->server, reactor_index(reactor));
}

static void hurry(struct reactor *reactor, struct reactor_msg *msg)
{
	struct server_reactor *r = CONTAINER_OF(msg, struct server_reactor, hurry);
	auth_hurry(r->server->auth, reactor);
}

/* Ends the loops once nobody is left: sessions first, then the logins and requests they left behind. */
static void on_stop_poll(void *arg)
{
	struct server *server = arg;
	unsigned left =
		imapd_sessions(server->imapd) + lmtp_sessions(server->lmtp) + admin_sessions(server->admin);

	if (left > 0 && !server->dropped_sessions && clock_mono_ms() - server->stop_began > STOP_GRACE_MS) {
		log_warn(server->log, "dropping sessions that do not end sessions=%u", left);
		server->dropped_sessions = true;
		imapd_stop(server->imapd);
		lmtp_stop(server->lmtp);
		admin_stop(server->admin);
	}
	if (left > 0 || auth_waiting(server->auth) > 0) {
		timer_set(&server->stop_timer, STOP_POLL_MS);
		return;
	}
	/* Nobody delivers any more: what is still to be pushed waits in its database. */
	webpush_stop(server->webpush);
	if (webpush_busy(server->webpush)) {
		timer_set(&server->stop_timer, STOP_POLL_MS);
		return;
	}
	for (unsigned i = 0; i < server->reactor_count; i++)
		reactor_stop(server->reactors[i].reactor);
}

void server_begin_stop(struct server *server)
{
	if (server->stopping)
		return;
	server->stopping = true;
	server->stop_began = clock_mono_ms();
	notify_send("STOPPING=1");
	for (unsigned i = 0; i < server->reactor_count; i++) {
		struct server_reactor *r = &server->reactors[i];
		r->unlisten.fn = unlisten;
		r->hurry.fn = hurry;
		reactor_post(r->reactor, &r->unlisten);
		reactor_post(r->reactor, &r->hurry);
	}
	imapd_stop(server->imapd);
	lmtp_stop(server->lmtp);
	admin_stop(server->admin);
	timer_set(&server->stop_timer, 1);
}

int server_run(struct server *server)
{
	struct reactor *first = server->reactor_array[0];

	server->signal_event =
		event_new(reactor_base(first), server->signal_fd, EV_READ | EV_PERSIST, on_signal, server);
	event_add(server->signal_event, NULL);
	timer_init(&server->tick, first, on_tick, server);
	timer_init(&server->watchdog, first, on_watchdog, server);
	timer_init(&server->stop_timer, first, on_stop_poll, server);
	timer_set(&server->tick, TICK_MS);
	server->watchdog_ms = notify_watchdog_us() / 2000;
	if (server->watchdog_ms > 0)
		timer_set(&server->watchdog, server->watchdog_ms);
	server_sockets_listen(server);
	start_threads(server);
	if (webpush_start(server->webpush) != RC_OK)
		abort();
	log_info(server->log, "coid is ready version=%s reactors=%u configuration=%s", COID_VERSION,
		server->reactor_count, server->source->config ? server->source->config : "none");
	notify_send("READY=1\nSTATUS=serving");
	reactor_run(first);

	for (unsigned i = 1; i <= server->reactors_running; i++)
		pthread_join(server->reactors[i].thread, NULL);
	event_free(server->signal_event);
	timer_fini(&server->tick);
	timer_fini(&server->watchdog);
	timer_fini(&server->stop_timer);
	log_info(server->log, "stopped");
	return 0;
}

void server_free(struct server **server)
{
	struct server *s = *server;

	if (!s)
		return;
	/* The strands run dry first: what they complete is posted to reactors, which run it when they are freed. */
	if (s->pool)
		pool_drain(s->pool);
	for (unsigned i = 0; i < s->reactor_count; i++) {
		reactor_run_once(s->reactors[i].reactor, false);
		server_sockets_unlisten(s, i);
	}
	metrics_free(&s->metrics);
	admin_free(&s->admin);
	lmtp_free(&s->lmtp);
	imapd_free(&s->imapd);
	auth_free(&s->auth);
	webpush_free(&s->webpush);
	store_free(&s->store);
	server_providers_free(s);
	free(s->io);
	for (unsigned i = 0; i < s->reactor_count; i++)
		reactor_free(&s->reactors[i].reactor);
	pool_free(&s->pool);
	health_free(&s->health);
	server_sockets_close(s);
	tls_ctx_unref(&s->tls);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	log_free(&s->log);
	if (s->log_fd > STDERR_FILENO)
		close(s->log_fd);
	conf_free(&s->conf);
	free(s);
	*server = NULL;
}
