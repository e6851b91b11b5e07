/* Watches commits, lets a job of the account make the pushes for them, and gives the pushes to the queue. */
#include "webpush/announce.h"

#include "base/list.h"
#include "base/mem.h"
#include "store/pushq.h"
#include "store/users.h"
#include "webpush/compose.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/key.h"
#include "webpush/owed.h"
#include "webpush/queue.h"
#include "webpush/recovery.h"

#include <stdio.h>
#include <stdlib.h>

#define ANNOUNCE_OWED_MAX 1000 /* messages owed by an earlier process that one job takes */

enum announce_kind {
	ANNOUNCE_MESSAGES, /* delivered in this commit */
	ANNOUNCE_OWED, /* delivered by an earlier process, which has not announced them */
	ANNOUNCE_VALIDATION /* a subscription was set or removed */
};

struct announce_job {
	struct job job;
	struct users_job users;
	struct announce *announce; /* borrowed */
	enum announce_kind kind;
	struct arena *arena; /* own; of one run */
	int64_t account;
	struct owed_batch *batch; /* own: the messages; NULL: ANNOUNCE_VALIDATION */
	bool more; /* ANNOUNCE_OWED: there may be more messages */
	char *subscription; /* own: ANNOUNCE_VALIDATION */
	bool forget; /* pushes that wait for the subscription are void */
	struct push_list pushes; /* own: the result */
	char name[USER_NAME_MAX + 1]; /* of the account, if device tokens are announced */
};

static void announce_free(struct announce_job *a)
{
	struct core *core = a->announce->core;

	push_list_fini(&a->pushes);
	owed_lose(&a->batch);
	free(a->subscription);
	arena_free(&a->arena);
	free(a);
	core_pending_sub(core);
}

static struct announce_job *announce_new(struct announce *announce, enum announce_kind kind)
{
	struct announce_job *a = mem_zalloc(sizeof(*a));

	core_pending_add(announce->core);
	a->announce = announce;
	a->kind = kind;
	a->arena = arena_new(0);
	return a;
}

/* [strand] */

static enum rc announce_left(
	struct announce_job *a, const struct compose_request *request, struct account *account)
{
	struct owed_batch *batch = a->batch;

	enum rc rc = push_owed_take(account, batch->rows, ANNOUNCE_OWED_MAX, &batch->count);
	a->more = rc == RC_OK && batch->count == ANNOUNCE_OWED_MAX;
	return rc == RC_OK ? compose_messages(request, account, batch->rows, batch->count) : rc;
}

static enum rc announce_make(
	struct announce_job *a, const struct compose_request *request, struct account *account)
{
	enum rc rc = RC_OK;

	switch (a->kind) {
	case ANNOUNCE_MESSAGES:
		rc = compose_messages(request, account, a->batch->rows, a->batch->count);
		break;
	case ANNOUNCE_OWED:
		rc = announce_left(a, request, account);
		break;
	case ANNOUNCE_VALIDATION:
		rc = compose_validation(request, account, strv_cstr(a->subscription), &a->forget);
		break;
	}
	return rc;
}

static enum rc announce_run(struct account *account, struct job *job)
{
	struct announce_job *a = CONTAINER_OF(job, struct announce_job, job);
	struct vapid_key *vapid = key_current(a->announce->key);
	struct compose_request request = {
		.core = a->announce->core, .vapid = vapid, .arena = a->arena, .list = &a->pushes
	};

	push_list_drop(&a->pushes, NULL, NULL);
	arena_reset(a->arena);
	enum rc rc = announce_make(a, &request, account);
	vapid_key_unref(&vapid);
	return rc;
}

/* [push] */

static void announce_hand_over(struct announce_job *a)
{
	if (a->pushes.n > 0) {
		queue_add(a->announce->queue, &a->pushes, a->batch);
		a->batch = NULL;
	} else if (a->batch) {
		owed_settle(&a->batch);
	}
	announce_free(a);
}

/* True: an earlier process had pushes of this message in push.db, so they are on their way already. */
static bool announce_is_known(void *arg, const struct push *push)
{
	const struct announce_job *a = arg;
	return recovery_knows(a->announce->recovery, push);
}

