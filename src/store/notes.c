/* Notes of modules about an account. They are kept in memory and dropped together. */
#include "store/notes.h"

#include "store/mail_priv.h"

#include <stdlib.h>

const void *notes_get(struct account *account, enum account_note note)
{
	strand_assert(account->strand);
	return account->mail->notes[note];
}

void notes_set(struct account *account, enum account_note note, void *p)
{
	strand_assert(account->strand);
	free(account->mail->notes[note]);
	account->mail->notes[note] = p;
}

void notes_drop(struct account *account)
{
	struct mail *mail = account->mail;

	for (unsigned i = 0; i < ACCOUNT_NOTES; i++) {
		free(mail->notes[i]);
		mail->notes[i] = NULL;
	}
}
