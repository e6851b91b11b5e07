/*
 * The registry of a reactor's sessions. Each reactor has one, which is used on its thread only. It calls no
 * other code: changes.h handles change lists, imapd.c the stop.
 */
#ifndef COID_IMAPD_HUB_H
#define COID_IMAPD_HUB_H

#include "base/list.h"
#include "store/store.h"
#include "work/reactor.h"

#include <stdint.h>

struct imapd;
struct session;
struct hub_account;

struct hub {
	struct imapd *imapd; /* borrowed */
	struct reactor *reactor; /* borrowed */
	struct change_sink sink; /* changes.c's: applies lists to views, wakes idlers */
	/* changes.c's: a job of the session's own (a claim of \Recent, a round of updates, lines of
	 * NOTIFY) is done, so that its result may be told and a command that waited for it may go on. */
	void (*settled)(struct session *session);
	struct list sessions;
	struct session *by_id; /* uthash */
	struct hub_account *by_account; /* uthash */
	struct list parked; /* commands whose strand was full (command.c) */
	struct timer parked_timer;
	struct list waiting; /* commands that wait for the store (progress.c) */
	struct timer waiting_timer;
	struct timer stop_timer; /* imapd.c's */
	bool stopping;
};

void hub_init(struct hub *hub, struct imapd *imapd, struct reactor *reactor);

void hub_add(struct hub *hub, struct session *session);
void hub_remove(struct hub *hub, struct session *session);
/* Adds the session to the sessions of its account. */
void hub_add_account(struct hub *hub, struct session *session);
/* Removes the session from the sessions of its account. */
void hub_remove_account(struct hub *hub, struct session *session);
/* Session of this id, or NULL. For `done` functions of jobs. */
struct session *hub_session(struct hub *hub, uint64_t id);
/* Lets a new view share its UID ranges with an equal view of the same mailbox. */
void hub_share_view(struct hub *hub, struct session *session);
/* The sessions of an account on this reactor (in_account); NULL: there is none. */
struct list *hub_account_sessions(struct hub *hub, int64_t id);

#endif
