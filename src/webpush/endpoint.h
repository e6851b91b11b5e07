/*
 * Decides where pushes may be sent, so that nobody can make this server send requests to hosts inside its own
 * network (SSRF): judges endpoint URLs when they are registered, and addresses when they are connected to.
 * Pure; any thread.
 */
#ifndef COID_WEBPUSH_ENDPOINT_H
#define COID_WEBPUSH_ENDPOINT_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <sys/socket.h>

#define ENDPOINT_URL_MAX 512
#define ENDPOINT_HOST_MAX 253 /* octets of the name in it, RFC 1035; without a dot at its end */
#define ENDPOINT_PORT_MIN 1024 /* of ports other than 443 */
#define ENDPOINT_ORIGIN_MAX (ENDPOINT_URL_MAX + 16)

struct endpoint {
	char origin[ENDPOINT_ORIGIN_MAX]; /* "https://host" or "https://host:port", lower case (RFC 6454) */
	unsigned port;
};

/*
 * Judges scheme, user info, port and host without a lookup. A literal address must be public, in every
 * spelling, unless allow_private. RC_INVALID: *ret_why has the reason, as a constant that follows "the
 * endpoint" ("is not an https URL").
 */
enum rc endpoint_parse(
	struct strv url, bool allow_private, struct endpoint *ret_endpoint, const char **ret_why) MUST_CHECK;
/* Tells whether an address belongs to the public internet. False for everything that is not an IP address. */
bool endpoint_address_public(const struct sockaddr *address);

#endif
