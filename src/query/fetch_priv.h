/*
 * The insides of a FETCH: query/fetch.c walks the messages and their items, fetch_section.c and
 * fetch_binary.c send parts of their bytes. [strand]
 */
#ifndef COID_QUERY_FETCH_PRIV_H
#define COID_QUERY_FETCH_PRIV_H

#include "query/fetch.h"
#include "store/message.h"

#define FETCH_WINDOW (64 * 1024) /* read at a time; a literal up to this is never split */

struct sender {
	struct account *account;
	struct fetch *fetch;
	struct fetch_place *at; /* fetch->next */
	struct buf *out;
	const struct msg_row *rows;
	size_t count;
	size_t pos;
	uint64_t end_us;
	/* The flags of the message before as text: most messages of a mailbox have one of a few sets. */
	struct buf flags_text;
	uint32_t flags;
	uint64_t keywords;
	bool more; /* the message before had keywords beyond the first 64 */
	bool recent;
	const struct strv *names;
	size_t name_count;
	/* The present message. */
	struct msg_cached cached;
	unsigned have; /* the members of `cached` that are filled */
	struct buf raw; /* own: octets to be decoded */
	struct buf decoded; /* own */
};

/* query/fetch.c */

/* Fills s->cached with at least `want` of the present message. */
enum rc fetch_need_cached(struct sender *s, unsigned want) MUST_CHECK;
bool fetch_slice_over(const struct sender *s);

/* fetch_section.c */

/* Finds the octets of the section. RC_NOT_FOUND: there is no such part. On success the message's bytes are
 * open and long enough. */
enum rc fetch_locate(
	struct sender *s, const struct fetch_item *item, struct mime_range *ret_range) MUST_CHECK;
/* RC_AGAIN: the slice ends inside the literal. */
enum rc fetch_add_section(struct sender *s, const struct fetch_item *item) MUST_CHECK;
/* Sends at least one window of the literal. RC_AGAIN: the slice ends inside. */
enum rc fetch_literal_go_on(struct sender *s) MUST_CHECK;
/* Begins a literal with octets of the message from `offset` on. */
enum rc fetch_begin_literal(struct sender *s, uint64_t offset, uint64_t size) MUST_CHECK;

/* fetch_binary.c: BINARY and BINARY.SIZE */

/* Call this before the response begins. RC_ENCODING: a wanted part has an unknown encoding. */
enum rc fetch_check_encodings(struct sender *s) MUST_CHECK;
enum rc fetch_add_binary(struct sender *s, const struct fetch_item *item) MUST_CHECK;
enum rc fetch_binary_go_on(struct sender *s, const struct fetch_item *item) MUST_CHECK;

#endif
