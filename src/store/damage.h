/*
 * Messages in the index whose bytes can't be read: the file is gone or has another length, the checksum is
 * wrong, the disk returns errors. Code that meets such a message reports it here. The first report is written
 * into table `damage` and logged with account, mailbox and UID. A little later a note in INBOX tells the
 * owner about all messages found meanwhile, at most once an hour. The note is stored as by APPEND: no push is
 * made for it. [strand]
 */
#ifndef COID_STORE_DAMAGE_H
#define COID_STORE_DAMAGE_H

#include "store/store_priv.h"

#define DAMAGE_NOTE_WAIT_MS 5000 /* gathers what one command finds */
#define DAMAGE_NOTE_PAUSE_S 3600 /* between two notes */
#define DAMAGE_NOTE_LINES 100 /* messages named in one note */
#define DAMAGE_LOG_MAX 100 /* holders of one blob that are logged */
/* Blobs kept in memory; further ones are not recorded until the account is opened again. */
#define DAMAGE_KNOWN_MAX 10000

/* Reports a message. May be called in a reading job; the account is open. */
void damage_found(struct account *account, int64_t blob);
/* True: the message was reported before. Then its file is read as a whole before any of it is sent. */
bool damage_known(const struct account *account, int64_t blob);
/* Reads the table when the account is opened. */
enum rc damage_open(struct account *account) MUST_CHECK;
/* Background work: writes the note. */
enum rc damage_note(struct account *account) MUST_CHECK;

#endif
