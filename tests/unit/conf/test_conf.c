#include "conf/conf_priv.h"

#include "conf/conf.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration that may have failed, and what was said about it. */
struct loaded {
	struct conf *conf;
	struct buf errors;
	enum rc rc;
};

static struct loaded load_with(const char *text, const char *const *overrides, size_t count)
{
	struct loaded l = { 0 };
	buf_init(&l.errors, CONF_ERRORS_MAX);
	l.rc = conf_load_text("t", strv_cstr(text), overrides, count, &l.errors, &l.conf);
	assert_int_equal(l.conf != NULL, l.rc == RC_OK);
	buf_addc(&l.errors, '\0');
	return l;
}

static struct loaded load(const char *text)
{
	return load_with(text, NULL, 0);
}

static void unload(struct loaded *l)
{
	conf_free(&l->conf);
	buf_fini(&l->errors);
}

static void assert_errors(const char *text, const char *errors)
{
	struct loaded l = load(text);
	assert_string_equal(l.errors.p, errors);
	assert_int_equal(l.rc, RC_INVALID);
	unload(&l);
}

static void assert_override_error(const char *override, const char *errors)
{
	struct loaded l = load_with("", &override, 1);
	assert_string_equal(l.errors.p, errors);
	assert_int_equal(l.rc, RC_INVALID);
	unload(&l);
}

static void assert_override_fine(const char *override)
{
	struct loaded l = load_with("", &override, 1);
	assert_string_equal(l.errors.p, "");
	unload(&l);
}

static void an_empty_file_gives_the_defaults(void **state)
{
	(void)state;
	struct loaded l = load("");
	assert_int_equal(l.rc, RC_OK);
	assert_string_equal(l.errors.p, "");
	assert_string_equal(l.conf->server.root, "/var/lib/coid");
	assert_string_equal(l.conf->server.user, "");
	assert_int_equal(l.conf->server.workers, 8);
	assert_int_equal(l.conf->server.log_level, LOG_LEVEL_INFO);
	assert_int_equal(l.conf->imap.listen.n, 2);
	assert_string_equal(l.conf->imap.listen.v[1], "[::]:143");
	assert_int_equal(l.conf->imap.line_max, 65536);
	assert_int_equal(l.conf->imap.idle_keepalive, 240000);
	assert_false(l.conf->imap.allow_plaintext_loopback);
	assert_string_equal(l.conf->tls.min_version, "1.2");
	assert_int_equal(l.conf->lmtp.listen.n, 0);
	assert_int_equal(l.conf->lmtp.socket_mode, 0660);
	assert_string_equal(l.conf->auth.password_scheme, "YESCRYPT");
	assert_int_equal(l.conf->store.message_max, 50 * 1024 * 1024);
	assert_int_equal(l.conf->store.sync_flags, CONF_SYNC_RELAXED);
	assert_int_equal(l.conf->store.undelete_age, 0);
	assert_false(l.conf->store.verify_reads);
	assert_int_equal(l.conf->store.default_mailboxes.n, 5);
	assert_string_equal(l.conf->store.default_mailboxes.v[0], "Sent:\\Sent");
	unload(&l);
}

static void empty_names_become_the_name_of_the_host(void **state)
{
	(void)state;
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	struct loaded l = load("");
	assert_string_equal(l.conf->server.hostname, host[0] ? host : "localhost");
	assert_string_equal(l.conf->lmtp.hostname, l.conf->server.hostname);
	unload(&l);
	l = load("server { hostname = mx.example.org }");
	assert_string_equal(l.conf->server.hostname, "mx.example.org");
	assert_string_equal(l.conf->lmtp.hostname, "mx.example.org");
	unload(&l);
	l = load("lmtp { hostname = mx.example.org }");
	assert_string_equal(l.conf->lmtp.hostname, "mx.example.org");
	assert_string_equal(l.conf->server.hostname, host[0] ? host : "localhost");
	unload(&l);
}

