/*
 * Threads (THREADID of RFC 8474). The thread of a message is decided once, when it is stored, by Message-ID,
 * References and In-Reply-To, and kept in blob.thread, so that copies share it and it never changes. Table
 * thread_ref has a row for each known Message-ID: its hash, and the thread. Everything is [strand]. Internal
 * to the store.
 *
 * A message joins the thread of its own Message-ID if that is known (another copy, or an answer came first),
 * else that of the nearest message it refers to. Otherwise it begins a thread, named by the hash of the
 * oldest Message-ID that it mentions: the same in every database, so that threads survive the loss of one.
 */
#ifndef COID_STORE_CONVERSATION_H
#define COID_STORE_CONVERSATION_H

#include "store/store_priv.h"

#define CONVERSATION_REFS_MAX 16 /* if there are more, the first and the last ones count */
#define CONVERSATION_ID_MAX 1024 /* octets; a longer Message-ID is ignored */

/* Sets blob.thread of a new blob, in the transaction that stores it. */
enum rc conversation_put(struct account *account, int64_t blob, const struct content *content) MUST_CHECK;
/*
 * Sets the thread of all blobs of a database of an earlier version, from the cached header fields. Call this
 * in a transaction.
 */
enum rc conversation_put_all(struct account *account) MUST_CHECK;

#endif
