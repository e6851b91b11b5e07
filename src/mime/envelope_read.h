/* Reads a stored envelope (made by mime_summary_build) for the comparisons of SORT and THREAD. Pure. */
#ifndef COID_MIME_ENVELOPE_READ_H
#define COID_MIME_ENVELOPE_READ_H

#include "base/arena.h"
#include "base/strv.h"

#include <stdbool.h>

/* p NULL: NIL */
struct envelope_address {
	struct strv name; /* with encoded words */
	struct strv mailbox;
	struct strv host; /* NIL: a group begins or ends here */
};

struct envelope {
	struct strv subject; /* with encoded words */
	struct envelope_address from; /* the first of the list; all NIL if it is empty */
	struct envelope_address to;
	struct envelope_address cc;
	struct strv in_reply_to;
	struct strv message_id;
};

/* Parses the envelope. The results are views into the text or the arena. False: it is no envelope. */
bool envelope_read(struct strv text, struct arena *arena, struct envelope *ret_envelope);

#endif
