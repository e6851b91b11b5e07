#include "work/reactor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define MANY 500

struct shot {
	struct timer timer;
	uint64_t due;
	uint64_t *last;
	int fired;
};

static void fire(void *arg)
{
	struct shot *shot = arg;
	shot->fired++;
	if (shot->last) {
		assert_true(*shot->last <= shot->due);
		*shot->last = shot->due;
	}
}

static struct reactor *start(void)
{
	clock_fake_set(1000000, 0);
	return reactor_new(0, NULL);
}

static void finish(struct reactor *reactor)
{
	reactor_free(&reactor);
	clock_fake_set(0, 0);
}

static void a_timer_fires_once_when_its_time_has_come(void **state)
{
	(void)state;
	struct reactor *reactor = start();
	struct shot shot = { .fired = 0 };
	timer_init(&shot.timer, reactor, fire, &shot);
	assert_false(timer_pending(&shot.timer));
	timer_set(&shot.timer, 50);
	assert_true(timer_pending(&shot.timer));
	clock_fake_advance(49);
	reactor_run_once(reactor, false);
	assert_int_equal(shot.fired, 0);
	clock_fake_advance(1);
	reactor_run_once(reactor, true);
	assert_int_equal(shot.fired, 1);
	assert_false(timer_pending(&shot.timer));
	clock_fake_advance(1000);
	reactor_run_once(reactor, false);
	assert_int_equal(shot.fired, 1);
	timer_fini(&shot.timer);
	finish(reactor);
}

static void setting_a_running_timer_moves_it(void **state)
{
	(void)state;
	struct reactor *reactor = start();
	struct shot shot = { .fired = 0 };
	timer_init(&shot.timer, reactor, fire, &shot);
	timer_set(&shot.timer, 10);
	timer_set(&shot.timer, 100);
	clock_fake_advance(50);
	reactor_run_once(reactor, false);
	assert_int_equal(shot.fired, 0);
	timer_set(&shot.timer, 5);
	clock_fake_advance(5);
	reactor_run_once(reactor, false);
	assert_int_equal(shot.fired, 1);
	finish(reactor);
}

static void timers_fire_in_order_of_their_times_and_cancelled_ones_never(void **state)
{
	(void)state;
	struct reactor *reactor = start();
	static struct shot shots[MANY];
	uint64_t last = 0;
	uint32_t seed = 12345;
	for (int i = 0; i < MANY; i++) {
		seed = seed * 1664525u + 1013904223u;
		shots[i] = (struct shot){ .due = 1 + (seed >> 16) % 1000, .last = &last };
		timer_init(&shots[i].timer, reactor, fire, &shots[i]);
		timer_set(&shots[i].timer, shots[i].due);
	}
	for (int i = 0; i < MANY; i += 3)
		timer_cancel(&shots[i].timer);
	for (int i = 1; i < MANY; i += 3) {
		shots[i].due += 500;
		timer_set(&shots[i].timer, shots[i].due);
	}
	for (int ms = 0; ms < 1600; ms++) {
		clock_fake_advance(1);
		reactor_run_once(reactor, false);
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(shots[i].fired, i % 3 == 0 ? 0 : 1);
	finish(reactor);
}

struct pair {
	struct timer first;
	struct timer second;
	int fired;
};

static void cancel_both(void *arg)
{
	struct pair *pair = arg;
	pair->fired++;
	timer_cancel(&pair->first);
	timer_cancel(&pair->second);
}

static void a_due_timer_can_be_cancelled_by_another(void **state)
{
	(void)state;
	struct reactor *reactor = start();
	struct pair pair = { .fired = 0 };
	timer_init(&pair.first, reactor, cancel_both, &pair);
	timer_init(&pair.second, reactor, cancel_both, &pair);
	timer_set(&pair.first, 5);
	timer_set(&pair.second, 5);
	clock_fake_advance(5);
	reactor_run_once(reactor, false);
	reactor_run_once(reactor, false);
	assert_int_equal(pair.fired, 1);
	finish(reactor);
}

struct loop {
	struct timer timer;
	int fired;
};

static void set_again(void *arg)
{
	struct loop *loop = arg;
	loop->fired++;
	timer_set(&loop->timer, 0);
}

static void a_timer_that_sets_itself_fires_once_a_turn(void **state)
{
	(void)state;
	struct reactor *reactor = start();
	struct loop loop = { .fired = 0 };
	timer_init(&loop.timer, reactor, set_again, &loop);
	timer_set(&loop.timer, 0);
	for (int i = 1; i <= 5; i++) {
		reactor_run_once(reactor, true);
		assert_int_equal(loop.fired, i);
	}
	timer_fini(&loop.timer);
	finish(reactor);
}

static void a_timer_may_outlive_its_reactor(void **state)
{
	(void)state;
	struct reactor *reactor = start();
	struct shot shot = { .fired = 0 };
	timer_init(&shot.timer, reactor, fire, &shot);
	timer_set(&shot.timer, 10);
	finish(reactor);
	assert_false(timer_pending(&shot.timer));
	timer_fini(&shot.timer);
}

static void the_loop_sleeps_until_the_earliest_timer(void **state)
{
	(void)state;
	struct reactor *reactor = reactor_new(0, NULL);
	struct shot shot = { .fired = 0 };
	timer_init(&shot.timer, reactor, fire, &shot);
	uint64_t began = clock_mono_ms();
	timer_set(&shot.timer, 20);
	int turns = 0;
	while (shot.fired == 0) {
		reactor_run_once(reactor, true);
		turns++;
	}
	assert_true(clock_mono_ms() - began >= 20);
	assert_true(turns <= 4);
	reactor_free(&reactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_fires_once_when_its_time_has_come),
		cmocka_unit_test(setting_a_running_timer_moves_it),
		cmocka_unit_test(timers_fire_in_order_of_their_times_and_cancelled_ones_never),
		cmocka_unit_test(a_due_timer_can_be_cancelled_by_another),
		cmocka_unit_test(a_timer_that_sets_itself_fires_once_a_turn),
		cmocka_unit_test(a_timer_may_outlive_its_reactor),
		cmocka_unit_test(the_loop_sleeps_until_the_earliest_timer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
