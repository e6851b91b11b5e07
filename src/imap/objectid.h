/*
 * The ids of RFC 8474 as text: a letter, then digits. F: a mailbox, by its UIDVALIDITY, which is never used
 * again in an account and survives RENAME. M: a message, by its blob. T: a thread.
 */
#ifndef COID_IMAP_OBJECTID_H
#define COID_IMAP_OBJECTID_H

#include "base/buf.h"
#include "imap/parse.h"

#include <stdint.h>

#define OBJECTID_MAX 64 /* octets that the printers write at most */
#define OBJECTID_SYNTAX_MAX 255 /* octets of a valid id (RFC 8474 section 4) */

void objectid_mailbox(struct buf *out, uint32_t uidvalidity);
void objectid_email(struct buf *out, uint32_t epoch, int64_t blob);
void objectid_thread(struct buf *out, uint64_t thread);

/* Parses 1*255(ALPHA / DIGIT / "_" / "-"), an id of any server. */
bool objectid_parse(struct parse *parse, struct strv *ret_id);
/* Read an id of this server. False: it was never given to a message (a thread). */
bool objectid_read_email(struct strv id, uint32_t *ret_epoch, int64_t *ret_blob);
bool objectid_read_thread(struct strv id, uint64_t *ret_thread);

#endif
