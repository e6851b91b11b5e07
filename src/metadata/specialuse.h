/*
 * The entry /private/specialuse of mailboxes (RFC 6154 section 4): the special uses of a mailbox, in the
 * words of LIST. Setting the entry changes them, under the rules of CREATE: unknown uses and those of another
 * mailbox are refused.
 */
#ifndef COID_METADATA_SPECIALUSE_H
#define COID_METADATA_SPECIALUSE_H

#include "metadata/provider.h"

#define SPECIALUSE_MAX 256 /* octets of a value: all of them, each written twice */

void specialuse_provider(struct metadata_provider *ret_provider);

#endif
