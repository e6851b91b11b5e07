/*
 * Tables of addresses, ports and names to which no request may go, and a strict parser of https URLs that
 * uses them.
 */
#include "webpush/endpoint.h"

#include "base/buf.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define PORT_HTTPS 443

struct net4 {
	uint32_t net;
	unsigned bits;
};

/* IANA's special-purpose addresses, and multicast. */
static const struct net4 special4[] = {
	{ 0x00000000, 8 }, /* this network */
	{ 0x0a000000, 8 }, /* private */
	{ 0x64400000, 10 }, /* carrier-grade NAT */
	{ 0x7f000000, 8 }, /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0586300, 24 }, /* 6to4 relays */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 4 }, /* multicast */
	{ 0xf0000000, 4 }, /* reserved, broadcast */
};

struct net6 {
	unsigned char net[16];
	unsigned bits;
};

/*
 * Global unicast is 2000::/3. All other addresses are refused: mapped, NAT64, unique local and link-local
 * ones, too. Within 2000::/3 these are refused.
 */
static const struct net6 special6[] = {
	{ { 0x20, 0x01 }, 23 }, /* protocol assignments: Teredo, ORCHID, benchmarks */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 }, /* 6to4 */
	{ { 0x3f, 0xff }, 20 }, /* documentation */
};

/* Ports of services that a POST could disturb. Ports below 1024 are refused, except 443. */
static const unsigned denied_ports[] = { 1080, 1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380,
	3128, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900, 5984, 6000, 6379, 6443, 6566, 6665,
	6666, 6667, 6668, 6669, 6697, 8500, 9000, 9042, 9092, 9200, 9300, 10080, 10250, 11211, 27017, 50000 };

/* Names that only a local resolver knows (RFC 6761, 6762, 8375, 9476). */
static const char *const local_names[] = { "localhost", "local", "internal", "intranet", "lan", "home",
	"corp", "private", "home.arpa", "localdomain", "test", "invalid", "onion", "alt" };

static bool endpoint_public4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(special4) / sizeof(special4[0]); i++) {
		if (((address ^ special4[i].net) >> (32 - special4[i].bits)) == 0)
			return false;
	}
	return true;
}

static bool endpoint_within6(const unsigned char *address, const struct net6 *net)
{
	for (unsigned i = 0; i < net->bits; i++) {
		unsigned mask = 0x80U >> (i % 8);
		if ((address[i / 8] ^ net->net[i / 8]) & mask)
			return false;
	}
	return true;
}

static bool endpoint_public6(const unsigned char *address)
{
	if ((address[0] & 0xe0) != 0x20)
		return false;
	for (size_t i = 0; i < sizeof(special6) / sizeof(special6[0]); i++) {
		if (endpoint_within6(address, &special6[i]))
			return false;
	}
	return true;
}

bool endpoint_address_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		return endpoint_public4(ntohl(in.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		return endpoint_public6(in6.sin6_addr.s6_addr);
	}
	return false;
}

/* Reads one part of an address as inet_aton does: decimal, octal with 0, hexadecimal with 0x. */
static bool endpoint_number_part(struct strv part, uint64_t *ret_value)
{
	unsigned base = 10;
	uint64_t value = 0;

	if (part.n >= 2 && part.p[0] == '0' && part.p[1] == 'x') {
		base = 16;
		part = strv_sub(part, 2, part.n);
	} else if (part.n >= 2 && part.p[0] == '0') {
		base = 8;
	} else if (part.n == 0) {
		return false;
	}
	for (size_t i = 0; i < part.n; i++) {
		char c = part.p[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 99;
		if (digit >= base || value > UINT32_MAX)
			return false;
		value = value * base + digit;
	}
	*ret_value = value;
	return value <= UINT32_MAX;
}

/* Reads an IPv4 address of 1 to 4 parts; the last part fills the remaining octets. */
static bool endpoint_number_address(struct strv host, uint32_t *ret_address)
{
	uint64_t value = 0;
	uint32_t address = 0;

	for (unsigned part = 0; part < 4; part++) {
		size_t dot = strv_index(host, '.');
		if (!endpoint_number_part(strv_sub(host, 0, dot), &value))
			return false;
		if (dot == host.n) {
			if (value >> (8 * (4 - part)))
				return false;
			*ret_address = address | (uint32_t)value;
			return true;
		}
		if (value > 255)
			return false;
		address |= (uint32_t)value << (24 - 8 * part);
		host = strv_sub(host, dot + 1, host.n);
	}
	return false;
}

static struct strv endpoint_last_label(struct strv host)
{
	size_t start = host.n;
	while (start > 0 && host.p[start - 1] != '.')
		start--;
	return strv_sub(host, start, host.n);
}

/*
 * True: the last label of a name is a number, so the name is meant as an IPv4 address, perhaps a malformed
 * one.
 */
static bool endpoint_looks_numeric(struct strv label)
{
	uint64_t value;
	bool digits = label.n > 0;

	for (size_t i = 0; i < label.n; i++)
		digits = digits && label.p[i] >= '0' && label.p[i] <= '9';
	return digits || endpoint_number_part(label, &value) || strv_eq(label, STRV("0x"));
}

static bool endpoint_is_local(struct strv host)
{
	if (strv_index(host, '.') == host.n)
		return true;
	for (size_t i = 0; i < sizeof(local_names) / sizeof(local_names[0]); i++) {
		struct strv name = strv_cstr(local_names[i]);
		if (host.n > name.n && host.p[host.n - name.n - 1] == '.' &&
			strv_eq(strv_sub(host, host.n - name.n, name.n), name))
			return true;
	}
	return false;
}

static bool endpoint_host_valid(struct strv host)
{
	char before = '.';

	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		bool good =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
		if (!good || (c == '.' && before == '.'))
			return false;
		before = c;
	}
	return host.n > 0;
}

