/*
 * How much room the file system of the store has left, and what follows. Below `free_min` no mail is taken,
 * so that what frees room still finds some; and if other programs take that, too, there is the reserve: a
 * file of some megabytes that is given up when a write of a database finds no room, and made again when there
 * is enough.
 *
 * Both are cut on a small file system: free_min to a sixteenth of it, the reserve to a thirty-second. Looked
 * at once a second, on the store's own strand; whoever asks reads an atomic. Internal to the store.
 */
#ifndef COID_STORE_SPACE_H
#define COID_STORE_SPACE_H

#include "base/rc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

enum space_state {
	SPACE_PLENTY,
	SPACE_LOW, /* no mail is taken; what is there may be worked with */
	SPACE_FULL /* the reserve has been given up: what only adds (COPY) is refused, too */
};

struct space {
	atomic_int state; /* enum space_state */
	pthread_mutex_t lock;
	int reserve_fd; /* lock; -1: there is none */
	uint64_t reserved; /* lock; bytes */
};

void space_init(struct store *store);
void space_fini(struct store *store);
/* Finds the reserve of an earlier process. Once, at start, before anything is written. */
void space_open(struct store *store);
/* Looks how much is free and makes the reserve again. May wait for the disk: on the store's strand. */
void space_look(struct store *store);
/* A write has found no room. True: there is some now, it is worth another try. Any thread that may wait. */
bool space_give_up(struct store *store);
/* Any thread. */
enum space_state space_state(struct store *store);
/* RC_OK or RC_NOSPACE. */
enum rc space_for_mail(struct store *store) MUST_CHECK;

#endif
