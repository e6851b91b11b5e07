/*
 * The key under which a peer is counted. An IPv4 address counts for itself. An IPv6 host has at least a /64,
 * so all addresses of a /64 are one peer, and those of a /48 are one network. Pure; any thread.
 */
#ifndef COID_BASE_PEER_KEY_H
#define COID_BASE_PEER_KEY_H

#include "base/strv.h"

#include <stdbool.h>

#define PEER_KEY_SIZE 64 /* with its NUL */

/*
 * Writes "192.0.2.1" or "2001:db8:1:2::/64". IPv4 addresses within IPv6 (::ffff:192.0.2.1, and
 * 64:ff9b::192.0.2.1 of a translator, RFC 6052) count as IPv4. Text that is no address ("unix") is copied,
 * cut to the size.
 */
void peer_key(const char *peer, char ret_key[PEER_KEY_SIZE]);
/* Writes the network: "2001:db8:1::/48"; "" if the peer is no IPv6 address. */
void peer_key_network(const char *peer, char ret_key[PEER_KEY_SIZE]);

struct peer_range {
	unsigned char address[16]; /* IPv4: mapped */
	unsigned bits;
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. False: it is neither. */
bool peer_range_parse(struct strv text, struct peer_range *ret_range);
bool peer_range_has(const struct peer_range *range, const char *peer);

#endif
