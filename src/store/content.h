/*
 * Message bytes: coming in (spool, content) and going out (reader).
 */
#ifndef COID_STORE_CONTENT_H
#define COID_STORE_CONTENT_H

#include "base/buf.h"
#include "mime/header.h"
#include "mime/summary.h"
#include "store/store.h"

/*
 * A message being received, on one reactor. Up to the inline limit it stays in memory; a larger one is
 * written by a strand of its own in 64 KiB pieces. The MIME scanner runs along. Any error is kept and told by
 * spool_finish.
 */
struct spool;
struct content;

/*
 * on_drain (may be NULL): called on the reactor when spool_full() turned false again. RC_BUSY: memory bound
 * reached; RC_NOSPACE: no mail is taken, there is little room on the disk.
 */
enum rc spool_new(struct store *store, struct reactor *reactor, void (*on_drain)(void *arg), void *arg,
	struct spool **ret_spool) MUST_CHECK;
/*
 * Right after spool_new: whose session receives it. What the sessions of an account receive at one time, in
 * memory and in files, has a limit: what passes it is an error of that spool (RC_LIMIT). `size`: so many
 * bytes are known to come, 0: not known. RC_LIMIT: there is no room for them; nothing changed.
 */
enum rc spool_charge(struct spool *spool, struct account *account, uint64_t size) MUST_CHECK;
void spool_add(struct spool *spool, const void *p, size_t n);
/*
 * The same for octets that are lines of text: a LF without its CR gets one, so that the message is served as
 * it is stored.
 */
void spool_add_text(struct spool *spool, const void *p, size_t n);
/* Octets that were added, with those CRs. */
uint64_t spool_size(const struct spool *spool);
/* More than 256 KiB in flight: stop reading. */
bool spool_full(const struct spool *spool);
/*
 * No more bytes. `done` is called on the reactor (maybe before this returns) with the content, which the
 * callee owns, or with NULL and an error (RC_NOSPACE, RC_IO, RC_BUSY). The file's bytes are synced then. The
 * spool is gone.
 */
void spool_finish(
	struct spool *spool, void (*done)(void *arg, enum rc rc, struct content *content), void *arg);
/* Drops it, also while its strand works; `done` and on_drain are not called any more. */
void spool_abort(struct spool **spool);

/*
 * A received message: its bytes and its scan. Immutable, counted, any thread; the spool file goes with the
 * last one.
 */
struct content *content_ref(struct content *content);
void content_unref(struct content **content);
uint64_t content_size(const struct content *content);
const struct mime_msg *content_mime(const struct content *content);
const struct mime_summary *content_summary(const struct content *content);
/* A content from memory: for tests, for messages the server makes, for CATENATE. Copies the bytes. */
struct content *content_from_bytes(struct store *store, struct strv bytes);
enum rc content_read(const struct content *content, uint64_t offset, size_t n, struct buf *out) MUST_CHECK;

/* Reads the bytes of a stored message. Not thread-safe; waits for the disk: on a worker only. */
struct reader;
uint64_t reader_size(const struct reader *reader);
/* Appends exactly n bytes or answers an error (RC_CORRUPT: the file is shorter than the index says). */
enum rc reader_read(struct reader *reader, uint64_t offset, size_t n, struct buf *out) MUST_CHECK;
/*
 * Feeds the header block of `size` octets at `offset` through the sift, and ends it. Any size: it is read in
 * windows.
 */
enum rc reader_sift(struct reader *reader, uint64_t offset, uint64_t size, struct mime_sift *sift) MUST_CHECK;
/* True: all bytes are in memory, reading does not wait. */
bool reader_in_memory(const struct reader *reader);
void reader_close(struct reader **reader);

#endif
