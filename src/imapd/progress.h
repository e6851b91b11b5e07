/*
 * INPROGRESS (RFC 9585): a command that keeps its client waiting tells how far it has come, so that it is not
 * taken for dead. On the reactor; command.c calls it, commands that work in slices say cmd_progress.
 *
 * Sessions need not ask for it: it is an untagged OK with a response code, which every client must be able to
 * pass over (RFC 3501 section 7.1), and a client that would give up is the one that does not know the
 * extension.
 */
#ifndef COID_IMAPD_PROGRESS_H
#define COID_IMAPD_PROGRESS_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdint.h>

#define PROGRESS_TAG_MAX 255 /* octets: a longer one is left out */

struct cmd;
struct hub;

void progress_init(struct hub *hub);
void progress_fini(struct hub *hub);
/* The command has begun to wait for the store; harmless when it does so again. */
void progress_watch(struct cmd *cmd);
void progress_forget(struct cmd *cmd);

/* Pure. "* OK [INPROGRESS ("a1" 175 1000)] Still working" CRLF. total 0: the goal is not known; with done 0:
 * nothing is. */
void progress_print(struct buf *out, struct strv tag, uint64_t done, uint64_t total);

#endif
