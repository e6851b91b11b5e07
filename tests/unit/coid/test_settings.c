#include "coid/settings.h"

#include "base/mem.h"
#include "base/special_use.h"
#include "base/str.h"
#include "conf/conf_table.h"
#include "store/mailbox.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* All parts' settings from one configuration. */
struct parts {
	struct store_settings store;
	struct auth_settings auth;
	struct imapd_settings imapd;
	struct lmtp_settings lmtp;
	struct admin_settings admin;
	struct webpush_settings webpush;
	struct arena *arena;
	struct conf *conf;
};

enum kind { NUMBER, FLAG, TEXT };

/* A key and the field that it becomes. */
struct mapping {
	const char *key;
	enum kind kind;
	size_t at; /* in struct parts */
	size_t size;
	unsigned divisor; /* of numbers; 0: `factor` */
	unsigned factor;
	const char *sample; /* another value than the default; NULL: those of the table's limits */
	uint64_t expected; /* of a sample that is no TEXT */
	const char *wrong; /* is refused; NULL: what passes the limits */
};

#define FIELD(part, field) offsetof(struct parts, part.field), sizeof(((struct parts *)NULL)->part.field)
#define MAP(part, field, key)                                                                                \
	{                                                                                                    \
		key, NUMBER, FIELD(part, field), 1, 0, NULL, 0, NULL                                         \
	}
#define MAP_S(part, field, key)                                                                              \
	{                                                                                                    \
		key, NUMBER, FIELD(part, field), 1000, 0, NULL, 0, NULL                                      \
	}
#define MAP_TIMES(part, field, key, times)                                                                   \
	{                                                                                                    \
		key, NUMBER, FIELD(part, field), 0, times, NULL, 0, NULL                                     \
	}
#define MAP_FLAG(part, field, key, sample, is)                                                               \
	{                                                                                                    \
		key, FLAG, FIELD(part, field), 1, 0, sample, is, "perhaps"                                   \
	}
#define MAP_TEXT(part, field, key, sample, bad)                                                              \
	{                                                                                                    \
		key, TEXT, FIELD(part, field), 1, 0, sample, 0, bad                                          \
	}
/* No value is wrong but one that is too long. */
#define TOO_LONG NULL

