/*
 * Builds the server from a configuration, starts its threads, and frees it in order.
 */
#include "coid/server.h"

#include "base/clock.h"
#include "base/mem.h"
#include "coid/health.h"
#include "coid/lifecycle.h"
#include "coid/logfile.h"
#include "coid/metrics.h"
#include "coid/privileges.h"
#include "coid/providers.h"
#include "coid/server_priv.h"
#include "coid/settings.h"
#include "imapd/cmd/table.h"
#include "store/io.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

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

static void server_make_reactors(struct server *server)
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

static void server_status_hook(void *ctx, struct buf *out)
{
	server_status(ctx, out);
}

static enum rc server_reload_hook(void *ctx, struct buf *errors)
{
	return lifecycle_reload(ctx, errors);
}

static enum rc server_make_parts(struct server *server, struct buf *errors)
{
	const struct conf *conf = server->conf;
	struct arena *arena = arena_new(0);
	struct admin_hooks hooks = {
		.ctx = server,
		.status = server_status_hook,
		.imap_help = cmd_table_help,
		.reload = server_reload_hook,
	};
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
	rc = providers_make(server, errors);
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
		rc = lifecycle_block_signals(server, errors);
	if (rc == RC_OK) {
		privileges_raise_descriptors();
		if (server->conf->server.malloc_arenas)
			mallopt(M_ARENA_MAX, (int)server->conf->server.malloc_arenas);
		server_make_reactors(server);
		rc = sockets_open(server, errors);
	}
	if (rc == RC_OK)
		rc = privileges_drop(server->conf, server->log, errors);
	if (rc == RC_OK)
		rc = server_make_parts(server, errors);
	if (rc != RC_OK) {
		server_free(&server);
		return rc;
	}
	*ret_server = server;
	return RC_OK;
}

static void *server_reactor_thread(void *arg)
{
	struct server_reactor *r = arg;

	reactor_run(r->reactor);
	return NULL;
}

static void server_start_threads(struct server *server)
{
	for (unsigned i = 1; i < server->reactor_count; i++) {
		if (pthread_create(&server->reactors[i].thread, NULL, server_reactor_thread,
			    &server->reactors[i]) != 0) {
			log_error(server->log, "can't start a thread reactor=%u", i);
			abort();
		}
		server->reactors_running = i;
	}
}

int server_run(struct server *server)
{
	lifecycle_start(server);
	sockets_listen(server);
	server_start_threads(server);
	if (webpush_start(server->webpush) != RC_OK)
		abort();
	log_info(server->log, "coid is ready version=%s reactors=%u configuration=%s", COID_VERSION,
		server->reactor_count, server->source->config ? server->source->config : "none");
	systemd_notify("READY=1\nSTATUS=serving");
	reactor_run(server->reactor_array[0]);

	for (unsigned i = 1; i <= server->reactors_running; i++)
		pthread_join(server->reactors[i].thread, NULL);
	lifecycle_finish(server);
	log_info(server->log, "stopped");
	return 0;
}

void server_free(struct server **server)
{
	struct server *s = *server;

	if (!s)
		return;
	/*
	 * The strands are drained first: they post completions to reactors, which run them when they are
	 * freed.
	 */
	if (s->pool)
		pool_drain(s->pool);
	for (unsigned i = 0; i < s->reactor_count; i++) {
		reactor_run_once(s->reactors[i].reactor, false);
		sockets_unlisten(s, i);
	}
	metrics_free(&s->metrics);
	admin_free(&s->admin);
	lmtp_free(&s->lmtp);
	imapd_free(&s->imapd);
	auth_free(&s->auth);
	webpush_free(&s->webpush);
	store_free(&s->store);
	providers_free(s);
	free(s->io);
	for (unsigned i = 0; i < s->reactor_count; i++)
		reactor_free(&s->reactors[i].reactor);
	pool_free(&s->pool);
	health_free(&s->health);
	sockets_close(s);
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
