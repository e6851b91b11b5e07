/*
 * A store on a folder of its own with a real pool, a reactor that the test itself turns, and file operations
 * that can be counted and made to fail (support/rec_io.h). Jobs are small functions.
 */
#ifndef COID_TESTS_STORE_CORE_FIXTURE_H
#define COID_TESTS_STORE_CORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/mailbox.h"
#include "store/message.h"
#include "store/store_priv.h"
#include "store/users.h"
#include "support/rec_io.h"

struct fix {
	char dir[64];
	char root[96];
	int log_fd;
	struct log *log;
	struct rec *rec;
	struct pool *pool;
	struct reactor *reactor;
	struct store_settings settings;
	struct store *store;
};

/* A job that calls fn; for jobs of which several wait, the test looks at `done` and `runs`. */
struct call {
	struct job job;
	struct fix *fix;
	enum rc (*fn)(struct account *account, struct call *call);
	void *arg;
	int64_t number;
	unsigned runs;
	bool done;
	unsigned place; /* among all that were done: 1.. */
	unsigned *order; /* counts them */
};

static inline int fix_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fix_start(struct fix *fix)
{
	assert_int_equal(
		store_new(&fix->settings, fix->pool, rec_io(fix->rec), fix->log, &fix->store), RC_OK);
}

/* Ends the process, so to speak: all that the next start finds is on disk. */
static inline void fix_stop(struct fix *fix)
{
	pool_drain(fix->pool);
	reactor_run_once(fix->reactor, false);
	store_free(&fix->store);
	pool_free(&fix->pool);
}

static inline void fix_restart(struct fix *fix)
{
	fix_stop(fix);
	fix->pool = pool_new(2, "test", fix->log);
	fix_start(fix);
}

static inline struct fix *fix_new(void)
{
	struct fix *fix = mem_zalloc(sizeof(*fix));
	snprintf(fix->dir, sizeof(fix->dir), "/tmp/coid-store-XXXXXX");
	assert_non_null(mkdtemp(fix->dir));
	snprintf(fix->root, sizeof(fix->root), "%s/root", fix->dir);
	assert_int_equal(mkdir(fix->root, 0700), 0);
	fix->log_fd = getenv("COID_TEST_LOG") ? dup(2) : open("/dev/null", O_WRONLY | O_CLOEXEC);
	fix->log = log_new(fix->log_fd, LOG_LEVEL_DEBUG);
	fix->rec = rec_new(fix->root);
	fix->pool = pool_new(2, "test", fix->log);
	fix->reactor = reactor_new(0, fix->log);
	store_settings_init(&fix->settings);
	fix->settings.root = fix->root;
	/* Only the tests that mean it are cut short by time. */
	fix->settings.batch_ms = 60000;
	return fix;
}

