/* The charset names of mail that are accepted, and iconv's names for them. */
#ifndef COID_MIME_CHARSET_NAMES_H
#define COID_MIME_CHARSET_NAMES_H

#include "base/strv.h"

#define CHARSET_NAME_MAX 40 /* octets of a name; no charset has a longer one */

/* NULL: the charset is not on the list. The result is a constant. */
const char *mime_charset_iconv_name(struct strv name);

#endif
