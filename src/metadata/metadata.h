/*
 * METADATA (RFC 5464) without its syntax on the wire: entries of an account and of its mailboxes are read and
 * set here, by the provider that owns them (provider.h), else in the store. Everything is [strand]; what is
 * handed out lives until the job ends.
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
	struct strv value; /* p NULL: asked for by name (depth 0), and not there */
};

struct metadata_answer {
	const struct metadata_entry *entries; /* each name once; in the order of the request */
	size_t count;
	uint64_t longest; /* of the values that were longer than maxsize; 0: none */
};

/* RC_CANNOT: a provider does not serve that entry. */
enum rc metadata_get(const struct metadata *metadata, struct account *account,
	const struct metadata_scope *scope, const struct metadata_request *request,
	struct metadata_answer *ret_answer) MUST_CHECK;
/* In a write transaction. value.p NULL: remove. On error the whole job must fail; *error says why. */
enum rc metadata_set(const struct metadata *metadata, struct account *account,
	const struct metadata_scope *scope, struct strv name, struct strv value,
	struct metadata_error *error) MUST_CHECK;
const struct metadata_settings *metadata_settings(const struct metadata *metadata);

#endif
