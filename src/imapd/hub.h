/*
 * One a reactor: the registry of its sessions, and where change lists of their accounts arrive. All on the reactor's thread.
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
	struct change_sink sink; /* applies lists to views, wakes idlers */
	struct list sessions;
	struct session *by_id; /* uthash */
	struct hub_account *by_account; /* uthash */
	struct list parked; /* commands whose strand was full (command.c) */
	struct timer parked_timer;
	struct list waiting; /* commands that wait for the store (progress.c) */
	struct timer waiting_timer;
	struct timer stop_timer;
	bool stopping;
};

void hub_init(struct hub *hub, struct imapd *imapd, struct reactor *reactor);
/* After the loop has ended: drops what sessions are left. */
void hub_fini(struct hub *hub);

void hub_add(struct hub *hub, struct session *session);
void hub_remove(struct hub *hub, struct session *session);
/* Among the sessions of its account from now on. */
void hub_add_account(struct hub *hub, struct session *session);
/* Not any more. */
void hub_remove_account(struct hub *hub, struct session *session);
/* Session of this id, or NULL. For `done` functions of jobs. */
struct session *session_find(struct hub *hub, uint64_t id);
/* A new view: shares its UID ranges with another one of the mailbox that says the same. */
void hub_share_view(struct hub *hub, struct session *session);
/* The sessions of these users (sorted by strv_cmp) say BYE at once, with that text. */
void hub_end_users(struct hub *hub, const struct strv *names, size_t count, const char *text);
/* Every session says BYE when its command is done; after a while, or when this is called again, without waiting. */
void hub_stop(struct hub *hub);

#endif
