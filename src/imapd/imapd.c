/*
 * The IMAP server as a whole: makes the hubs, accepts connections, applies new settings, stops.
 */
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"

#include "base/mem.h"
#include "imapd/changes.h"
#include "imapd/command.h"
#include "imapd/search_update.h"
#include "imapd/progress.h"
#include "imapd/session.h"
#include "imapd/sorted.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP_MS 2000 /* after this time the server does not wait for commands any more */

/* Settings. */

void imapd_settings_init(struct imapd_settings *settings)
{
	static const char *const id_fields[] = { "name=coid" };

	*settings = (struct imapd_settings){
		.hostname = "localhost",
		.line_max = 64 * 1024,
		.line_max_preauth = 64 * 1024,
		.literal_max = 128 * 1024,
		.literal_max_preauth = 32 * 1024,
		.context_ranges_max = CONTEXT_RANGES_MAX,
		.context_sorted_max = SORTED_MAX,
		.esearch_mailboxes_max = 10000,
		.words_max = 10000,
		.id_fields = id_fields,
		.id_field_count = 1,
		.message_max = 50 * 1024 * 1024,
		.append_memory_max = 128 * 1024 * 1024,
		.skip_max = 256 * 1024 * 1024,
		.skip_max_preauth = 64 * 1024,
		.idle_keepalive_ms = 2 * 60 * 1000,
		.progress_ms = 10 * 1000,
		.timeout_ms = 30 * 60 * 1000,
		.timeout_preauth_ms = 60 * 1000,
		.bad_commands_max = 20,
		.compress = true,
		.output_high_water = 256 * 1024,
		.connections_max = 20000,
		.connections_per_user = 100,
		.connections_per_ip = 1000,
		.connections_per_network = 4000,
		.connections_reserve = 500,
		.connections_preauth = 1000,
		.connections_preauth_per_ip = 200,
	};
}

/* Users whose right to log in has changed. */

static int imapd_compare_names(const void *a, const void *b)
{
	return strv_cmp(*(const struct strv *)a, *(const struct strv *)b);
}

/* The sessions of these users (sorted by strv_cmp) say BYE with that text at once. */
static void end_users(struct hub *hub, const struct strv *names, size_t count, const char *text)
{
	LIST_EACH (node, &hub->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_hub);
		struct strv user = strv_cstr(session->user);
		if (session->user && bsearch(&user, names, count, sizeof(*names), imapd_compare_names))
			session_bye(session, NULL, text);
	}
}

struct end_users {
	struct reactor_msg msg;
	struct hub *hub; /* borrowed */
	struct arena *arena; /* own: the names */
	struct strv *names; /* sorted */
	size_t count;
	const char *text;
};

static void on_end_users(struct reactor *reactor, struct reactor_msg *msg)
{
	struct end_users *end = (struct end_users *)msg;

	(void)reactor;
	end_users(end->hub, end->names, end->count, end->text);
	arena_free(&end->arena);
	free(end);
}

static void post_end_users(struct hub *hub, const struct strv *names, size_t count, const char *text)
{
	struct end_users *end = mem_zalloc(sizeof(*end));

	end->msg.fn = on_end_users;
	end->hub = hub;
	end->arena = arena_new(0);
	end->names = arena_alloc(end->arena, count * sizeof(*end->names));
	end->count = count;
	end->text = text;
	for (size_t i = 0; i < count; i++)
		end->names[i] = arena_strv(end->arena, names[i]);
	qsort(end->names, count, sizeof(*end->names), imapd_compare_names);
	reactor_post(hub->reactor, &end->msg);
}

void imapd_end_users(struct imapd *imapd, const struct strv *names, size_t count, enum auth_change change)
{
	static const char *const texts[] = {
		[AUTH_CHANGE_NONE] = "Please log in again",
		[AUTH_CHANGE_PASSWORD] = "Password was changed, please log in again",
		[AUTH_CHANGE_DISABLED] = "Account is disabled",
		[AUTH_CHANGE_REMOVED] = "Account was removed",
	};

	for (unsigned i = 0; i < imapd->hub_count; i++)
		post_end_users(&imapd->hubs[i], names, count, texts[change]);
}

static void on_auth_change(void *ctx, const struct strv *names, size_t count, enum auth_change change)
{
	imapd_end_users(ctx, names, count, change);
}

/* The end. */

static void stop_now(void *arg)
{
	struct hub *hub = arg;
	LIST_EACH (node, &hub->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_hub);
		session_bye(session, NULL, "Server is shutting down");
	}
}

/* Every session says BYE when its command is done. After a while, or at a second call, the server does not
 * wait any more. */