static const struct mapping mappings[] = {
	MAP_TEXT(store, root, "server.root", "/other", "relative"),
	MAP(store, inline_max, "store.inline_max"),
	MAP(store, inline_total_max, "store.inline_total_max"),
	MAP(store, inline_age_ms, "store.inline_age"),
	MAP(store, message_max, "store.message_max"),
	MAP(store, mailboxes_max, "store.mailboxes_max"),
	MAP(store, mailbox_name_max, "store.mailbox_name_max"),
	MAP(store, mailbox_depth_max, "store.mailbox_depth_max"),
	MAP(store, quota_storage, "store.quota_storage"),
	MAP(store, quota_messages, "store.quota_messages"),
	MAP_FLAG(store, sync_flags_always, "store.sync_flags", "always", 1),
	MAP(store, open_accounts_max, "store.open_accounts_max"),
	MAP(store, index_memory, "store.index_memory"),
	MAP(store, expunge_log_max, "store.expunge_log_max"),
	MAP_S(store, undelete_age_s, "store.undelete_age"),
	MAP_S(store, lost_keep_s, "store.lost_keep"),
	MAP_FLAG(store, verify_reads, "store.verify_reads", "yes", 1),
	MAP(store, batch_jobs, "store.batch_jobs"),
	MAP(store, batch_wal_bytes, "store.batch_size_max"),
	MAP(store, batch_ms, "store.batch_time_max"),
	MAP(store, strand_max, "store.queue_max"),
	MAP(store, free_min, "store.free_min"),
	MAP(store, reserve, "store.reserve"),
	MAP(store, spool_memory_max, "store.spool_memory_max"),
	MAP(store, spool_account_max, "store.spool_account_max"),

	MAP(auth, workers, "server.auth_workers"),
	MAP_TEXT(auth, password_scheme, "auth.password_scheme", "BCRYPT", "MD5"),
	MAP(auth, cache_ttl_ms, "auth.cache_ttl"),
	MAP(auth, scram_iterations, "auth.scram_iterations"),
	MAP(auth, delay_max_ms, "auth.delay_max"),
	MAP(auth, grid_ms, "auth.failure_grid"),
	MAP_TEXT(auth, users_file, "auth.users_file", "/users", "users"),
	MAP(auth, queue_max, "auth.queue_max"),
	MAP(auth, guard.guesses[GUARD_ADDRESS], "auth.guesses_per_address"),
	MAP(auth, guard.guesses[GUARD_PAIR], "auth.guesses_per_address"),
	MAP(auth, guard.guesses[GUARD_NETWORK], "auth.guesses_per_network"),
	MAP(auth, guard.guesses[GUARD_ACCOUNT], "auth.guesses_per_account"),
	MAP(auth, guard.window_ms, "auth.guess_window"),
	MAP(auth, guard.ban_ms, "auth.ban_time"),
	MAP(auth, checks_per_address, "auth.checks_per_address"),
	MAP(auth, checks_per_account, "auth.checks_per_account"),
	MAP(auth, known_age_ms, "auth.known_address_age"),
	MAP(auth, auto_create.local_min, "chatmail.auto_create_local_min"),
	MAP(auth, auto_create.local_max, "chatmail.auto_create_local_max"),
	MAP(auth, auto_create.password_min, "chatmail.auto_create_password_min"),
	MAP(auth, auto_create.per_hour, "chatmail.auto_create_per_hour"),

	MAP_TEXT(imapd, hostname, "server.hostname", "other.example", "no/host"),
	MAP(imapd, line_max, "imap.line_max"),
	MAP(imapd, line_max_preauth, "imap.line_max_before_login"),
	MAP(imapd, literal_max, "imap.literal_max"),
	MAP(imapd, literal_max_preauth, "imap.literal_max_before_login"),
	MAP(imapd, words_max, "imap.command_max_args"),
	MAP(imapd, message_max, "store.message_max"),
	MAP(imapd, idle_keepalive_ms, "imap.idle_keepalive"),
	MAP(imapd, progress_ms, "imap.progress_interval"),
	MAP(imapd, timeout_ms, "imap.timeout_auth"),
	MAP(imapd, timeout_preauth_ms, "imap.timeout_login"),
	MAP(imapd, message_limit, "imap.message_limit"),
	MAP(imapd, save_limit, "imap.save_limit"),
	MAP(imapd, bad_commands_max, "imap.bad_commands_max"),
	MAP_FLAG(imapd, allow_plaintext_loopback, "imap.allow_plaintext_loopback", "yes", 1),
	MAP_FLAG(imapd, append_8bit_refuse, "imap.append_8bit_headers", "refuse", 1),
	MAP_FLAG(imapd, compress, "imap.compress", "no", 0),
	MAP(imapd, output_high_water, "imap.output_high_water"),
	MAP(imapd, connections_max, "server.max_connections"),
	MAP(imapd, connections_per_user, "server.max_connections_per_user"),
	MAP(imapd, connections_per_ip, "server.max_connections_per_ip"),
	MAP(imapd, connections_per_network, "server.max_connections_per_network"),
	MAP(imapd, connections_reserve, "server.connections_reserve"),
	MAP(imapd, connections_preauth, "server.max_connections_before_login"),
	MAP(imapd, connections_preauth_per_ip, "server.max_connections_before_login_per_ip"),
	MAP_FLAG(imapd, webpush, "webpush.enabled", "no", 0),
	MAP_FLAG(imapd, deltapush, "chatmail.enabled", "yes", 1),

	MAP_FLAG(webpush, enabled, "webpush.enabled", "no", 0),
	MAP_FLAG(webpush, content, "webpush.content", "minimal", WEBPUSH_MINIMAL),
	MAP_TEXT(webpush, contact, "webpush.contact", "https://x.example", "x@example"),
	MAP_TEXT(webpush, ca_file, "webpush.ca_file", "/ca.pem", "ca.pem"),
	MAP_TEXT(webpush, proxy, "webpush.proxy", "http://proxy:3128", TOO_LONG),
	MAP_FLAG(webpush, allow_private, "webpush.allow_private", "yes", 1),
	MAP_S(webpush, ttl_s, "webpush.ttl"),
	MAP_S(webpush, validation_window_s, "webpush.validation_window"),
	MAP_S(webpush, validation_max_s, "webpush.validation_max"),
	MAP(webpush, subscriptions_max, "webpush.subscriptions_max"),
	MAP(webpush, registrations_max, "webpush.registrations_max"),
	MAP(webpush, unvalidated_max, "webpush.unvalidated_max"),
	MAP(webpush, queue_max, "webpush.queue_max"),
	MAP(webpush, queue_per_origin, "webpush.queue_per_origin"),
	MAP(webpush, parallel_max, "webpush.parallel_max"),
	MAP(webpush, parallel_per_origin, "webpush.parallel_per_origin"),
	MAP(webpush, connect_timeout_ms, "webpush.connect_timeout"),
	MAP(webpush, timeout_ms, "webpush.timeout"),
	MAP(webpush, tries_max, "webpush.tries_max"),
	MAP(webpush, backoff_min_ms, "webpush.backoff_min"),
	MAP(webpush, backoff_max_ms, "webpush.backoff_max"),
	MAP(webpush, origin_pause_max_ms, "webpush.origin_pause_max"),
	MAP(webpush, fail_count, "webpush.fail_count"),
	MAP_S(webpush, fail_age_s, "webpush.fail_age"),
	MAP_FLAG(webpush, chatmail, "chatmail.enabled", "yes", 1),
	MAP_TEXT(webpush, notifier_url, "chatmail.notifier_url", "https://notify.example", "http://x"),
	MAP_TEXT(webpush, iroh_relay, "chatmail.iroh_relay", "https://iroh.example", TOO_LONG),
	MAP_TEXT(webpush, turn, "chatmail.turn", "turn.example:3478", TOO_LONG),
	MAP_TEXT(webpush, max_smtp_recipients, "chatmail.max_smtp_recipients", "50", "many"),
	MAP_TEXT(webpush, app_versions, "chatmail.app_versions", "1.2", TOO_LONG),
	MAP(webpush, tokens_max, "chatmail.tokens_max"),

	MAP_TEXT(lmtp, hostname, "lmtp.hostname", "mx.example", "no/host"),
	MAP_FLAG(lmtp, separator, "lmtp.separator", "-", '-'),
	MAP(lmtp, message_max, "store.message_max"),
	MAP(lmtp, recipients_max, "lmtp.recipients_max"),
	MAP(lmtp, timeout_ms, "lmtp.timeout"),
	MAP(lmtp, bad_commands_max, "lmtp.bad_commands_max"),
	MAP(lmtp, connections_max, "lmtp.max_connections"),
	MAP_FLAG(lmtp, quota_permanent, "lmtp.quota_permanent", "yes", 1),

	MAP_TEXT(admin, password_scheme, "auth.password_scheme", "BCRYPT", "MD5"),
	MAP(admin, password_length_min, "auth.password_length_min"),
	MAP_TIMES(admin, import_parallel, "server.auth_workers", 2),
};
#define MAPPINGS (sizeof(mappings) / sizeof(mappings[0]))

