/*
 * The order of a sorted context (RFC 5267, CONTEXT=SORT). A message's key is made once, and kept as long as
 * the message is a result. On one thread. Each call gets the sets that say which messages are results. The
 * printed positions, from 1, are those of a client that applies one pair after the other.
 */
#ifndef COID_IMAPD_SORTED_H
#define COID_IMAPD_SORTED_H

#include "base/buf.h"
#include "base/seqset.h"
#include "imap/sort_program.h"
#include "query/sort.h"
#include "imapd/view.h"

#define SORTED_MAX 50000 /* messages of one context */

struct view;

struct sorted {
	struct sort_program program;
	struct sort_item *v; /* own, in order; and what they point to */
	size_t n;
	struct seqset known; /* own: their UIDs */
};

struct sorted *sorted_new(const struct sort_program *program);
void sorted_free(struct sorted **sorted);
/* Copies those of the items, in order, that are wanted and not known yet. */
void sorted_take(
	struct sorted *sorted, const struct sort_item *items, size_t count, const struct seqset *wanted);
/* Forgets all other messages. */
void sorted_keep(struct sorted *sorted, const struct seqset *uids);

/*
 * Prints "3 7,9 5 2:4": the messages of `told` that are in `removed`. By number if there is a view, else by
 * UID.
 */
void sorted_print_removed(const struct sorted *sorted, const struct seqset *told,
	const struct seqset *removed, const struct view *view, struct buf *out);
/* Prints the messages of `added`, none of which is in `told`. */
void sorted_print_added(const struct sorted *sorted, const struct seqset *told, const struct seqset *added,
	const struct view *view, struct buf *out);

#endif
