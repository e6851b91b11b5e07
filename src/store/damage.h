/*
 * Messages that are in the index, but whose bytes can't be read: the file is gone or has another length, the
 * checksum is wrong, the disk says no. Whoever meets one tells it here. The first time it is written down in
 * table `damage`, logged with account, mailbox and UID, and a little later a note in INBOX tells the owner
 * which messages are concerned: one note for all that were found meanwhile, at most one an hour. It is stored
 * like an APPEND: no push is made of it. [strand]
 */
#ifndef COID_STORE_DAMAGE_H
#define COID_STORE_DAMAGE_H

#include "store/store_priv.h"

#define DAMAGE_NOTE_WAIT_MS 5000 /* gathers what one command finds */
#define DAMAGE_NOTE_PAUSE_S 3600 /* between two notes */
#define DAMAGE_NOTE_LINES 100 /* messages named in one note */

/* Also in a reading job; the account is open. */
void damage_found(struct account *account, int64_t blob);
/* Whether it has been found before: its file is read as a whole before any of it is given out. */
bool damage_known(const struct account *account, int64_t blob);
/* Reads the table when the account is opened. */
enum rc damage_open(struct account *account) MUST_CHECK;
/* Background work: writes the note. */
enum rc damage_note(struct account *account) MUST_CHECK;

#endif
