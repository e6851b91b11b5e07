/*
 * An account whose strand is held and full: jobs of sessions find no room until the test lets it go.
 */
#ifndef COID_TESTS_BLOCK_RIG_H
#define COID_TESTS_BLOCK_RIG_H

#include "greeting_rig.h"

#include <semaphore.h>

/* A job that holds the strand until it is let go, and one that fills the queue behind it. */
struct block {
	struct job holder;
	struct job filler;
	sem_t started;
	sem_t go;
	int done;
};

static UNUSED enum rc block_hold(struct account *account, struct job *job)
{
	struct block *block = CONTAINER_OF(job, struct block, holder);
	(void)account;
	sem_post(&block->started);
	sem_wait(&block->go);
	return RC_OK;
}

static UNUSED void block_hold_done(struct job *job)
{
	CONTAINER_OF(job, struct block, holder)->done++;
}

static UNUSED enum rc block_fill(struct account *account, struct job *job)
{
	(void)account;
	(void)job;
	return RC_OK;
}

static UNUSED void block_fill_done(struct job *job)
{
	CONTAINER_OF(job, struct block, filler)->done++;
}

static UNUSED void block_strand(struct block *block, struct server *server)
{
	struct account *account = account_get(server->rig.store, ACCOUNT);
	struct reactor *reactor = server->rig.reactor;
	*block = (struct block){
		.holder = { .kind = JOB_READ, .run = block_hold, .done = block_hold_done, .home = reactor },
		.filler = { .kind = JOB_READ, .run = block_fill, .done = block_fill_done, .home = reactor },
	};
	sem_init(&block->started, 0, 0);
	sem_init(&block->go, 0, 0);
	assert_int_equal(job_submit(account, &block->holder), RC_OK);
	sem_wait(&block->started);
	assert_int_equal(job_submit(account, &block->filler), RC_OK);
	assert_true(account_full(account));
	account_unref(&account);
}

static UNUSED void let_go(struct block *block, struct client *client)
{
	sem_post(&block->go);
	while (block->done < 2)
		turn(client);
	sem_destroy(&block->started);
	sem_destroy(&block->go);
}

static UNUSED void short_queue(struct server *server)
{
	server->rig.settings.strand_max = 1;
}

static UNUSED int setup_short(void **state)
{
	return server_setup_with(state, short_queue);
}

#endif