/* Keys that become something else than one field, or are used by the server itself. */
static const char *const others[] = { "server.user", "server.reactors", "server.workers", "server.log_level",
	"server.log_file", "server.core_dumps", "server.malloc_arenas", "imap.listen", "imap.listen_tls",
	"imap.id_fields", "tls.cert", "tls.key", "tls.min_version", "tls.ciphers", "tls.ticket_key_age",
	"lmtp.listen", "lmtp.socket", "lmtp.socket_mode", "auth.trusted_networks", "store.default_mailboxes",
	"metadata.value_max", "metadata.entries_max", "metadata.shared_comment", "metadata.shared_admin",
	"coi.enabled", "coi.mailbox_root", "coi.user_root", "coi.default_enabled", "coi.default_filter",
	"chatmail.relay", "chatmail.auto_create", "chatmail.auto_create_domains", "control.socket",
	"control.socket_mode", "metrics.listen" };

static enum rc parts_load(struct parts *parts, const char *const *overrides, size_t count, struct buf *errors)
{
	memset(parts, 0, sizeof(*parts));
	enum rc rc = conf_load(NULL, overrides, count, errors, &parts->conf);
	if (rc != RC_OK)
		return rc;
	parts->arena = arena_new(0);
	settings_store(parts->conf, parts->arena, &parts->store);
	settings_auth(parts->conf, &parts->auth);
	settings_imapd(parts->conf, &parts->imapd);
	settings_webpush(parts->conf, parts->arena, &parts->webpush);
	settings_lmtp(parts->conf, &parts->lmtp);
	settings_admin(parts->conf, &parts->admin);
	return RC_OK;
}