static void values_of_every_type_are_read(void **state)
{
	(void)state;
	struct loaded l = load("# a comment\n"
			       "server { root = /srv/mail // another\n"
			       "\tworkers = 16 log_level=debug }\r\n"
			       "imap {\n"
			       "\tlisten = { 127.0.0.1:1143, '[::1]:1143' } /* and\n one more */\n"
			       "\tline_max = 1M\n"
			       "\tidle_keepalive = 90s\n"
			       "\tallow_plaintext_loopback = On\n"
			       "}\n"
			       "lmtp { socket_mode = 0600 separator = \"-\" }\n"
			       "auth { password_scheme = sha512-crypt }\n"
			       "store { sync_flags = always quota_storage = 2G }\n");
	assert_string_equal(l.errors.p, "");
	assert_string_equal(l.conf->server.root, "/srv/mail");
	assert_int_equal(l.conf->server.workers, 16);
	assert_int_equal(l.conf->server.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(l.conf->imap.listen.n, 2);
	assert_string_equal(l.conf->imap.listen.v[0], "127.0.0.1:1143");
	assert_string_equal(l.conf->imap.listen.v[1], "[::1]:1143");
	assert_int_equal(l.conf->imap.line_max, 1048576);
	assert_int_equal(l.conf->imap.idle_keepalive, 90000);
	assert_true(l.conf->imap.allow_plaintext_loopback);
	assert_int_equal(l.conf->lmtp.socket_mode, 0600);
	assert_string_equal(l.conf->lmtp.separator, "-");
	assert_string_equal(l.conf->auth.password_scheme, "SHA512-CRYPT");
	assert_int_equal(l.conf->store.sync_flags, CONF_SYNC_ALWAYS);
	assert_int_equal(l.conf->store.quota_storage, 2147483648);
	unload(&l);
}

static void lists_may_be_written_in_several_ways(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"lmtp { listen = { 127.0.0.1:24, 127.0.0.2:24 } }",
		"lmtp { listen = \"127.0.0.1:24, 127.0.0.2:24\" }",
		"lmtp { listen = { '127.0.0.1:24 ,127.0.0.2:24' } }",
		"lmtp { listen = 127.0.0.1:24\nlisten += 127.0.0.2:24 }",
		"lmtp { listen = 127.0.0.9:24 }\nlmtp { listen = { 127.0.0.1:24, 127.0.0.2:24 } }",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct loaded l = load(texts[i]);
		assert_string_equal(l.errors.p, "");
		assert_int_equal(l.conf->lmtp.listen.n, 2);
		assert_string_equal(l.conf->lmtp.listen.v[0], "127.0.0.1:24");
		assert_string_equal(l.conf->lmtp.listen.v[1], "127.0.0.2:24");
		unload(&l);
	}
	struct loaded l = load("imap { listen = {} listen_tls = \"\" }");
	assert_string_equal(l.errors.p, "");
	assert_int_equal(l.conf->imap.listen.n, 0);
	assert_int_equal(l.conf->imap.listen_tls.n, 0);
	unload(&l);
	l = load("imap { listen = 127.0.0.1:1 listen = {} }");
	assert_int_equal(l.conf->imap.listen.n, 0);
	unload(&l);
}

static void the_last_value_counts(void **state)
{
	(void)state;
	struct loaded l = load("server { workers = 2 workers = 3 }\nserver { workers = 4 }");
	assert_int_equal(l.conf->server.workers, 4);
	unload(&l);
}

static void environment_variables_are_put_in(void **state)
{
	(void)state;
	setenv("COID_TEST_ROOT", "/srv/test", 1);
	struct loaded l = load("server { root = \"${COID_TEST_ROOT}/mail\" log_file = ${COID_TEST_ROOT} }");
	assert_string_equal(l.errors.p, "");
	assert_string_equal(l.conf->server.root, "/srv/test/mail");
	assert_string_equal(l.conf->server.log_file, "/srv/test");
	unload(&l);
	unsetenv("COID_TEST_ROOT");
}

static void all_errors_are_reported_at_once_with_their_lines(void **state)
{
	(void)state;
	assert_errors("server {\n"
		      "\tworkers = 0\n"
		      "\tbogus = 7\n"
		      "\treactors = many\n"
		      "}\n"
		      "imap {\n"
		      "\tlisten = { 127.0.0.1:143, localhost:143 }\n"
		      "\tline_max = 20\n"
		      "\twrong = { 1, 2 }\n"
		      "\twrong += 3\n"
		      "\tidle_keepalive = 4\n"
		      "}\n",
		"t:3: unknown setting server.bogus\n"
		"t:9: unknown setting imap.wrong\n"
		"t:4: server.reactors: \"many\" is not a number\n"
		"t:2: server.workers: \"0\" is below 1\n"
		"t:7: imap.listen: \"localhost:143\" is not an address like 127.0.0.1:143 or [::1]:143\n"
		"t:8: imap.line_max: \"20\" is below 1K\n"
		"t:11: imap.idle_keepalive: \"4\" is not a duration like 500ms, 30s, 5m, 2h or 7d\n");
}

static void an_unknown_section_is_an_error_and_ends_the_reading(void **state)
{
	(void)state;
	assert_errors("server { workers = 0 }\nimapp { listen = 1 }\nlmtp { timeout = 1 }\n",
		"t:2: unknown section or setting \"imapp\"\n"
		"t:1: server.workers: \"0\" is below 1\n");
	assert_errors("workers = 3\n", "t:1: unknown section or setting \"workers\"\n");
	assert_errors("\"\\e[2J\" = 3\n", "t:1: unknown section or setting \"\\x1b[2J\"\n");
}

static void a_name_with_a_blank_is_as_unknown_as_any(void **state)
{
	(void)state;
	/* The blank is what the reader calls its own hidden option. */
	assert_errors("server {\n\" \" = 1\n}\n", "t:2: unknown setting server. \n");
	assert_errors("' ' = 1\n", "t:1: unknown section or setting \" \"\n");
}

static void very_many_unknown_settings_are_cut_short(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 10000);
	buf_adds(&text, "server {\n");
	for (size_t n = 1; n <= CONF_UNKNOWN_MAX + 2; n++) {
		buf_printf(&text, "a%zu = 1\n", n);
		size_t len = text.len;
		buf_adds(&text, "}\n");
		buf_addc(&text, '\0');
		struct loaded l = load(text.p);
		assert_int_equal(l.rc, RC_INVALID);
		size_t lines = 0;
		for (const char *p = l.errors.p; *p; p++)
			lines += *p == '\n';
		/* The one that is too many is told, too; what follows is not read. */
		assert_int_equal(lines, n <= CONF_UNKNOWN_MAX ? n : CONF_UNKNOWN_MAX + 1);
		unload(&l);
		text.len = len;
	}
	buf_fini(&text);
}

