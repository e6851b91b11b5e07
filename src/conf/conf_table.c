#include "conf/conf_priv.h"
#include "conf/conf_table.h"

#include "base/mem.h"
#include "base/peer_key.h"
#include "base/special_use.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#define AT(field) offsetof(struct conf, field)
#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND ((uint64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* The largest message: RFC 3501 gives sizes 32 bits, and a margin keeps sums of a few sizes below that. */
#define MESSAGE_LIMIT (2047 * MIB)

static const char *const log_level_words[] = { "error", "warn", "info", "debug", NULL };
static const char *const tls_words[] = { "1.2", "1.3", NULL };
static const char *const scheme_words[] = { "YESCRYPT", "SHA512-CRYPT", "BCRYPT", NULL };
static const char *const append_words[] = { "accept", "refuse", NULL };
static const char *const push_words[] = { "full", "headers", "minimal", NULL };
static const char *const filter_words[] = { "none", "active", "seen", NULL };
static const char *const sync_words[] = { "relaxed", "always", NULL };

static const char *check_path(const char *value)
{
	return value[0] == '\0' || value[0] == '/' ? NULL : "is not an absolute path";
}

static const char *check_socket(const char *value)
{
	if (strlen(value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "is too long for the path of a socket";
	return check_path(value);
}

static bool hostname_char(char c)
{
	c = str_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static const char *check_hostname(const char *value)
{
	for (const char *p = value; *p; p++) {
		if (!hostname_char(*p))
			return "is not a host name";
	}
	return NULL;
}

static bool is_ip(struct strv host)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (strv_eq(host, STRV("*")))
		return true;
	bool bracketed = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = strv_sub(host, 1, host.n - 2);
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(bracketed ? AF_INET6 : AF_INET, text, address) == 1;
}

/* An IP address and a port, as listeners take them: 127.0.0.1:143, [::1]:143, *:143. */
static const char *check_tcp(const char *value)
{
	const char *colon = strrchr(value, ':');
	uint32_t port = 0;

	if (!colon || !is_ip(strv_make(value, (size_t)(colon - value))))
		return "is not an address like 127.0.0.1:143 or [::1]:143";
	if (str_u32(strv_cstr(colon + 1), &port) != RC_OK || port > 65535)
		return "has no port from 0 to 65535";
	return NULL;
}

static const char *check_network(const char *value)
{
	struct peer_range range;

	return peer_range_parse(strv_cstr(value), &range) ? NULL : "is not a network like 192.0.2.0/24";
}

/* Metrics have no password, so only the machine itself may read them. */
static const char *check_local(const char *value)
{
	if (value[0] == '\0')
		return NULL;
	if (value[0] == '/')
		return check_socket(value);
	if (strncmp(value, "127.", 4) != 0 && strncmp(value, "[::1]:", 6) != 0)
		return "is neither a loopback address with a port nor the path of a socket";
	return check_tcp(value);
}

/* The subject of VAPID (RFC 8292 section 2.1). */
static const char *check_contact(const char *value)
{
	struct strv v = strv_cstr(value);

	if (v.n == 0)
		return NULL;
	if (!strv_starts(v, STRV("mailto:")) && !strv_starts(v, STRV("https://")))
		return "is neither a mailto: nor an https: URI";
	return str_is_ascii(v) && strv_index(v, ' ') == v.n ? NULL : "has characters that no URI can have";
}

static const char *check_https(const char *value)
{
	struct strv v = strv_cstr(value);

	if (v.n == 0)
		return NULL;
	if (!strv_starts(v, STRV("https://")))
		return "is not an https: URL";
	return str_is_ascii(v) && strv_index(v, ' ') == v.n ? NULL : "has characters that no URL can have";
}

static const char *check_digits(const char *value)
{
	uint32_t number;

	return value[0] == '\0' || str_u32(strv_cstr(value), &number) == RC_OK ? NULL : "is not a number";
}

static const char *check_separator(const char *value)
{
	if (value[0] == '\0')
		return NULL;
	if (value[1] != '\0')
		return "is more than one character";
	return strchr("+-_.=~#!%&", value[0]) ? NULL : "is not one of + - _ . = ~ # ! % &";
}

static const char *check_id_field(const char *value)
{
	const char *equal = strchr(value, '=');

	if (!equal || equal == value)
		return "is not field=value";
	if (equal - value > 30)
		return "has a field name of more than 30 characters (RFC 2971)";
	if (strlen(equal + 1) > 1024)
		return "has a value of more than 1024 characters (RFC 2971)";
	return str_is_ascii(strv_cstr(value)) ? NULL : "is not ASCII";
}

bool conf_mailbox_split(struct strv item, struct strv *ret_name, struct strv *ret_use)
{
	size_t colon = item.n;

	for (size_t i = 0; i < item.n; i++) {
		if (item.p[i] == ':')
			colon = i;
	}
	struct strv use = strv_sub(item, colon + 1, item.n);
	if (colon == 0 || colon == item.n || !(special_use_parse(use) & SPECIAL_USE_SETTABLE))
		return false;
	*ret_name = strv_sub(item, 0, colon);
	*ret_use = use;
	return true;
}

static const char *conf_table_check_mailbox(const char *value)
{
	struct strv name, use;
	if (!conf_mailbox_split(strv_cstr(value), &name, &use))
		return "is not Name:\\Use with \\Archive, \\Drafts, \\Important, \\Junk, \\Sent or \\Trash";
	return strv_ieq(name, STRV("INBOX")) ? "is there anyway" : NULL;
}

static const char *check_uri(const char *value)
{
	if (value[0] && (!strchr(value, ':') || value[0] == ':' || strpbrk(value, " \t\r\n")))
		return "is not a URI like mailto:admin@example.org";
	return str_is_ascii(strv_cstr(value)) ? NULL : "is not ASCII";
}

/* The store's rules for a mailbox name, as far as they can be checked without the store. */
static const char *check_root(const char *value)
{
	size_t n = strlen(value);

	if (!str_utf8_valid(strv_make(value, n)))
		return "is not UTF-8";
	if (value[0] == ' ' || (n > 0 && value[n - 1] == ' '))
		return "begins or ends with a blank";
	if (value[0] == '/' || (n > 0 && value[n - 1] == '/') || strstr(value, "//"))
		return "has an empty level";
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '*' || *p == '%')
			return "has a character that mailbox names can't have";
	}
	return NULL;
}

