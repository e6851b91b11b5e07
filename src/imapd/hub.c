/*
 * The tables of sessions: by id, by account, and the list of all.
 */
#include "imapd/hub.h"

#include "base/hash.h"
#include "base/mem.h"
#include "imapd/session.h"
#include "imapd/view.h"

#include <stdlib.h>

/* The sessions of one account on this reactor. */
struct hub_account {
	int64_t id;
	struct list sessions;
	UT_hash_handle hh;
};

/* The registry. */

void hub_add(struct hub *hub, struct session *session)
{
	list_append(&hub->sessions, &session->in_hub);
	HASH_ADD(by_id, hub->by_id, id, sizeof(session->id), session);
}

/* NULL: the account has no session here. */
static struct hub_account *find_account(struct hub *hub, int64_t id)
{
	struct hub_account *entry;
	HASH_FIND(hh, hub->by_account, &id, sizeof(id), entry);
	return entry;
}

void hub_add_account(struct hub *hub, struct session *session)
{
	int64_t id = account_id(session->account);
	struct hub_account *entry = find_account(hub, id);
	if (!entry) {
		entry = mem_zalloc(sizeof(*entry));
		entry->id = id;
		list_init(&entry->sessions);
		HASH_ADD(hh, hub->by_account, id, sizeof(entry->id), entry);
	}
	list_append(&entry->sessions, &session->in_account);
}

void hub_remove_account(struct hub *hub, struct session *session)
{
	if (!list_linked(&session->in_account))
		return;
	list_remove(&session->in_account);
	struct hub_account *entry = find_account(hub, account_id(session->account));
	if (entry && list_empty(&entry->sessions)) {
		HASH_DELETE(hh, hub->by_account, entry);
		free(entry);
	}
}

void hub_remove(struct hub *hub, struct session *session)
{
	list_remove(&session->in_hub);
	HASH_DELETE(by_id, hub->by_id, session);
	hub_remove_account(hub, session);
}

struct session *hub_session(struct hub *hub, uint64_t id)
{
	struct session *session;
	HASH_FIND(by_id, hub->by_id, &id, sizeof(id), session);
	return session;
}

void hub_share_view(struct hub *hub, struct session *session)
{
	struct hub_account *entry = find_account(hub, account_id(session->account));
	if (!entry)
		return;
	LIST_EACH (node, &entry->sessions) {
		struct session *other = CONTAINER_OF(node, struct session, in_account);
		if (other != session && other->view &&
			view_mailbox(other->view) == view_mailbox(session->view)) {
			view_share(session->view, other->view);
			return;
		}
	}
}

void hub_init(struct hub *hub, struct imapd *imapd, struct reactor *reactor)
{
	*hub = (struct hub){ .imapd = imapd, .reactor = reactor };
	list_init(&hub->sessions);
}

struct list *hub_account_sessions(struct hub *hub, int64_t id)
{
	struct hub_account *entry = find_account(hub, id);
	return entry ? &entry->sessions : NULL;
}