/* True: the owner of the account has sent the message to himself, so it must not wake a device. */
static bool announce_is_own(void *arg, const struct push *push)
{
	const struct announce_job *a = arg;
	return push->kind == PUSH_DEVICE && strv_ieq(strv_cstr(push->from), strv_cstr(a->name));
}

static enum rc announce_name_run(struct users *users, struct users_job *job)
{
	struct announce_job *a = CONTAINER_OF(job, struct announce_job, users);
	struct user_record record;
	enum rc rc = users_find_id(users, a->account, a->arena, &record);

	if (rc == RC_OK)
		snprintf(a->name, sizeof(a->name), "%.*s", STRV_ARG(record.name));
	return rc;
}

static void announce_name_done(struct users_job *job)
{
	struct announce_job *a = CONTAINER_OF(job, struct announce_job, users);

	if (job->rc == RC_OK)
		push_list_drop(&a->pushes, announce_is_own, a);
	announce_hand_over(a);
}

static bool announce_has_devices(const struct announce_job *a)
{
	for (size_t i = 0; i < a->pushes.n; i++) {
		if (a->pushes.v[i]->kind == PUSH_DEVICE)
			return true;
	}
	return false;
}

/* Looks up the name of the account if device tokens are involved; then gives the pushes to the queue. */
static void announce_hand_over_named(struct announce_job *a)
{
	const struct core *core = a->announce->core;

	if (announce_has_devices(a)) {
		a->users = (struct users_job){
			.run = announce_name_run, .done = announce_name_done, .home = core->reactor
		};
		if (users_submit(core->store, &a->users) == RC_OK)
			return;
	}
	announce_hand_over(a);
}

static void announce_owed(void *ctx, struct account *account);

static void announce_done(struct job *job)
{
	struct announce_job *a = CONTAINER_OF(job, struct announce_job, job);
	struct core *core = a->announce->core;

	if (core->closed) {
		announce_free(a);
		return;
	}
	if (job->rc != RC_OK && job->rc != RC_GONE && job->rc != RC_CANCELLED)
		log_warn(core->log, "pushes not made account=%s rc=%s",
			store_account_shown(core->store, a->account), rc_name(job->rc));
	if (job->rc != RC_OK) {
		push_list_drop(&a->pushes, NULL, NULL);
		owed_lose(&a->batch);
	} else if (a->forget) {
		queue_forget_subscription(a->announce->queue, a->account, a->subscription);
	}
	if (a->kind == ANNOUNCE_OWED)
		push_list_drop(&a->pushes, announce_is_known, a);
	if (a->more)
		announce_owed(a->announce, job->account);
	announce_hand_over_named(a);
}

/* Submits the job. Any thread. */
static void announce_submit(struct announce_job *a, struct account *account)
{
	a->account = account_id(account);
	a->job.kind = a->kind == ANNOUNCE_OWED ? JOB_WRITE_RELAXED : JOB_READ;
	a->job.run = announce_run;
	a->job.done = announce_done;
	a->job.home = a->announce->core->reactor;
	job_submit_always(account, &a->job);
}

/* [strand] An earlier process has left owed pushes in the account. Also [push], for the rest of them. */
static void announce_owed(void *ctx, struct account *account)
{
	struct announce *announce = ctx;

	if (core_stopping(announce->core)) {
		owed_note_lost(announce->owed);
		return;
	}
	struct announce_job *a = announce_new(announce, ANNOUNCE_OWED);
	struct push_owed_row *rows = mem_alloc(ANNOUNCE_OWED_MAX * sizeof(*rows));
	a->batch = owed_batch_new(announce->owed, account_id(account), rows, 0);
	announce_submit(a, account);
}

/* The sink, which runs on the worker, right after a commit. */

