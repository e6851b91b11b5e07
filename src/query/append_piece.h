/*
 * A piece of a new message whose octets are on the server already: from a stored message that a URL names, or
 * from a received one, unchanged or in base64. Jobs read it, at most PIECE_SLICE octets at a time. It has one
 * owner: the command, or the present job.
 */
#ifndef COID_QUERY_APPEND_PIECE_H
#define COID_QUERY_APPEND_PIECE_H

#include "imap/imap_url.h"
#include "store/content.h"

#define PIECE_SLICE (57 * 4096) /* a multiple of the octets in a line of base64 */
#define PIECE_HEADER_MAX (16 * 1024 * 1024) /* header fields that a URL asks for; RC_LIMIT beyond */

struct account;

struct append_range {
	uint64_t offset;
	uint64_t size;
	struct strv text; /* p set: this text instead */
	bool base64;
};

struct append_piece {
	struct arena *arena; /* own: all below */
	/* A piece has either a URL ... */
	struct imap_url url;
	struct strv shown; /* as the client wrote it, for BADURL */
	int64_t selected; /* mailbox; 0: none */
	uint64_t size_max; /* RC_LIMIT beyond */
	bool found; /* it has been looked up */
	struct buf header; /* own: a filtered header, instead of a reader */
	struct reader *reader; /* own */
	/* ... or a received message. */
	struct content *content; /* own */

	struct append_range *ranges; /* the ranges that are still to be read, in order */
	size_t count;
	size_t at;

	struct buf out; /* own: of the slice */
	uint64_t taken; /* octets of ranges[at] that the slice has read */
};

/* Makes a piece from a URL. NULL: it is not the URL of a message. */
struct append_piece *append_piece_url(struct strv url, int64_t selected, uint64_t size_max);
/* Tells whether the message has NULs and parts of encoding "binary", which can be encoded differently. */
bool append_piece_encodes(const struct content *content);
/* Makes a piece of the message with its binary parts in base64; takes a reference. */
struct append_piece *append_piece_encoded(struct content *content);
void append_piece_free(struct append_piece **piece);
bool append_piece_done(const struct append_piece *piece);

/* [strand] Fills `out`. RC_NOT_FOUND: there is no such message or part. */
enum rc append_piece_read(struct account *account, struct append_piece *piece) MUST_CHECK;
/* On the reactor: call this when `out` has been used. */
void append_piece_accept(struct append_piece *piece);

#endif
