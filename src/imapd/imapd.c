#include "imapd/imapd_priv.h"

#include "base/hash.h"
#include "base/mem.h"
#include "imapd/context.h"
#include "imapd/session.h"
#include "imapd/sorted.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		.words_max = 10000,
		.id_fields = id_fields,
		.id_field_count = 1,
		.message_max = 50 * 1024 * 1024,
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

static struct settings_copy *copy_settings(const struct imapd_settings *settings)
{
	struct settings_copy *copy = mem_zalloc(sizeof(*copy));
	struct arena *arena = arena_new(0);
	copy->arena = arena;
	copy->settings = *settings;
	copy->settings.hostname = arena_strdup(arena, settings->hostname);
	const char **fields = arena_alloc(arena, (settings->id_field_count + 1) * sizeof(*fields));
	for (size_t i = 0; i < settings->id_field_count; i++)
		fields[i] = arena_strdup(arena, settings->id_fields[i]);
	copy->settings.id_fields = fields;
	atomic_init(&copy->refs, 1);
	return copy;
}

static void settings_unref(struct settings_copy *copy)
{
	if (atomic_fetch_sub(&copy->refs, 1) > 1)
		return;
	arena_free(&copy->arena);
	free(copy);
}

const struct imapd_settings *imapd_settings_ref(struct imapd *imapd)
{
	pthread_mutex_lock(&imapd->lock);
	struct settings_copy *copy = imapd->settings;
	atomic_fetch_add(&copy->refs, 1);
	pthread_mutex_unlock(&imapd->lock);
	return &copy->settings;
}

void imapd_settings_unref(const struct imapd_settings **settings)
{
	const struct imapd_settings *s = *settings;
	*settings = NULL;
	if (s)
		settings_unref((struct settings_copy *)(uintptr_t)s);
}

struct tls_ctx *imapd_tls(struct imapd *imapd)
{
	pthread_mutex_lock(&imapd->lock);
	struct tls_ctx *tls = imapd->tls ? tls_ctx_ref(imapd->tls) : NULL;
	pthread_mutex_unlock(&imapd->lock);
	return tls;
}

bool imapd_has_tls(struct imapd *imapd)
{
	pthread_mutex_lock(&imapd->lock);
	bool has = imapd->tls;
	pthread_mutex_unlock(&imapd->lock);
	return has;
}

/* Connection limits. */

struct admission_limits imapd_admission_limits(const struct imapd_settings *settings)
{
	return (struct admission_limits){
		.total = settings->connections_max,
		.reserve = settings->connections_reserve,
		.per_address = settings->connections_per_ip,
		.per_network = settings->connections_per_network,
		.waiting = settings->connections_preauth,
		.waiting_per_address = settings->connections_preauth_per_ip,
		.per_user = settings->connections_per_user,
	};
}

struct leave_msg {
	struct reactor_msg msg;
	struct hub *hub; /* borrowed */
	uint64_t session;
};

static void on_leave(struct reactor *reactor, struct reactor_msg *msg)
{
	struct leave_msg *leave = (struct leave_msg *)msg;
	struct session *session = session_find(leave->hub, leave->session);

	(void)reactor;
	if (session && (session->state == SESSION_GREETING || session->state == SESSION_NOT_AUTH))
		session_bye(session, "LIMIT", "Too many connections that have not logged in");
	free(leave);
}

void imapd_make_leave(struct imapd *imapd, const struct admission_victim *victim)
{
	struct leave_msg *leave;

	if (victim->session == 0)
		return;
	leave = mem_zalloc(sizeof(*leave));
	leave->msg.fn = on_leave;
	leave->hub = &imapd->hubs[victim->hub];
	leave->session = victim->session;
	reactor_post(leave->hub->reactor, &leave->msg);
}

/* Users whose right to log in has changed. */

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
	hub_end_users(end->hub, end->names, end->count, end->text);
	arena_free(&end->arena);
	free(end);
}

static int compare_names(const void *a, const void *b)
{
	return strv_cmp(*(const struct strv *)a, *(const struct strv *)b);
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
	qsort(end->names, count, sizeof(*end->names), compare_names);
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

/* The server. */

struct imapd *imapd_new(const struct imapd_settings *settings, struct store *store, struct auth *auth,
	struct reactor **reactors, unsigned reactor_count, struct log *log)
{
	struct imapd *imapd = mem_zalloc(sizeof(*imapd));
	imapd->store = store;
	imapd->auth = auth;
	imapd->log = log;
	imapd->settings = copy_settings(settings);
	imapd->admission = admission_new();
	pthread_mutex_init(&imapd->lock, NULL);
	imapd->hubs = mem_zalloc(reactor_count * sizeof(*imapd->hubs));
	imapd->hub_count = reactor_count;
	for (unsigned i = 0; i < reactor_count; i++)
		hub_init(&imapd->hubs[i], imapd, reactors[i]);
	if (auth)
		auth_watch(auth, on_auth_change, imapd);
	return imapd;
}

void imapd_reload(struct imapd *imapd, const struct imapd_settings *settings, struct tls_ctx *tls)
{
	struct settings_copy *copy = copy_settings(settings);
	struct tls_ctx *new_tls = tls ? tls_ctx_ref(tls) : NULL;

	pthread_mutex_lock(&imapd->lock);
	struct settings_copy *old = imapd->settings;
	struct tls_ctx *old_tls = imapd->tls;
	imapd->settings = copy;
	imapd->tls = new_tls;
	pthread_mutex_unlock(&imapd->lock);
	settings_unref(old);
	if (old_tls)
		tls_ctx_unref(&old_tls);
}

void imapd_accept(struct imapd *imapd, struct reactor *reactor, int fd, bool implicit_tls)
{
	assert_on_reactor(reactor);
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
	hub_stop(stop->hub);
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
		hub_fini(&i->hubs[k]);
	free(i->hubs);
	admission_free(&i->admission);
	settings_unref(i->settings);
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
