/*
 * Tells whether the server can do its work: the text of /health. Every few seconds a worker asks server.db,
 * writes a file into the storage folder and measures the room on its disk. Certificate and pushes are
 * examined when the text is printed. Reactor 0.
 */
#ifndef COID_COID_HEALTH_H
#define COID_COID_HEALTH_H

#include "base/buf.h"

#include <stdbool.h>

struct health;
struct server;

/* The server is borrowed. */
struct health *health_new(struct server *server);
/* Call this after its reactor has ended, so that no look is under way. */
void health_free(struct health **health);
/* Call this about once a second, as long as the store runs. */
void health_tick(struct health *health);
/*
 * Prints "ok", "warning" or "failing" on the first line, then a line each for store, disk, certificate and
 * push, as far as the server has them. False: failing.
 */
bool health_print(const struct health *health, struct buf *out);

#endif
