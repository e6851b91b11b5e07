/*
 * coidctl push and vapid: lists, tests and removes an account's push subscriptions; shows and renews the
 * server's key.
 */
#include "admin/admin_priv.h"
#include "admin/lookup.h"

#include "base/mem.h"
#include "webpush/webpush.h"

#include <stdlib.h>

#define OUT_MAX (256 * 1024)

enum push_verb { VERB_LIST, VERB_TEST, VERB_REMOVE };

/*
 * Finds the account's id on the users strand. Then it works on the account's strand, or tests on the push
 * thread.
 */
struct push_request {
	struct lookup lookup;
	struct job job;
	struct webpush_test test;
	struct request *request; /* borrowed until request_finish */
	struct webpush *webpush; /* borrowed */
	enum push_verb kind;
	struct strv id; /* of a subscription; empty: all */
	struct account *tested; /* own reference */
	struct buf out;
};

static void push_request_free(struct push_request *push)
{
	buf_fini(&push->out);
	lookup_fini(&push->lookup);
	account_unref(&push->tested);
	free(push);
}

static void push_request_fail(struct push_request *push, enum rc rc)
{
	request_fail(push->request, push->lookup.name, rc);
	push_request_free(push);
}

static enum rc push_request_run(struct account *account, struct job *job)
{
	struct push_request *push = CONTAINER_OF(job, struct push_request, job);

	buf_reset(&push->out);
	if (push->kind == VERB_REMOVE)
		return webpush_remove(push->webpush, account, push->id);
	return webpush_describe(push->webpush, account, &push->out);
}

static void push_request_done(struct job *job)
{
	struct push_request *push = CONTAINER_OF(job, struct push_request, job);

	if (job->rc == RC_NOT_FOUND && push->kind == VERB_REMOVE) {
		request_err(push->request, "%.*s: there is no such push subscription or device token",
			STRV_ARG(push->id));
		request_finish(push->request, PROTOCOL_FAILED);
		push_request_free(push);
		return;
	}
	if (job->rc != RC_OK) {
		push_request_fail(push, job->rc);
		return;
	}
	if (push->kind == VERB_REMOVE)
		request_out(push->request, "%.*s: removed", STRV_ARG(push->id));
	request_out_lines(push->request, buf_strv(&push->out));
	request_finish(push->request, PROTOCOL_OK);
	push_request_free(push);
}

static void push_request_tested(struct webpush_test *test)
{
	struct push_request *push = CONTAINER_OF(test, struct push_request, test);
	struct request *request = push->request;
	bool ok = test->rc == RC_OK && test->failed == 0;

	if (test->rc == RC_NOT_FOUND)
		request_err(request, "%.*s: there is no such push subscription", STRV_ARG(push->lookup.name));
	else if (test->rc != RC_OK)
		request_err(request, "%.*s: %s", STRV_ARG(push->lookup.name), rc_name(test->rc));
	request_out_lines(request, buf_strv(&test->out));
	buf_fini(&test->out);
	request_finish(request, ok ? PROTOCOL_OK : PROTOCOL_FAILED);
	push_request_free(push);
}

static void push_request_found(struct lookup *lookup, enum rc rc)
{
	struct push_request *push = CONTAINER_OF(lookup, struct push_request, lookup);
	struct admin *admin = push->request->admin;

	if (rc != RC_OK) {
		push_request_fail(push, rc);
		return;
	}
	struct account *account = account_get(admin->store, lookup->id);
	if (push->kind == VERB_TEST) {
		push->tested = account;
		push->test.account = account;
		push->test.id = push->id;
		push->test.home = admin->reactor;
		push->test.done = push_request_tested;
		webpush_test_submit(push->webpush, &push->test);
		return;
	}
	push->job.kind = push->kind == VERB_LIST ? JOB_READ : JOB_WRITE;
	push->job.run = push_request_run;
	push->job.done = push_request_done;
	push->job.home = admin->reactor;
	rc = job_submit(account, &push->job);
	account_unref(&account);
	if (rc != RC_OK)
		push_request_fail(push, rc);
}

/* NULL, and the request is answered: this server does not push. */
static struct webpush *push_request_offered(struct request *request)
{
	struct webpush *webpush = request->admin->hooks.webpush;

	if (!webpush) {
		request_err(request, "this server does not push");
		request_finish(request, PROTOCOL_FAILED);
	}
	return webpush;
}

static void push_request_submit(struct request *request, enum push_verb kind)
{
	struct webpush *webpush = push_request_offered(request);

	if (!webpush)
		return;
	struct push_request *push = mem_zalloc(sizeof(*push));
	push->request = request;
	push->webpush = webpush;
	push->kind = kind;
	buf_init(&push->out, OUT_MAX);
	if (request->rest_count > 1)
		push->id = request->rest[1];
	enum rc rc = lookup_submit(&push->lookup, request->admin, request->rest[0], push_request_found);
	if (rc != RC_OK)
		push_request_fail(push, rc);
}

static void admin_run_push_list(struct request *request)
{
	if (request_plain(request, 1))
		push_request_submit(request, VERB_LIST);
}

static void admin_run_push_test(struct request *request)
{
	if (request_plain(request, request->rest_count == 2 ? 2 : 1))
		push_request_submit(request, VERB_TEST);
}

static void admin_run_push_remove(struct request *request)
{
	if (request_plain(request, 2))
		push_request_submit(request, VERB_REMOVE);
}

static void admin_run_vapid_show(struct request *request)
{
	struct buf out;

	if (!request_plain(request, 0))
		return;
	struct webpush *webpush = push_request_offered(request);
	if (!webpush)
		return;
	buf_init(&out, OUT_MAX);
	webpush_vapid_show(webpush, &out);
	request_out_lines(request, buf_strv(&out));
	buf_fini(&out);
	request_finish(request, PROTOCOL_OK);
}

static void vapid_request_rotated(struct webpush_rotation *rotation)
{
	struct request *request = rotation->ctx;

	if (rotation->rc != RC_OK) {
		request_fail(request, STRV("vapid rotate"), rotation->rc);
	} else {
		request_out(request, "there is a new key; clients have to subscribe again");
		request_finish(request, PROTOCOL_OK);
	}
	free(rotation);
}

static void admin_run_vapid_rotate(struct request *request)
{
	if (!request_plain(request, 0))
		return;
	struct webpush *webpush = push_request_offered(request);
	if (!webpush)
		return;
	struct webpush_rotation *rotation = mem_zalloc(sizeof(*rotation));
	rotation->home = request->admin->reactor;
	rotation->done = vapid_request_rotated;
	rotation->ctx = request;
	webpush_vapid_rotate(webpush, rotation);
}

const struct verb admin_push_verbs[] = { ADMIN_VERBS_PUSH(VERB_ROW){ 0 } };
