/* Message bytes: incoming ones (spool, content) and outgoing ones (reader). */
#ifndef COID_STORE_CONTENT_H
#define COID_STORE_CONTENT_H

#include "base/buf.h"
#include "mime/header.h"
#include "mime/summary.h"
#include "store/store.h"

/*
 * A message that is being received, on one reactor. Up to the inline limit it stays in memory; a larger one
 * is written in pieces of 64 KiB by a strand of its own. The MIME scanner runs along. Errors are kept and
 * told by spool_finish.
 */
struct spool;
struct content;

/*
 * Makes a spool. on_drain (may be NULL) is called on the reactor when spool_full() has turned false again.
 * RC_BUSY: the bound on memory is reached. RC_NOSPACE: the disk has too little room, no mail is taken.
 */
enum rc spool_new(struct store *store, struct reactor *reactor, void (*on_drain)(void *arg), void *arg,
	struct spool **ret_spool) MUST_CHECK;
/*
 * Call this right after spool_new: it names the account whose session receives the message. What all sessions
 * of an account receive at one time, in memory and in files, is limited; a spool that passes the limit ends
 * with RC_LIMIT. `size`: the number of bytes that will come; 0: it is not known. RC_LIMIT: there is no room
 * for them, and nothing has changed.
 */
enum rc spool_charge(struct spool *spool, struct account *account, uint64_t size) MUST_CHECK;
void spool_add(struct spool *spool, const void *p, size_t n);
/*
 * Adds octets that are lines of text: a LF without its CR gets one, so that the message is served as it is
 * stored.
 */
void spool_add_text(struct spool *spool, const void *p, size_t n);
/* The number of octets added, those CRs included. */
uint64_t spool_size(const struct spool *spool);
/* True: more than 256 KiB wait for the disk; stop reading. */
bool spool_full(const struct spool *spool);
/*
 * Ends the message. `done` is called on the reactor (maybe before this returns) with the content, which the
 * callee owns, or with NULL and an error (RC_NOSPACE, RC_IO, RC_BUSY). The bytes of a file are synced then.
 * Frees the spool.
 */
void spool_finish(
	struct spool *spool, void (*done)(void *arg, enum rc rc, struct content *content), void *arg);
/* Drops the spool, even while its strand works; `done` and on_drain are not called any more. */
void spool_abort(struct spool **spool);

/*
 * A received message: its bytes and its scan. Immutable, counted, any thread. The spool file is removed with
 * the last reference.
 */
struct content *content_ref(struct content *content);
void content_unref(struct content **content);
uint64_t content_size(const struct content *content);
const struct mime_msg *content_mime(const struct content *content);
const struct mime_summary *content_summary(const struct content *content);
/* Makes a content from a copy of the bytes: for tests, for messages that the server makes, for CATENATE. */
struct content *content_from_bytes(struct store *store, struct strv bytes);
enum rc content_read(const struct content *content, uint64_t offset, size_t n, struct buf *out) MUST_CHECK;

/* Reads the bytes of a stored message. Not thread-safe; waits for the disk: on a worker only. */
struct reader;
uint64_t reader_size(const struct reader *reader);
/* Appends exactly n bytes, or returns an error. RC_CORRUPT: the file is shorter than the index says. */
enum rc reader_read(struct reader *reader, uint64_t offset, size_t n, struct buf *out) MUST_CHECK;
/*
 * Feeds the header block of `size` octets at `offset` through the sift, and ends it. The block is read in
 * windows, so it may have any size.
 */
enum rc reader_sift(struct reader *reader, uint64_t offset, uint64_t size, struct mime_sift *sift) MUST_CHECK;
/* True: all bytes are in memory, so reading does not wait. */
bool reader_in_memory(const struct reader *reader);
void reader_close(struct reader **reader);

#endif
