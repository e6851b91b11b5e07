#include "base/peer_key.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>

#define HOST_BYTES 8 /* of a /64 */
#define NETWORK_BYTES 6 /* of a /48 */
#define MAPPED_BYTES 12 /* in front of an IPv4 address */

static const unsigned char mapped[MAPPED_BYTES] = { [10] = 0xff, [11] = 0xff };
static const unsigned char translated[MAPPED_BYTES] = { 0x00, 0x64, 0xff, 0x9b };

static bool peer_is_v4(const unsigned char address[16])
{
	return memcmp(address, mapped, MAPPED_BYTES) == 0;
}

/* The address in 16 bytes; an IPv4 address is mapped. */
static bool peer_address(const char *peer, unsigned char ret_address[16])
{
	struct in_addr v4;

	if (inet_pton(AF_INET, peer, &v4) == 1) {
		memcpy(ret_address, mapped, MAPPED_BYTES);
		memcpy(ret_address + MAPPED_BYTES, &v4, sizeof(v4));
		return true;
	}
	if (inet_pton(AF_INET6, peer, ret_address) != 1)
		return false;
	if (memcmp(ret_address, translated, MAPPED_BYTES) == 0)
		memcpy(ret_address, mapped, MAPPED_BYTES);
	return true;
}

/* The text of an IPv6 prefix of this length in bytes. */
static void peer_prefix(const unsigned char address[16], size_t bytes, char ret_key[PEER_KEY_SIZE])
{
	unsigned char prefix[16] = { 0 };
	char text[INET6_ADDRSTRLEN] = "";

	memcpy(prefix, address, bytes);
	inet_ntop(AF_INET6, prefix, text, sizeof(text));
	snprintf(ret_key, PEER_KEY_SIZE, "%s/%zu", text, bytes * 8);
}

void peer_key(const char *peer, char ret_key[PEER_KEY_SIZE])
{
	unsigned char address[16];

	if (!peer_address(peer, address))
		snprintf(ret_key, PEER_KEY_SIZE, "%.*s", PEER_KEY_SIZE - 1, peer);
	else if (peer_is_v4(address))
		inet_ntop(AF_INET, address + MAPPED_BYTES, ret_key, PEER_KEY_SIZE);
	else
		peer_prefix(address, HOST_BYTES, ret_key);
}

void peer_key_network(const char *peer, char ret_key[PEER_KEY_SIZE])
{
	unsigned char address[16];

	ret_key[0] = '\0';
	if (peer_address(peer, address) && !peer_is_v4(address))
		peer_prefix(address, NETWORK_BYTES, ret_key);
}

bool peer_range_parse(struct strv text, struct peer_range *ret_range)
{
	size_t slash = strv_index(text, '/');
	char host[INET6_ADDRSTRLEN];
	struct peer_range range;
	uint32_t bits = 0;

	if (slash >= sizeof(host))
		return false;
	memcpy(host, text.p, slash);
	host[slash] = '\0';
	if (!peer_address(host, range.address))
		return false;
	bool v4 = strchr(host, ':') == NULL;
	range.bits = 128;
	if (slash < text.n) {
		if (str_u32(strv_sub(text, slash + 1, text.n), &bits) != RC_OK || bits > (v4 ? 32 : 128))
			return false;
		range.bits = v4 ? bits + MAPPED_BYTES * 8 : bits;
	}
	*ret_range = range;
	return true;
}

bool peer_range_has(const struct peer_range *range, const char *peer)
{
	unsigned char address[16];
	unsigned whole = range->bits / 8;
	unsigned rest = range->bits % 8;

	if (!peer_address(peer, address) || memcmp(address, range->address, whole) != 0)
		return false;
	return rest == 0 || ((address[whole] ^ range->address[whole]) >> (8 - rest)) == 0;
}
