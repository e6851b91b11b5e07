/*
 * The life of a running server: signals, the tick, watchdog messages to the service manager, reload and stop.
 * Main thread, on reactor 0.
 */
#ifndef COID_COID_LIFECYCLE_H
#define COID_COID_LIFECYCLE_H

#include "base/buf.h"
#include "base/rc.h"

struct server;

/*
 * Blocks SIGTERM, SIGINT and SIGHUP for this thread and all threads that it starts afterwards, and opens
 * server->signal_fd for them; ignores SIGPIPE.
 */
enum rc lifecycle_block_signals(struct server *server, struct buf *errors) MUST_CHECK;
/* Call this before reactor 0 runs: begins to listen to signals, and starts the timers. */
void lifecycle_start(struct server *server);
/* Call this after the reactors have ended. */
void lifecycle_finish(struct server *server);
/*
 * Reads the configuration again. All parts that can refuse are asked before any part takes the new settings,
 * so that an error changes nothing. Settings that need a restart are listed in `errors`, even if the result
 * is RC_OK.
 */
enum rc lifecycle_reload(struct server *server, struct buf *errors) MUST_CHECK;
/* Stops accepting, and ends the reactors when no session is left. A second call does nothing. */
void lifecycle_stop(struct server *server);

#endif
