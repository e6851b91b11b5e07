#include "work/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

struct gate {
	sem_t entered;
	sem_t leave;
};

static void take_all(struct strand *strand, void *ctx)
{
	atomic_int *count = ctx;
	for (;;) {
		struct strand_item *item = strand_next(strand);
		if (!item)
			return;
		free(item);
		atomic_fetch_add(count, 1);
	}
}

static void stand_in_gate(struct strand *strand, void *ctx)
{
	struct gate *gate = ctx;
	free(strand_next(strand));
	sem_post(&gate->entered);
	sem_wait(&gate->leave);
}

static void add_one(struct strand *strand)
{
	assert_int_equal(strand_add(strand, calloc(1, sizeof(struct strand_item))), RC_OK);
}

static void add_slow(struct strand *strand)
{
	struct strand_item *item = calloc(1, sizeof(*item));
	item->slow = true;
	assert_int_equal(strand_add(strand, item), RC_OK);
}

static void gate_init(struct gate *gate)
{
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->leave, 0, 0);
}

static void gate_fini(struct gate *gate)
{
	sem_destroy(&gate->entered);
	sem_destroy(&gate->leave);
}

static int entered(struct gate *gate)
{
	int value = -1;
	sem_getvalue(&gate->entered, &value);
	return value;
}

static void a_pool_has_at_least_one_thread(void **state)
{
	(void)state;
	struct pool *pool = pool_new(0, "test", NULL);
	assert_int_equal(pool_threads(pool), 1);
	pool_free(&pool);
	assert_null(pool);
	pool_free(&pool);
}

static void drain_runs_everything_that_was_queued(void **state)
{
	(void)state;
	struct pool *pool = pool_new(3, "a-rather-long-name", NULL);
	atomic_int count = 0;
	struct strand *strands[20];
	for (int i = 0; i < 20; i++) {
		strands[i] = strand_new(pool, 1000, take_all, &count);
		for (int j = 0; j < 100; j++)
			add_one(strands[i]);
	}
	pool_drain(pool);
	assert_int_equal(count, 2000);
	for (int i = 0; i < 20; i++)
		strand_release(&strands[i]);
	pool_free(&pool);
}

struct relay {
	struct strand *next;
	atomic_int *count;
};

static void pass_on(struct strand *strand, void *ctx)
{
	struct relay *relay = ctx;
	struct strand_item *item = strand_next(strand);
	atomic_fetch_add(relay->count, 1);
	if (relay->next)
		strand_add_always(relay->next, item);
	else
		free(item);
}

static void drain_runs_follow_up_work_of_other_strands(void **state)
{
	(void)state;
	struct pool *pool = pool_new(4, "test", NULL);
	atomic_int count = 0;
	struct relay relays[50];
	struct strand *strands[50];
	for (int i = 49; i >= 0; i--) {
		relays[i] = (struct relay){ i < 49 ? strands[i + 1] : NULL, &count };
		strands[i] = strand_new(pool, 1, pass_on, &relays[i]);
	}
	add_one(strands[0]);
	pool_drain(pool);
	assert_int_equal(count, 50);
	for (int i = 0; i < 50; i++)
		strand_release(&strands[i]);
	pool_free(&pool);
}

static void *drain_main(void *arg)
{
	pool_drain(arg);
	return NULL;
}

static void drain_waits_for_items_that_a_borrower_holds_back(void **state)
{
	(void)state;
	struct pool *pool = pool_new(2, "test", NULL);
	atomic_int count = 0;
	struct strand *strand = strand_new(pool, 10, take_all, &count);
	assert_true(strand_borrow(strand));
	add_one(strand);
	add_one(strand);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, drain_main, pool), 0);
	assert_int_equal(count, 0);
	strand_return(strand);
	pthread_join(thread, NULL);
	assert_int_equal(count, 2);
	strand_release(&strand);
	pool_free(&pool);
}

static void the_longest_turn_is_seen_while_it_lasts(void **state)
{
	(void)state;
	struct pool *pool = pool_new(2, "test", NULL);
	struct gate gate;
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.leave, 0, 0);
	struct strand *strand = strand_new(pool, 10, stand_in_gate, &gate);
	assert_int_equal(pool_longest_turn(pool), 0);
	clock_fake_set(5000, 0);
	add_one(strand);
	sem_wait(&gate.entered);
	clock_fake_advance(30);
	assert_int_equal(pool_longest_turn(pool), 30000);
	sem_post(&gate.leave);
	pool_drain(pool);
	assert_int_equal(pool_longest_turn(pool), 0);
	clock_fake_set(0, 0);
	strand_release(&strand);
	pool_free(&pool);
	sem_destroy(&gate.entered);
	sem_destroy(&gate.leave);
}

