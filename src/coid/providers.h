/*
 * The parts that offer METADATA entries: metadata itself, COI (which also takes part in delivery) and Web
 * Push. They are made after the store and before the first job, and freed after the store (except Web Push,
 * which the server frees before it). Main thread.
 */
#ifndef COID_COID_PROVIDERS_H
#define COID_COID_PROVIDERS_H

#include "base/buf.h"
#include "base/rc.h"

struct server;

/* Sets server->metadata, coi and webpush. Errors are in `errors`; providers_free must be called then, too. */
enum rc providers_make(struct server *server, struct buf *errors) MUST_CHECK;
/* Frees metadata and coi. */
void providers_free(struct server *server);

#endif