static void parts_fini(struct parts *parts)
{
	if (parts->arena)
		arena_free(&parts->arena);
	conf_free(&parts->conf);
}

/*
 * With these overrides, each of which must be good. The host is always the same one, and limits that must
 * not be above others are low.
 */
static void parts_with(struct parts *parts, const char *const *overrides)
{
	const char *all[16] = { "server.hostname=host.example", "imap.line_max_before_login=1K",
		"imap.literal_max_before_login=256" };
	size_t count = 3;
	struct buf errors;

	for (; *overrides; overrides++)
		all[count++] = *overrides;
	buf_init(&errors, CONF_ERRORS_MAX);
	if (parts_load(parts, all, count, &errors) != RC_OK)
		fail_msg("%.*s", (int)errors.len, errors.p);
	buf_fini(&errors);
}

static const struct conf_row *row_of(const char *key)
{
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		size_t n = strlen(row->section);
		if (strncmp(key, row->section, n) == 0 && key[n] == '.' && strcmp(key + n + 1, row->key) == 0)
			return row;
	}
	fail_msg("no setting %s", key);
	return NULL;
}

static const void *field_of(const struct parts *parts, const struct mapping *mapping)
{
	return (const char *)parts + mapping->at;
}

static uint64_t number_of(const struct parts *parts, const struct mapping *mapping)
{
	const void *field = field_of(parts, mapping);

	switch (mapping->size) {
	case 1:
		return *(const uint8_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		assert_int_equal(mapping->size, 8);
		return *(const uint64_t *)field;
	}
}

static const char *text_of(const struct parts *parts, const struct mapping *mapping)
{
	const char *text;
	memcpy(&text, field_of(parts, mapping), sizeof(text));
	return text ? text : "(null)";
}

/* Fields of other keys are as by default. */
static void assert_others_untouched(const struct parts *base, const struct parts *parts, const char *key)
{
	for (size_t i = 0; i < MAPPINGS; i++) {
		const struct mapping *other = &mappings[i];
		if (strcmp(other->key, key) == 0)
			continue;
		/* Both hostnames default to that of the server. */
		if (strcmp(key, "server.hostname") == 0 &&
			(strcmp(other->key, "lmtp.hostname") == 0 ||
				strcmp(other->key, "webpush.contact") == 0))
			continue;
		if (other->kind == TEXT ? strcmp(text_of(base, other), text_of(parts, other)) != 0
					: number_of(base, other) != number_of(parts, other))
			fail_msg("%s changes what %s stands for", key, other->key);
	}
}

static void value_print(char *text, size_t room, const struct mapping *mapping, uint64_t value)
{
	bool duration = row_of(mapping->key)->type == CONF_DURATION;
	snprintf(text, room, "%s=%" PRIu64 "%s", mapping->key, value, duration ? "ms" : "");
}

static bool loads(const char *override)
{
	struct parts parts;
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	enum rc rc = parts_load(&parts, &override, 1, &errors);
	assert_int_equal(rc == RC_OK, errors.len == 0);
	parts_fini(&parts);
	buf_fini(&errors);
	return rc == RC_OK;
}

static void assert_number(const struct parts *base, const struct mapping *mapping, uint64_t value)
{
	struct parts parts;
	char override[128];
	uint64_t expected = mapping->divisor ? value / mapping->divisor : value * mapping->factor;

	value_print(override, sizeof(override), mapping, value);
	parts_with(&parts, (const char *const[]){ override, NULL });
	if (number_of(&parts, mapping) != expected)
		fail_msg("%s becomes %" PRIu64, override, number_of(&parts, mapping));
	assert_others_untouched(base, &parts, mapping->key);
	parts_fini(&parts);
}

static void each_number_reaches_its_field_alone_up_to_its_limits(void **state)
{
	struct parts base;
	char override[128];
	unsigned count = 0;

	(void)state;
	parts_with(&base, (const char *const[]){ NULL });
	for (size_t i = 0; i < MAPPINGS; i++) {
		const struct mapping *mapping = &mappings[i];
		if (mapping->kind != NUMBER)
			continue;
		const struct conf_row *row = row_of(mapping->key);
		assert_number(&base, mapping, row->min);
		assert_number(&base, mapping, row->max);
		if (row->flags & CONF_ZERO)
			assert_number(&base, mapping, 0);
		value_print(override, sizeof(override), mapping, row->max + 1);
		assert_false(loads(override));
		if (row->min > 1 || (row->min == 1 && !(row->flags & CONF_ZERO))) {
			value_print(override, sizeof(override), mapping, row->min - 1);
			assert_false(loads(override));
		}
		count++;
	}
	assert_true(count > 60);
	parts_fini(&base);
}

static void each_word_reaches_its_field_alone(void **state)
{
	struct parts base, parts;
	char override[128];

	(void)state;
	parts_with(&base, (const char *const[]){ NULL });
	for (size_t i = 0; i < MAPPINGS; i++) {
		const struct mapping *mapping = &mappings[i];
		if (mapping->kind == NUMBER)
			continue;
		snprintf(override, sizeof(override), "%s=%s", mapping->key, mapping->sample);
		parts_with(&parts, (const char *const[]){ override, NULL });
		if (mapping->kind == TEXT) {
			assert_string_equal(text_of(&parts, mapping), mapping->sample);
			assert_string_not_equal(text_of(&base, mapping), mapping->sample);
		} else {
			assert_int_equal(number_of(&parts, mapping), mapping->expected);
			assert_int_not_equal(number_of(&base, mapping), mapping->expected);
		}
		assert_others_untouched(&base, &parts, mapping->key);
		parts_fini(&parts);
	}
	parts_fini(&base);
}

static void a_word_that_is_wrong_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAPPINGS; i++) {
		const struct mapping *mapping = &mappings[i];
		struct buf override;
		if (mapping->kind == NUMBER)
			continue;
		buf_init(&override, 65536);
		buf_printf(&override, "%s=", mapping->key);
		if (mapping->wrong) {
			buf_adds(&override, mapping->wrong);
		} else {
			for (uint64_t n = 0; n <= row_of(mapping->key)->max; n++)
				buf_addc(&override, 'x');
		}
		buf_addc(&override, '\0');
		assert_false(loads(override.p));
		buf_fini(&override);
	}
}

