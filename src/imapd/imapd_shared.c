/* The data that sessions share with the server: settings in force, TLS context, limits of connections. */
#include "imapd/imapd_priv.h"

#include "base/mem.h"

#include <stdlib.h>

struct imapd_settings_copy *imapd_settings_copy(const struct imapd_settings *settings)
{
	struct imapd_settings_copy *copy = mem_zalloc(sizeof(*copy));
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

void imapd_settings_copy_unref(struct imapd_settings_copy *copy)
{
	if (atomic_fetch_sub(&copy->refs, 1) > 1)
		return;
	arena_free(&copy->arena);
	free(copy);
}

const struct imapd_settings *imapd_settings_ref(struct imapd *imapd)
{
	pthread_mutex_lock(&imapd->lock);
	struct imapd_settings_copy *copy = imapd->settings;
	atomic_fetch_add(&copy->refs, 1);
	pthread_mutex_unlock(&imapd->lock);
	return &copy->settings;
}

void imapd_settings_unref(const struct imapd_settings **settings)
{
	const struct imapd_settings *s = *settings;
	*settings = NULL;
	if (s)
		imapd_settings_copy_unref(mem_unconst(s));
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
