#include "work/pool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDERS 4
#define STRANDS 16
#define ITEMS 4000 /* an adder, over all strands */

struct item {
	struct strand_item item;
	unsigned adder;
	unsigned number;
};

/* Data of a strand, deliberately without a lock, so that the thread sanitizer sees every mistake. */
struct owned {
	struct strand *strand;
	unsigned next[ADDERS];
	unsigned count;
	unsigned borrowed;
	bool disordered;
	bool inside;
	bool overlapped;
};

static void enter(struct owned *owned)
{
	if (owned->inside)
		owned->overlapped = true;
	owned->inside = true;
}

static void run_some(struct strand *strand, void *ctx)
{
	struct owned *owned = ctx;
	enter(owned);
	for (int i = 0; i < 3; i++) {
		struct strand_item *next = strand_next(strand);
		if (!next)
			break;
		struct item *item = CONTAINER_OF(next, struct item, item);
		if (item->number < owned->next[item->adder])
			owned->disordered = true;
		owned->next[item->adder] = item->number + 1;
		owned->count++;
		free(item);
	}
	owned->inside = false;
}

struct adder {
	struct owned *owned;
	unsigned index;
	atomic_bool *stop;
};

static void *adder_main(void *arg)
{
	struct adder *adder = arg;
	for (unsigned i = 0; i < ITEMS; i++) {
		struct item *item = calloc(1, sizeof(*item));
		item->adder = adder->index;
		item->number = i;
		while (strand_add(adder->owned[i % STRANDS].strand, &item->item) == RC_BUSY)
			sched_yield();
	}
	return NULL;
}

static void *borrower_main(void *arg)
{
	struct adder *adder = arg;
	for (unsigned i = 0; !atomic_load(adder->stop); i++) {
		struct owned *owned = &adder->owned[i % STRANDS];
		if (!strand_borrow(owned->strand)) {
			sched_yield();
			continue;
		}
		strand_assert(owned->strand);
		enter(owned);
		owned->borrowed++;
		owned->inside = false;
		strand_return(owned->strand);
	}
	return NULL;
}

static void items_stay_in_order_and_owners_exclude_each_other(void **state)
{
	(void)state;
	struct pool *pool = pool_new(4, "test", NULL);
	static struct owned owned[STRANDS];
	atomic_bool stop = false;
	for (int i = 0; i < STRANDS; i++) {
		owned[i] = (struct owned){ .count = 0 };
		owned[i].strand = strand_new(pool, 50, run_some, &owned[i]);
	}
	struct adder adders[ADDERS + 2];
	pthread_t threads[ADDERS + 2];
	for (unsigned i = 0; i < ADDERS + 2; i++) {
		adders[i] = (struct adder){ owned, i, &stop };
		pthread_create(&threads[i], NULL, i < ADDERS ? adder_main : borrower_main, &adders[i]);
	}
	for (int i = 0; i < ADDERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, true);
	pthread_join(threads[ADDERS], NULL);
	pthread_join(threads[ADDERS + 1], NULL);
	pool_drain(pool);
	unsigned total = 0;
	for (int i = 0; i < STRANDS; i++) {
		assert_false(owned[i].disordered);
		assert_false(owned[i].overlapped);
		assert_int_equal(strand_length(owned[i].strand), 0);
		total += owned[i].count;
		strand_release(&owned[i].strand);
	}
	assert_int_equal(total, ADDERS * ITEMS);
	pool_free(&pool);
}

struct gate {
	sem_t entered;
	sem_t leave;
	int taken;
	bool unshift;
	struct strand_item *seen[4];
};

static void wait_in_gate(struct strand *strand, void *ctx)
{
	struct gate *gate = ctx;
	sem_post(&gate->entered);
	sem_wait(&gate->leave);
	struct strand_item *item = strand_next(strand);
	if (gate->unshift) {
		gate->unshift = false;
		strand_unshift(strand, item);
		return;
	}
	gate->seen[gate->taken++] = item;
}

static void gate_init(struct gate *gate)
{
	*gate = (struct gate){ .taken = 0 };
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->leave, 0, 0);
}

static void a_full_strand_refuses_but_takes_follow_up_work(void **state)
{
	(void)state;
	struct pool *pool = pool_new(1, "test", NULL);
	struct gate gate;
	gate_init(&gate);
	struct strand *strand = strand_new(pool, 2, wait_in_gate, &gate);
	struct strand_item items[4] = { 0 };
	assert_int_equal(strand_add(strand, &items[0]), RC_OK);
	sem_wait(&gate.entered);
	assert_false(strand_full(strand));
	assert_int_equal(strand_add(strand, &items[1]), RC_OK);
	assert_true(strand_full(strand));
	assert_int_equal(strand_add(strand, &items[2]), RC_BUSY);
	strand_add_always(strand, &items[3]);
	assert_int_equal(strand_length(strand), 3);
	for (int i = 0; i < 3; i++)
		sem_post(&gate.leave);
	pool_drain(pool);
	assert_int_equal(gate.taken, 3);
	assert_ptr_equal(gate.seen[2], &items[3]);
	strand_release(&strand);
	pool_free(&pool);
}

