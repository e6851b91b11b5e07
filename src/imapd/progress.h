/*
 * INPROGRESS (RFC 9585): a command that takes long tells how far it has come, so that the client does not
 * give up. On the reactor; command.c calls it, commands that work in slices call cmd_progress.
 *
 * Sessions need not ask for it: it is an untagged OK with a response code, which every client must be able to
 * ignore (RFC 3501 section 7.1), and the clients that would give up are those that do not know the extension.
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
/* Call this when the command begins to wait for the store; it may be called again. */
void progress_watch(struct cmd *cmd);
void progress_forget(struct cmd *cmd);

/* Writes "* OK [INPROGRESS ("a1" 175 1000)] Still working" CRLF. total 0: the goal is not known; if done
 * is 0 as well, nothing is known. Pure. */
void progress_print(struct buf *out, struct strv tag, uint64_t done, uint64_t total);

#endif
