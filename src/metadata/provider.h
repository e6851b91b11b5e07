/*
 * The interface by which a part of the server offers METADATA entries (RFC 5464): COI's configuration, push
 * subscriptions, device tokens. A provider owns a prefix of entry names; entries without a provider are
 * stored unchanged (store/annot.h). Everything marked [strand] runs on a worker, in the account's job: the
 * entries of a SETMETADATA are one transaction, and a provider's `set` is a part of it.
 *
 * `set` calls metadata_changed, and after the commit the account's change list has a CHANGE_ANNOTATION entry
 * with the entry's name. A provider that must act after the commit (and only if there is one) watches change
 * lists (store.h).
 */
#ifndef COID_METADATA_PROVIDER_H
#define COID_METADATA_PROVIDER_H

#include "base/arena.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define METADATA_ERROR_MAX 512 /* octets of an error's text */
#define METADATA_CODE_MAX 48

/* The owner of the entries, and the kind of user who asks. */
struct metadata_scope {
	int64_t mailbox; /* 0: the server's (mailbox name "") */
	struct strv mailbox_name; /* UTF-8; empty: the server's */
	bool admin; /* an administrator (coidctl), not the user */
};

/* The list to which a provider adds the entries of a GETMETADATA. */
struct metadata_list;
/* Adds an entry; both strings are copied. value.p NULL: the entry does not exist, nothing is added. */
void metadata_list_add(struct metadata_list *list, struct strv name, struct strv value);

/* The reason why `set` refuses: "NO [code] text". */
struct metadata_error {
	const char *code; /* constant, or in `room`; NULL: the one that belongs to the rc */
	char room[METADATA_CODE_MAX];
	char text[METADATA_ERROR_MAX]; /* printable ASCII; empty: the text that belongs to the rc */
};
/*
 * Formats the text as printf does; characters that are not printable ASCII (in quoted values of clients)
 * become '?'. Returns RC_CANNOT, with code "CANNOT".
 */
enum rc metadata_cannot(struct metadata_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3))) MUST_CHECK;

enum metadata_flag {
	METADATA_SERVER = 1 << 0, /* offers entries of the server ... */
	/*
	 * offers entries of mailboxes. Without this, entries of its prefix are stored like others, unless
	 * METADATA_ALONE
	 */
	METADATA_MAILBOX = 1 << 1,
	METADATA_SECRET = 1 << 2, /* no unsolicited METADATA response ever names its entries (CL-04) */
	METADATA_KEEP_CASE = 1 << 3, /* the last component of names below the prefix keeps its case */
	METADATA_ALONE = 1 << 4 /* where it offers no entries, none can be set */
};

struct metadata_provider {
	const char *prefix; /* lower case, no trailing '/': owns this entry and all below it */
	unsigned flags; /* enum metadata_flag */
	void *ctx; /* borrowed */
	size_t value_max; /* octets of a value, checked before `set`; 0: the setting metadata.value_max */
	/*
	 * [strand] Adds the entry `name` if it exists and, if `below`, the existing entries below it. `name`
	 * is the prefix or below it, in lower case (except with METADATA_KEEP_CASE). It may add more than was
	 * asked for. Only storage errors.
	 */
	enum rc (*list)(void *ctx, struct account *account, const struct metadata_scope *scope,
		struct strv name, bool below, struct metadata_list *list);
	/*
	 * [strand], in a write transaction. value.p NULL means NIL and removes the entry (RC_OK if it does
	 * not exist). An error undoes the whole SETMETADATA. The octets of the value come from the client and
	 * are arbitrary. May run more than once (struct job).
	 */
	enum rc (*set)(void *ctx, struct account *account, const struct metadata_scope *scope,
		struct strv name, struct strv value, struct metadata_error *error);
};

/*
 * [strand], in a write transaction: tells that this entry has changed, by SETMETADATA or otherwise. For
 * entries of the server and of a mailbox, whose HIGHESTMODSEQ it raises. annot_set does this by itself.
 */
enum rc metadata_changed(struct account *account, int64_t mailbox, struct strv name) MUST_CHECK;

/*
 * The registry: made by coid/server.c, which adds the providers before the first session; constant
 * afterwards, any thread. The longest matching prefix wins.
 */
struct metadata;

struct metadata_settings {
	size_t value_max; /* octets of a value */
	unsigned entries_max; /* an account, server and mailbox entries together */
	/* the server's /shared/comment and /shared/admin; NULL or "": none. Copied. */
	const char *shared_comment;
	const char *shared_admin;
};

struct metadata *metadata_new(const struct metadata_settings *settings);
void metadata_free(struct metadata **metadata);
/* Adds a provider, which is copied; its strings and ctx are borrowed. */
void metadata_add(struct metadata *metadata, const struct metadata_provider *provider);
/* The provider of the entry, or NULL. */
const struct metadata_provider *metadata_provider_of(
	const struct metadata *metadata, const struct metadata_scope *scope, struct strv name);

#endif
