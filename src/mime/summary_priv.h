/* Declarations that the printers of this folder share. */
#ifndef COID_MIME_SUMMARY_PRIV_H
#define COID_MIME_SUMMARY_PRIV_H

#include "mime/summary.h"

#define MIME_ENVELOPE_ADDRESSES 10000 /* addresses of one envelope member */
#define MIME_ENVELOPE_ADDRESSES_SHORT 100 /* the same in a second try, when the first one became too long */
#define MIME_ENVELOPE_MAX (2 * 1024 * 1024) /* octets of a stored envelope */
#define MIME_STRUCTURE_MAX (4 * 1024 * 1024) /* octets of a stored body structure */
#define MIME_HEADER_CACHE_MAX (16 * 1024)
#define MIME_PREVIEW_CHARS 200
#define MIME_ENTITY_MAX 10 /* longest name between '&' and ';' in HTML */
#define MIME_LANGUAGES_MAX 32 /* of a body structure: those of one Content-Language */

/* Prints the first field of that name as nstring, unfolded; `empty` if the field has no value. */
void mime_field_print(struct buf *out, const struct mime_part *part, struct strv name, struct strv empty);
void mime_envelope_print_limited(struct buf *out, const struct mime_part *part, size_t max);
/* Prints the root alone as one opaque part, for a structure that is too long. */
void mime_body_print_opaque(struct buf *out, const struct mime_part *part, bool extended);
/* Prints a text part without octets. */
void mime_body_print_empty(struct buf *out, bool extended);
/* Makes the RFC 8970 preview from the beginning of the message. */
void mime_preview(struct buf *out, const struct mime_msg *msg);
/* Appends the text of HTML. v need not be UTF-8; the output has the charset of v. */
void mime_html_strip(struct buf *out, struct strv v);

#endif
