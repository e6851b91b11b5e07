/*
 * Tells whether a message is a chat message (COI-40 to COI-43), from the fields of its top header as the MIME
 * scanner has left them. Pure; there is no second pass over the message.
 */
#ifndef COID_COI_DETECT_H
#define COID_COI_DETECT_H

#include "mime/mime.h"

#include <stdbool.h>
#include <stddef.h>

bool coi_detect(const struct mime_msg *msg);
/* Does the same for the fields of a header. */
bool coi_detect_fields(const struct mime_field *fields, size_t count);

#endif
