/*
 * Which messages belong together (THREADID of RFC 8474): decided once, when a message is stored, by
 * Message-ID, References and In-Reply-To, and kept in blob.thread, so that copies share it and it never
 * changes. What is known of a Message-ID is a row of table thread_ref: the hash of it, and the thread.
 * Everything is [strand]. Internal to the store.
 *
 * A message joins the thread of its own Message-ID if that is known (another copy, or an answer came first),
 * else that of the nearest message it refers to. Otherwise it begins one, named by the hash of the oldest
 * Message-ID that it mentions: the same in every database, so that threads survive the loss of one.
 */
#ifndef COID_STORE_CONVERSATION_H
#define COID_STORE_CONVERSATION_H

#include "store/store_priv.h"

#define CONVERSATION_REFS_MAX 16 /* of more references the first and the last count */
#define CONVERSATION_ID_MAX 1024 /* octets of a Message-ID; longer ones do not count */

/* Sets blob.thread of a new blob, in the transaction that stores it. */
enum rc conversation_put(struct account *account, int64_t blob, const struct content *content) MUST_CHECK;
/* For a database of an earlier version: all blobs, from the cached header fields. In a transaction. */
enum rc conversation_put_all(struct account *account) MUST_CHECK;

#endif
