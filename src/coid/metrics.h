/*
 * OpenMetrics text and the health page over HTTP, on loopback or a UNIX socket (metrics.listen). Reactor 0.
 */
#ifndef COID_COID_METRICS_H
#define COID_COID_METRICS_H

#include "base/buf.h"
#include "base/rc.h"

struct metrics;
struct server;

/* Opens the socket and serves on reactor 0. The server is borrowed. Errors are in `errors`. */
enum rc metrics_new(struct server *server, struct buf *errors, struct metrics **ret_metrics) MUST_CHECK;
/* Accepts NULL. */
void metrics_free(struct metrics **metrics);
/* Prints the OpenMetrics text. */
void metrics_print(struct server *server, struct buf *out);

#endif
