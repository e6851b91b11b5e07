/*
 * coidctl account: locks an account, so that its folder can be replaced under the running server, and
 * unlocks it.
 */
#include "admin/admin_priv.h"
#include "admin/lookup.h"

#include "base/mem.h"
#include "store/account_lock.h"

#include <stdlib.h>

#define LOCK_REPORT_MAX 8192

/* Finds the account's id on the users strand, then works on the account's strand. */
struct lock {
	struct lookup lookup;
	struct job job;
	struct request *request; /* borrowed until request_finish */
	bool unlock;
	struct buf report;
};

static void lock_free(struct lock *lock)
{
	buf_fini(&lock->report);
	lookup_fini(&lock->lookup);
	free(lock);
}

static void lock_fail(struct lock *lock, enum rc rc)
{
	request_fail(lock->request, lock->lookup.name, rc);
	lock_free(lock);
}

static enum rc lock_run(struct account *account, struct job *job)
{
	struct lock *lock = CONTAINER_OF(job, struct lock, job);

	buf_reset(&lock->report);
	return lock->unlock ? account_unlock(account) : account_lock(account, &lock->report);
}

static void lock_done(struct job *job)
{
	struct lock *lock = CONTAINER_OF(job, struct lock, job);
	struct request *request = lock->request;
	const char *what = lock->unlock ? "unlocked" : "locked";

	if (lock->unlock && job->rc == RC_NOT_FOUND) {
		request_err(request, "%.*s: is not locked", STRV_ARG(lock->lookup.name));
		request_finish(request, PROTOCOL_FAILED);
		lock_free(lock);
		return;
	}
	if (lock->unlock && job->rc != RC_OK && job->rc != RC_GONE)
		request_out(request, "%.*s: %s", STRV_ARG(lock->lookup.name), what);
	if (job->rc != RC_OK) {
		lock_fail(lock, job->rc);
		return;
	}
	log_info(request->admin->log, "account %s name=%s", what, LOG_V(lock->lookup.name));
	request_out(request, "%.*s: %s", STRV_ARG(lock->lookup.name), what);
	request_out_lines(request, buf_strv(&lock->report));
	request_finish(request, PROTOCOL_OK);
	lock_free(lock);
}

static void lock_found(struct lookup *lookup, enum rc rc)
{
	struct lock *lock = CONTAINER_OF(lookup, struct lock, lookup);
	struct admin *admin = lock->request->admin;

	if (rc != RC_OK) {
		lock_fail(lock, rc);
		return;
	}
	struct account *account = account_get(admin->store, lookup->id);
	lock->job.kind = JOB_CLOSED;
	lock->job.run = lock_run;
	lock->job.done = lock_done;
	lock->job.home = admin->reactor;
	job_submit_always(account, &lock->job);
	account_unref(&account);
}

static void lock_submit(struct request *request, bool unlock)
{
	if (!request_plain(request, 1))
		return;
	struct lock *lock = mem_zalloc(sizeof(*lock));
	lock->request = request;
	lock->unlock = unlock;
	buf_init(&lock->report, LOCK_REPORT_MAX);
	enum rc rc = lookup_submit(&lock->lookup, request->admin, request->rest[0], lock_found);
	if (rc != RC_OK)
		lock_fail(lock, rc);
}

static void admin_run_account_lock(struct request *request)
{
	lock_submit(request, false);
}

static void admin_run_account_unlock(struct request *request)
{
	lock_submit(request, true);
}

const struct verb admin_account_verbs[] = { ADMIN_VERBS_ACCOUNT(VERB_ROW){ 0 } };
