/*
 * MESSAGELIMIT and SAVELIMIT (RFC 9738): the number of messages that one command works on. If there are more,
 * it works on those with the highest UIDs and says so. Commands that are all or nothing (COPY, APPEND, SORT,
 * THREAD) are refused instead. EXPUNGE and CLOSE have no limit.
 *
 * On the reactor. Off unless the administrator sets it: a client that does not know the extension would see
 * only a part of its mailbox, and work on many messages is done in slices anyway.
 */
#ifndef COID_IMAPD_MESSAGE_LIMIT_H
#define COID_IMAPD_MESSAGE_LIMIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/seqset.h"
#include "imap/uid_runs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmd;
struct imapd_settings;

/* The limits of one command; 0: none. The second one is for COPY and APPEND. */
unsigned message_limit(const struct cmd *cmd);
unsigned message_limit_save(const struct cmd *cmd);
/* " MESSAGELIMIT=1000", " SAVELIMIT=1000" or nothing. */
void message_limit_capability(struct buf *out, const struct imapd_settings *settings);

/* Keeps only the `limit` highest UIDs (0: all). True: others were removed, and *ret_last is the lowest
 * that is left. Pure. */
bool message_limit_cut(struct seqset *uids, uint64_t limit, uint32_t *ret_last);
/* Cuts the set to the command's limit; the tagged OK will tell that (message_limit_tell). */
bool message_limit_clip(struct cmd *cmd, struct seqset *uids);
/* The same messages, from the highest UID down, one in each run. In the arena. Pure. */
struct uid_run *message_limit_down(
	struct arena *arena, const struct uid_run *runs, size_t count, size_t *ret_count);

/* "MESSAGELIMIT 1000 23221", the code of a NO if the command has done nothing; last 0: without a UID. In
 * the command's arena. */
const char *message_limit_code(struct cmd *cmd, unsigned limit, uint32_t last);
/* command.c calls this when a command that was cut ends well. Sets *code and *text to those of the limit.
 * If *code is set already, it stays, and an untagged line tells the limit. */
void message_limit_tell(struct cmd *cmd, bool good, const char **code, const char **text);

#endif
