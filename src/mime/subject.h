/* Subjects as SORT and THREAD compare them (RFC 5256 section 2.1). Pure functions over decoded text. */
#ifndef COID_MIME_SUBJECT_H
#define COID_MIME_SUBJECT_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>

/*
 * Appends the base subject. `text` is the subject without encoded words, in UTF-8 or in octets of an unknown
 * charset. *ret_reply: the removed text says that the message is a reply or forward (RFC 5256, THREAD
 * REFERENCES). Linear.
 */
void mime_subject_base(struct buf *out, struct strv text, bool *ret_reply);

#endif