/* The text after an unknown name is read unless the name is too long. */
static void an_unknown_name_of_the_greatest_length_is_passed(void **state)
{
	(void)state;
	for (int n = CONF_UNKNOWN_NAME_MAX - 1; n <= CONF_UNKNOWN_NAME_MAX + 1; n++) {
		char text[200], expected[300];
		snprintf(text, sizeof(text), "server {\na%0*d = 1\nb = 1\n}\n", n - 1, 7);
		if (n <= CONF_UNKNOWN_NAME_MAX)
			snprintf(expected, sizeof(expected),
				"t:2: unknown setting server.a%0*d\nt:3: unknown setting server.b\n", n - 1,
				7);
		else
			snprintf(expected, sizeof(expected), "t:2: unknown setting server.a%0*d...\n", n - 2,
				0);
		assert_errors(text, expected);
	}
}

static void an_overlong_unknown_name_is_reported_in_part(void **state)
{
	(void)state;
	char text[400] = "server { ";
	memset(text + 9, 'x', 300);
	memcpy(text + 309, " = 1 }", 7);
	struct loaded l = load(text);
	assert_int_equal(l.rc, RC_INVALID);
	assert_true(l.errors.len < 200);
	assert_non_null(strstr(l.errors.p, "t:1: unknown setting server.xxx"));
	assert_non_null(strstr(l.errors.p, "...\n"));
	unload(&l);
}

static void syntax_errors_have_a_line(void **state)
{
	(void)state;
	assert_errors("server {\n\tworkers 3\n}\n", "t:2: missing equal sign after option 'workers'\n");
	assert_errors("server {\n", "t:1: '{' without '}'\n");
	assert_errors("server {\n}\nimap {\nlisten = {\n}\n", "t:3: '{' without '}'\n");
	assert_errors("server {\n} # }\nlmtp {\n# }\n", "t:3: '{' without '}'\n");
	assert_errors("server {\nworkers = 3\n}\nserver", "t:4: premature end of file\n");
	assert_errors("server {\n\tworkers = { 3 }\n}", "t:2: unexpected token '{'\n");
	assert_errors("server {\n\tworkers += 3\n}", "t:2: attempt to append to non-list option 'workers'\n");
	assert_errors("}\n", "t:1: unexpected closing brace\n");
	assert_errors("server x {\n}\n", "t:1: missing opening brace for section 'server'\n");
	assert_errors("\n\n= 3", "t:3: unexpected token '='\n");
	assert_errors("server { workers = }\n", "t:1: unexpected token '}'\n");
	assert_errors("lmtp { listen = { a b } }\n", "t:1: unexpected token 'b'\n"
						     "t:1: lmtp.listen: \"a\" is not an address like "
						     "127.0.0.1:143 or [::1]:143\n");
}

static void comments_may_be_anywhere_and_lines_are_counted_right(void **state)
{
	(void)state;
	assert_errors("# a\n// b\n/* c */ server { /* d\n\n*/ workers = 0 # e\n}\nimap { line_max = 1 }",
		"t:5: server.workers: \"0\" is below 1\nt:7: imap.line_max: \"1\" is below 1K\n");
	assert_errors("server { user = \"a\\\nb # c\" // d\nworkers = 0 }",
		"t:3: server.workers: \"0\" is below 1\n");
	assert_errors("server {\n# a\n# b\nx = 1 }", "t:4: unknown setting server.x\n");
	struct loaded l =
		load("imap { # a\nlisten # b\n= { # c\n127.0.0.1:1 /* d */ , // e\n[::1]:2 # } \"\n} }# f");
	assert_string_equal(l.errors.p, "");
	assert_int_equal(l.conf->imap.listen.n, 2);
	assert_string_equal(l.conf->imap.listen.v[1], "[::1]:2");
	unload(&l);
	l = load("server { root = /a//b\nuser = a/*b*/ log_file = '/a#b//c/*d*/' }");
	assert_string_equal(l.errors.p, "");
	assert_string_equal(l.conf->server.root, "/a");
	assert_string_equal(l.conf->server.user, "a");
	assert_string_equal(l.conf->server.log_file, "/a#b//c/*d*/");
	unload(&l);
}

static void what_is_never_closed_is_reported_where_it_begins(void **state)
{
	(void)state;
	assert_errors("server {\n root = \"/srv\n}\n\n", "t:2: string without end\n");
	assert_errors("server {\n root = '/srv\n}\n\n", "t:2: string without end\n");
	assert_errors("server {\n root = \"/srv\\\"", "t:2: string without end\n");
	assert_errors("server {\n root = \"/srv\\", "t:2: string without end\n");
	assert_errors("server { }\n\n/* server { workers = 0 }\n", "t:3: comment without end\n");
	assert_errors("/*/", "t:1: comment without end\n");
	/* The next load is not affected. */
	struct loaded l = load("server { workers = 3 } /**/ # \"\n// '/*\n");
	assert_string_equal(l.errors.p, "");
	assert_int_equal(l.conf->server.workers, 3);
	unload(&l);
}