static void no_setting_is_forgotten(void **state)
{
	char key[128];

	(void)state;
	for (size_t i = 0; i < conf_table_rows; i++) {
		unsigned found = 0;
		snprintf(key, sizeof(key), "%s.%s", conf_table[i].section, conf_table[i].key);
		for (size_t j = 0; j < MAPPINGS; j++)
			found += strcmp(mappings[j].key, key) == 0;
		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
			found += strcmp(others[j], key) == 0;
		if (found == 0)
			fail_msg("%s reaches no part", key);
	}
}

/* Fields that depend on several keys, or are lists. */

static void hosts_default_to_the_servers(void **state)
{
	struct parts parts;

	(void)state;
	parts_with(&parts, (const char *const[]){ NULL });
	assert_string_equal(parts.lmtp.hostname, "host.example");
	assert_string_equal(parts.webpush.contact, "mailto:postmaster@host.example");
	assert_int_equal(parts.auth.auto_create.domain_count, 1);
	assert_string_equal(parts.auth.auto_create.domains[0], "host.example");
	assert_null(parts.auth.users_file);
	parts_fini(&parts);
	parts_with(&parts, (const char *const[]){ "chatmail.auto_create_domains=a.example,b.example", NULL });
	assert_int_equal(parts.auth.auto_create.domain_count, 2);
	assert_string_equal(parts.auth.auto_create.domains[1], "b.example");
	parts_fini(&parts);
}

