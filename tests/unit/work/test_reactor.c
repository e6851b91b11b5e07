#include "work/reactor.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define POSTERS 4
#define MESSAGES 5000

struct numbered {
	struct reactor_msg msg;
	struct seen *seen;
	unsigned poster;
	unsigned number;
};

struct seen {
	unsigned next[POSTERS];
	unsigned total;
	bool disordered;
};

static void count_message(struct reactor *reactor, struct reactor_msg *msg)
{
	struct numbered *m = CONTAINER_OF(msg, struct numbered, msg);
	reactor_assert(reactor);
	if (m->number != m->seen->next[m->poster])
		m->seen->disordered = true;
	m->seen->next[m->poster]++;
	m->seen->total++;
	if (m->seen->total == POSTERS * MESSAGES)
		reactor_stop(reactor);
	free(m);
}

struct poster {
	struct reactor *reactor;
	struct seen *seen;
	unsigned index;
};

static void *poster_main(void *arg)
{
	struct poster *p = arg;
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct numbered *m = calloc(1, sizeof(*m));
		m->msg.fn = count_message;
		m->seen = p->seen;
		m->poster = p->index;
		m->number = i;
		reactor_post(p->reactor, &m->msg);
	}
	return NULL;
}

static void messages_of_each_thread_arrive_in_order(void **state)
{
	(void)state;
	struct reactor *reactor = reactor_new(3, NULL);
	assert_int_equal(reactor_index(reactor), 3);
	struct seen seen = { .total = 0 };
	struct poster posters[POSTERS];
	pthread_t threads[POSTERS];
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){ reactor, &seen, i };
		assert_int_equal(pthread_create(&threads[i], NULL, poster_main, &posters[i]), 0);
	}
	reactor_run(reactor);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(seen.total, POSTERS * MESSAGES);
	assert_false(seen.disordered);
	reactor_free(&reactor);
	assert_null(reactor);
}

struct probe {
	struct reactor_msg msg;
	bool inbox_was_empty;
	bool ran;
};

static void look_at_inbox(struct reactor *reactor, struct reactor_msg *msg)
{
	struct probe *probe = CONTAINER_OF(msg, struct probe, msg);
	probe->inbox_was_empty = reactor_inbox_empty(reactor);
	probe->ran = true;
}

static void the_inbox_is_not_empty_while_a_batch_is_half_run(void **state)
{
	(void)state;
	struct reactor *reactor = reactor_new(0, NULL);
	struct probe first = { .msg.fn = look_at_inbox }, second = { .msg.fn = look_at_inbox };
	assert_true(reactor_inbox_empty(reactor));
	reactor_post(reactor, &first.msg);
	reactor_post(reactor, &second.msg);
	assert_false(reactor_inbox_empty(reactor));
	reactor_run_once(reactor, true);
	assert_true(first.ran && second.ran);
	assert_false(first.inbox_was_empty);
	assert_true(second.inbox_was_empty);
	assert_true(reactor_inbox_empty(reactor));
	reactor_free(&reactor);
}

static void messages_left_at_the_end_are_run_by_free(void **state)
{
	(void)state;
	struct reactor *reactor = reactor_new(0, NULL);
	struct probe probe = { .msg.fn = look_at_inbox };
	reactor_post(reactor, &probe.msg);
	reactor_free(&reactor);
	assert_true(probe.ran);
}

static void a_null_reactor_may_be_freed(void **state)
{
	(void)state;
	struct reactor *reactor = NULL;
	reactor_free(&reactor);
}

struct chain {
	struct reactor *reactor;
	int calls;
};

static void defer_again(void *arg)
{
	struct chain *chain = arg;
	chain->calls++;
	if (chain->calls < 3)
		reactor_defer(chain->reactor, defer_again, chain);
}

static void what_a_deferred_call_defers_runs_in_the_next_turn(void **state)
{
	(void)state;
	struct chain chain = { reactor_new(0, NULL), 0 };
	reactor_defer(chain.reactor, defer_again, &chain);
	/* Waiting turns do not block while something is deferred. */
	reactor_run_once(chain.reactor, true);
	assert_int_equal(chain.calls, 1);
	reactor_run_once(chain.reactor, true);
	assert_int_equal(chain.calls, 2);
	reactor_free(&chain.reactor);
	assert_int_equal(chain.calls, 3);
}

static void many_deferred_calls_run_in_order(void **state)
{
	(void)state;
	struct chain chain = { reactor_new(0, NULL), 100 };
	for (int i = 0; i < 100; i++)
		reactor_defer(chain.reactor, defer_again, &chain);
	reactor_run_once(chain.reactor, false);
	assert_int_equal(chain.calls, 200);
	reactor_free(&chain.reactor);
}

static void now_stands_still_within_a_turn(void **state)
{
	(void)state;
	clock_fake_set(1000, 0);
	struct reactor *reactor = reactor_new(0, NULL);
	assert_int_equal(reactor_now(reactor), 1000);
	clock_fake_advance(7);
	assert_int_equal(reactor_now(reactor), 1000);
	reactor_run_once(reactor, false);
	assert_int_equal(reactor_now(reactor), 1007);
	reactor_free(&reactor);
	clock_fake_set(0, 0);
}

static void *run_reactor(void *arg)
{
	reactor_run(arg);
	return NULL;
}

static void stop_from_another_thread_ends_the_loop(void **state)
{
	(void)state;
	struct reactor *reactor = reactor_new(0, NULL);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_reactor, reactor), 0);
	reactor_stop(reactor);
	pthread_join(thread, NULL);
	reactor_free(&reactor);
}

static void a_call_on_the_wrong_thread_aborts(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		struct reactor *reactor = reactor_new(0, NULL);
		pthread_t thread;
		reactor_stop(reactor);
		pthread_create(&thread, NULL, run_reactor, reactor);
		/* The thread is not joined before the check, so that no other thread gets its id. */
		while (true) {
			reactor_defer(reactor, NULL, NULL);
			usleep(1000);
		}
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_of_each_thread_arrive_in_order),
		cmocka_unit_test(the_inbox_is_not_empty_while_a_batch_is_half_run),
		cmocka_unit_test(messages_left_at_the_end_are_run_by_free),
		cmocka_unit_test(a_null_reactor_may_be_freed),
		cmocka_unit_test(what_a_deferred_call_defers_runs_in_the_next_turn),
		cmocka_unit_test(many_deferred_calls_run_in_order),
		cmocka_unit_test(now_stands_still_within_a_turn),
		cmocka_unit_test(stop_from_another_thread_ends_the_loop),
		cmocka_unit_test(a_call_on_the_wrong_thread_aborts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