static void announce_on_append(
	struct announce *announce, struct account *account, const struct change *change)
{
	if (compose_unwanted(account))
		return;
	struct announce_job *a = announce_new(announce, ANNOUNCE_MESSAGES);
	struct push_owed_row *rows = mem_alloc(change->msg_count * sizeof(*rows));
	for (size_t i = 0; i < change->msg_count; i++)
		rows[i] = (struct push_owed_row){ change->mailbox, change->msgs[i].uid };
	a->batch = owed_batch_new(announce->owed, account_id(account), rows, change->msg_count);
	announce_submit(a, account);
}

/*
 * A job that lists an account with device tokens in push.db: it may owe pushes, so it must be opened after a
 * crash. Accounts with subscriptions are listed together with their validation push (queue_add).
 */
struct announce_listing {
	struct pushq_job job;
	struct core *core; /* borrowed */
	int64_t account;
};

static enum rc announce_list_run(struct pushq *pushq, struct pushq_job *job)
{
	return pushq_subscriber(pushq, CONTAINER_OF(job, struct announce_listing, job)->account, true);
}

static void announce_list_done(struct pushq_job *job)
{
	struct announce_listing *listing = CONTAINER_OF(job, struct announce_listing, job);
	struct core *core = listing->core;

	free(listing);
	core_pending_sub(core);
}

static void announce_list(struct core *core, struct account *account)
{
	struct announce_listing *listing = mem_zalloc(sizeof(*listing));

	core_pending_add(core);
	listing->core = core;
	listing->account = account_id(account);
	listing->job = (struct pushq_job){
		.write = true, .sync = true, .run = announce_list_run, .done = announce_list_done
	};
	pushq_submit(core->store, &listing->job);
}

static void announce_on_annotation(
	struct announce *announce, struct account *account, const struct change *change)
{
	struct strv prefix = STRV(SUBS_ENTRY "/");

	if (change->mailbox == 0 && strv_starts(change->name, STRV(DEVICE_KEPT "/")))
		announce_list(announce->core, account);
	if (change->mailbox != 0 || !strv_starts(change->name, prefix))
		return;
	struct announce_job *a = announce_new(announce, ANNOUNCE_VALIDATION);
	struct strv name = strv_sub(change->name, prefix.n, change->name.n);
	a->subscription = mem_strndup(name.p, name.n);
	announce_submit(a, account);
}

/* The account is gone, and so are the pushes that wait for it. */
struct announce_gone {
	struct reactor_msg msg;
	struct announce *announce; /* borrowed */
	int64_t account;
};

static void announce_gone_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct announce_gone *gone = CONTAINER_OF(msg, struct announce_gone, msg);
	struct core *core = gone->announce->core;

	(void)reactor;
	queue_forget(gone->announce->queue, gone->account);
	free(gone);
	core_pending_sub(core);
}

static void announce_on_gone(struct announce *announce, int64_t account)
{
	struct announce_gone *gone = mem_zalloc(sizeof(*gone));

	core_pending_add(announce->core);
	gone->announce = announce;
	gone->account = account;
	gone->msg.fn = announce_gone_arrived;
	reactor_post(announce->core->reactor, &gone->msg);
}

static void announce_on_changes(void *ctx, struct change_list *list)
{
	struct announce *announce = ctx;

	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->changes[i];
		if (change->kind == CHANGE_APPEND && change->origin == ORIGIN_DELIVERY)
			announce_on_append(announce, list->account, change);
		else if (change->kind == CHANGE_ANNOTATION)
			announce_on_annotation(announce, list->account, change);
		else if (change->kind == CHANGE_ACCOUNT_GONE)
			announce_on_gone(announce, list->account_id);
	}
}

void announce_watch(struct announce *announce)
{
	announce->sink = (struct change_sink){ .fn = announce_on_changes, .ctx = announce };
	store_on_push_owed(announce->core->store, announce_owed, announce);
	store_watch_all(announce->core->store, &announce->sink);
}

enum rc announce_deliver(struct announce *announce, struct account *account, int64_t mailbox, uint32_t uid)
{
	bool wanted = false;
	enum rc rc = compose_wanted(announce->core, account, &wanted);

	return rc == RC_OK && wanted ? push_owed_add(account, mailbox, uid) : rc;
}