/*
 * The macro makes member names of section and key, which can't be in parentheses.
 * NOLINTBEGIN(bugprone-macro-parentheses)
 */
#define ROW_STRING(s, k, flag, def, minimum, maximum, checker, description)                                  \
	{                                                                                                    \
		.section = #s, .key = #k, .type = CONF_STRING, .flags = (flag), .offset = AT(s.k),           \
		.text = (def), .min = (minimum), .max = (maximum), .check = (checker), .help = (description) \
	}
#define ROW_WORD(s, k, t, flag, def, list, description)                                                      \
	{                                                                                                    \
		.section = #s, .key = #k, .type = (t), .flags = (flag), .offset = AT(s.k), .text = (def),    \
		.words = (list), .help = (description)                                                       \
	}
#define ROW_VALUE(s, k, t, flag, def, minimum, maximum, description)                                         \
	{                                                                                                    \
		.section = #s, .key = #k, .type = (t), .flags = (flag), .offset = AT(s.k), .text = (def),    \
		.min = (minimum), .max = (maximum), .help = (description)                                    \
	}
#define ROW_LIST(s, k, flag, def, checker, description)                                                      \
	{                                                                                                    \
		.section = #s, .key = #k, .type = CONF_LIST, .flags = (flag), .offset = AT(s.k),             \
		.text = (def), .check = (checker), .help = (description)                                     \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

const struct conf_row conf_table[] = {
	ROW_STRING(server, root, CONF_RESTART, "/var/lib/coid", 1, 1000, check_path,
		"Folder of the store: accounts, messages, server-wide tables"),
	ROW_STRING(server, hostname, 0, "", 0, 255, check_hostname,
		"Name that the server gives itself; empty: the system's host name"),
	ROW_STRING(server, user, CONF_RESTART, "", 0, 32, NULL,
		"User to become after start as root, which must be named to stay root"),
	ROW_VALUE(server, reactors, CONF_NUMBER, CONF_RESTART, "0", 0, 64,
		"Threads that serve connections; 0: one for each core"),
	ROW_VALUE(server, workers, CONF_NUMBER, CONF_RESTART, "8", 1, 256,
		"Threads that read and write the store"),
	ROW_VALUE(
		server, auth_workers, CONF_NUMBER, CONF_RESTART, "2", 1, 64, "Threads that check passwords"),
	ROW_WORD(server, log_level, CONF_ENUM, 0, "info", log_level_words,
		"Least important lines that are logged: error, warn, info or debug"),
	ROW_STRING(server, log_file, 0, "", 0, 1000, check_path,
		"File to log to, opened again at reload; empty: standard error (the journal under systemd)"),
	ROW_VALUE(server, max_connections, CONF_NUMBER, 0, "10000", 1, 1000000, "IMAP connections in all"),
	ROW_VALUE(server, max_connections_per_user, CONF_NUMBER, CONF_ZERO, "100", 1, 1000000,
		"IMAP connections of one account; 0: no limit"),
	ROW_VALUE(server, max_connections_per_ip, CONF_NUMBER, CONF_ZERO, "1000", 1, 1000000,
		"IMAP connections from an IPv4 address or an IPv6 /64; 0: no limit"),
	ROW_VALUE(server, max_connections_per_network, CONF_NUMBER, CONF_ZERO, "4000", 1, 1000000,
		"IMAP connections from an IPv6 /48; 0: no limit"),
	ROW_VALUE(server, connections_reserve, CONF_NUMBER, CONF_ZERO, "500", 1, 1000000,
		"IMAP connections kept for addresses that are known from a login; a quarter of all at most"),
	ROW_VALUE(server, max_connections_before_login, CONF_NUMBER, CONF_ZERO, "1000", 1, 1000000,
		"IMAP connections that have not logged in; for one more the oldest has to leave; 0: no "
		"limit"),
	ROW_VALUE(server, max_connections_before_login_per_ip, CONF_NUMBER, CONF_ZERO, "200", 1, 1000000,
		"The same from an IPv4 address or an IPv6 /64; 0: no limit"),
	ROW_VALUE(server, core_dumps, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Whether a crash may leave a core dump: it holds passwords and mail"),
	ROW_VALUE(server, malloc_arenas, CONF_NUMBER, CONF_RESTART, "4", 0, 64,
		"Memory arenas of the C library: fewer save memory; 0: as many as it likes"),

	ROW_LIST(imap, listen, CONF_RESTART, "0.0.0.0:143,[::]:143", check_tcp,
		"Addresses for IMAP that begins in plain text (STARTTLS)"),
	ROW_LIST(imap, listen_tls, CONF_RESTART, "0.0.0.0:993,[::]:993", check_tcp,
		"Addresses for IMAP over TLS from the first byte"),
	ROW_VALUE(imap, line_max, CONF_SIZE, 0, "64K", KIB, 16 * MIB,
		"Longest command after login, without its literals"),
	ROW_VALUE(imap, line_max_before_login, CONF_SIZE, 0, "64K", KIB, 64 * KIB,
		"Longest command before login; an ID of RFC 2971's maximum needs 64K"),
	ROW_VALUE(imap, literal_max, CONF_SIZE, 0, "128K", KIB, 16 * MIB,
		"Literals of one command that are kept in memory, together; messages of APPEND are not"),
	ROW_VALUE(imap, literal_max_before_login, CONF_SIZE, 0, "32K", 256, 64 * KIB,
		"Literals of one command before login, together"),
	ROW_VALUE(imap, command_max_args, CONF_NUMBER, 0, "10000", 100, 1000000,
		"Words of one command, numbers of a sequence set not counted"),
	ROW_VALUE(imap, idle_keepalive, CONF_DURATION, CONF_ZERO, "4m", SECOND, 29 * MINUTE,
		"Time between signs of life in IDLE; 0: none"),
	ROW_VALUE(imap, progress_interval, CONF_DURATION, CONF_ZERO, "10s", 100, HOUR,
		"Time between signs of progress of a command that takes long (INPROGRESS); 0: none"),
	ROW_VALUE(imap, timeout_auth, CONF_DURATION, 0, "30m", SECOND, 7 * DAY,
		"Inactivity after login that ends a session (RFC 3501 wants 30 minutes at least)"),
	ROW_VALUE(imap, timeout_login, CONF_DURATION, 0, "1m", SECOND, HOUR,
		"Time that a client has to log in"),
	ROW_VALUE(imap, message_limit, CONF_NUMBER, CONF_ZERO, "0", 1000, 100000,
		"Messages one command works on (MESSAGELIMIT): old clients miss the others; 0: no limit"),
	ROW_VALUE(imap, save_limit, CONF_NUMBER, CONF_ZERO, "0", 1000, 1000000,
		"Messages one COPY or APPEND may add (SAVELIMIT) if message_limit is 0; 0: no limit"),
	ROW_VALUE(imap, bad_commands_max, CONF_NUMBER, 0, "20", 1, 10000,
		"Commands with errors of syntax in a row that end a session"),
	ROW_WORD(imap, append_8bit_headers, CONF_ENUM, 0, "accept", append_words,
		"APPEND of 8-bit octets in a header without UTF8=ACCEPT: accept or refuse (RFC 6855 wants "
		"refuse)"),
	ROW_VALUE(imap, allow_plaintext_loopback, CONF_BOOL, 0, "no", 0, 0,
		"Whether passwords may come without TLS from 127.0.0.0/8 and ::1"),
	ROW_VALUE(imap, compress, CONF_BOOL, 0, "yes", 0, 0,
		"Whether clients may compress their connection (COMPRESS=DEFLATE)"),
	ROW_LIST(imap, id_fields, 0, "name=coid", check_id_field,
		"Answer to ID (RFC 2971): field=value; empty: NIL"),
	ROW_VALUE(imap, output_high_water, CONF_SIZE, 0, "256K", 4 * KIB, 64 * MIB,
		"Output waiting for a slow client above which no more is made"),

	ROW_STRING(tls, cert, 0, "/etc/coid/tls/cert.pem", 0, 1000, check_path,
		"Certificate and its chain, PEM; empty: no TLS at all"),
	ROW_STRING(tls, key, 0, "/etc/coid/tls/key.pem", 0, 1000, check_path,
		"Private key of the certificate, PEM"),
	ROW_WORD(tls, min_version, CONF_WORD, 0, "1.2", tls_words, "Oldest TLS version: 1.2 or 1.3"),
	ROW_STRING(tls, ciphers, 0, "", 0, 4000, NULL,
		"Ciphers of TLS 1.2 as OpenSSL names them; empty: its default"),
	ROW_VALUE(tls, ticket_key_age, CONF_DURATION, 0, "12h", MINUTE, 7 * DAY,
		"How long a key makes session tickets; they are taken for as long again"),

	ROW_LIST(lmtp, listen, CONF_RESTART, "", check_tcp,
		"Addresses for LMTP over TCP: whoever reaches them can deliver"),
	ROW_STRING(lmtp, socket, CONF_RESTART, "/run/coid/lmtp", 0, 1000, check_socket,
		"UNIX socket for LMTP; empty: none"),
	ROW_VALUE(lmtp, socket_mode, CONF_OCTAL, CONF_RESTART, "0660", 0, 0777, "Access mode of that socket"),
	ROW_VALUE(lmtp, recipients_max, CONF_NUMBER, 0, "1000", 100, 100000, "Recipients of one message"),
	ROW_STRING(lmtp, separator, 0, "+", 0, 1, check_separator,
		"Character between user and folder in user+folder@example.org; empty: there is none"),
	ROW_VALUE(lmtp, timeout, CONF_DURATION, 0, "5m", SECOND, DAY, "Inactivity that ends a session"),
	ROW_STRING(lmtp, hostname, 0, "", 0, 255, check_hostname,
		"Name in the greeting and in Received; empty: server.hostname"),
	ROW_VALUE(lmtp, bad_commands_max, CONF_NUMBER, 0, "20", 1, 10000,
		"Commands with errors that end a session"),
	ROW_VALUE(lmtp, max_connections, CONF_NUMBER, 0, "500", 1, 100000, "LMTP connections in all"),
	ROW_VALUE(lmtp, quota_permanent, CONF_BOOL, 0, "no", 0, 0,
		"Whether mail for a full account is refused for good (552) rather than to be sent again "
		"(452)"),

	ROW_WORD(auth, password_scheme, CONF_WORD, 0, "YESCRYPT", scheme_words,
		"How new passwords are hashed: YESCRYPT, SHA512-CRYPT or BCRYPT"),
	ROW_VALUE(auth, password_length_min, CONF_NUMBER, 0, "8", 1, 256,
		"Shortest new password, in characters"),
	ROW_VALUE(auth, cache_ttl, CONF_DURATION, CONF_ZERO, "10m", SECOND, DAY,
		"How long a successful check is remembered; 0: not at all"),
	ROW_VALUE(auth, scram_iterations, CONF_NUMBER, 0, "10000", 4096, 10000000,
		"Iterations in the SCRAM keys of new passwords"),
	ROW_VALUE(auth, delay_max, CONF_DURATION, CONF_ZERO, "15s", 250, 10 * MINUTE,
		"Longest delay of an answer to repeated failed logins; 0: none"),
	ROW_VALUE(auth, failure_grid, CONF_DURATION, 0, "1s", 10, 10 * SECOND,
		"Failed logins are answered at multiples of this time, so that it tells nothing about the "
		"account"),
	ROW_VALUE(auth, guess_window, CONF_DURATION, 0, "10m", SECOND, 7 * DAY,
		"Time in which wrong passwords are counted"),
	ROW_VALUE(auth, guesses_per_address, CONF_NUMBER, CONF_ZERO, "20", 1, 1000000,
		"Wrong passwords in that time from an IPv4 address or an IPv6 /64; 0: no limit"),
	ROW_VALUE(auth, guesses_per_network, CONF_NUMBER, CONF_ZERO, "160", 1, 1000000,
		"The same from an IPv6 /48; 0: no limit"),
	ROW_VALUE(auth, guesses_per_account, CONF_NUMBER, CONF_ZERO, "60", 1, 1000000,
		"The same for an account, from addresses that it is not known from; 0: no limit"),
	ROW_VALUE(auth, ban_time, CONF_DURATION, CONF_ZERO, "10m", SECOND, 7 * DAY,
		"How long an address or account is refused that has used up its guesses; 0: till one is "
		"free again"),
	ROW_VALUE(auth, known_address_age, CONF_DURATION, CONF_ZERO, "30d", MINUTE, 365 * DAY,
		"How long an address is known after a login: no ban by others keeps its owner out there; "
		"0: never"),
	ROW_VALUE(auth, checks_per_address, CONF_NUMBER, 0, "2", 1, 64,
		"Passwords of one address that are hashed at a time"),
	ROW_VALUE(auth, checks_per_account, CONF_NUMBER, 0, "2", 1, 64,
		"Passwords of one account that are hashed at a time, and as many for strangers' guesses"),
	ROW_LIST(auth, trusted_networks, 0, "", check_network,
		"Networks of webmail hosts and proxies, like 192.0.2.0/24: no limit of theirs by address"),
	ROW_STRING(auth, users_file, 0, "", 0, 1000, check_path,
		"Further accounts, \"name:{SCHEME}hash\" a line; empty: none"),
	ROW_VALUE(auth, queue_max, CONF_NUMBER, 0, "1000", 1, 100000,
		"Passwords that may wait to be hashed: of known addresses, and of all others"),

	ROW_VALUE(store, inline_max, CONF_SIZE, CONF_RESTART, "16K", 0, MIB,
		"Largest message that is first kept in the database of its account"),
	ROW_VALUE(store, inline_total_max, CONF_SIZE, CONF_RESTART, "8M", 64 * KIB, GIB,
		"Bytes kept so in one account above which they become files at once"),
	ROW_VALUE(store, inline_age, CONF_DURATION, CONF_RESTART, "5m", SECOND, 7 * DAY,
		"Age at which messages kept so become files"),
	ROW_VALUE(store, message_max, CONF_SIZE, CONF_RESTART, "50M", 64 * KIB, MESSAGE_LIMIT,
		"Largest message"),
	ROW_VALUE(store, mailboxes_max, CONF_NUMBER, CONF_RESTART, "5000", 10, 1000000,
		"Mailboxes of one account, with names that are only above others: the MAILBOX quota"),
	ROW_VALUE(store, mailbox_name_max, CONF_NUMBER, CONF_RESTART, "1000", 32, 4000,
		"Longest mailbox name, in bytes of UTF-8, parents included"),
	ROW_VALUE(store, mailbox_depth_max, CONF_NUMBER, CONF_RESTART, "20", 1, 200,
		"Levels of mailboxes below one another"),
	ROW_VALUE(store, quota_storage, CONF_SIZE, CONF_ZERO, "0", KIB, 1024 * 1024 * GIB,
		"Bytes of messages in one account unless it has its own quota; 0: no limit"),
	ROW_VALUE(store, quota_messages, CONF_NUMBER, CONF_ZERO, "0", 1, UINT32_MAX - 1,
		"Messages in one account unless it has its own quota; 0: no limit"),
	ROW_WORD(store, sync_flags, CONF_ENUM, CONF_RESTART, "relaxed", sync_words,
		"When changes of flags are safe on disk: relaxed (within a second) or always (before OK)"),
	ROW_VALUE(store, open_accounts_max, CONF_NUMBER, CONF_RESTART, "512", 8, 100000,
		"Account databases held open at most. An open one takes three descriptors and about 130 KiB"),
	ROW_VALUE(store, index_memory, CONF_SIZE, CONF_RESTART, "256M", MIB, 1024 * GIB,
		"Memory for mailbox indexes, in all"),
	ROW_VALUE(store, expunge_log_max, CONF_NUMBER, CONF_RESTART, "100000", 100, 100000000,
		"Removed messages of a mailbox that are remembered for clients that come back"),
	ROW_VALUE(store, undelete_age, CONF_DURATION, CONF_ZERO, "0", SECOND, 3650 * DAY,
		"How long the bytes of removed messages are kept; 0: until the next sweep"),
	ROW_VALUE(store, lost_keep, CONF_DURATION, 0, "30d", MINUTE, 3650 * DAY,
		"How long message files are kept that the index does not know (folder lost of an account)"),
	ROW_VALUE(store, verify_reads, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Read a message's file as a whole and compare its checksum before any of it is sent"),
	ROW_VALUE(store, batch_jobs, CONF_NUMBER, CONF_RESTART, "64", 1, 10000,
		"Write jobs in one commit at most"),
	ROW_VALUE(store, batch_size_max, CONF_SIZE, CONF_RESTART, "1M", 64 * KIB, 64 * MIB,
		"Bytes written in one commit after which it takes no more jobs"),
	ROW_VALUE(store, batch_time_max, CONF_DURATION, CONF_RESTART, "20ms", 1, SECOND,
		"Time in one commit after which it takes no more jobs"),
	ROW_VALUE(store, queue_max, CONF_NUMBER, CONF_RESTART, "1000", 10, 100000,
		"Jobs that may wait for one account"),
	ROW_VALUE(store, free_min, CONF_SIZE, CONF_RESTART | CONF_ZERO, "64M", KIB, 1024 * GIB,
		"Room on the disk below which no mail is taken, a sixteenth of the disk at most; 0: none is "
		"kept"),
	ROW_VALUE(store, reserve, CONF_SIZE, CONF_RESTART | CONF_ZERO, "16M", 64 * KIB, GIB,
		"Room kept for what frees room on a full disk, a thirty-second of the disk at most; 0: none"),
	ROW_VALUE(store, spool_memory_max, CONF_SIZE, CONF_RESTART, "64M", MIB, 64 * GIB,
		"Memory for messages that are being received, in all"),
	ROW_VALUE(store, spool_account_max, CONF_SIZE, CONF_RESTART | CONF_ZERO, "200M", MIB, 1024 * GIB,
		"Bytes of messages that the sessions of one account send at a time; 0: no limit"),
	ROW_LIST(store, default_mailboxes, CONF_RESTART,
		"Sent:\\Sent,Drafts:\\Drafts,Trash:\\Trash,Junk:\\Junk,Archive:\\Archive",
		conf_table_check_mailbox,
		"Mailboxes of a new account besides INBOX, with their special use (RFC 6154)"),

	ROW_VALUE(metadata, value_max, CONF_SIZE, CONF_RESTART, "64K", KIB, 16 * MIB,
		"Largest value of a METADATA entry (RFC 5464)"),
	ROW_VALUE(metadata, entries_max, CONF_NUMBER, CONF_RESTART, "500", 10, 100000,
		"METADATA entries of one account, those of its mailboxes included"),
	ROW_STRING(metadata, shared_comment, CONF_RESTART, "", 0, 1000, NULL,
		"Value of the server's entry /shared/comment; empty: there is no such entry"),
	ROW_STRING(metadata, shared_admin, CONF_RESTART, "", 0, 1000, check_uri,
		"Value of the server's entry /shared/admin, a URI like mailto:admin@example.org; empty: "
		"none"),

	ROW_VALUE(coi, enabled, CONF_BOOL, CONF_RESTART, "yes", 0, 0,
		"Whether Chat over IMAP (COI) is offered; each account turns it on for itself"),
	ROW_STRING(coi, mailbox_root, CONF_RESTART, "COI", 1, 200, check_root,
		"Mailbox above Chats and Contacts of COI"),
	ROW_VALUE(coi, user_root, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Whether an account may choose that mailbox while COI is not enabled for it"),
	ROW_VALUE(coi, default_enabled, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Whether COI is enabled for accounts that are made from now on"),
	ROW_WORD(coi, default_filter, CONF_ENUM, CONF_RESTART, "none", filter_words,
		"The message filter that they have then: none, active or seen"),

	ROW_VALUE(webpush, enabled, CONF_BOOL, CONF_RESTART, "yes", 0, 0,
		"Whether clients may subscribe to Web Push"),
	ROW_WORD(webpush, content, CONF_ENUM, CONF_RESTART, "full", push_words,
		"Contents of pushes: full (messages that fit), headers, or minimal (only where a message "
		"lies)"),
	ROW_STRING(webpush, contact, CONF_RESTART, "", 0, 300, check_contact,
		"Contact for push services, mailto: or https:; empty: postmaster at server.hostname"),
	ROW_STRING(webpush, ca_file, CONF_RESTART, "", 0, 1000, check_path,
		"Certificates, PEM, that are trusted besides the system's; empty: none"),
	ROW_STRING(webpush, proxy, CONF_RESTART, "", 0, 500, NULL,
		"Proxy for all pushes, as http://host:port; it must refuse private targets; empty: none"),
	ROW_VALUE(webpush, allow_private, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Whether push services may have private addresses: for one on the premises"),
	ROW_VALUE(webpush, ttl, CONF_DURATION, CONF_RESTART, "1d", SECOND, 28 * DAY,
		"How long a push for a message is worth sending"),
	ROW_VALUE(webpush, validation_window, CONF_DURATION, CONF_RESTART, "5m", SECOND, HOUR,
		"Time to validate a subscription after the push service has taken the validation push"),
	ROW_VALUE(webpush, validation_max, CONF_DURATION, CONF_RESTART, "15m", SECOND, DAY,
		"Time to validate a subscription after its registration, however late that push was"),
	ROW_VALUE(webpush, subscriptions_max, CONF_NUMBER, CONF_RESTART, "10", 1, 1000,
		"Push subscriptions of one account"),
	ROW_VALUE(webpush, registrations_max, CONF_NUMBER, CONF_RESTART, "30", 1, 10000,
		"Registrations of one account in a row, and in each hour"),
	ROW_VALUE(webpush, unvalidated_max, CONF_NUMBER, CONF_RESTART, "10", 1, 10000,
		"Registrations in a row that were never validated after which an account waits for an hour"),
	ROW_VALUE(webpush, queue_max, CONF_NUMBER, CONF_RESTART, "10000", 10, 1000000,
		"Pushes that wait, in all; beyond, the oldest are dropped"),
	ROW_VALUE(webpush, queue_per_origin, CONF_NUMBER, CONF_RESTART, "2000", 1, 1000000,
		"Pushes that may wait for one push service"),
	ROW_VALUE(webpush, parallel_max, CONF_NUMBER, CONF_RESTART, "256", 1, 10000,
		"Requests at a time, in all"),
	ROW_VALUE(webpush, parallel_per_origin, CONF_NUMBER, CONF_RESTART, "32", 1, 1000,
		"Requests to one push service at a time"),
	ROW_VALUE(webpush, connect_timeout, CONF_DURATION, CONF_RESTART, "10s", 100, 5 * MINUTE,
		"Time to reach a push service"),
	ROW_VALUE(webpush, timeout, CONF_DURATION, CONF_RESTART, "30s", 100, 10 * MINUTE,
		"Time of a whole request"),
	ROW_VALUE(webpush, tries_max, CONF_NUMBER, CONF_RESTART, "10", 1, 1000, "Tries of one push"),
	ROW_VALUE(webpush, backoff_min, CONF_DURATION, CONF_RESTART, "5s", 10, HOUR,
		"Pause after a first failure; it doubles with each further one"),
	ROW_VALUE(webpush, backoff_max, CONF_DURATION, CONF_RESTART, "1h", 10, DAY, "Longest such pause"),
	ROW_VALUE(webpush, origin_pause_max, CONF_DURATION, CONF_RESTART, "2m", 10, HOUR,
		"Longest pause of all requests to one push service"),
	ROW_VALUE(webpush, fail_count, CONF_NUMBER, CONF_RESTART, "20", 1, 1000000,
		"Failures in a row that cost a subscription, if they lie in at least webpush.fail_age"),
	ROW_VALUE(webpush, fail_age, CONF_DURATION, CONF_RESTART | CONF_ZERO, "3d", SECOND, 365 * DAY,
		"Time over which a subscription must have failed to be dropped"),

	ROW_VALUE(chatmail, enabled, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Whether the extensions of chatmail servers are offered: device tokens and facts"),
	ROW_VALUE(chatmail, relay, CONF_BOOL, CONF_RESTART, "no", 0, 0,
		"Whether the server says that it is a chat relay (XCHATMAIL)"),
	ROW_STRING(chatmail, notifier_url, CONF_RESTART, "", 0, 500, check_https,
		"Notifier that device tokens are sent to, https:; empty: none"),
	ROW_STRING(chatmail, iroh_relay, CONF_RESTART, "", 0, 500, NULL,
		"Value of the entry /shared/vendor/deltachat/irohrelay; empty: none"),
	ROW_STRING(chatmail, turn, CONF_RESTART, "", 0, 1000, NULL,
		"Value of the entry /shared/vendor/deltachat/turn; empty: none"),
	ROW_STRING(chatmail, max_smtp_recipients, CONF_RESTART, "", 0, 10, check_digits,
		"Value of the entry /shared/vendor/deltachat/maxsmtprecipients, a number; empty: none"),
	ROW_STRING(chatmail, app_versions, CONF_RESTART, "", 0, 4000, NULL,
		"Value of the entry /shared/vendor/deltachat/appversions; empty: none"),
	ROW_VALUE(chatmail, tokens_max, CONF_NUMBER, CONF_RESTART, "50", 1, 10000,
		"Device tokens of one account; beyond, the oldest goes"),
	ROW_VALUE(chatmail, auto_create, CONF_BOOL, 0, "no", 0, 0,
		"Whether a first login makes the account; only with chatmail.enabled"),
	ROW_VALUE(chatmail, auto_create_local_min, CONF_NUMBER, 0, "9", 1, 64,
		"Shortest local part of such an account, in characters"),
	ROW_VALUE(chatmail, auto_create_local_max, CONF_NUMBER, 0, "32", 1, 64,
		"Longest local part of such an account, in characters"),
	ROW_VALUE(chatmail, auto_create_password_min, CONF_NUMBER, 0, "9", 1, 256,
		"Shortest password of such an account, in characters"),
	ROW_LIST(chatmail, auto_create_domains, 0, "", check_hostname,
		"Domains of such accounts; empty: server.hostname"),
	ROW_VALUE(chatmail, auto_create_per_hour, CONF_NUMBER, 0, "20", 1, 1000000,
		"Accounts made so from one IP address in an hour"),

	ROW_STRING(control, socket, CONF_RESTART, "/run/coid/control", 1, 1000, check_socket,
		"UNIX socket for coidctl"),
	ROW_VALUE(control, socket_mode, CONF_OCTAL, CONF_RESTART, "0600", 0, 0777,
		"Access mode of that socket"),

	ROW_STRING(metrics, listen, CONF_RESTART, "", 0, 1000, check_local,
		"Loopback address or UNIX socket for metrics and health over HTTP; empty: none"),
};
const size_t conf_table_rows = COUNT_OF(conf_table);

const struct conf_row *conf_row_find(struct strv section, struct strv key)
{
	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		if (strv_eq(section, strv_cstr(row->section)) && strv_eq(key, strv_cstr(row->key)))
			return row;
	}
	return NULL;
}
