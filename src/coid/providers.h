/*
 * The parts that offer METADATA entries: metadata itself, COI (which also takes part in delivery) and Web
 * Push. They are made after the store and before the first job, and freed after the store (Web Push by the
 * server, before it). Main thread.
 */
#ifndef COID_COID_PROVIDERS_H
#define COID_COID_PROVIDERS_H

#include "base/buf.h"
#include "base/rc.h"

struct server;

/* Sets server->metadata, coi and webpush. What fails is in `errors`; then providers_free is due, too. */
enum rc providers_make(struct server *server, struct buf *errors) MUST_CHECK;
/* Frees metadata and coi. */
void providers_free(struct server *server);

#endif
