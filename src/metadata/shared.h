/*
 * The server's entries below /shared: the same for every account, read-only for clients. /shared/comment and
 * /shared/admin come from the configuration; other providers may own names further below.
 */
#ifndef COID_METADATA_SHARED_H
#define COID_METADATA_SHARED_H

#include "metadata/provider.h"

struct shared {
	char *comment; /* own; NULL: none */
	char *admin;
};

/* NULL or empty: the entry does not exist. */
void shared_init(struct shared *shared, const char *comment, const char *admin);
void shared_fini(struct shared *shared);
void shared_provider(struct shared *shared, struct metadata_provider *ret_provider);

#endif
