/*
 * The control socket: coidctl's peer. A connection carries one request: its arguments and, for some verbs, what coidctl
 * read from standard input or a file; the answer is output lines and an exit status (protocol.h). Verbs are rows of a
 * table, one family a file (admin_user.c, admin_check.c, ...). Lives on one reactor. The socket's file mode decides who
 * may connect: there is no password.
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

/* What only the whole server knows. Called on the reactor. */
struct admin_hooks {
	void *ctx;
	/* "key: value" lines for `coidctl status`. */
	void (*status)(void *ctx, struct buf *out);
	/* As SIGHUP; what is wrong with the configuration, or has to wait for a restart, goes to `errors`. */
	enum rc (*reload)(void *ctx, struct buf *errors);
	const struct coi *coi; /* borrowed; NULL: not offered */
	struct webpush *webpush; /* likewise */
};

/* All borrowed but settings (copied). */
struct admin *admin_new(const struct admin_settings *settings, const struct admin_hooks *hooks,
	struct store *store, struct auth *auth, struct reactor *reactor, struct log *log);
void admin_reload(struct admin *admin, const struct admin_settings *settings);
void admin_accept(struct admin *admin, int fd);
/* No new requests; those in hand are answered. Called again it drops them. */
void admin_stop(struct admin *admin);
unsigned admin_sessions(const struct admin *admin);
void admin_free(struct admin **admin);

#endif
