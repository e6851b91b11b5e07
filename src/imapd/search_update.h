/*
 * Updating contexts of a session (RFC 5267 section 4.3): the results of a SEARCH, SORT or ESEARCH with
 * UPDATE, kept up to date and told as ADDTO and REMOVEFROM until CANCELUPDATE or until the mailbox is left.
 * On the session's reactor only.
 *
 * A change list marks messages. A round (one job of a session at a time, in slices) searches those again for
 * every context; removed messages need no search. sync.c tells the difference to what the client knows:
 * removed results before EXPUNGE, new ones after EXISTS, so at the end of commands and while the session
 * idles. A command that ends waits for the round that was due then, unless that has to read many messages: so
 * the answers to the client's next commands agree with what it was told.
 *
 * Sorted results (sorted.h) come with their positions; a message's key is made when it becomes a result.
 *
 * Message numbers, "$" and a lone "*" among the keys keep their first meaning. These are refused: more than
 * CONTEXTS_MAX contexts, OLDER and YOUNGER (which change without any event), an order by relevancy (which may
 * change), results in more ranges or sorted results of more messages than the settings allow. A context that
 * gets there later, or can't be updated, is given up. Both are told by NOUPDATE.
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
/* A command does not wait for a round that reads whole messages, if they are more than this. */
#define CONTEXT_WAIT_MAX 64

struct search_update_name {
	struct strv tag; /* of its command */
	bool by_uid;
	struct strv mailbox; /* MULTISEARCH (RFC 7377): the correlator */
	uint32_t uidvalidity; /* the second correlator; 0: none */
};

/* True: an updating context has that tag. */
bool search_update_exists(const struct session *session, struct strv tag);
/* Call this before the search begins, so that no change is missed. NULL: there are too many contexts. */
struct search_update *search_update_new(struct session *session, const struct search_update_name *name);
/* Call this when the search is finished and its answer sent. search->results are UIDs; `sort` (NULL: none)
 * has their order. Returns NULL, or the reason why there will be no updates; the context is gone then. */
const char *search_update_start(struct session *session, struct search_update *context,
	const struct search *search, const struct sort *sort);
/* False: no context has this tag. */
bool search_update_cancel(struct session *session, struct strv tag);
/* Frees a context that was not started. */
void search_update_drop(struct session *session, struct search_update *context);
/* Call this when the mailbox is left. */
void search_updates_free(struct session *session);

/* Call this after the view has taken in the list. */
void search_updates_apply(struct session *session, const struct change_list *list);
/* Call this when these UIDs have become \Recent. */
void search_updates_recent(struct session *session, uint32_t lo, uint32_t hi);
/* True: something can be told now. */
bool search_updates_due(const struct session *session);
/* search_updates_tell_removed tells removed results, before EXPUNGE; search_updates_tell_added tells new
 * results, after EXISTS. */
void search_updates_tell_removed(struct session *session, struct buf *out);
void search_updates_tell_added(struct session *session, struct buf *out);
/* The round (from 1) that a command has to wait for before it ends; 0: none. */
uint64_t search_updates_round(const struct session *session);
bool search_updates_round_done(const struct session *session, uint64_t round);

#endif