static void control_characters_and_bad_utf8_are_refused(void **state)
{
	(void)state;
	assert_errors("\nserver {\x01}", "t:2: control character\n");
	assert_errors("# \x7f", "t:1: control character\n");
	assert_errors("# \xff", "t:1: the file is not UTF-8\n");
	assert_errors(
		"auth { users_file = \"/a\\nb\" }", "t:1: auth.users_file: holds a control character\n");
	struct buf errors;
	struct conf *conf = NULL;
	buf_init(&errors, CONF_ERRORS_MAX);
	assert_int_equal(conf_load_text("t", STRV("\0"), NULL, 0, &errors, &conf), RC_INVALID);
	buf_fini(&errors);
}

static void assert_fine(const char *text)
{
	struct loaded l = load(text);
	assert_string_equal(l.errors.p, "");
	unload(&l);
}

static void a_limit_may_be_as_high_as_the_one_above_it(void **state)
{
	(void)state;
	assert_fine("store { inline_max = 65536\ninline_total_max = 65536 }");
	assert_fine("store { inline_max = 65536\ninline_total_max = 65537 }");
	assert_errors("store { inline_max = 65537\ninline_total_max = 65536 }",
		"t:1: store.inline_max: is above store.inline_total_max\n");
	assert_fine("imap { line_max = 2048\nline_max_before_login = 2048 }");
	assert_fine("imap { line_max = 2049\nline_max_before_login = 2048 }");
	assert_errors("imap { line_max = 2048\nline_max_before_login = 2049 }",
		"t:2: imap.line_max_before_login: is above imap.line_max\n");
	assert_fine("imap { literal_max = 2048\nliteral_max_before_login = 2048 }");
	assert_fine("imap { literal_max = 2049\nliteral_max_before_login = 2048 }");
	assert_errors("imap { literal_max = 2048\nliteral_max_before_login = 2049 }",
		"t:2: imap.literal_max_before_login: is above imap.literal_max\n");
}

static void values_are_limited(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 20000);
	buf_adds(&text, "tls { ciphers = \"");
	size_t start = text.len;
	for (int n = CONF_VALUE_MAX; n <= CONF_VALUE_MAX + 1; n++) {
		text.len = start;
		for (int i = 0; i < n; i++)
			buf_addc(&text, 'x');
		buf_adds(&text, "\" }");
		buf_addc(&text, '\0');
		/* Below this limit there is that of the setting. */
		struct loaded l = load(text.p);
		assert_non_null(strstr(l.errors.p, n <= CONF_VALUE_MAX ? "is longer than 4000 bytes\n"
								       : ": is longer than 4096 bytes\n"));
		unload(&l);
	}

	for (int extra = -1; extra < 2; extra++) {
		buf_reset(&text);
		buf_adds(&text, "lmtp { listen = { ");
		for (int i = 0; i < CONF_ITEMS_MAX + extra; i++)
			buf_printf(&text, "%s127.0.0.1:%d", i ? ", " : "", 1000 + i);
		buf_adds(&text, " } }");
		buf_addc(&text, '\0');
		struct loaded l = load(text.p);
		assert_string_equal(
			l.errors.p, extra > 0 ? "t:1: lmtp.listen: has more than 64 items\n" : "");
		unload(&l);
	}
	buf_fini(&text);
	assert_errors("lmtp { listen = 'a,,b' }",
		"t:1: lmtp.listen: \"a\" is not an address like 127.0.0.1:143 "
		"or [::1]:143\n");
	assert_errors(
		"lmtp { listen = '127.0.0.1:1,,127.0.0.1:2' }", "t:1: lmtp.listen: has an empty item\n");
	assert_errors("lmtp { listen = '127.0.0.1:1,' }", "t:1: lmtp.listen: has an empty item\n");
}

static void a_text_of_a_mebibyte_is_read_and_no_more(void **state)
{
	(void)state;
	struct buf errors;
	struct conf *conf = NULL;
	char *text = mem_alloc(CONF_FILE_MAX + 1);
	memset(text, '\n', CONF_FILE_MAX + 1);
	buf_init(&errors, CONF_ERRORS_MAX);
	assert_int_equal(conf_load_text("t", strv_make(text, CONF_FILE_MAX), NULL, 0, &errors, &conf), RC_OK);
	conf_free(&conf);
	assert_int_equal(
		conf_load_text("t", strv_make(text, CONF_FILE_MAX + 1), NULL, 0, &errors, &conf), RC_INVALID);
	assert_true(strv_eq(buf_strv(&errors), STRV("t: larger than 1048576 bytes\n")));
	assert_null(conf);
	buf_fini(&errors);
	free(text);
}

