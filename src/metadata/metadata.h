/*
 * METADATA (RFC 5464) without its syntax on the wire: reads and sets entries of an account and of its
 * mailboxes, through the provider that owns them (provider.h), or else in the store. Everything is [strand];
 * results are valid until the job ends.
 */
#ifndef COID_METADATA_METADATA_H
#define COID_METADATA_METADATA_H

#include "metadata/entry.h"
#include "metadata/provider.h"

#define METADATA_NAMES_MAX 256 /* entries of one command */

struct metadata_request {
	const struct strv *names; /* valid (entry_name_valid), as the client has written them */
	size_t count;
	enum entry_depth depth;
	bool sized; /* MAXSIZE was given */
	uint64_t maxsize;
};

struct metadata_entry {
	struct strv name;
	struct strv value; /* p NULL: requested by name (depth 0), but does not exist */
};

struct metadata_answer {
	const struct metadata_entry *entries; /* each name once; in the order of the request */
	size_t count;
	uint64_t longest; /* length of the longest value that exceeds maxsize; 0: none */
};

/* Reads entries. RC_CANNOT: a provider does not serve that entry. */
enum rc metadata_get(const struct metadata *metadata, struct account *account,
	const struct metadata_scope *scope, const struct metadata_request *request,
	struct metadata_answer *ret_answer) MUST_CHECK;
/*
 * Sets an entry, in a write transaction. value.p NULL: removes it. After an error the whole job must fail;
 * *error has the reason.
 */
enum rc metadata_set(const struct metadata *metadata, struct account *account,
	const struct metadata_scope *scope, struct strv name, struct strv value,
	struct metadata_error *error) MUST_CHECK;
const struct metadata_settings *metadata_settings(const struct metadata *metadata);

#endif
