/*
 * The room that the file system of the store has left, and the consequences. Below `free_min` no mail is
 * taken, so that operations that free room still find some. If other programs take that room, too, there is
 * the reserve: a file of some megabytes that is given up when a write of a database finds no room, and made
 * again when there is enough.
 *
 * On a small file system both are limited: free_min to a sixteenth of it, the reserve to a thirty-second. The
 * room is measured once a second, on the store's own strand; space_state reads an atomic. Internal to the
 * store.
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
	SPACE_LOW, /* no mail is taken; existing mail may be changed */
	SPACE_FULL /* the reserve has been given up: COPY is refused, too */
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
/*
 * Measures the free room and makes the reserve again. May wait for the disk: call it on the store's strand.
 */
void space_look(struct store *store);
/*
 * Gives up the reserve after a write has found no room. True: there is some now, so try the write again. Any
 * thread that may wait.
 */
bool space_give_up(struct store *store);
/* Any thread. */
enum space_state space_state(struct store *store);
/* RC_OK or RC_NOSPACE. */
enum rc space_for_mail(struct store *store) MUST_CHECK;

#endif
