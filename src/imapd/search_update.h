/*
 * Updating contexts of a session (RFC 5267 section 4.3): the results of a SEARCH, SORT or ESEARCH with
 * UPDATE, kept up to date and told as ADDTO and REMOVEFROM until CANCELUPDATE or until the mailbox is left.
 * On the session's reactor only.
 *
 * A change list marks messages; a round, one job a session at a time, in slices, looks at those again for
 * every context; what has been removed needs no look. sync.c tells the difference to what the client knows:
 * what went before EXPUNGE, what came behind EXISTS, so at the end of commands and while the session idles. A
 * command that ends waits for the round that was due when it did, unless that has to read many messages: what
 * the client then asks for is not behind what it was told.
 *
 * Sorted results (sorted.h) come with their positions; a message's key is made when it becomes a result.
 *
 * Message numbers, "$" and a lone "*" among the keys stay what they meant at first. Refused: more than
 * CONTEXTS_MAX, OLDER and YOUNGER (which change without any event), an order by relevancy (which may change),
 * results in more than CONTEXT_RANGES_MAX ranges, more than SORTED_MAX sorted ones; a context that gets there
 * later, or can't be looked after, is given up. Both are told by NOUPDATE.
 */
#ifndef COID_IMAPD_SEARCH_UPDATE_H
#define COID_IMAPD_SEARCH_UPDATE_H

#include "base/buf.h"
#include "base/seqset.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

struct change_list;
struct search_update;
struct search_updates;
struct search;
struct session;
struct sort;

#define CONTEXTS_MAX 16 /* of a session */
#define CONTEXT_RANGES_MAX 65536
/* A command does not wait for a round that reads more messages than this as a whole. */
#define CONTEXT_WAIT_MAX 64

struct search_update_name {
	struct strv tag; /* of its command */
	bool by_uid;
	struct strv mailbox; /* MULTISEARCH (RFC 7377): its correlators */
	uint32_t uidvalidity; /* 0: no such correlators */
};

/* Whether an updating context goes by that tag. */
bool search_update_exists(const struct session *session, struct strv tag);
/* To be begun before its search, so that no change is missed. NULL: there are too many. */
struct search_update *search_update_new(struct session *session, const struct search_update_name *name);
/* Its search is finished and its answer sent. search->results are UIDs; `sort` (NULL: none) has their order.
 * NULL, or why there will be no updates: it is gone. */
const char *search_update_start(struct session *session, struct search_update *context,
	const struct search *search, const struct sort *sort);
/* False: no such tag. */
bool search_update_cancel(struct session *session, struct strv tag);
/* A context that was not started. */
void search_update_drop(struct session *session, struct search_update *context);
/* The mailbox is left. */
void search_updates_free(struct session *session);

/* The view has taken the list in. */
void search_updates_apply(struct session *session, const struct change_list *list);
/* These are \Recent now. */
void search_updates_recent(struct session *session, uint32_t lo, uint32_t hi);
/* Something can be told now. */
bool search_updates_due(const struct session *session);
/* What is no result any more: before EXPUNGE. What is a new one: behind EXISTS. */
void search_updates_tell_removed(struct session *session, struct buf *out);
void search_updates_tell_added(struct session *session, struct buf *out);
/* The round (1..) that a command has to wait for before it ends; 0: none. */
uint64_t search_updates_round(const struct session *session);
bool search_updates_round_done(const struct session *session, uint64_t round);

#endif
