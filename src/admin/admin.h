/*
 * The control socket: coidctl's peer. A connection carries one request: its arguments and, for some verbs,
 * the text that coidctl read from standard input or a file. The answer is output lines and an exit status
 * (protocol.h). Verbs are rows of a table; each family of them has a file (admin_user.c, admin_check.c,
 * ...). The socket's file mode decides who may connect: there is no password.
 *
 * Everything here lives on one reactor and is called on its thread.
 */
#ifndef COID_ADMIN_ADMIN_H
#define COID_ADMIN_ADMIN_H

#include "auth/auth.h"
#include "base/log.h"
#include "store/store.h"
#include "work/reactor.h"

struct admin;
struct coi;
struct webpush;

struct admin_settings {
	const char *password_scheme; /* of imported plain passwords */
	unsigned password_length_min; /* characters; of `user add` and `user passwd` */
	unsigned import_parallel; /* passwords hashed at a time by an import */
};

/* Functions of the server that only its owner knows. Called on the reactor. */
struct admin_hooks {
	void *ctx;
	/* "key: value" lines for `coidctl status`. */
	void (*status)(void *ctx, struct buf *out);
	/* A line for each IMAP command, for `coidctl help imap`. */
	void (*imap_help)(struct buf *out);
	/*
	 * Reloads the configuration as SIGHUP does. `errors` gets the faults of the configuration, and the
	 * settings that need a restart.
	 */
	enum rc (*reload)(void *ctx, struct buf *errors);
	const struct coi *coi; /* borrowed; NULL: not offered */
	struct webpush *webpush; /* likewise */
};

/* Makes the object. All parameters are borrowed, except settings, which are copied. */
struct admin *admin_new(const struct admin_settings *settings, const struct admin_hooks *hooks,
	struct store *store, struct auth *auth, struct reactor *reactor, struct log *log);
/* New settings, for requests to come; copied. */
void admin_reload(struct admin *admin, const struct admin_settings *settings);
/* Takes over the non-blocking socket fd. */
void admin_accept(struct admin *admin, int fd);
/* Accepts no new requests; running ones are answered. A second call drops them. */
void admin_stop(struct admin *admin);
/* The number of requests that have not ended. */
unsigned admin_sessions(const struct admin *admin);
/* Call this after the last request has ended. */
void admin_free(struct admin **admin);

#endif