static void strings_have_checks_of_their_own(void **state)
{
	(void)state;
	assert_override_error("server.root=", "-o server.root: must not be empty\n");
	assert_override_error(
		"server.root=relative", "-o server.root: \"relative\" is not an absolute path\n");
	assert_override_error("server.hostname=a b", "-o server.hostname: \"a b\" is not a host name\n");
	assert_override_error("imap.listen=1.2.3:143",
		"-o imap.listen: \"1.2.3:143\" is not an address like 127.0.0.1:143 or [::1]:143\n");
	assert_override_error("imap.listen=::1:143",
		"-o imap.listen: \"::1:143\" is not an address like 127.0.0.1:143 or [::1]:143\n");
	assert_override_error("imap.listen=127.0.0.1:65536",
		"-o imap.listen: \"127.0.0.1:65536\" has no port from 0 to 65535\n");
	assert_override_error(
		"imap.listen=127.0.0.1:", "-o imap.listen: \"127.0.0.1:\" has no port from 0 to 65535\n");
	assert_override_error("lmtp.separator=++", "-o lmtp.separator: \"++\" is more than one character\n");
	assert_override_error(
		"lmtp.separator=@", "-o lmtp.separator: \"@\" is not one of + - _ . = ~ # ! % &\n");
	assert_override_error(
		"lmtp.socket_mode=0999", "-o lmtp.socket_mode: \"0999\" is not an access mode like 0660\n");
	assert_override_error("lmtp.socket_mode=0000660",
		"-o lmtp.socket_mode: \"0000660\" is not an access mode like 0660\n");
	assert_override_error("tls.ciphers=a\x1f", "-o tls.ciphers: holds a control character\n");
	assert_override_error("tls.ciphers=a\x7f", "-o tls.ciphers: holds a control character\n");
	assert_override_fine("tls.ciphers= ~\xc2\x80");
	assert_override_fine("lmtp.socket_mode=000660");
	assert_override_fine("imap.id_fields=a234567890b234567890c234567890=1");
	assert_override_error("metrics.listen=0.0.0.0:9000",
		"-o metrics.listen: \"0.0.0.0:9000\" is neither a "
		"loopback address with a port nor the path of a socket\n");
	assert_override_error("auth.password_scheme=PLAIN",
		"-o auth.password_scheme: \"PLAIN\" is not one of: YESCRYPT SHA512-CRYPT BCRYPT\n");
	assert_override_error("imap.id_fields=name", "-o imap.id_fields: \"name\" is not field=value\n");
	assert_override_error(
		"imap.id_fields=name=\xc3\xa9", "-o imap.id_fields: \"name=\\xc3\\xa9\" is not ASCII\n");
	assert_override_error("imap.id_fields=a234567890b234567890c234567890d=1",
		"-o imap.id_fields: \"a234567890b234567890c234567890d=1\" has a field name of more than 30 "
		"characters "
		"(RFC 2971)\n");
	assert_override_error("imap.allow_plaintext_loopback=maybe",
		"-o imap.allow_plaintext_loopback: \"maybe\" is neither yes nor no\n");
	assert_override_error(
		"auth.delay_max=100ms", "-o auth.delay_max: \"100ms\" is below 250ms and not 0\n");
	assert_override_error("store.message_max=2G", "-o store.message_max: \"2G\" is above 2047M\n");
	assert_override_error("imap.listen=[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
		"-o imap.listen: \"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1\" is not an address "
		"like "
		"127.0.0.1:143 or [::1]:143\n");
	char value[1200] = "imap.id_fields=a=";
	memset(value + 17, 'x', 1025);
	struct loaded long_id = load_with("", (const char *const[]){ value }, 1);
	assert_non_null(strstr(long_id.errors.p, "has a value of more than 1024 characters (RFC 2971)"));
	unload(&long_id);
	value[17 + 1024] = '\0';
	long_id = load_with("", (const char *const[]){ value }, 1);
	assert_string_equal(long_id.errors.p, "");
	unload(&long_id);
	char path[200] = "control.socket=/";
	memset(path + 16, 'x', 120);
	struct loaded l = load_with("", (const char *const[]){ path }, 1);
	assert_non_null(strstr(l.errors.p, "is too long for the path of a socket"));
	unload(&l);
}

static void good_addresses_are_taken(void **state)
{
	(void)state;
	static const char *const good[] = { "imap.listen=*:143", "imap.listen=127.0.0.1:0",
		"imap.listen=[::1]:65535", "imap.listen=", "metrics.listen=127.0.0.1:9000",
		"metrics.listen=[::1]:9000", "metrics.listen=/run/coid/metrics",
		"metrics.listen=", "lmtp.socket=", "lmtp.separator=",
		"imap.id_fields=name=x,support-url=https://example.org/?a=b" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct loaded l = load_with("", &good[i], 1);
		assert_string_equal(l.errors.p, "");
		unload(&l);
	}
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	assert_errors("tls { cert = '' }\n",
		"t:1: tls.cert: is empty: set both tls.cert and tls.key, or none\n"
		"imap.listen_tls: must be empty without tls.cert\n");
	assert_errors(
		"tls {\nkey = '' }\n", "t:2: tls.key: is empty: set both tls.cert and tls.key, or none\n");
	assert_errors("tls { cert = '' key = '' }\nimap {\nlisten_tls = 127.0.0.1:993 }",
		"t:3: imap.listen_tls: must be empty without tls.cert\n");
	assert_errors("store { inline_max = 1M\ninline_total_max = 512K }",
		"t:1: store.inline_max: is above store.inline_total_max\n");
	assert_errors("imap { line_max = 2K }", "imap.line_max_before_login: is above imap.line_max\n");
	assert_errors(
		"imap { literal_max = 2K }", "imap.literal_max_before_login: is above imap.literal_max\n");
	assert_errors("store { default_mailboxes = { 'A:\\Sent', 'B:\\sent' } }",
		"t:1: store.default_mailboxes: gives a name or a special use twice\n");
	assert_errors("store { default_mailboxes = { 'A:\\Sent', 'A:\\Junk' } }",
		"t:1: store.default_mailboxes: gives a name or a special use twice\n");
	struct loaded l = load("tls { cert = '' key = '' }\nimap { listen_tls = {} }");
	assert_string_equal(l.errors.p, "");
	unload(&l);
}

