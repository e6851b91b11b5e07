/*
 * The server: builds every part from a configuration, connects them, runs them and frees them. Only this code
 * knows all parts. Main thread.
 */
#ifndef COID_COID_SERVER_H
#define COID_COID_SERVER_H

#include "base/rc.h"
#include "conf/conf.h"

struct server;

struct server_source {
	const char *config; /* path, or NULL: defaults */
	const char *const *overrides; /* "section.key=value" */
	size_t override_count;
};

/*
 * Loads the configuration and tries the files that it names (log file, certificate, users file). Faults go to
 * `errors`.
 */
enum rc server_check(const struct server_source *source, struct buf *errors) MUST_CHECK;
/*
 * Opens sockets, drops privileges and opens the store, but does not serve yet. `source` is borrowed for the
 * server's life.
 */
enum rc server_new(
	const struct server_source *source, struct buf *errors, struct server **ret_server) MUST_CHECK;
/* Serves until SIGTERM or SIGINT, then stops gracefully. Returns the exit status. */
int server_run(struct server *server);
/* Frees all parts in order, also of a server that server_new has not completed. Accepts NULL. */
void server_free(struct server **server);

#endif