static void no_separator_means_no_subaddresses(void **state)
{
	struct parts parts;

	(void)state;
	parts_with(&parts, (const char *const[]){ "lmtp.separator=", NULL });
	assert_int_equal(parts.lmtp.separator, 0);
	parts_fini(&parts);
	assert_false(loads("lmtp.separator=++"));
	assert_false(loads("lmtp.separator=@"));
}

static void extensions_of_chatmail_need_it_enabled(void **state)
{
	struct parts parts;

	(void)state;
	for (int i = 0; i < 8; i++) {
		parts_with(&parts,
			(const char *const[]){ i & 1 ? "chatmail.enabled=yes" : "chatmail.enabled=no",
				i & 2 ? "chatmail.relay=yes" : "chatmail.relay=no",
				i & 4 ? "chatmail.auto_create=yes" : "chatmail.auto_create=no", NULL });
		assert_int_equal(parts.imapd.deltapush, (i & 1) == 1);
		assert_int_equal(parts.webpush.chatmail, (i & 1) == 1);
		assert_int_equal(parts.imapd.chatmail, (i & 3) == 3);
		assert_int_equal(parts.auth.auto_create.enabled, (i & 5) == 5);
		parts_fini(&parts);
	}
}

static void lists_keep_their_order(void **state)
{
	struct parts parts;

	(void)state;
	parts_with(&parts, (const char *const[]){ "imap.id_fields=name=x,vendor=y",
				   "auth.trusted_networks=192.0.2.0/24,2001:db8::/48", NULL });
	assert_int_equal(parts.imapd.id_field_count, 2);
	assert_string_equal(parts.imapd.id_fields[0], "name=x");
	assert_string_equal(parts.imapd.id_fields[1], "vendor=y");
	assert_int_equal(parts.auth.trusted_count, 2);
	assert_string_equal(parts.auth.trusted[1], "2001:db8::/48");
	parts_fini(&parts);
	parts_with(&parts, (const char *const[]){ "imap.id_fields=", NULL });
	assert_int_equal(parts.imapd.id_field_count, 0);
	parts_fini(&parts);
	assert_false(loads("imap.id_fields=name"));
	assert_false(loads("auth.trusted_networks=192.0.2.0/33"));
}

static void each_content_of_pushes_has_its_word(void **state)
{
	static const char *const words[] = { [WEBPUSH_FULL] = "webpush.content=full",
		[WEBPUSH_HEADERS] = "webpush.content=headers",
		[WEBPUSH_MINIMAL] = "webpush.content=minimal" };
	struct parts parts;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		parts_with(&parts, (const char *const[]){ words[i], NULL });
		assert_int_equal(parts.webpush.content, i);
		parts_fini(&parts);
	}
}

/* The mailboxes and annotations of new accounts, as text. */
static void assert_defaults(const char *const *overrides, const char *expected)
{
	struct parts parts;
	struct buf out;

	parts_with(&parts, overrides);
	buf_init(&out, 65536);
	for (size_t i = 0; i < parts.store.default_count; i++)
		buf_printf(&out, "%s:%x ", parts.store.defaults[i].name, parts.store.defaults[i].special_use);
	for (size_t i = 0; i < parts.store.default_annotation_count; i++)
		buf_printf(&out, "%s=%s ", parts.store.default_annotations[i].name,
			parts.store.default_annotations[i].value);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	parts_fini(&parts);
}