static void overrides_win_in_their_order(void **state)
{
	(void)state;
	static const char *const overrides[] = { "server.workers=5", " imap.listen = 127.0.0.1:1, [::1]:2 ",
		"server.workers=6", "imap.listen_tls=" };
	struct loaded l = load_with("server { workers = 4 }", overrides, 4);
	assert_string_equal(l.errors.p, "");
	assert_int_equal(l.conf->server.workers, 6);
	assert_int_equal(l.conf->imap.listen.n, 2);
	assert_string_equal(l.conf->imap.listen.v[1], "[::1]:2");
	assert_int_equal(l.conf->imap.listen_tls.n, 0);
	unload(&l);
}

static void an_override_mends_what_the_file_has_wrong(void **state)
{
	(void)state;
	static const char *const overrides[] = { "server.workers=5" };
	struct loaded l = load_with("server { workers = none }", overrides, 1);
	assert_string_equal(l.errors.p, "");
	assert_int_equal(l.conf->server.workers, 5);
	unload(&l);
}

static void bad_overrides_are_named(void **state)
{
	(void)state;
	assert_override_error("server.workers=x", "-o server.workers: \"x\" is not a number\n");
	assert_override_error("server.bogus=x", "-o server.bogus: unknown setting\n");
	assert_override_error("bogus=x", "-o bogus=x: is not section.key=value\n");
	assert_override_error("server.workers", "-o server.workers: is not section.key=value\n");
	assert_override_error("", "-o : is not section.key=value\n");
	assert_override_error("=", "-o =: is not section.key=value\n");
	static const char *const two[] = { "a.b=1", "server.workers=0" };
	struct loaded l = load_with("imap { line_max = x }", two, 2);
	assert_string_equal(l.errors.p, "-o a.b: unknown setting\n"
					"-o server.workers: \"0\" is below 1\n"
					"t:1: imap.line_max: \"x\" is not a size like 512, 64K or 1G\n");
	unload(&l);
}

static void a_text_cannot_include_files(void **state)
{
	(void)state;
	assert_errors("include = /etc/passwd\n", "t:1: include: is not possible here\n");
}

static void only_some_settings_can_be_reloaded(void **state)
{
	(void)state;
	struct buf out;
	struct loaded a = load("");
	struct loaded b =
		load("server { log_level = debug } imap { idle_keepalive = 1m } auth { cache_ttl = 0 }");
	struct loaded c =
		load("server { workers = 3 root = /x } imap { listen = 127.0.0.1:1 line_max = 1M }");
	buf_init(&out, 1000);
	assert_true(conf_reloadable(a.conf, a.conf, &out));
	assert_true(conf_reloadable(a.conf, b.conf, &out));
	assert_int_equal(out.len, 0);
	assert_false(conf_reloadable(a.conf, c.conf, &out));
	assert_true(strv_eq(buf_strv(&out), STRV("server.root server.workers imap.listen")));
	buf_reset(&out);
	struct loaded d = load("lmtp { listen = 127.0.0.1:1 } store { default_mailboxes = 'Sent:\\Sent' }");
	struct loaded e = load("lmtp { listen = 127.0.0.1:2 } store { default_mailboxes = 'Sent:\\Sent' }");
	assert_false(conf_reloadable(d.conf, e.conf, &out));
	assert_true(strv_eq(buf_strv(&out), STRV("lmtp.listen")));
	unload(&d);
	unload(&e);
	buf_fini(&out);
	unload(&a);
	unload(&b);
	unload(&c);
}

static void default_mailboxes_split_at_the_last_colon(void **state)
{
	(void)state;
	struct strv name, use;
	assert_true(conf_mailbox_split(STRV("Sent:\\Sent"), &name, &use));
	assert_true(strv_eq(name, STRV("Sent")));
	assert_true(strv_eq(use, STRV("\\Sent")));
	assert_true(conf_mailbox_split(STRV("a:b:\\JUNK"), &name, &use));
	assert_true(strv_eq(name, STRV("a:b")));
	assert_true(conf_mailbox_split(STRV("Flagged:\\Important"), &name, &use));
	assert_true(strv_eq(use, STRV("\\Important")));
	assert_false(conf_mailbox_split(STRV(":\\Sent"), &name, &use));
	assert_false(conf_mailbox_split(STRV("Sent"), &name, &use));
	assert_false(conf_mailbox_split(STRV("Sent:"), &name, &use));
	assert_false(conf_mailbox_split(STRV("Sent:Sent"), &name, &use));
	assert_false(conf_mailbox_split(STRV("All:\\All"), &name, &use));
	assert_override_error("store.default_mailboxes=inbox:\\Sent",
		"-o store.default_mailboxes: \"inbox:\\x5cSent\" is there anyway\n");
}