static const char *endpoint_check_name(struct strv host, bool allow_private)
{
	uint32_t address;

	/* A dot at the end only says that the name is complete. */
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n > ENDPOINT_HOST_MAX || !endpoint_host_valid(host))
		return "has no usable host name";
	if (endpoint_looks_numeric(endpoint_last_label(host))) {
		if (!endpoint_number_address(host, &address))
			return "has a malformed address as its host";
		return allow_private || endpoint_public4(address) ? NULL
								  : "has an address that is not public";
	}
	return !allow_private && endpoint_is_local(host) ? "has a host name that is not public" : NULL;
}

static const char *endpoint_check_ip6(struct strv host, bool allow_private)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (host.n >= sizeof(text))
		return "has a malformed address as its host";
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET6, text, address) != 1)
		return "has a malformed address as its host";
	return allow_private || endpoint_public6(address) ? NULL : "has an address that is not public";
}

static const char *endpoint_check_port(struct strv text, unsigned *ret_port)
{
	uint32_t port = 0;

	if (str_u32(text, &port) != RC_OK || port == 0 || port > 65535)
		return "has a malformed port";
	*ret_port = port;
	if (port == PORT_HTTPS)
		return NULL;
	if (port < ENDPOINT_PORT_MIN)
		return "has a port that is not allowed";
	for (size_t i = 0; i < sizeof(denied_ports) / sizeof(denied_ports[0]); i++) {
		if (port == denied_ports[i])
			return "has a port that is not allowed";
	}
	return NULL;
}

static const char *endpoint_check_characters(struct strv url)
{
	if (url.n == 0)
		return "is empty";
	if (url.n > ENDPOINT_URL_MAX)
		return "is longer than 512 octets";
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("\\\"<>^`{|}#", c))
			return "has characters that no URL can have";
	}
	return NULL;
}

static const char *endpoint_check_authority(
	struct strv authority, bool allow_private, struct endpoint *endpoint)
{
	struct strv host = authority;
	struct strv port = STRV_NULL;
	const char *why;

	endpoint->port = PORT_HTTPS;
	if (host.n > 0 && host.p[0] == '[') {
		size_t end = strv_index(host, ']');
		if (end == host.n)
			return "has a malformed address as its host";
		port = strv_sub(host, end + 1, host.n);
		host = strv_sub(host, 1, end - 1);
		why = endpoint_check_ip6(host, allow_private);
		host = strv_sub(authority, 0, end + 1);
		if (!why && port.n > 0 && port.p[0] != ':')
			return "has a malformed port";
	} else {
		size_t colon = strv_index(host, ':');
		port = strv_sub(host, colon, host.n);
		host = strv_sub(host, 0, colon);
		why = endpoint_check_name(host, allow_private);
	}
	if (!why && port.n > 0)
		why = endpoint_check_port(strv_sub(port, 1, port.n), &endpoint->port);
	if (why)
		return why;
	struct buf origin;
	buf_init(&origin, sizeof(endpoint->origin) - 1);
	buf_printf(&origin, "https://%.*s", STRV_ARG(host));
	if (endpoint->port != PORT_HTTPS)
		buf_printf(&origin, ":%u", endpoint->port);
	memcpy(endpoint->origin, origin.p, origin.len);
	endpoint->origin[origin.len] = '\0';
	buf_fini(&origin);
	return NULL;
}

enum rc endpoint_parse(
	struct strv url, bool allow_private, struct endpoint *ret_endpoint, const char **ret_why)
{
	char lower[ENDPOINT_URL_MAX + 1];
	struct endpoint endpoint;
	size_t end = 0;
	const char *why = endpoint_check_characters(url);

	if (!why && !strv_istarts(url, STRV("https://")))
		why = "is not an https URL";
	if (!why) {
		struct strv rest = strv_sub(url, 8, url.n);
		while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?') {
			lower[end] = str_lower(rest.p[end]);
			end++;
		}
		struct strv authority = strv_make(lower, end);
		why = strv_index(authority, '@') < end
			      ? "has a user name"
			      : endpoint_check_authority(authority, allow_private, &endpoint);
	}
	if (why) {
		*ret_why = why;
		return RC_INVALID;
	}
	*ret_endpoint = endpoint;
	return RC_OK;
}