static inline void fix_free(struct fix *fix)
{
	if (fix->store)
		fix_stop(fix);
	pool_free(&fix->pool);
	reactor_free(&fix->reactor);
	rec_free(&fix->rec);
	log_free(&fix->log);
	close(fix->log_fd);
	clock_fake_set(0, 0);
	nftw(fix->dir, fix_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(fix);
}

static inline int setup(void **state)
{
	struct fix *fix = fix_new();
	fix_start(fix);
	*state = fix;
	return 0;
}

static inline int teardown(void **state)
{
	fix_free(*state);
	return 0;
}

static inline void call_done(struct job *job)
{
	struct call *call = CONTAINER_OF(job, struct call, job);
	if (call->order)
		call->place = ++*call->order;
	call->done = true;
}

static inline enum rc call_run(struct account *account, struct job *job)
{
	struct call *call = CONTAINER_OF(job, struct call, job);
	call->runs++;
	return call->fn ? call->fn(account, call) : RC_OK;
}

static inline struct call call_make(
	struct fix *fix, enum job_kind kind, enum rc (*fn)(struct account *, struct call *))
{
	return (struct call){
		.job = { .kind = kind, .run = call_run, .done = call_done, .home = fix->reactor },
		.fix = fix,
		.fn = fn,
	};
}

static inline void call_submit(struct account *account, struct call *call)
{
	assert_int_equal(job_submit(account, &call->job), RC_OK);
}

static inline void call_wait(struct fix *fix, const struct call *call)
{
	while (!call->done)
		reactor_run_once(fix->reactor, true);
}

static inline enum rc call_now(struct fix *fix, struct account *account, enum job_kind kind,
	enum rc (*fn)(struct account *, struct call *))
{
	struct call call = call_make(fix, kind, fn);
	call_submit(account, &call);
	call_wait(fix, &call);
	return call.job.rc;
}

/* While a gate is closed its account runs nothing, so that what is submitted waits together. */
struct gate {
	struct call call;
	sem_t inside;
	sem_t open;
};

static inline enum rc gate_run(struct account *account, struct call *call)
{
	struct gate *gate = CONTAINER_OF(call, struct gate, call);
	(void)account;
	sem_post(&gate->inside);
	while (sem_wait(&gate->open) != 0)
		;
	return RC_OK;
}

static inline void gate_close(struct fix *fix, struct account *account, struct gate *gate)
{
	sem_init(&gate->inside, 0, 0);
	sem_init(&gate->open, 0, 0);
	gate->call = call_make(fix, JOB_READ, gate_run);
	call_submit(account, &gate->call);
	while (sem_wait(&gate->inside) != 0)
		;
}

static inline void gate_open(struct fix *fix, struct gate *gate)
{
	sem_post(&gate->open);
	call_wait(fix, &gate->call);
	sem_destroy(&gate->inside);
	sem_destroy(&gate->open);
}

static inline unsigned wal_syncs(struct fix *fix, size_t from)
{
	unsigned counts[REC_SYNC_KINDS];
	rec_count(fix->rec, from, rec_point(fix->rec), counts);
	return counts[REC_SYNC_WAL];
}

/* Waits for the work that the worker does after the last `done`. */
static inline void strand_settle(struct fix *fix, struct account *account)
{
	while (!strand_borrow(account->strand))
		reactor_run_once(fix->reactor, false);
	strand_return(account->strand);
}

/* Small things to do in a job. */

static inline enum rc create_mailbox(struct account *account, struct call *call)
{
	char name[32];
	int64_t id;
	snprintf(name, sizeof(name), "box-%lld", (long long)call->number);
	return mbox_create(account, strv_cstr(name), 0, &id);
}

static inline enum rc find_mailbox(struct account *account, struct call *call)
{
	char name[32];
	struct mbox_info info;
	snprintf(name, sizeof(name), "box-%lld", (long long)call->number);
	return mbox_find(account, strv_cstr(name), &info);
}

static inline bool has_mailbox(struct fix *fix, struct account *account, int64_t number)
{
	struct call call = call_make(fix, JOB_READ, find_mailbox);
	call.number = number;
	call_submit(account, &call);
	call_wait(fix, &call);
	return call.job.rc == RC_OK;
}

/* A sink that notes what it is told. */
struct noted {
	struct change_sink sink;
	unsigned lists;
	uint64_t last_number;
	enum change_kind last_kind;
	bool out_of_order;
};

static inline void noted_fn(void *ctx, struct change_list *list)
{
	struct noted *noted = ctx;
	noted->lists++;
	noted->out_of_order = noted->out_of_order || list->number <= noted->last_number;
	noted->last_number = list->number;
	noted->last_kind = list->changes[list->count - 1].kind;
}

static inline void noted_init(struct noted *noted, struct fix *fix)
{
	*noted = (struct noted){ .sink = { .reactor = fix->reactor, .fn = noted_fn, .ctx = noted } };
}

static inline enum rc watch_run(struct account *account, struct call *call)
{
	change_watch(account, call->arg);
	return RC_OK;
}

static inline void watch_now(struct fix *fix, struct account *account, struct change_sink *sink)
{
	struct call call = call_make(fix, JOB_READ, watch_run);
	call.arg = sink;
	call_submit(account, &call);
	call_wait(fix, &call);
}

#endif
