/* Carries out a LIST on the worker: walks over the account's names and prints the answer. [strand] */
#ifndef COID_QUERY_LIST_H
#define COID_QUERY_LIST_H

#include "base/arena.h"
#include "base/buf.h"
#include "imap/list_options.h"
#include "store/mailbox.h"

/* Prints an unsolicited LIST response for one name. old_name: the name that the client has used, for
 * OLDNAME (RFC 9051 section 6.3.9.7). */
void list_print_name(struct buf *out, const struct mbox_info *info, bool utf8, struct strv old_name);
/* Makes the same response in the arena. */
struct strv list_name_line(
	struct arena *arena, const struct mbox_info *info, bool utf8, struct strv old_name);

/* Appends the LIST (and STATUS) lines to out. RC_LIMIT: they do not fit. `arena` is for temporary memory. */
enum rc list_run(struct account *account, const struct list_options *options, bool utf8, struct arena *arena,
	struct buf *out) MUST_CHECK;

#endif