/* Files in a folder of their own. */
struct folder {
	char path[64];
	struct buf errors;
};

static int folder_setup(void **state)
{
	struct folder *f = mem_zalloc(sizeof(*f));
	snprintf(f->path, sizeof(f->path), "/tmp/coid-conf-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	buf_init(&f->errors, CONF_ERRORS_MAX);
	*state = f;
	return 0;
}

static int folder_teardown(void **state)
{
	struct folder *f = *state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", f->path);
	int rc = system(command);
	buf_fini(&f->errors);
	free(f);
	return rc;
}

static char *file_in(struct folder *f, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	if (text) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	return mem_strdup(path);
}

static void write_in(struct folder *f, const char *name, const char *text)
{
	free(file_in(f, name, text));
}

/* Loads main.conf; errors come back with the folder's path replaced by '@'. */
static enum rc load_main(struct folder *f, struct conf **ret_conf, char *errors, size_t size)
{
	char *path = file_in(f, "main.conf", NULL);
	enum rc rc = conf_load(path, NULL, 0, &f->errors, ret_conf);
	size_t n = 0;
	size_t length = strlen(f->path);
	struct strv text = buf_strv(&f->errors);

	while (text.n > 0 && n + 1 < size) {
		if (strv_starts(text, strv_cstr(f->path))) {
			errors[n++] = '@';
			text = strv_sub(text, length, text.n);
		} else {
			errors[n++] = text.p[0];
			text = strv_sub(text, 1, text.n);
		}
	}
	errors[n] = '\0';
	free(path);
	return rc;
}

static void included_files_are_read_after_their_includer(void **state)
{
	struct folder *f = *state;
	struct conf *conf = NULL;
	char errors[4096];
	char *dir = file_in(f, "conf.d", NULL);
	assert_int_equal(mkdir(dir, 0700), 0);
	free(dir);
	write_in(f, "main.conf",
		"include = { one.conf, \"conf.d/*.conf\" }\nserver { workers = 1 auth_workers = 1 }\n");
	write_in(f, "one.conf", "server { workers = 2 reactors = 2 }\n");
	write_in(f, "conf.d/b.conf", "server { reactors = 4 malloc_arenas = 4 }\n");
	write_in(f, "conf.d/a.conf", "include = deep.conf server { reactors = 3 malloc_arenas = 3 }\n");
	write_in(f, "conf.d/deep.conf", "imap { line_max = 1M }");
	write_in(f, "conf.d/not-read.txt", "garbage");
	enum rc rc = load_main(f, &conf, errors, sizeof(errors));
	assert_string_equal(errors, "");
	assert_int_equal(rc, RC_OK);
	assert_int_equal(conf->server.auth_workers, 1);
	assert_int_equal(conf->server.workers, 2);
	assert_int_equal(conf->server.reactors, 4);
	assert_int_equal(conf->server.malloc_arenas, 4);
	assert_int_equal(conf->imap.line_max, 1048576);
	conf_free(&conf);
	assert_null(conf);
	conf_free(&conf);
}

static void errors_name_the_file_that_they_are_in(void **state)
{
	struct folder *f = *state;
	struct conf *conf = NULL;
	char errors[4096];
	write_in(f, "main.conf", "include = one.conf\n\nserver { workers = 0 }\n");
	write_in(f, "one.conf", "\nserver { x = 1\nreactors = 99 }\nimap { } x");
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/one.conf:2: unknown setting server.x\n"
				    "@/one.conf:4: unknown section or setting \"x\"\n"
				    "@/one.conf:3: server.reactors: \"99\" is above 64\n"
				    "@/main.conf:3: server.workers: \"0\" is below 1\n");
	assert_null(conf);
}

static void files_that_cannot_be_read_are_named(void **state)
{
	struct folder *f = *state;
	struct conf *conf = NULL;
	char errors[4096];
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_IO);
	assert_string_equal(errors, "@/main.conf: No such file or directory\n");
	buf_reset(&f->errors);
	write_in(f, "main.conf",
		"include = missing.conf\ninclude += \"none/*.conf\"\ninclude += .\nserver { workers = 0 }");
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_IO);
	assert_string_equal(errors, "@/missing.conf: No such file or directory\n"
				    "@/.: not a regular file\n"
				    "@/main.conf:4: server.workers: \"0\" is below 1\n");
	buf_reset(&f->errors);
	write_in(f, "main.conf", "\ninclude = \"\"\n");
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/main.conf:2: include: must not be empty\n");
	assert_null(conf);
	buf_reset(&f->errors);
	char text[5000] = "include = ";
	memset(text + 10, 'x', CONF_VALUE_MAX);
	write_in(f, "main.conf", text);
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/main.conf:1: include: is too long\n");
}

static void an_oversized_file_is_refused(void **state)
{
	struct folder *f = *state;
	struct conf *conf = NULL;
	char errors[4096];
	char *path = file_in(f, "main.conf", "");
	/* At most: its octets are looked at, and NUL is none that may be there. */
	assert_int_equal(truncate(path, (off_t)CONF_FILE_MAX), 0);
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/main.conf:1: control character\n");
	buf_reset(&f->errors);
	assert_int_equal(truncate(path, (off_t)CONF_FILE_MAX + 1), 0);
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/main.conf: larger than 1048576 bytes\n");
	buf_reset(&f->errors);
	assert_int_equal(truncate(path, (off_t)CONF_FILE_MAX * 10), 0);
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/main.conf: larger than 1048576 bytes\n");
	free(path);
}

