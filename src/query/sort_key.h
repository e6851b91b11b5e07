/*
 * The key of a message by the criteria of a SORT: octets whose order under memcmp is the wanted order,
 * strings collated by i;unicode-casemap (RFC 5051; RFC 5255 section 4.6). Keys of the same program may be
 * compared even if they were made at different times, within one process. If keys are equal, the UID decides.
 */
#ifndef COID_QUERY_SORT_KEY_H
#define COID_QUERY_SORT_KEY_H

#include "base/arena.h"
#include "base/buf.h"
#include "imap/sort_program.h"
#include "mime/envelope_read.h"
#include "store/message.h"

#include <stdbool.h>
#include <stdint.h>

/* Octets of a collated string in a key. A longer one is cut, and a hash of the whole distinguishes it from
 * others. */
#define SORT_TEXT_MAX 1024

/* Memory that is used for one message after the other, on one thread. */
struct sort_scratch {
	struct arena *arena; /* own */
	struct buf text;
	struct buf base;
	struct buf mapped;
	uint8_t score; /* the score of the present message */
	bool spoilt; /* it could not be read: its key is that of a message without fields */
};
void sort_scratch_init(struct sort_scratch *scratch);
void sort_scratch_fini(struct sort_scratch *scratch);

/* [strand] Writes the message's key, replacing the contents of out. Reads the cache, not the message. */
enum rc sort_key_make(struct account *account, const struct msg_row *row, const struct sort_program *program,
	struct sort_scratch *scratch, struct buf *out) MUST_CHECK;

/* The date for THREAD: the sent date, or the internal one (RFC 5256 section 2.2). */
int64_t sort_sent_date(const struct msg_row *row, const struct msg_cached *cached);
/* The base subject as it would be in a key, in scratch->mapped until the next use. It may be empty. */
struct strv sort_base_subject(struct sort_scratch *scratch, struct strv subject, bool *ret_reply);

#endif
