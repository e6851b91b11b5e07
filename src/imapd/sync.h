/*
 * The only sender of EXISTS, RECENT, EXPUNGE, VANISHED and unsolicited FETCH. Called at the end of every command, before
 * its tagged line, and while the session idles.
 */
#ifndef COID_IMAPD_SYNC_H
#define COID_IMAPD_SYNC_H

#include <stdbool.h>

struct buf;
struct session;
struct view;

/*
 * Tells the session what its view has pending and empties it. expunges false (during FETCH, STORE, SEARCH by sequence
 * number: RFC 3501 7.4.1): EXPUNGEs and all that depends on them stay pending. Order: EXPUNGE/VANISHED, then EXISTS and
 * RECENT, then FETCH FLAGS. The session's own .SILENT changes are not echoed (with CONDSTORE their MODSEQ is).
 */
void sync_tell(struct session *session, bool expunges);

/* The lines FLAGS and PERMANENTFLAGS of a mailbox: at SELECT, and whenever it got a new keyword. */
void sync_print_flags(struct buf *out, const struct view *view);

#endif
