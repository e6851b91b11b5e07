/*
 * The only sender of EXISTS, RECENT, EXPUNGE, VANISHED and unsolicited FETCH, and of the updates of
 * search_update.h. sync_tell is called at the end of every command, before its tagged line; at all other
 * times sync_offer decides whether something is told. On the session's reactor.
 */
#ifndef COID_IMAPD_SYNC_H
#define COID_IMAPD_SYNC_H

#include <stdbool.h>

#include "base/seqset.h"
#include "imap/status_items.h"
#include "imapd/view.h"

struct buf;
struct cmd;
struct session;
struct status_items;
struct view;

/*
 * Tells the session what its view has pending and empties it. expunges false (during FETCH, STORE, SEARCH by
 * sequence number: RFC 3501 7.4.1): EXPUNGEs and all that depends on them stay pending. Order: REMOVEFROM of
 * updating contexts (search_update.h), EXPUNGE/VANISHED, then EXISTS and RECENT, then FETCH FLAGS, then
 * ADDTO. The session's own .SILENT changes are not echoed (with CONDSTORE their MODSEQ is). What NOTIFY has
 * switched off stays pending; what an EXPUNGE or MOVE of the session has removed is told all the same.
 */
void sync_tell(struct session *session, bool expunges);
/*
 * EXISTS and RECENT alone, before a command that reads begins (CMD_NEWS_FIRST): it sees what the session's
 * reactor knows. A command that changes messages begins without: what its client can't have known of is not
 * changed by its "1:*".
 */
void sync_tell_new(struct session *session);
/*
 * The one door for all that was not asked for: to be called whenever something may have become tellable while
 * no command is about to end (a change list, room in the output, the end of a job of the session's own,
 * IDLE). Decides whether the session may be told now: idling, or NOTIFY allows it, or too much has gathered;
 * never above the high-water mark of the output. With NOTIFY it also submits what needs a job.
 */
void sync_offer(struct session *session);

/*
 * RFC 7162 section 3.2: a client takes the highest MODSEQ that it has heard up to a tagged line for all that
 * it knows of the mailbox. Where an EXPUNGE is held back that is too much: says "* OK [HIGHESTMODSEQ n]"
 * then, and again when it has been told. Called before every tagged line.
 */
void sync_modseq(struct session *session);
/* The same in the tagged line: the number as a response code in the command's arena. */
const char *sync_modseq_code(struct cmd *cmd);
/* A command that enables CONDSTORE begins: the first one makes the session be told the HIGHESTMODSEQ of its
 * mailbox. */
void sync_condstore(struct session *session);
/* STATUS, or a LIST that returns it, begins: HIGHESTMODSEQ enables CONDSTORE; the items learn what may be
 * said. */
void sync_status(struct session *session, struct status_items *items);

#endif
