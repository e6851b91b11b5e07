/*
 * The bits of enum msg_flag and enum msg_part_mask as SQL text: "flags & " MSG_SQL_SEEN is "flags & 1".
 * Statements and the schema take them from here. The numbers are part of the format on disk
 * (docs/storage.md): the text of the index msg_marked is compared with that of existing databases.
 */
#ifndef COID_STORE_MSG_SQL_H
#define COID_STORE_MSG_SQL_H

#include "store/message.h"

#define MSG_SQL_TEXT(bits) MSG_SQL_QUOTE(bits)
#define MSG_SQL_QUOTE(bits) #bits

#define MSG_SEEN_BITS 1
#define MSG_SQL_SEEN MSG_SQL_TEXT(MSG_SEEN_BITS)
_Static_assert(MSG_SEEN_BITS == MSG_SEEN, "SQL has the same bits");

#define MSG_DELETED_BITS 8
#define MSG_SQL_DELETED MSG_SQL_TEXT(MSG_DELETED_BITS)
_Static_assert(MSG_DELETED_BITS == MSG_DELETED, "SQL has the same bits");

#define MSG_FLAGS_CLIENT_BITS 31
#define MSG_SQL_FLAGS_CLIENT MSG_SQL_TEXT(MSG_FLAGS_CLIENT_BITS)
_Static_assert(MSG_FLAGS_CLIENT_BITS == MSG_FLAGS_CLIENT, "SQL has the same bits");

#define MSG_MARKED_BITS 512
#define MSG_SQL_MARKED MSG_SQL_TEXT(MSG_MARKED_BITS)
_Static_assert(MSG_MARKED_BITS == MSG_MARKED, "SQL has the same bits");

#define MSG_FLAGS_STORED_BITS 799
#define MSG_SQL_FLAGS_STORED MSG_SQL_TEXT(MSG_FLAGS_STORED_BITS)
_Static_assert(MSG_FLAGS_STORED_BITS == MSG_FLAGS_STORED, "SQL has the same bits");

#define MSG_ENVELOPE_BITS 1
#define MSG_SQL_ENVELOPE MSG_SQL_TEXT(MSG_ENVELOPE_BITS)
_Static_assert(MSG_ENVELOPE_BITS == MSG_ENVELOPE, "SQL has the same bits");

#define MSG_BODY_BITS 2
#define MSG_SQL_BODY MSG_SQL_TEXT(MSG_BODY_BITS)
_Static_assert(MSG_BODY_BITS == MSG_BODY, "SQL has the same bits");

#define MSG_BODYSTRUCTURE_BITS 4
#define MSG_SQL_BODYSTRUCTURE MSG_SQL_TEXT(MSG_BODYSTRUCTURE_BITS)
_Static_assert(MSG_BODYSTRUCTURE_BITS == MSG_BODYSTRUCTURE, "SQL has the same bits");

#define MSG_PARTS_BITS 8
#define MSG_SQL_PARTS MSG_SQL_TEXT(MSG_PARTS_BITS)
_Static_assert(MSG_PARTS_BITS == MSG_PARTS, "SQL has the same bits");

#define MSG_HEADERS_BITS 16
#define MSG_SQL_HEADERS MSG_SQL_TEXT(MSG_HEADERS_BITS)
_Static_assert(MSG_HEADERS_BITS == MSG_HEADERS, "SQL has the same bits");

#define MSG_PREVIEW_BITS 32
#define MSG_SQL_PREVIEW MSG_SQL_TEXT(MSG_PREVIEW_BITS)
_Static_assert(MSG_PREVIEW_BITS == MSG_PREVIEW, "SQL has the same bits");

#endif
