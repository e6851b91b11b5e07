/*
 * Decides who may connect. It counts connections per address (base/peer_key.h), network and user, and keeps
 * connections without login in a list of their own, so that strangers cannot take the places of users. When
 * that list is full, the oldest connection of the address that holds most of the list has to leave. Any
 * thread.
 */
#ifndef COID_IMAPD_ADMISSION_H
#define COID_IMAPD_ADMISSION_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

/* 0: no limit. */
struct admission_limits {
	unsigned total;
	/* The part of `total`, a quarter at most, that is kept for addresses from which a user has logged
	 * in lately. */
	unsigned reserve;
	unsigned per_address;
	unsigned per_network;
	unsigned waiting; /* connections that have not logged in */
	unsigned waiting_per_address;
	unsigned per_user;
};

enum admission_verdict {
	ADMISSION_OK,
	ADMISSION_FULL, /* too many in all */
	ADMISSION_ADDRESS, /* too many of its address, or network */
};

struct admission;
struct admission_peer;

/* One connection; embedded in its session. */
struct admission_ticket {
	uint64_t session; /* its id; with `hub` this finds the session that has to leave */
	unsigned hub;
	bool known; /* a user has logged in from its address: other connections leave first */
	bool trusted; /* from a trusted network: the limits for addresses do not count */
	bool counted; /* admitted */
	bool waiting;
	struct list_node in_peer; /* while it waits; oldest first */
	struct admission_peer *address; /* NULL: not counted */
	struct admission_peer *network;
};

/* The connection that has to leave. */
struct admission_victim {
	uint64_t session; /* 0: nobody */
	unsigned hub;
};

struct admission *admission_new(void);
void admission_free(struct admission **admission);
/* Admits or refuses a new connection, not logged in; the caller has filled in the first four fields of its
 * ticket. Call admission_leave at the end, whatever the verdict is. */
enum admission_verdict admission_enter(struct admission *admission, const struct admission_limits *limits,
	const char *peer, struct admission_ticket *ticket, struct admission_victim *ret_victim);
/* Call this when the session has logged in. False: its user has too many connections. */
bool admission_login(struct admission *admission, const struct admission_limits *limits, const char *user,
	struct admission_ticket *ticket);
/* Puts the ticket back to the state before the login (RFC 8437). */
void admission_logout(struct admission *admission, const char *user, struct admission_ticket *ticket);
void admission_leave(struct admission *admission, struct admission_ticket *ticket);

#endif