static void a_busy_strand_does_not_hold_up_another(void **state)
{
	(void)state;
	struct pool *pool = pool_new(2, "test", NULL);
	struct gate gate, other;
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.leave, 0, 0);
	sem_init(&other.entered, 0, 0);
	sem_init(&other.leave, 0, 100);
	struct strand *busy = strand_new(pool, 10, stand_in_gate, &gate);
	struct strand *free_one = strand_new(pool, 10, stand_in_gate, &other);
	add_one(busy);
	sem_wait(&gate.entered);
	for (int i = 0; i < 10; i++) {
		add_one(free_one);
		sem_wait(&other.entered);
	}
	sem_post(&gate.leave);
	pool_drain(pool);
	strand_release(&busy);
	strand_release(&free_one);
	pool_free(&pool);
}

struct order {
	struct pool *pool;
	char text[64];
	size_t n;
	char name[2];
};

struct lettered {
	struct order *order;
	char letter;
};

static void note_letter(struct strand *strand, void *ctx)
{
	struct lettered *l = ctx;
	free(strand_next(strand)); /* one a turn */
	l->order->text[l->order->n++] = l->letter;
}

static void a_strand_with_more_to_do_goes_back_to_the_end_of_the_queue(void **state)
{
	(void)state;
	struct pool *pool = pool_new(1, "test", NULL);
	struct gate gate;
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.leave, 0, 0);
	struct strand *first = strand_new(pool, 10, stand_in_gate, &gate);
	struct order order = { .n = 0 };
	struct lettered letters[3];
	struct strand *strands[3];
	add_one(first);
	sem_wait(&gate.entered);
	for (int i = 0; i < 3; i++) {
		letters[i] = (struct lettered){ &order, (char)('a' + i) };
		strands[i] = strand_new(pool, 10, note_letter, &letters[i]);
		add_one(strands[i]);
	}
	add_one(strands[0]);
	add_one(strands[0]);
	add_one(strands[2]);
	sem_post(&gate.leave);
	pool_drain(pool);
	assert_int_equal(order.n, 6);
	assert_memory_equal(order.text, "abcaca", 6);
	strand_release(&first);
	for (int i = 0; i < 3; i++)
		strand_release(&strands[i]);
	pool_free(&pool);
}

/* Four threads: two may be in slow turns, however many wait, and quick work goes on beside them. */
static void slow_items_leave_half_of_the_threads_to_others(void **state)
{
	(void)state;
	struct pool *pool = pool_new(4, "test", NULL);
	struct gate slow;
	struct gate quick;
	struct strand *slows[6];
	struct strand *quicks[2];
	atomic_int count = 0;
	gate_init(&slow);
	gate_init(&quick);
	for (int i = 0; i < 6; i++) {
		slows[i] = strand_new(pool, 10, stand_in_gate, &slow);
		add_slow(slows[i]);
	}
	sem_wait(&slow.entered);
	sem_wait(&slow.entered);
	for (int i = 0; i < 2; i++) {
		quicks[i] = strand_new(pool, 10, stand_in_gate, &quick);
		add_one(quicks[i]);
	}
	/* Both run, although four slow ones were there before them. */
	sem_wait(&quick.entered);
	sem_wait(&quick.entered);
	assert_int_equal(entered(&slow), 0);
	sem_post(&quick.leave);
	sem_post(&quick.leave);
	struct strand *other = strand_new(pool, 1000, take_all, &count);
	for (int i = 0; i < 100; i++)
		add_one(other);
	while (count < 100)
		sched_yield();
	assert_int_equal(entered(&slow), 0);
	/* One leaves, one comes in. */
	for (int i = 2; i < 6; i++) {
		sem_post(&slow.leave);
		sem_wait(&slow.entered);
		assert_int_equal(entered(&slow), 0);
	}
	sem_post(&slow.leave);
	sem_post(&slow.leave);
	pool_drain(pool);
	strand_release(&other);
	for (int i = 0; i < 6; i++)
		strand_release(&slows[i]);
	for (int i = 0; i < 2; i++)
		strand_release(&quicks[i]);
	pool_free(&pool);
	gate_fini(&slow);
	gate_fini(&quick);
}

