/* Jobs of an account that change one subscription or drop one device token. */
#include "webpush/upkeep.h"

#include "base/list.h"
#include "base/mem.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/key.h"
#include "webpush/subs.h"
#include "webpush/writeback.h"

#include <stdlib.h>

struct upkeep_job {
	struct job job;
	struct upkeep *upkeep; /* borrowed */
	enum upkeep_kind kind;
	char *subscription; /* own, as the next one */
	char *endpoint;
};

/*
 * Drops a subscription that was not validated. After a number of those in a row the account has to wait
 * (subs_throttle_take).
 */
static enum rc upkeep_expire(
	const struct upkeep_job *u, struct account *account, const struct sub *sub, int64_t now)
{
	unsigned most = u->upkeep->core->settings->registrations_max;
	struct subs_throttle throttle;
	enum rc rc = subs_throttle_load(account, most, now, &throttle);

	if (rc == RC_OK) {
		throttle.unvalidated++;
		throttle.last = now;
		rc = subs_throttle_save(account, &throttle);
	}
	return rc == RC_OK ? subs_drop(account, sub->name) : rc;
}

static enum rc upkeep_change(
	const struct upkeep_job *u, struct account *account, struct sub *sub, const struct subs_rules *rules)
{
	switch (u->kind) {
	case UPKEEP_GONE:
		return subs_drop(account, sub->name);
	case UPKEEP_ACCEPTED:
		if (sub->validated || sub->accepted)
			return RC_OK;
		sub->accepted = rules->now;
		return subs_save(account, sub);
	case UPKEEP_EXPIRE:
		return subs_lives(sub, rules) ? RC_OK : upkeep_expire(u, account, sub, rules->now);
	case UPKEEP_DEVICE_GONE:
		break;
	}
	return RC_OK;
}

static enum rc upkeep_subscription(const struct upkeep_job *u, struct account *account, struct arena *arena)
{
	struct vapid_key *vapid = key_current(u->upkeep->key);
	struct subs_rules rules = key_rules(u->upkeep->core, vapid);
	struct sub sub;
	enum rc rc = subs_find(account, strv_cstr(u->subscription), arena, &sub);

	/* The client may have registered again meanwhile. */
	if (rc == RC_OK && strv_eq(sub.endpoint, strv_cstr(u->endpoint)))
		rc = upkeep_change(u, account, &sub, &rules);
	vapid_key_unref(&vapid);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc upkeep_run(struct account *account, struct job *job)
{
	const struct upkeep_job *u = CONTAINER_OF(job, struct upkeep_job, job);

	if (u->kind == UPKEEP_DEVICE_GONE)
		return device_drop(account, strv_cstr(u->subscription));
	struct arena *arena = arena_new(0);
	enum rc rc = upkeep_subscription(u, account, arena);
	arena_free(&arena);
	return rc;
}

static void upkeep_done(struct job *job)
{
	struct upkeep_job *u = CONTAINER_OF(job, struct upkeep_job, job);
	struct core *core = u->upkeep->core;

	if (job->rc != RC_OK && job->rc != RC_GONE)
		log_warn(core->log, "push subscription not changed account=%s rc=%s",
			account_shown(job->account), rc_name(job->rc));
	else if (u->kind == UPKEEP_EXPIRE && !core->closed)
		writeback_expiry(
			u->upkeep->writeback, account_id(job->account), u->subscription, u->endpoint, 0);
	free(u->subscription);
	free(u->endpoint);
	free(u);
	core_pending_sub(core);
}

void upkeep_submit(struct upkeep *upkeep, enum upkeep_kind kind, int64_t account_number,
	const char *subscription, const char *endpoint)
{
	struct upkeep_job *u = mem_zalloc(sizeof(*u));
	struct account *account = account_get(upkeep->core->store, account_number);

	core_pending_add(upkeep->core);
	u->upkeep = upkeep;
	u->kind = kind;
	u->subscription = mem_strdup(subscription);
	u->endpoint = mem_strdup(endpoint);
	u->job.kind = JOB_WRITE_RELAXED;
	u->job.run = upkeep_run;
	u->job.done = upkeep_done;
	u->job.home = upkeep->core->reactor;
	job_submit_always(account, &u->job);
	account_unref(&account);
}
