/*
 * The life of a running server: signals, the tick, signs of life to the service manager, reload and stop.
 * Main thread, on reactor 0.
 */
#ifndef COID_COID_LIFECYCLE_H
#define COID_COID_LIFECYCLE_H

#include "base/buf.h"
#include "base/rc.h"

struct server;

/*
 * Blocks SIGTERM, SIGINT and SIGHUP for this thread and all that it starts afterwards, and opens
 * server->signal_fd for them; ignores SIGPIPE.
 */
enum rc lifecycle_block_signals(struct server *server, struct buf *errors) MUST_CHECK;
/* Before reactor 0 runs: begins to listen to signals, and starts the timers. */
void lifecycle_start(struct server *server);
/* After the reactors have ended. */
void lifecycle_finish(struct server *server);
/*
 * Reads the configuration again. Each part that can refuse is asked before any takes over, so that an error
 * changes nothing. Settings that wait for the next start are told in `errors`, too, though it is RC_OK.
 */
enum rc lifecycle_reload(struct server *server, struct buf *errors) MUST_CHECK;
/* Accepts nothing more, and ends the reactors once nobody is left. Called again it does nothing. */
void lifecycle_stop(struct server *server);

#endif