static void new_accounts_have_the_configured_mailboxes(void **state)
{
	char expected[256];

	(void)state;
	snprintf(expected, sizeof(expected), "Gesendet:%x Alt/Post:%x ", special_use_parse(STRV("\\Sent")),
		special_use_parse(STRV("\\Archive")));
	assert_defaults(
		(const char *const[]){ "store.default_mailboxes=Gesendet:\\Sent,Alt/Post:\\Archive", NULL },
		expected);
	assert_int_not_equal(special_use_parse(STRV("\\Sent")), 0);
	assert_defaults((const char *const[]){ "store.default_mailboxes=", NULL }, "");
	assert_false(loads("store.default_mailboxes=Sent"));
	assert_false(loads("store.default_mailboxes=Sent:\\Nothing"));
	assert_false(loads("store.default_mailboxes=INBOX:\\Sent"));
}

static void new_accounts_have_coi_if_it_is_their_default(void **state)
{
	static const char none[] = "store.default_mailboxes=";

	(void)state;
	assert_defaults((const char *const[]){ none, "coi.default_enabled=yes", NULL },
		"COI/Contacts:0 COI/Chats:0 /private/vendor/vendor.dovecot/coi/config/enabled=yes ");
	assert_defaults((const char *const[]){ none, "coi.default_enabled=yes", "coi.default_filter=seen",
				"coi.mailbox_root=My Chats", NULL },
		"My Chats/Contacts:0 My Chats/Chats:0 /private/vendor/vendor.dovecot/coi/config/enabled=yes "
		"/private/vendor/vendor.dovecot/coi/config/message-filter=seen ");
	assert_defaults((const char *const[]){ none, "coi.default_filter=seen", NULL }, "");
	assert_defaults((const char *const[]){ none, "coi.enabled=no", "coi.default_enabled=yes", NULL }, "");
}

static void tls_is_off_without_a_certificate_and_an_error_without_its_file(void **state)
{
	struct parts parts;
	struct tls_ctx *tls = NULL;
	struct buf errors;

	(void)state;
	buf_init(&errors, CONF_ERRORS_MAX);
	parts_with(&parts, (const char *const[]){ "tls.cert=", "tls.key=", "imap.listen_tls=", NULL });
	assert_int_equal(settings_tls(parts.conf, &errors, &tls), RC_OK);
	assert_null(tls);
	assert_int_equal(errors.len, 0);
	parts_fini(&parts);
	parts_with(
		&parts, (const char *const[]){ "tls.cert=/nowhere/c.pem", "tls.key=/nowhere/k.pem", NULL });
	assert_int_not_equal(settings_tls(parts.conf, &errors, &tls), RC_OK);
	assert_null(tls);
	assert_non_null(memmem(errors.p, errors.len, "/nowhere/c.pem", 14));
	parts_fini(&parts);
	buf_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_number_reaches_its_field_alone_up_to_its_limits),
		cmocka_unit_test(each_word_reaches_its_field_alone),
		cmocka_unit_test(a_word_that_is_wrong_is_refused),
		cmocka_unit_test(no_setting_is_forgotten),
		cmocka_unit_test(hosts_default_to_the_servers),
		cmocka_unit_test(no_separator_means_no_subaddresses),
		cmocka_unit_test(extensions_of_chatmail_need_it_enabled),
		cmocka_unit_test(lists_keep_their_order),
		cmocka_unit_test(each_content_of_pushes_has_its_word),
		cmocka_unit_test(new_accounts_have_the_configured_mailboxes),
		cmocka_unit_test(new_accounts_have_coi_if_it_is_their_default),
		cmocka_unit_test(tls_is_off_without_a_certificate_and_an_error_without_its_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