static void an_item_put_back_comes_first_again(void **state)
{
	(void)state;
	struct pool *pool = pool_new(1, "test", NULL);
	struct gate gate;
	gate_init(&gate);
	gate.unshift = true;
	struct strand *strand = strand_new(pool, 5, wait_in_gate, &gate);
	struct strand_item items[2] = { 0 };
	assert_int_equal(strand_add(strand, &items[0]), RC_OK);
	assert_int_equal(strand_add(strand, &items[1]), RC_OK);
	for (int i = 0; i < 3; i++)
		sem_post(&gate.leave);
	pool_drain(pool);
	assert_int_equal(gate.taken, 2);
	assert_ptr_equal(gate.seen[0], &items[0]);
	assert_ptr_equal(gate.seen[1], &items[1]);
	strand_release(&strand);
	pool_free(&pool);
}

static void only_an_idle_strand_can_be_borrowed(void **state)
{
	(void)state;
	struct pool *pool = pool_new(1, "test", NULL);
	struct gate gate;
	gate_init(&gate);
	struct strand *strand = strand_new(pool, 5, wait_in_gate, &gate);
	assert_true(strand_borrow(strand));
	assert_false(strand_borrow(strand));
	struct strand_item item = { 0 };
	assert_int_equal(strand_add(strand, &item), RC_OK);
	assert_int_equal(strand_length(strand), 1);
	strand_return(strand); /* now the pool has it */
	sem_wait(&gate.entered);
	assert_false(strand_borrow(strand));
	sem_post(&gate.leave);
	pool_drain(pool);
	assert_int_equal(gate.taken, 1);
	assert_true(strand_borrow(strand));
	strand_return(strand);
	strand_release(&strand);
	pool_free(&pool);
}

static void a_strand_released_while_busy_is_freed_after_its_last_item(void **state)
{
	(void)state;
	struct pool *pool = pool_new(1, "test", NULL);
	struct gate gate;
	gate_init(&gate);
	struct strand *strand = strand_new(pool, 5, wait_in_gate, &gate);
	struct strand_item items[2] = { 0 };
	assert_int_equal(strand_add(strand, &items[0]), RC_OK);
	sem_wait(&gate.entered);
	assert_int_equal(strand_add(strand, &items[1]), RC_OK);
	strand_release(&strand);
	assert_null(strand);
	sem_post(&gate.leave);
	sem_post(&gate.leave);
	pool_drain(pool);
	assert_int_equal(gate.taken, 2);
	pool_free(&pool);
}

static void release_itself(struct strand *strand, void *ctx)
{
	atomic_int *count = ctx;
	struct strand *last = strand;
	free(strand_next(strand));
	strand_release(&last);
	strand_assert(strand);
	atomic_fetch_add(count, 1);
}

static void a_strand_may_be_released_by_its_own_turn_or_borrower(void **state)
{
	(void)state;
	struct pool *pool = pool_new(2, "test", NULL);
	atomic_int count = 0;
	for (int i = 0; i < 200; i++) {
		struct strand *strand = strand_new(pool, 5, release_itself, &count);
		assert_int_equal(strand_add(strand, calloc(1, sizeof(struct strand_item))), RC_OK);
	}
	struct strand *strand = strand_new(pool, 5, release_itself, &count);
	struct strand *borrowed = strand;
	assert_true(strand_borrow(strand));
	strand_release(&strand);
	strand_return(borrowed);
	pool_drain(pool);
	assert_int_equal(count, 200);
	pool_free(&pool);
	strand_release(&strand);
}

static void touching_a_strand_that_one_does_not_own_aborts(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		struct pool *pool = pool_new(1, "test", NULL);
		struct strand *strand = strand_new(pool, 5, wait_in_gate, NULL);
		strand_next(strand);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stay_in_order_and_owners_exclude_each_other),
		cmocka_unit_test(a_full_strand_refuses_but_takes_follow_up_work),
		cmocka_unit_test(an_item_put_back_comes_first_again),
		cmocka_unit_test(only_an_idle_strand_can_be_borrowed),
		cmocka_unit_test(a_strand_released_while_busy_is_freed_after_its_last_item),
		cmocka_unit_test(a_strand_may_be_released_by_its_own_turn_or_borrower),
		cmocka_unit_test(touching_a_strand_that_one_does_not_own_aborts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
