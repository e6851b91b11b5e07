/* Counts connections, and keeps a list of those that have not logged in, under one lock. */
#include "imapd/admission.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/peer_key.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Connections of one address, network or user. */
struct admission_peer {
	UT_hash_handle hh;
	unsigned count;
	unsigned waiting_count;
	struct list waiting; /* of admission_ticket: of an address */
	struct list_node in_waiting; /* in the list of addresses that have waiting connections */
	char name[]; /* NUL-terminated */
};

struct admission {
	pthread_mutex_t lock;
	struct admission_peer *addresses;
	struct admission_peer *networks;
	struct admission_peer *users;
	struct list waiting; /* of admission_peer */
	unsigned waiting_count;
	unsigned count;
};

struct admission *admission_new(void)
{
	struct admission *admission = mem_zalloc(sizeof(*admission));
	pthread_mutex_init(&admission->lock, NULL);
	list_init(&admission->waiting);
	return admission;
}

void admission_free(struct admission **admission)
{
	if (!*admission)
		return;
	pthread_mutex_destroy(&(*admission)->lock);
	free(*admission);
	*admission = NULL;
}

static struct admission_peer *admission_count(struct admission_peer **table, const char *name, unsigned max)
{
	struct admission_peer *peer = NULL;
	size_t size = strlen(name);

	HASH_FIND(hh, *table, name, size, peer);
	if (peer && max > 0 && peer->count >= max)
		return NULL;
	if (!peer) {
		peer = mem_zalloc(sizeof(*peer) + size + 1);
		memcpy(peer->name, name, size);
		list_init(&peer->waiting);
		HASH_ADD(hh, *table, name, size, peer);
	}
	peer->count++;
	return peer;
}

static void admission_uncount(struct admission_peer **table, struct admission_peer *peer)
{
	if (!peer || --peer->count > 0)
		return;
	HASH_DELETE(hh, *table, peer);
	free(peer);
}

static void admission_wait(struct admission *admission, struct admission_ticket *ticket)
{
	struct admission_peer *peer = ticket->address;

	ticket->waiting = true;
	if (peer->waiting_count++ == 0)
		list_append(&admission->waiting, &peer->in_waiting);
	list_append(&peer->waiting, &ticket->in_peer);
	admission->waiting_count++;
}

static void admission_end_wait(struct admission *admission, struct admission_ticket *ticket)
{
	struct admission_peer *peer = ticket->address;

	if (!ticket->waiting)
		return;
	ticket->waiting = false;
	list_remove(&ticket->in_peer);
	if (--peer->waiting_count == 0)
		list_remove(&peer->in_waiting);
	admission->waiting_count--;
}

static struct admission_ticket *admission_oldest(const struct admission_peer *peer)
{
	return CONTAINER_OF(list_first(&peer->waiting), struct admission_ticket, in_peer);
}

/*
 * The oldest connection of the address that has most in the list. A known address is chosen only if there is
 * no other.
 */
static struct admission_ticket *admission_most(const struct admission *admission)
{
	struct admission_ticket *victim = NULL;

	LIST_EACH (node, &admission->waiting) {
		const struct admission_peer *peer = CONTAINER_OF(node, struct admission_peer, in_waiting);
		struct admission_ticket *oldest = admission_oldest(peer);
		bool better = !victim || (victim->known && !oldest->known) ||
			      (victim->known == oldest->known &&
				      peer->waiting_count > victim->address->waiting_count);
		if (better)
			victim = oldest;
	}
	return victim;
}

/*
 * Makes room for one more connection that has not logged in. The victim is not counted from now on; it is
 * closed later.
 */
static void admission_make_room(struct admission *admission, const struct admission_limits *limits,
	const struct admission_ticket *ticket, struct admission_victim *ret_victim)
{
	const struct admission_peer *address = ticket->address;
	unsigned per_address = ticket->trusted ? 0 : limits->waiting_per_address;
	struct admission_ticket *victim = NULL;

	if (per_address > 0 && address->waiting_count >= per_address)
		victim = admission_oldest(address);
	else if (limits->waiting > 0 && admission->waiting_count >= limits->waiting)
		victim = admission_most(admission);
	if (!victim)
		return;
	*ret_victim = (struct admission_victim){ .session = victim->session, .hub = victim->hub };
	admission_end_wait(admission, victim);
}

static enum admission_verdict admission_enter_locked(struct admission *admission,
	const struct admission_limits *limits, const char *peer, struct admission_ticket *ticket,
	struct admission_victim *ret_victim)
{
	unsigned total = limits->total;
	unsigned per_address = ticket->trusted ? 0 : limits->per_address;
	unsigned per_network = ticket->trusted ? 0 : limits->per_network;
	char key[PEER_KEY_SIZE];

	if (total > 0 && !ticket->known)
		total -= limits->reserve < total / 4 ? limits->reserve : total / 4;
	if (total > 0 && admission->count >= total)
		return ADMISSION_FULL;
	peer_key(peer, key);
	struct admission_peer *address = admission_count(&admission->addresses, key, per_address);
	if (!address)
		return ADMISSION_ADDRESS;
	ticket->address = address;
	peer_key_network(peer, key);
	if (key[0] != '\0') {
		ticket->network = admission_count(&admission->networks, key, per_network);
		if (!ticket->network)
			return ADMISSION_ADDRESS;
	}
	admission_make_room(admission, limits, ticket, ret_victim);
	ticket->counted = true;
	admission->count++;
	admission_wait(admission, ticket);
	return ADMISSION_OK;
}

enum admission_verdict admission_enter(struct admission *admission, const struct admission_limits *limits,
	const char *peer, struct admission_ticket *ticket, struct admission_victim *ret_victim)
{
	*ret_victim = (struct admission_victim){ 0 };
	pthread_mutex_lock(&admission->lock);
	enum admission_verdict verdict = admission_enter_locked(admission, limits, peer, ticket, ret_victim);
	pthread_mutex_unlock(&admission->lock);
	return verdict;
}

bool admission_login(struct admission *admission, const struct admission_limits *limits, const char *user,
	struct admission_ticket *ticket)
{
	pthread_mutex_lock(&admission->lock);
	bool ok = admission_count(&admission->users, user, limits->per_user) != NULL;
	if (ok)
		admission_end_wait(admission, ticket);
	pthread_mutex_unlock(&admission->lock);
	return ok;
}

static void admission_uncount_user(struct admission *admission, const char *user)
{
	struct admission_peer *peer = NULL;

	HASH_FIND(hh, admission->users, user, strlen(user), peer);
	admission_uncount(&admission->users, peer);
}

void admission_logout(struct admission *admission, const char *user, struct admission_ticket *ticket)
{
	pthread_mutex_lock(&admission->lock);
	admission_uncount_user(admission, user);
	if (ticket->address && !ticket->waiting)
		admission_wait(admission, ticket);
	pthread_mutex_unlock(&admission->lock);
}

void admission_leave(struct admission *admission, struct admission_ticket *ticket)
{
	pthread_mutex_lock(&admission->lock);
	admission->count -= ticket->counted;
	ticket->counted = false;
	admission_end_wait(admission, ticket);
	admission_uncount(&admission->addresses, ticket->address);
	admission_uncount(&admission->networks, ticket->network);
	ticket->address = ticket->network = NULL;
	pthread_mutex_unlock(&admission->lock);
}