static void imapd_stop_hub(struct hub *hub)
{
	if (hub->stopping) {
		stop_now(hub);
		return;
	}
	hub->stopping = true;
	LIST_EACH (node, &hub->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, in_hub);
		if (session->cmd && !session->idling)
			session->stopping = true;
		else
			session_bye(session, NULL, "Server is shutting down");
	}
	timer_set(&hub->stop_timer, STOP_MS);
}

/* The server. */

static void start_hub(struct hub *hub, struct imapd *imapd, struct reactor *reactor)
{
	hub_init(hub, imapd, reactor);
	changes_init(hub);
	cmd_hub_init(hub);
	progress_init(hub);
	timer_init(&hub->stop_timer, reactor, stop_now, hub);
}

static void end_hub(struct hub *hub)
{
	timer_fini(&hub->stop_timer);
	progress_fini(hub);
	cmd_hub_fini(hub);
}

struct imapd *imapd_new(const struct imapd_settings *settings, const struct cmd_row *const *commands,
	struct store *store, struct auth *auth, struct reactor **reactors, unsigned reactor_count,
	struct log *log)
{
	struct imapd *imapd = mem_zalloc(sizeof(*imapd));
	imapd->table = commands;
	imapd->store = store;
	imapd->auth = auth;
	imapd->log = log;
	imapd->settings = imapd_settings_copy(settings);
	imapd->admission = admission_new();
	pthread_mutex_init(&imapd->lock, NULL);
	imapd->hubs = mem_zalloc(reactor_count * sizeof(*imapd->hubs));
	imapd->hub_count = reactor_count;
	for (unsigned i = 0; i < reactor_count; i++)
		start_hub(&imapd->hubs[i], imapd, reactors[i]);
	if (auth)
		auth_watch(auth, on_auth_change, imapd);
	return imapd;
}

void imapd_reload(struct imapd *imapd, const struct imapd_settings *settings, struct tls_ctx *tls)
{
	struct imapd_settings_copy *copy = imapd_settings_copy(settings);
	struct tls_ctx *new_tls = tls ? tls_ctx_ref(tls) : NULL;

	pthread_mutex_lock(&imapd->lock);
	struct imapd_settings_copy *old = imapd->settings;
	struct tls_ctx *old_tls = imapd->tls;
	imapd->settings = copy;
	imapd->tls = new_tls;
	pthread_mutex_unlock(&imapd->lock);
	imapd_settings_copy_unref(old);
	if (old_tls)
		tls_ctx_unref(&old_tls);
}

void imapd_accept(struct imapd *imapd, struct reactor *reactor, int fd, bool implicit_tls)
{
	reactor_assert(reactor);
	session_accept(&imapd->hubs[reactor_index(reactor)], fd, implicit_tls);
}

struct stop_msg {
	struct reactor_msg msg;
	struct hub *hub; /* borrowed */
};

static void on_stop(struct reactor *reactor, struct reactor_msg *msg)
{
	struct stop_msg *stop = (struct stop_msg *)msg;
	(void)reactor;
	imapd_stop_hub(stop->hub);
	free(stop);
}

void imapd_stop(struct imapd *imapd)
{
	for (unsigned i = 0; i < imapd->hub_count; i++) {
		struct stop_msg *stop = mem_zalloc(sizeof(*stop));
		stop->msg.fn = on_stop;
		stop->hub = &imapd->hubs[i];
		reactor_post(stop->hub->reactor, &stop->msg);
	}
}

unsigned imapd_sessions(const struct imapd *imapd)
{
	return atomic_load_explicit(&imapd->sessions, memory_order_relaxed);
}

void imapd_free(struct imapd **imapd)
{
	struct imapd *i = *imapd;
	*imapd = NULL;
	if (!i)
		return;
	for (unsigned k = 0; k < i->hub_count; k++)
		end_hub(&i->hubs[k]);
	free(i->hubs);
	admission_free(&i->admission);
	imapd_settings_copy_unref(i->settings);
	if (i->tls)
		tls_ctx_unref(&i->tls);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

void imapd_counters(const struct imapd *imapd, struct imapd_counters *ret_counters)
{
	*ret_counters = (struct imapd_counters){
		.connections = atomic_load_explicit(&imapd->connections, memory_order_relaxed),
		.logins = atomic_load_explicit(&imapd->logins, memory_order_relaxed),
		.login_failures = atomic_load_explicit(&imapd->login_failures, memory_order_relaxed),
		.commands = atomic_load_explicit(&imapd->commands, memory_order_relaxed),
		.bytes_in = atomic_load_explicit(&imapd->bytes_in, memory_order_relaxed),
		.bytes_out = atomic_load_explicit(&imapd->bytes_out, memory_order_relaxed),
		.sessions = atomic_load_explicit(&imapd->sessions, memory_order_relaxed),
		.idling = atomic_load_explicit(&imapd->idling, memory_order_relaxed),
	};
}