static void slow_items_run_on_a_pool_of_one(void **state)
{
	(void)state;
	struct pool *pool = pool_new(1, "test", NULL);
	atomic_int count = 0;
	struct strand *strand = strand_new(pool, 100, take_all, &count);
	for (int i = 0; i < 10; i++) {
		add_slow(strand);
		add_one(strand);
	}
	pool_drain(pool);
	assert_int_equal(count, 20);
	strand_release(&strand);
	pool_free(&pool);
}

struct turns {
	char text[32];
	size_t length;
	struct gate gate;
};

/* Writes down what a turn takes: 's' and 'q', and '.' at its end. */
static void write_down(struct strand *strand, void *ctx)
{
	struct turns *turns = ctx;
	if (turns->length == 0) {
		sem_post(&turns->gate.entered);
		sem_wait(&turns->gate.leave);
	}
	struct strand_item *item = strand_next(strand);
	for (; item; item = strand_next(strand)) {
		turns->text[turns->length++] = item->slow ? 's' : 'q';
		free(item);
	}
	turns->text[turns->length++] = '.';
}

static void a_slow_item_never_runs_in_a_quick_turn(void **state)
{
	(void)state;
	struct pool *pool = pool_new(2, "test", NULL);
	struct turns turns = { .length = 0 };
	gate_init(&turns.gate);
	struct strand *strand = strand_new(pool, 100, write_down, &turns);
	add_one(strand);
	sem_wait(&turns.gate.entered);
	add_one(strand);
	add_slow(strand);
	add_slow(strand);
	add_one(strand);
	sem_post(&turns.gate.leave);
	pool_drain(pool);
	assert_string_equal(turns.text, "qq.ssq.");
	strand_release(&strand);
	pool_free(&pool);
	gate_fini(&turns.gate);
}

static void post_and_leave(struct strand *strand, void *ctx)
{
	free(strand_next(strand));
	sem_post((sem_t *)ctx);
}

/* Two become possible at once when a slow turn ends: whoever waits for work is woken for the second. */
static void the_end_of_a_slow_turn_wakes_a_thread_for_the_next(void **state)
{
	(void)state;
	struct pool *pool = pool_new(2, "test", NULL);
	struct gate first;
	struct gate second;
	sem_t done;
	gate_init(&first);
	gate_init(&second);
	sem_init(&done, 0, 0);
	struct strand *slow = strand_new(pool, 10, stand_in_gate, &first);
	struct strand *busy = strand_new(pool, 10, stand_in_gate, &second);
	struct strand *later = strand_new(pool, 10, post_and_leave, &done);
	for (int i = 0; i < 200; i++) {
		add_slow(slow);
		sem_wait(&first.entered);
		add_slow(later); /* may not run yet: the other thread goes on waiting */
		sem_post(&first.leave);
		sem_wait(&done);
		add_one(busy);
		sem_wait(&second.entered);
		sem_post(&second.leave);
	}
	pool_drain(pool);
	strand_release(&slow);
	strand_release(&busy);
	strand_release(&later);
	pool_free(&pool);
	gate_fini(&first);
	gate_fini(&second);
	sem_destroy(&done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_has_at_least_one_thread),
		cmocka_unit_test(drain_runs_everything_that_was_queued),
		cmocka_unit_test(drain_runs_follow_up_work_of_other_strands),
		cmocka_unit_test(drain_waits_for_items_that_a_borrower_holds_back),
		cmocka_unit_test(the_longest_turn_is_seen_while_it_lasts),
		cmocka_unit_test(a_busy_strand_does_not_hold_up_another),
		cmocka_unit_test(slow_items_leave_half_of_the_threads_to_others),
		cmocka_unit_test(slow_items_run_on_a_pool_of_one),
		cmocka_unit_test(a_slow_item_never_runs_in_a_quick_turn),
		cmocka_unit_test(the_end_of_a_slow_turn_wakes_a_thread_for_the_next),
		cmocka_unit_test(a_strand_with_more_to_do_goes_back_to_the_end_of_the_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
