/*
 * Which charset names of mail are taken, and what iconv calls them.
 */
#ifndef COID_MIME_CHARSET_NAMES_H
#define COID_MIME_CHARSET_NAMES_H

#include "base/strv.h"

#define CHARSET_NAME_MAX 40 /* octets of a name; no charset has a longer one */

/* NULL for a charset that is not on the list. A constant. */
const char *mime_charset_iconv_name(struct strv name);

#endif
