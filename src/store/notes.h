/*
 * Notes: data that a module above the store has read of an account and does not want to read again, such as
 * COI's settings, or whether there are push subscriptions. A note is one allocation in the module's own form.
 * The store owns it, and frees it whenever annotations change, annotations or mailboxes are rolled back, or
 * the account closes. So a note never holds uncommitted data. All functions are [strand] and touch memory
 * only.
 */
#ifndef COID_STORE_NOTES_H
#define COID_STORE_NOTES_H

#include "store/store.h"

/* One per module. */
enum account_note { ACCOUNT_NOTE_COI, ACCOUNT_NOTE_WEBPUSH, ACCOUNT_NOTES };

/* The note, valid until the job changes an annotation, at the latest until it ends. NULL: there is none. */
const void *notes_get(struct account *account, enum account_note note);
/* Takes over `p`, which must come from malloc; frees the note that was there. */
void notes_set(struct account *account, enum account_note note, void *p);

#endif
