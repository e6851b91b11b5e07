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
 * Tells the session what is pending in its view and empties it. expunges false (during FETCH, STORE, SEARCH
 * by sequence number: RFC 3501 section 7.4.1): EXPUNGEs and everything that depends on them stay pending.
 * Order: REMOVEFROM of updating contexts (search_update.h), EXPUNGE/VANISHED, then EXISTS and RECENT, then
 * FETCH FLAGS, then ADDTO. The session's own .SILENT changes are not echoed (with CONDSTORE their MODSEQ is).
 * Events that NOTIFY has switched off stay pending; but messages that the session itself removed by EXPUNGE
 * or MOVE are told.
 */
void sync_tell(struct session *session, bool expunges);
/*
 * Tells EXISTS and RECENT alone, before a command that reads begins (CMD_NEWS_FIRST): then the command sees
 * all messages that the session's reactor knows. Commands that change messages begin without this: a message
 * that the client can't know of is not changed by its "1:*".
 */
void sync_tell_new(struct session *session);
/*
 * Tells what was not asked for. Call it whenever something may have become tellable while no command is about
 * to end (a change list, room in the output, the end of a job of the session's own, IDLE). It decides whether
 * the session may be told now: it idles, or NOTIFY allows it, or too much has gathered; never above the
 * high-water mark of the output. With NOTIFY it also submits the job that is needed.
 */
void sync_offer(struct session *session);

/*
 * RFC 7162 section 3.2: a client takes the highest MODSEQ that it has heard before a tagged line for
 * everything that it knows of the mailbox. While an EXPUNGE is held back that number is too high: then this
 * tells "* OK [HIGHESTMODSEQ n]", and again when the EXPUNGE has been told. Call it before every tagged line.
 */
void sync_modseq(struct session *session);
/* Does the same in the tagged line: returns the number as a response code in the command's arena. */
const char *sync_modseq_code(struct cmd *cmd);
/*
 * Call this when a command that enables CONDSTORE begins. The first time, the session is told the
 * HIGHESTMODSEQ of its mailbox.
 */
void sync_condstore(struct session *session);
/*
 * Call this when STATUS, or a LIST that returns it, begins: the item HIGHESTMODSEQ enables CONDSTORE, and the
 * items learn what may be told.
 */
void sync_status(struct session *session, struct status_items *items);

#endif
