/*
 * MESSAGELIMIT and SAVELIMIT (RFC 9738): how many messages one command works on. Beyond, it works on those
 * with the highest UIDs and says so; what is all or nothing (COPY, APPEND, SORT, THREAD) is refused. EXPUNGE
 * and CLOSE know no limit.
 *
 * On the reactor. Off unless the administrator sets it: a client that does not know the extension sees a part
 * of its mailbox only, and work on many messages is done in slices anyway.
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

/* Of one command; 0: none. The second is for COPY and APPEND. */
unsigned message_limit(const struct cmd *cmd);
unsigned message_limit_save(const struct cmd *cmd);
/* " MESSAGELIMIT=1000", " SAVELIMIT=1000" or nothing. */
void message_limit_capability(struct buf *out, const struct imapd_settings *settings);

/* Pure. Leaves the `limit` highest (0: all). True: others were taken out, and *ret_last is the lowest that is
 * left. */
bool message_limit_cut(struct seqset *uids, uint64_t limit, uint32_t *ret_last);
/* The same with the command's limit; the tagged OK will tell it (message_limit_tell). */
bool message_limit_clip(struct cmd *cmd, struct seqset *uids);
/* Pure. The same messages, from the highest UID down, one a run. In the arena. */
struct uid_run *message_limit_down(
	struct arena *arena, const struct uid_run *runs, size_t count, size_t *ret_count);

/* "MESSAGELIMIT 1000 23221", the code of a NO to a command that has done nothing; last 0: without a UID. In
 * the command's arena. */
const char *message_limit_code(struct cmd *cmd, unsigned limit, uint32_t last);
/* For command.c, when a command that was cut ends well: its code, or *code if that has the place already;
 * then the other is told in an untagged line. *text is replaced with the code. */
void message_limit_tell(struct cmd *cmd, bool good, const char **code, const char **text);

#endif
