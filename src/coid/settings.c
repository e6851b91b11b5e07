/* Maps the configuration to the settings of each part. */
#include "coid/settings.h"

#include "base/special_use.h"

#include "coi/coi.h"
#include "store/mailbox.h"

/* With coi.default_enabled a new account gets what coi_enable would make. */
static void settings_coi_defaults(const struct conf *conf, struct arena *arena,
	struct default_mailbox *defaults, struct store_settings *s)
{
	static const char *const folders[] = { "Contacts", "Chats" };
	struct default_annotation *annotations = arena_zalloc(arena, 2 * sizeof(*annotations));

	if (!conf->coi.enabled || !conf->coi.default_enabled)
		return;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		defaults[s->default_count++].name =
			arena_printf(arena, "%s/%s", conf->coi.mailbox_root, folders[i]);
	annotations[s->default_annotation_count++] =
		(struct default_annotation){ COI_PREFIX "/enabled", "yes" };
	if (conf->coi.default_filter != COI_FILTER_NONE)
		annotations[s->default_annotation_count++] =
			(struct default_annotation){ COI_PREFIX "/message-filter",
				coi_filter_name((enum coi_filter)conf->coi.default_filter) };
	s->default_annotations = annotations;
}

void settings_store(const struct conf *conf, struct arena *arena, struct store_settings *ret_settings)
{
	/* COI may add two more. */
	struct default_mailbox *defaults =
		arena_zalloc(arena, (conf->store.default_mailboxes.n + 2) * sizeof(*defaults));
	struct store_settings *s = ret_settings;

	store_settings_init(s);
	s->root = conf->server.root;
	s->inline_max = conf->store.inline_max;
	s->inline_total_max = conf->store.inline_total_max;
	s->inline_age_ms = conf->store.inline_age;
	s->message_max = conf->store.message_max;
	s->mailboxes_max = conf->store.mailboxes_max;
	s->mailbox_name_max = conf->store.mailbox_name_max;
	s->mailbox_depth_max = conf->store.mailbox_depth_max;
	s->quota_storage = conf->store.quota_storage;
	s->quota_messages = conf->store.quota_messages;
	s->sync_flags_always = conf->store.sync_flags == CONF_SYNC_ALWAYS;
	s->open_accounts_max = conf->store.open_accounts_max;
	s->index_memory = conf->store.index_memory;
	s->expunge_log_max = conf->store.expunge_log_max;
	s->undelete_age_s = conf->store.undelete_age / 1000;
	s->lost_keep_s = conf->store.lost_keep / 1000;
	s->verify_reads = conf->store.verify_reads;
	s->batch_jobs = conf->store.batch_jobs;
	s->batch_wal_bytes = conf->store.batch_size_max;
	s->batch_ms = conf->store.batch_time_max;
	s->strand_max = conf->store.queue_max;
	s->free_min = conf->store.free_min;
	s->reserve = conf->store.reserve;
	s->spool_memory_max = conf->store.spool_memory_max;
	s->spool_account_max = conf->store.spool_account_max;
	for (size_t i = 0; i < conf->store.default_mailboxes.n; i++) {
		struct strv name = STRV_NULL, use = STRV_NULL;
		if (!conf_mailbox_split(strv_cstr(conf->store.default_mailboxes.v[i]), &name, &use))
			continue;
		defaults[s->default_count].special_use = special_use_parse(use);
		defaults[s->default_count++].name = arena_strndup(arena, name.p, name.n);
	}
	settings_coi_defaults(conf, arena, defaults, s);
	s->defaults = defaults;
}

