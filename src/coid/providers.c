/* Builds metadata, COI and Web Push, and connects them. */
#include "coid/providers.h"

#include "coi/coi.h"
#include "coid/server_priv.h"
#include "coid/settings.h"
#include "metadata/metadata.h"
#include "webpush/subs.h"

/* [strand] COI-23: when an account disables COI, its push subscriptions for chat only are removed. */
static enum rc providers_drop_chat(void *ctx, struct account *account)
{
	struct subs_list subs = { 0 };

	(void)ctx;
	enum rc rc = subs_load(account, account_arena(account), &subs);
	for (size_t i = 0; rc == RC_OK && i < subs.n; i++) {
		if (subs.v[i].type != SUB_CHAT)
			continue;
		rc = subs_drop(account, subs.v[i].name);
		if (rc == RC_OK)
			rc = metadata_changed(account, 0,
				strv_cstr(arena_printf(account_arena(account), SUBS_ENTRY "/%.*s",
					STRV_ARG(subs.v[i].name))));
	}
	return rc;
}

enum rc providers_make(struct server *server, struct buf *errors)
{
	const struct conf *conf = server->conf;
	struct metadata_settings metadata = {
		.value_max = conf->metadata.value_max,
		.entries_max = conf->metadata.entries_max,
		.shared_comment = conf->metadata.shared_comment,
		.shared_admin = conf->metadata.shared_admin,
	};
	struct coi_settings coi = {
		.enabled = conf->coi.enabled,
		.mailbox_root = conf->coi.mailbox_root,
		.user_root = conf->coi.user_root,
	};
	struct webpush_settings webpush;
	struct metadata_provider provider;
	struct arena *arena = arena_new(0);

	server->metadata = metadata_new(&metadata);
	server->coi = coi_new(&coi, server->log);
	coi_attach(server->coi, server->store);
	coi_on_disabled(server->coi, providers_drop_chat, NULL);
	coi_provider(server->coi, &provider);
	metadata_add(server->metadata, &provider);
	settings_webpush(conf, arena, &webpush);
	enum rc rc = webpush_new(&webpush, server->store, server->log, errors, &server->webpush);
	if (rc == RC_OK)
		webpush_add_providers(server->webpush, server->metadata);
	arena_free(&arena);
	return rc;
}

void providers_free(struct server *server)
{
	metadata_free(&server->metadata);
	coi_free(&server->coi);
}