static void files_that_include_each_other_are_read_once(void **state)
{
	struct folder *f = *state;
	struct conf *conf = NULL;
	char errors[4096];
	char *path = file_in(f, "main.conf", NULL);
	char text[512];
	snprintf(text, sizeof(text), "include = { %s, one.conf }\n", path);
	write_in(f, "main.conf", text);
	write_in(f, "one.conf", text);
	free(path);
	enum rc rc = load_main(f, &conf, errors, sizeof(errors));
	assert_string_equal(errors, "");
	assert_int_equal(rc, RC_OK);
	conf_free(&conf);
}

static void the_number_of_included_files_is_limited(void **state)
{
	struct folder *f = *state;
	struct conf *conf = NULL;
	char errors[4096];
	for (int i = 0; i < CONF_FILES_MAX; i++) {
		char name[32];
		snprintf(name, sizeof(name), "x%02d.conf", i);
		write_in(f, name, "server { workers = 3 }");
	}
	write_in(f, "main.conf", "include = \"x*.conf\"");
	enum rc rc = load_main(f, &conf, errors, sizeof(errors));
	assert_string_equal(errors, "");
	assert_int_equal(rc, RC_OK);
	conf_free(&conf);
	write_in(f, "x99.conf", "");
	assert_int_equal(load_main(f, &conf, errors, sizeof(errors)), RC_INVALID);
	assert_string_equal(errors, "@/main.conf:1: more than 32 included files\n");
}

static void a_full_buffer_of_errors_does_no_harm(void **state)
{
	(void)state;
	struct buf errors;
	struct conf *conf = NULL;
	buf_init(&errors, 30);
	assert_int_equal(conf_load_text("t", STRV("server { workers = x\nreactors = x\nroot = x }"), NULL, 0,
				 &errors, &conf),
		RC_INVALID);
	assert_false(buf_ok(&errors));
	buf_fini(&errors);
}

static void no_file_at_all_gives_the_defaults(void **state)
{
	(void)state;
	struct buf errors;
	struct conf *conf = NULL;
	buf_init(&errors, CONF_ERRORS_MAX);
	assert_int_equal(conf_load(NULL, NULL, 0, &errors, &conf), RC_OK);
	assert_int_equal(conf->server.workers, 8);
	assert_int_equal(errors.len, 0);
	conf_free(&conf);
	buf_fini(&errors);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(empty_names_become_the_name_of_the_host),
		cmocka_unit_test(values_of_every_type_are_read),
		cmocka_unit_test(lists_may_be_written_in_several_ways),
		cmocka_unit_test(the_last_value_counts),
		cmocka_unit_test(environment_variables_are_put_in),
		cmocka_unit_test(all_errors_are_reported_at_once_with_their_lines),
		cmocka_unit_test(an_unknown_section_is_an_error_and_ends_the_reading),
		cmocka_unit_test(a_name_with_a_blank_is_as_unknown_as_any),
		cmocka_unit_test(very_many_unknown_settings_are_cut_short),
		cmocka_unit_test(an_overlong_unknown_name_is_reported_in_part),
		cmocka_unit_test(an_unknown_name_of_the_greatest_length_is_passed),
		cmocka_unit_test(a_limit_may_be_as_high_as_the_one_above_it),
		cmocka_unit_test(syntax_errors_have_a_line),
		cmocka_unit_test(comments_may_be_anywhere_and_lines_are_counted_right),
		cmocka_unit_test(what_is_never_closed_is_reported_where_it_begins),
		cmocka_unit_test(control_characters_and_bad_utf8_are_refused),
		cmocka_unit_test(values_are_limited),
		cmocka_unit_test(a_text_of_a_mebibyte_is_read_and_no_more),
		cmocka_unit_test(strings_have_checks_of_their_own),
		cmocka_unit_test(good_addresses_are_taken),
		cmocka_unit_test(settings_that_contradict_each_other_are_refused),
		cmocka_unit_test(overrides_win_in_their_order),
		cmocka_unit_test(an_override_mends_what_the_file_has_wrong),
		cmocka_unit_test(bad_overrides_are_named),
		cmocka_unit_test(a_text_cannot_include_files),
		cmocka_unit_test(only_some_settings_can_be_reloaded),
		cmocka_unit_test(default_mailboxes_split_at_the_last_colon),
		cmocka_unit_test(a_full_buffer_of_errors_does_no_harm),
		cmocka_unit_test(no_file_at_all_gives_the_defaults),
		WITH_FOLDER(included_files_are_read_after_their_includer),
		WITH_FOLDER(errors_name_the_file_that_they_are_in),
		WITH_FOLDER(files_that_cannot_be_read_are_named),
		WITH_FOLDER(an_oversized_file_is_refused),
		WITH_FOLDER(files_that_include_each_other_are_read_once),
		WITH_FOLDER(the_number_of_included_files_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