void settings_auth(const struct conf *conf, struct auth_settings *ret_settings)
{
	/* Without configured domains, accounts are made in the server's own one. */
	bool own = conf->chatmail.auto_create_domains.n == 0;
	const char *const *domains =
		(const char *const *)(own ? &conf->server.hostname : conf->chatmail.auto_create_domains.v);

	*ret_settings = (struct auth_settings){
		.workers = conf->server.auth_workers,
		.password_scheme = conf->auth.password_scheme,
		.cache_ttl_ms = conf->auth.cache_ttl,
		.scram_iterations = conf->auth.scram_iterations,
		.delay_max_ms = conf->auth.delay_max,
		.grid_ms = conf->auth.failure_grid,
		.users_file = conf->auth.users_file[0] ? conf->auth.users_file : NULL,
		.queue_max = conf->auth.queue_max,
		.guard = {
			.guesses = {
				[GUARD_ADDRESS] = conf->auth.guesses_per_address,
				[GUARD_NETWORK] = conf->auth.guesses_per_network,
				[GUARD_ACCOUNT] = conf->auth.guesses_per_account,
				[GUARD_PAIR] = conf->auth.guesses_per_address,
			},
			.window_ms = conf->auth.guess_window,
			.ban_ms = conf->auth.ban_time,
		},
		.checks_per_address = conf->auth.checks_per_address,
		.checks_per_account = conf->auth.checks_per_account,
		.known_age_ms = conf->auth.known_address_age,
		.trusted = (const char *const *)conf->auth.trusted_networks.v,
		.trusted_count = conf->auth.trusted_networks.n,
		.auto_create = {
			.enabled = conf->chatmail.enabled && conf->chatmail.auto_create,
			.local_min = conf->chatmail.auto_create_local_min,
			.local_max = conf->chatmail.auto_create_local_max,
			.password_min = conf->chatmail.auto_create_password_min,
			.domains = domains,
			.domain_count = own ? 1 : conf->chatmail.auto_create_domains.n,
			.per_hour = conf->chatmail.auto_create_per_hour,
		},
	};
}

void settings_imapd(const struct conf *conf, struct imapd_settings *ret_settings)
{
	struct imapd_settings *s = ret_settings;

	imapd_settings_init(s);
	s->hostname = conf->server.hostname;
	s->line_max = conf->imap.line_max;
	s->line_max_preauth = conf->imap.line_max_before_login;
	s->literal_max = conf->imap.literal_max;
	s->literal_max_preauth = conf->imap.literal_max_before_login;
	s->words_max = conf->imap.command_max_args;
	s->message_max = conf->store.message_max;
	s->idle_keepalive_ms = conf->imap.idle_keepalive;
	s->progress_ms = conf->imap.progress_interval;
	s->timeout_ms = conf->imap.timeout_auth;
	s->timeout_preauth_ms = conf->imap.timeout_login;
	s->message_limit = conf->imap.message_limit;
	s->save_limit = conf->imap.save_limit;
	s->bad_commands_max = conf->imap.bad_commands_max;
	s->allow_plaintext_loopback = conf->imap.allow_plaintext_loopback;
	s->append_8bit_refuse = conf->imap.append_8bit_headers == CONF_APPEND_8BIT_REFUSE;
	s->compress = conf->imap.compress;
	s->output_high_water = conf->imap.output_high_water;
	s->connections_max = conf->server.max_connections;
	s->connections_per_user = conf->server.max_connections_per_user;
	s->connections_per_ip = conf->server.max_connections_per_ip;
	s->connections_per_network = conf->server.max_connections_per_network;
	s->connections_reserve = conf->server.connections_reserve;
	s->connections_preauth = conf->server.max_connections_before_login;
	s->connections_preauth_per_ip = conf->server.max_connections_before_login_per_ip;
	s->id_fields = (const char *const *)conf->imap.id_fields.v;
	s->id_field_count = conf->imap.id_fields.n;
	s->webpush = conf->webpush.enabled;
	s->deltapush = conf->chatmail.enabled;
	s->chatmail = conf->chatmail.enabled && conf->chatmail.relay;
}

