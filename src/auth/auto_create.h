/*
 * Accounts that are made by their first login: who may make them, and how many an address may make in an
 * hour. Any thread.
 */
#ifndef COID_AUTH_AUTO_CREATE_H
#define COID_AUTH_AUTO_CREATE_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTO_CREATE_PEERS 10000 /* peers that are remembered; beyond that the oldest one is dropped */

struct auto_create_rules {
	bool enabled;
	unsigned local_min; /* characters */
	unsigned local_max;
	unsigned password_min;
	const char *const *domains; /* lower case */
	size_t domain_count;
	unsigned per_hour; /* accounts of one peer */
};

/* Tells whether such an account may be made. `user` is canonical (users.h). The local part may have a-z
 * 0-9 . _ - and begins with a letter or digit. */
bool auto_create_fits(const struct auto_create_rules *rules, struct strv user, struct strv password);

struct auto_create;
struct auto_create *auto_create_new(void);
void auto_create_free(struct auto_create **limit);
/* Counts one more account of that peer (a key of base/peer_key.h). False: it has made enough in this hour. */
bool auto_create_take(struct auto_create *limit, const char *peer, unsigned per_hour);

#endif