void settings_webpush(const struct conf *conf, struct arena *arena, struct webpush_settings *ret_settings)
{
	struct webpush_settings *s = ret_settings;
	static const enum webpush_content contents[] = {
		[CONF_PUSH_FULL] = WEBPUSH_FULL,
		[CONF_PUSH_HEADERS] = WEBPUSH_HEADERS,
		[CONF_PUSH_MINIMAL] = WEBPUSH_MINIMAL,
	};

	webpush_settings_init(s);
	s->enabled = conf->webpush.enabled;
	s->content = contents[conf->webpush.content];
	s->contact = conf->webpush.contact[0]
			     ? conf->webpush.contact
			     : arena_printf(arena, "mailto:postmaster@%s", conf->server.hostname);
	s->ca_file = conf->webpush.ca_file;
	s->proxy = conf->webpush.proxy;
	s->allow_private = conf->webpush.allow_private;
	s->ttl_s = conf->webpush.ttl / 1000;
	s->validation_window_s = conf->webpush.validation_window / 1000;
	s->validation_max_s = conf->webpush.validation_max / 1000;
	s->subscriptions_max = conf->webpush.subscriptions_max;
	s->registrations_max = conf->webpush.registrations_max;
	s->unvalidated_max = conf->webpush.unvalidated_max;
	s->queue_max = conf->webpush.queue_max;
	s->queue_per_origin = conf->webpush.queue_per_origin;
	s->parallel_max = conf->webpush.parallel_max;
	s->parallel_per_origin = conf->webpush.parallel_per_origin;
	s->connect_timeout_ms = conf->webpush.connect_timeout;
	s->timeout_ms = conf->webpush.timeout;
	s->tries_max = conf->webpush.tries_max;
	s->backoff_min_ms = conf->webpush.backoff_min;
	s->backoff_max_ms = conf->webpush.backoff_max;
	s->origin_pause_max_ms = conf->webpush.origin_pause_max;
	s->fail_count = conf->webpush.fail_count;
	s->fail_age_s = conf->webpush.fail_age / 1000;
	s->chatmail = conf->chatmail.enabled;
	s->notifier_url = conf->chatmail.notifier_url;
	s->iroh_relay = conf->chatmail.iroh_relay;
	s->turn = conf->chatmail.turn;
	s->max_smtp_recipients = conf->chatmail.max_smtp_recipients;
	s->app_versions = conf->chatmail.app_versions;
	s->tokens_max = conf->chatmail.tokens_max;
}

void settings_lmtp(const struct conf *conf, struct lmtp_settings *ret_settings)
{
	*ret_settings = (struct lmtp_settings){
		.hostname = conf->lmtp.hostname,
		.separator = conf->lmtp.separator[0],
		.message_max = conf->store.message_max,
		.recipients_max = conf->lmtp.recipients_max,
		.timeout_ms = conf->lmtp.timeout,
		.bad_commands_max = conf->lmtp.bad_commands_max,
		.connections_max = conf->lmtp.max_connections,
		.quota_permanent = conf->lmtp.quota_permanent,
	};
}

void settings_admin(const struct conf *conf, struct admin_settings *ret_settings)
{
	*ret_settings = (struct admin_settings){
		.password_scheme = conf->auth.password_scheme,
		.password_length_min = conf->auth.password_length_min,
		.import_parallel = 2 * conf->server.auth_workers,
	};
}

enum rc settings_tls(const struct conf *conf, struct buf *errors, struct tls_ctx **ret_tls)
{
	struct tls_settings settings = {
		.cert_file = conf->tls.cert,
		.key_file = conf->tls.key,
		.min_version = conf->tls.min_version,
		.ciphers = conf->tls.ciphers,
		.alpn = "imap",
		.ticket_key_ms = conf->tls.ticket_key_age,
	};

	if (!conf->tls.cert[0]) {
		*ret_tls = NULL;
		return RC_OK;
	}
	return tls_ctx_new(&settings, errors, ret_tls);
}
